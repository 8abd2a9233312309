"""The random phrase: its words, who asked for it, and whether it was said."""
