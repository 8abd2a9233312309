"""The registry of actions: what keys do, in which scope, with which words. All that names a key reads it."""
