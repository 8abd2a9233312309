"""The actions of the Voices screen, of the enrollment wizard and of the step-up dialog.

Must never let the consent be accepted by the key that opens the wizard: `keymap.fights` sees to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.actions.model import MOVES, WITHIN, Action, Situation, Twin, needs_backend

if TYPE_CHECKING:
    from collections.abc import Callable

_ENROLL: Final = Twin("govconsole voices enroll NAME FILE --consent VERSION")
_STEP_UP: Final = Twin("govconsole voices step-up FILE")
_PHRASE: Final = Twin("govconsole voices phrase")


def _needs_model(now: Situation) -> str | None:
    return needs_backend(now) or now.degraded or None


def _needs(item: str, what: str) -> Callable[[Situation], str | None]:
    def blocked(now: Situation) -> str | None:
        return needs_backend(now) or (None if now.item == item else f"no {what} is under the cursor")

    return blocked


def _needs_voices(now: Situation) -> str | None:
    return None if now.item else "there is nothing to move over"


def _needs_something(now: Situation) -> str | None:
    return None if now.pane != "list" else "nothing to leave"


def _move(id_: str, keys: tuple[str, ...], help_: str, *, first: bool = False) -> Action:
    label = id_.replace("_", " ")
    return Action(id_, keys, label, help_, _needs_voices, MOVES, quiet=True, first=first)


VOICES: Final[tuple[Action, ...]] = (
    Action(
        "enroll",
        ("n",),
        "enroll",
        "Enroll a voice: consent, source, samples, agreement, check. Goes on with one that you left.",
        _needs_model,
        _ENROLL,
        command="enroll",
        argument="NAME",
    ),
    Action(
        "step_up",
        ("V",),
        "verify",
        "Show your own voice: for two hours it steps up the votes whose rule asks for that.",
        _needs_model,
        _STEP_UP,
        command="step-up",
    ),
    Action(
        "play",
        ("p",),
        "play",
        "Play the sample that an agent sent: you have to have heard it before you can approve it.",
        _needs("waiting", "waiting sample"),
        Twin("govconsole voices play SAMPLE"),
        command="play",
    ),
    Action(
        "revoke",
        ("x",),
        "revoke",
        "End the verified session under the cursor, at once.",
        _needs("session", "session"),
        Twin("govconsole voices revoke SESSION"),
        command="revoke",
    ),
    Action(
        "unlock",
        ("u",),
        "unlock",
        "Let a chat that was locked out try again.",
        _needs("lock", "lock"),
        Twin("govconsole voices unlock AGENT"),
        command="unlock",
    ),
    Action(
        "delete",
        ("d",),
        "delete",
        "Forget the voice under the cursor, for good: its name has to be typed, and it is signed.",
        _needs("speaker", "speaker"),
        Twin("govconsole voices delete NAME"),
        command="delete",
    ),
    _move("down", ("j", "down"), "The next one."),
    _move("up", ("k", "up"), "The one before."),
    _move("top", ("home",), "The first one."),
    _move("bottom", ("end", "G"), "The last one."),
    _move("pane", ("tab",), "Between the list and what stands beside it.", first=True),
    _move("zoom", ("enter",), "What is under the cursor over the whole screen, and back."),
    Action(
        "clear",
        ("escape",),
        "back",
        "Back to the list.",
        _needs_something,
        MOVES,
        quiet=True,
    ),
)


def _step(
    id_: str,
    keys: tuple[str, ...],
    label: str,
    help_: str,
    twin: Twin = WITHIN,
    *,
    danger: bool = False,
    quiet: bool = False,
) -> Action:
    def blocked(now: Situation) -> str | None:
        return now.can.get(id_, "") or None

    return Action(id_, keys, label, help_, blocked, twin, danger=danger, quiet=quiet)


ENROLL: Final[tuple[Action, ...]] = (
    _step("accept", ("y", "ctrl+y"), "accept", "The person has read the text, and accepts it."),
    _step("mine", ("m",), "mine", "It is your own voice: it steps up your votes."),
    _step("record", ("space",), "record", "Begin to record, or end it; at the source, only listen."),
    _step("file", ("f",), "file", "Take a clip from a file."),
    _step("page", ("b",), "browser", "Record in a page of a browser: its address is shown."),
    _step("next", ("enter",), "go on", "The next step."),
    _step("drop", ("x",), "take out", "Take the sample with the bar out."),
    _step("previous", ("left",), "back", "The step before."),
    _step("down", ("j", "down"), "down", "The next source, or sample.", MOVES, quiet=True),
    _step("up", ("k", "up"), "up", "The source, or sample, before.", MOVES, quiet=True),
    _step("leave", ("escape",), "leave", "Leave; for an hour you can go on with it, from any console."),
    _step("abandon", ("Q",), "abandon", "Leave for good: nothing is kept of it."),
    _step("help", ("f1", "question_mark"), "help", "The keys of the wizard."),
)

STEP_UP: Final[tuple[Action, ...]] = (
    _step("record", ("space",), "record", "Begin to record, or end it.", _STEP_UP),
    _step("file", ("f",), "file", "Take a clip from a file.", _STEP_UP),
    _step("page", ("b",), "browser", "Record in a page of a browser: its address is shown."),
    _step("source", ("s",), "source", "The next microphone of this machine."),
    _step("phrase", ("p",), "phrase", "Another phrase to say, where one is asked for.", _PHRASE),
    _step("leave", ("escape",), "cancel", "Leave; nothing is stepped up."),
    _step("help", ("f1", "question_mark"), "help", "The keys of this dialog."),
)

CONFIRM: Final[tuple[Action, ...]] = (
    Action("confirm", ("ctrl+y",), "do it", "Do what is asked for.", twin=WITHIN),
    Action("leave", ("escape",), "cancel", "Leave; nothing happens.", twin=WITHIN),
    Action("help", ("f1",), "help", "The keys of this dialog.", twin=WITHIN),
)
