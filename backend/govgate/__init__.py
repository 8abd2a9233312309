"""govgate: the agent's side. Declares an intent, waits, verifies the attestation, acts once."""
