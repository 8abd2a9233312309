"""The schema's history, one Alembic revision a step. A revision that was released is never changed."""
