"""Intents: what agents declare, decided and recorded."""
