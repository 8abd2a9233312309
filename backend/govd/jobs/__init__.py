"""Jobs: one purpose, many intents, one decision of a person."""
