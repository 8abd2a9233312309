"""What every screen is handed: the session, the live backend, the keys, the settings.

Must never hold a widget.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from govconsole.capture.studio import LocalStudio
from govconsole.settings import Settings
from govconsole.state.commandline import History

if TYPE_CHECKING:
    from govconsole.capture.source import Studio
    from govconsole.keymap import Keymap
    from govconsole.live import Live
    from govconsole.session import Session
    from govconsole.state.enrollment import Enrollment
    from govconsole.state.tour import Tour


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
    """The last one that was worked on here: govd keeps it, and here is where it stood."""

    def did(self, deed: str) -> None:
        """The operator did something: the tour goes on by it."""
        if self.tour is not None:
            self.tour.did(deed)

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
