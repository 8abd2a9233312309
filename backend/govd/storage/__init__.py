"""Where state lives: engines, schema, migrations, and the ledger that alone writes."""
