"""Alarms: what went wrong and does not go away by itself."""
