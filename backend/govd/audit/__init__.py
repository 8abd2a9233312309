"""The log: JSON Lines in day files, chained over raw bytes, and the means to check it."""
