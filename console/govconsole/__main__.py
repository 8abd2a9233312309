"""The program `govconsole`; `python -m govconsole` is the same."""

from __future__ import annotations

from govd.contract.startup import loaded


def main() -> None:
    """Load the command line, and run it."""
    loaded("govconsole.cli")("govconsole")


if __name__ == "__main__":
    main()
