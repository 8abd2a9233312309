"""The program `govgate`; `python -m govgate` is the same."""

from __future__ import annotations

from govd.contract.startup import loaded


def main() -> None:
    """Load the command line, and run it."""
    loaded("govgate.cli")("govgate")


if __name__ == "__main__":
    main()
