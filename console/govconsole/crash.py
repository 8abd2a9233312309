"""What the terminal is told when the app ends by a mistake of ours.

Must never show the value of a variable (a passphrase, a token), nor what a terminal would obey.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from rich.text import Text

from govd.contract.text import visible_lines

if TYPE_CHECKING:
    from rich.console import RenderableType


def crash(error: BaseException | None) -> RenderableType:
    """Where it happened and what was said, line by line."""
    told = traceback.format_exception(error) if error is not None else ["govconsole ended by a mistake"]
    return Text("\n".join(visible_lines("".join(told).rstrip("\n"))))
