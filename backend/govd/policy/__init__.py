"""Policy: what the operator wrote, compiled once, and the pure functions that decide by it.

Only `loading` and `places` touch files; `rules` and all that it calls see nothing but their arguments.
"""
