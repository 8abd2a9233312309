"""The demo's agents and the services that they ask: each module with a `main` is a program of its own.

They are what a user's own agents would be: they know the gate (`govgate`) and the contract, and nothing else
of the house. Must never be imported by it: `govconsole demo` starts them as processes.
"""
