"""The console's only way to the backend, and the one place where its words become fit for a screen.

Imports no Textual. What leaves here towards a screen went through `govd.contract.text.visible`; what is
hashed and signed is the raw model that was rendered.
"""
