"""`python -m govgate`: the same as the command."""

from __future__ import annotations

from govgate.cli import main

if __name__ == "__main__":
    main(prog_name="govgate")
