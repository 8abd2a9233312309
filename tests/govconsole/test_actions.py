"""The registry of actions: every key means one thing, and every action has words, keys and a twin."""

from __future__ import annotations

import importlib

import click

from govconsole.actions.registry import SCOPES, named
from govconsole.app import ConsoleApp
from govconsole.keymap import Keymap, fights
from govconsole.screens.alarms import AlarmsScreen
from govconsole.screens.confirm import ConfirmDialog
from govconsole.screens.enroll import EnrollScreen
from govconsole.screens.line import LineScreen
from govconsole.screens.passphrase import PassphraseDialog
from govconsole.screens.reader import Reader
from govconsole.screens.registry import VIEWS
from govconsole.screens.stepup import StepUpDialog
from govconsole.screens.vote import VoteDialog
from govconsole.state.commandline import commands
from govconsole.widgets.pane import DocumentPane

DIALOGS: dict[str, type] = {
    "vote": VoteDialog,
    "passphrase": PassphraseDialog,
    "enroll": EnrollScreen,
    "step_up": StepUpDialog,
    "confirm": ConfirmDialog,
    "reader": Reader,
    "alarms": AlarmsScreen,
    "line": LineScreen,
    "pane": DocumentPane,
}


def test_no_two_actions_fight_for_a_key() -> None:
    assert [fight.words for fight in fights(Keymap())] == []


def test_no_scope_has_an_action_twice() -> None:
    names = [name for name, _ in named()]
    assert len(set(names)) == len(names)


def test_every_action_has_words_a_key_and_a_twin_or_a_reason_why_it_has_none() -> None:
    assert [name for name, one in named() if not (one.help.endswith(".") and one.keys and one.label)] == []
    assert [name for name, one in named() if bool(one.twin.command) == bool(one.twin.why_none)] == []


def test_no_two_commands_of_a_view_have_one_name() -> None:
    for view in VIEWS:
        names = [name for one in commands(view.spec.id) for name in (one.name, *one.action.aliases)]
        assert len(set(names)) == len(names)


def test_every_twin_is_a_command_that_exists() -> None:
    for name, action in named():
        words = action.twin.command.split()
        if not words:
            continue
        command: click.Command = importlib.import_module(f"{words.pop(0)}.cli").main
        while words and isinstance(command, click.Group) and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert not isinstance(command, click.Group) or words == ["--help"], name
        assert [word for word in words if word.startswith("--") and word not in known] == [], name


def test_every_action_does_something() -> None:
    for action in SCOPES["app"].actions:
        assert action.id.startswith("go_") or callable(getattr(ConsoleApp, f"do_{action.id}"))
    for view in VIEWS:
        for action in view.spec.actions:
            assert callable(getattr(view, f"do_{action.id}"))
    for scope, screen in DIALOGS.items():
        for action in SCOPES[scope].actions:
            assert callable(getattr(screen, f"action_{action.id}")), f"{scope}.{action.id}"


def test_every_scope_has_its_screen() -> None:
    assert set(SCOPES) == {"app", *DIALOGS, *(view.spec.id for view in VIEWS)}
    numbered = {scope.id for scope in SCOPES.values() if scope.number}
    assert numbered == {view.spec.id for view in VIEWS}
