"""The command line of govd. Data on stdout, messages on stderr, exit codes as documented."""

from __future__ import annotations

from govd.cli.main import main

__all__ = ["main"]
