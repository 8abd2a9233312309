"""What the console knows, without a screen: pure, keyed by ids. Imports no Textual."""
