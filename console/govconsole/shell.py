"""What every screen is handed: the session, the live backend, the keys, the settings.

Must never hold a widget.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, cast

from govconsole.capture.studio import LocalStudio
from govconsole.settings import Settings
from govconsole.state.commandline import History
from govd.contract.errors import GovError

if TYPE_CHECKING:
    from govconsole.capture.source import Studio
    from govconsole.keymap import Keymap
    from govconsole.live import Live
    from govconsole.session import Session
    from govconsole.state.enrollment import Enrollment
    from govconsole.state.tour import Tour

_PATIENCE: Final = 2.0


@dataclass
class Shell:
    """The parts that screens share."""

    session: Session
    live: Live
    settings: Settings = field(default_factory=Settings)
    commands: History = field(default_factory=History)
    previous: str = ""
    """The id of the view that was open before, or nothing."""
    tour: Tour | None = None
    """Guides a newcomer, in the demo."""
    studio: Studio = field(default_factory=LocalStudio)
    """What this machine has for sound."""
    enrollment: Enrollment | None = None
    """The one that is under way: it can be left, and gone on with while this program runs."""

    def did(self, deed: str) -> None:
        """The operator did something: the tour goes on by it."""
        if self.tour is not None:
            self.tour.did(deed)

    async def abandon(self) -> None:
        """Leave the enrollment under way for good: who would go on with it when this program has ended?"""
        left, self.enrollment = self.enrollment, None
        if left is not None and left.draft is not None:
            # Not for long: where nobody answers, it ends with its hour.
            with contextlib.suppress(GovError, TimeoutError):
                await asyncio.wait_for(self.session.voices.abandon(left.draft.id), _PATIENCE)

    @property
    def keymap(self) -> Keymap:
        """The keys, with the operator's own over them."""
        return self.settings.keymap


class HasShell(Protocol):
    """The app, as screens see it."""

    @property
    def shell(self) -> Shell:
        """The shared parts."""
        ...


def shell_of(app: object) -> Shell:
    """The shared parts of the app that a screen belongs to."""
    return cast("HasShell", app).shell
