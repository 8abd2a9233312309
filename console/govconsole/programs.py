"""Finds and starts the programs that came with this one. Must never search the working directory for them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from govd.contract.errors import NotFoundError


def program(name: str) -> str:
    """The path of `govd`, `govgate` or `govconsole`: beside this Python, else on the path.

    Raises:
        NotFoundError: it is not installed.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise NotFoundError(f"the program {name} is not installed beside this one")
    return found
