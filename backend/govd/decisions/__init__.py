"""Decisions: the road of an intent from its declaration to APPROVED, DENIED or a hold."""
