"""The views of the console. One line adds one: number key, command, palette, help and docs follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.screens.queue import QueueScreen
from govconsole.screens.voices import VoicesScreen

if TYPE_CHECKING:
    from govconsole.screens.view import View

VIEWS: Final[tuple[type[View], ...]] = (QueueScreen, VoicesScreen)
