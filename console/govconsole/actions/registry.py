"""All scopes with their actions, and what must hold between them: no id twice, no key that means two things.

Must never be changed at run time: a keymap lies over it, it does not write into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govconsole.actions.dialogs import ALARMS, LINE, PANE, PASSPHRASE, READER, VOTE
from govconsole.actions.everywhere import APP, opens
from govconsole.actions.queue import QUEUE
from govconsole.actions.voices import CONFIRM, ENROLL, STEP_UP, VOICES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from govconsole.actions.model import Action


@dataclass(frozen=True)
class Scope:
    """Where actions work.

    Args:
        id: Its name; a keymap names its actions behind it.
        title: What it is called on the screen.
        actions: What can be done there.
        number: Of a view: the key that opens it; 0: it is no view.
        modal: Nothing below it sees a key, but for the actions that are taken first.
        pane: It has keys only while it is focused, over those of the view that it is in.
        typing: A line of text has the focus: characters are typed.
    """

    id: str
    title: str
    actions: tuple[Action, ...]
    number: int = 0
    modal: bool = False
    pane: bool = False
    typing: bool = False


_VIEWS: Final[tuple[Scope, ...]] = (
    Scope("queue", "Queue", QUEUE, number=1),
    Scope("voices", "Voices", VOICES, number=3),
)
"""A screen of the console is one line here, and its class in `screens/registry.py`."""

_OPENS: Final = tuple(opens(view.id, view.number, view.title) for view in _VIEWS)

ALL: Final[tuple[Scope, ...]] = (
    *_VIEWS,
    Scope("app", "Everywhere", (*APP, *_OPENS)),
    Scope("vote", "Vote", VOTE, modal=True),
    Scope("passphrase", "Passphrase", PASSPHRASE, modal=True, typing=True),
    Scope("enroll", "Enrollment", ENROLL, modal=True),
    Scope("step_up", "Step up", STEP_UP, modal=True),
    Scope("confirm", "Confirmation", CONFIRM, modal=True),
    Scope("reader", "Text over the whole screen", READER, modal=True),
    Scope("alarms", "Alarms", ALARMS, modal=True),
    Scope("line", "Command line", LINE, modal=True, typing=True),
    Scope("pane", "Text pane", PANE, pane=True),
)

SCOPES: Final[Mapping[str, Scope]] = {scope.id: scope for scope in ALL}


def find(scope: str, action: str) -> Action:
    """One action.

    Raises:
        KeyError: there is none of that name.
    """
    for one in SCOPES[scope].actions:
        if one.id == action:
            return one
    raise KeyError(f"{scope}.{action}")


def named() -> Iterator[tuple[str, Action]]:
    """Every action with its full name, `scope.action`: what a keymap is written in."""
    for scope in ALL:
        for action in scope.actions:
            yield f"{scope.id}.{action.id}", action
