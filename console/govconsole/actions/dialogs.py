"""The actions of dialogs, and of panes that scroll. Must never confirm with the key that opens the dialog."""

from __future__ import annotations

from typing import Final

from govconsole.actions.model import MOVES, WITHIN, Action, Twin

HELP: Final = Action("help", ("f1",), "help", "The keys of this dialog.", twin=WITHIN)

VOTE: Final[tuple[Action, ...]] = (
    Action("confirm", ("y", "ctrl+y"), "sign", "Sign what is shown, and send it.", twin=WITHIN, danger=True),
    Action("leave", ("escape",), "cancel", "Leave; nothing is signed.", twin=WITHIN),
    Action("scroll_down", ("j", "down"), "down", "What is signed, one line down.", twin=MOVES, quiet=True),
    Action("scroll_up", ("k", "up"), "up", "What is signed, one line up.", twin=MOVES, quiet=True),
    Action(
        "page_down", ("space", "pagedown"), "page", "What is signed, a page down.", twin=MOVES, quiet=True
    ),
    Action("page_up", ("pageup",), "page up", "What is signed, a page up.", twin=MOVES, quiet=True),
    HELP,
)

PASSPHRASE: Final[tuple[Action, ...]] = (
    Action("leave", ("escape",), "cancel", "Leave; nothing is signed.", twin=WITHIN),
    HELP,
)

READER: Final[tuple[Action, ...]] = (
    Action("back", ("escape", "q", "o", "c", "question_mark"), "back", "Back to where you were.", twin=MOVES),
    Action("copy", ("y",), "copy", "Copy the whole text.", twin=Twin("govconsole jobs show JOB --json")),
)

ALARMS: Final[tuple[Action, ...]] = (
    Action("down", ("j", "down"), "down", "The next alarm.", twin=MOVES, quiet=True),
    Action("up", ("k", "up"), "up", "The alarm before.", twin=MOVES, quiet=True),
    Action(
        "seen",
        ("x",),
        "seen",
        "Say that you saw this alarm: it leaves the header, and stays here until it is mended.",
        twin=Twin("govconsole alarms seen ALARM"),
    ),
    Action(
        "all_seen",
        ("X",),
        "all seen",
        "Say that you saw all of them.",
        twin=Twin("govconsole alarms seen --all"),
    ),
    Action("copy", ("y",), "copy", "Copy the command that mends it.", twin=Twin("govconsole alarms list")),
    Action("back", ("escape", "q", "exclamation_mark"), "back", "Back to where you were.", twin=MOVES),
)

LINE: Final[tuple[Action, ...]] = (
    Action("leave", ("escape",), "leave", "Leave the line; nothing happens.", twin=MOVES),
    Action("complete", ("tab",), "complete", "Take the next completion.", twin=MOVES),
    Action(
        "complete_back",
        ("shift+tab",),
        "back",
        "Take the completion before.",
        twin=MOVES,
        quiet=True,
    ),
    Action("older", ("up",), "earlier", "The line that was entered before.", twin=MOVES),
    Action("newer", ("down",), "later", "The line that was entered after it.", twin=MOVES, quiet=True),
)

PANE: Final[tuple[Action, ...]] = (
    Action("scroll_down", ("j", "down"), "down", "One line down.", twin=MOVES, quiet=True),
    Action("scroll_up", ("k", "up"), "up", "One line up.", twin=MOVES, quiet=True),
    Action("page_down", ("space",), "page", "One page down.", twin=MOVES, quiet=True),
)
