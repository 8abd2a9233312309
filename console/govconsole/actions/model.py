"""What an action is, and the situation that decides whether it works now.

Must never know a widget: bindings, footer, palette, help, command line and docs read the registry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Situation:
    """What decides whether an action works now. Every field is about the job under the cursor, by its id."""

    connected: bool = False
    job: str | None = None
    loaded: bool = False
    votable: bool = False
    state: str = ""
    waiting: int = 0
    alarms: int = 0
    pane: str = "list"
    view: str = ""
    marked: int = 0
    filter: str = ""
    ranging: bool = False
    unread: bool = False
    unlocked: bool = False
    back: bool = False
    guided: bool = False
    touring: bool = False
    item: str = ""
    """Of the Voices screen: what kind of thing is under the cursor."""
    degraded: str = ""
    """Why nobody's voice can be verified now."""
    unresolved: int = 0
    """How many of its actions were redeemed, and nobody knows whether they ran."""
    approved: int = 0
    """How many of its actions are approved and not redeemed."""
    voiceless: bool = False
    """Its approval needs the operator's voice, and no session of it stands."""
    can: Mapping[str, str] = field(default_factory=dict)
    """Of a dialog with steps: for each action why it does not work now; empty: it does."""


@dataclass(frozen=True)
class Twin:
    """The command that does the same without a screen, or why there is none."""

    command: str = ""
    why_none: str = ""

    @classmethod
    def none(cls, why: str) -> Self:
        """There is no such command, and this is why."""
        return cls(why_none=why)


def always(_: Situation) -> str | None:
    """It always works."""
    return None


@dataclass(frozen=True)
class Action:
    """One thing that a key does.

    Args:
        id: Its name; `do_<id>` of the screen does it, and the keymap names it behind its scope.
        keys: The keys, as Textual names them.
        label: The word in the footer.
        help: The sentence in the help.
        blocked: Why it does not work now, or None.
        twin: The command that does the same, or why there is none.
        danger: It decides something that cannot be taken back from here.
        quiet: Left out of the footer (movements).
        rare: In the footer while it works; that it does not is not told there.
        command: Its name on the command line; empty: it has none.
        aliases: Shorter names of the same command.
        argument: What the command takes, as one word for the help; empty: nothing. `do_<id>` gets it as text.
        choices: What can be given for the argument, where it is known beforehand.
        first: Taken before what has the focus sees the key, in dialogs too.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    blocked: Callable[[Situation], str | None] = always
    twin: Twin = field(default_factory=Twin)
    danger: bool = False
    quiet: bool = False
    rare: bool = False
    command: str = ""
    aliases: tuple[str, ...] = ()
    argument: str = ""
    choices: tuple[str, ...] = ()
    first: bool = False


MOVES: Final = Twin.none("it moves what is on the screen and changes nothing else")
DRAWS: Final = Twin.none("it is about what the screen looks like")
WITHIN: Final = Twin.none("it belongs to a dialog; the command that does the same takes everything at once")


def needs_backend(now: Situation) -> str | None:
    """Works while the backend answers."""
    return None if now.connected else "the backend is lost"
