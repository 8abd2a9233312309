"""The program `govd`; `python -m govd` is the same."""

from __future__ import annotations

from govd.contract.startup import loaded


def main() -> None:
    """Load the command line, and run it."""
    loaded("govd.cli")("govd")


if __name__ == "__main__":
    main()
