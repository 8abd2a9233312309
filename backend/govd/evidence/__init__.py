"""Evidence: what an executor gathered about a held action, sealed with its job for whoever reviews it."""
