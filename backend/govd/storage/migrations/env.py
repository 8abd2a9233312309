"""Alembic wants this file. The migrations are run by `govd.storage.migrate` alone, on its own connection."""
