"""How our programs start: nobody looks for rubbish in what they load, which lives to their end.

Loading makes some hundred thousand objects, and the collector goes through them again and again while they
come: a fifth of the time that a short command takes (measured for `govgate`: 0.54 s of CPU with it, 0.44 s
without). httpx brings a command line of its own, which none of our programs has a use for: its loading would
bring rich and pygments, a tenth of what a short command costs.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HTTPX_COMMAND: Final = "httpx._main"


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """While a program loads what it will need to its end."""
    missing = _HTTPX_COMMAND not in sys.modules
    if missing:
        sys.modules[_HTTPX_COMMAND] = None  # type: ignore[assignment]  # Python's word for: not to be had
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
        if missing:
            del sys.modules[_HTTPX_COMMAND]


def loaded(module: str) -> Callable[[str], None]:
    """The command line of a module, once it is loaded: its `main`, which is given the program's name."""
    with loading():
        entry = importlib.import_module(module).main

    def run(name: str) -> None:
        entry(prog_name=name)

    return run
