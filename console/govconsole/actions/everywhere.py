"""The actions that every screen has. Must never hold one that acts on a job."""

from __future__ import annotations

from typing import Final

from govconsole.actions.model import DRAWS, MOVES, Action, Situation, Twin

THEMES: Final = ("dark", "light", "high-contrast", "colour-blind")


def _needs_alarm(now: Situation) -> str | None:
    return None if now.alarms else "no alarm stands"


def _needs_key(now: Situation) -> str | None:
    return None if now.unlocked else "the vote key is locked"


def _needs_back(now: Situation) -> str | None:
    return None if now.back else "no other screen was open before"


def _needs_guide(now: Situation) -> str | None:
    return None if now.guided else "the tour belongs to govconsole demo"


APP: Final[tuple[Action, ...]] = (
    Action(
        "command",
        ("colon",),
        "command",
        "Type a command; tab completes, ↑ and ↓ bring back earlier ones.",
        twin=Twin("govconsole --help"),
    ),
    Action(
        "palette",
        ("ctrl+p",),
        "palette",
        "Find an action by a few letters of its name or its words.",
        twin=Twin("govconsole --help"),
        command="palette",
    ),
    Action(
        "help",
        ("question_mark", "f1"),
        "help",
        "The keys of what is focused, and of this screen.",
        twin=Twin("govconsole config show"),
        command="help",
    ),
    Action(
        "alarms",
        ("exclamation_mark",),
        "alarms",
        "List the alarms with the commands that mend them.",
        _needs_alarm,
        Twin("govconsole alarms list"),
        command="alarms",
    ),
    Action(
        "copy",
        ("y",),
        "copy",
        "Copy what is focused: the id of the job, or the text beside it.",
        twin=Twin("govconsole jobs show JOB"),
        command="copy",
    ),
    Action(
        "capture",
        ("ctrl+s",),
        "picture",
        "Save a picture of the screen as SVG.",
        twin=Twin.none("without a screen there is nothing to draw"),
        quiet=True,
        command="picture",
        first=True,
    ),
    Action(
        "theme",
        ("ctrl+t",),
        "theme",
        "The next theme, or the one that is named; console.toml keeps it.",
        twin=DRAWS,
        quiet=True,
        command="theme",
        argument="NAME",
        choices=THEMES,
    ),
    Action(
        "lock",
        ("ctrl+l",),
        "lock",
        "Lock the vote key now.",
        _needs_key,
        Twin.none("a key is unlocked only as long as its program runs"),
        quiet=True,
        command="lock",
    ),
    Action(
        "back",
        ("minus",),
        "last screen",
        "The screen that was open before.",
        _needs_back,
        MOVES,
        quiet=True,
        command="back",
    ),
    Action(
        "tour",
        ("f2",),
        "tour",
        "The demo's tour of the first minute: off, or on again from its start.",
        _needs_guide,
        DRAWS,
        quiet=True,
        command="tour",
        argument="on|off",
        choices=("on", "off"),
    ),
    Action(
        "quit",
        ("q",),
        "quit",
        "Leave. The backend goes on.",
        twin=Twin.none("without a screen nothing stays open"),
        command="quit",
        aliases=("q", "exit"),
    ),
    Action(
        "quit_now",
        ("ctrl+q",),
        "quit",
        "Leave from anywhere, a dialog too; nothing is signed.",
        twin=Twin.none("without a screen nothing stays open"),
        quiet=True,
        first=True,
    ),
)


def opens(view: str, number: int, title: str) -> Action:
    """The action that opens a view."""
    return Action(f"go_{view}", (str(number),), title, f"Open {title}.", twin=MOVES, quiet=True, command=view)
