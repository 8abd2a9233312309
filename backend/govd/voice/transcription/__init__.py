"""The operator's transcription upstream: where it is, its turns, and one call."""
