"""The console's own widgets: they draw what state and client made, and hold nothing of it."""
