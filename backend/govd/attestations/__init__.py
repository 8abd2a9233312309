"""Attestations: minted for executors, redeemed once, and what became of the run."""
