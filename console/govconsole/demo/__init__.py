"""The demo: a real backend, a real executor and an agent that really works, in a temporary directory.

Must never touch the user's own state, and must leave no process behind.
"""
