"""The reference is what the code says, and nothing that a person can name is missing from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from govconsole.actions.model import Action, Twin
from govconsole.actions.registry import Scope, named
from govconsole.settings import Settings, parse
from govd.contract import filters
from govd.contract.decisions import DecisionView
from govd.contract.errors import NotApprovedError
from govd.contract.intents import IntentState, IntentView
from govgate import exits
from govgate.wait import approved
from tests.tools import docs, docs_console
from tests.tools.meanings import EXIT_CODES, INTRODUCTIONS
from tests.tools.pages import GapError, covers

if TYPE_CHECKING:
    from collections.abc import Iterator


def page(name: str) -> str:
    return (docs.REFERENCE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", docs.PAGES)
def test_a_page_is_what_the_code_says_now(name):
    assert page(name) == docs.PAGES[name](), f"docs/reference/{name} is stale: make docs"


def test_every_action_and_every_key_is_listed():
    assert [name for name, _ in named() if f"| `{name}` |" not in page("actions.md")] == []
    assert [name for name, one in named() if one.keys and one.help not in page("keys.md")] == []


def test_every_setting_of_the_console_is_listed():
    assert [
        one.name for one in fields(Settings) if f"| `{one.name}` |" not in page("console-settings.md")
    ] == []


def test_every_field_of_the_filter_language_is_listed():
    assert [name for name in filters.FIELDS if f"| `{name}` |" not in page("filters.md")] == []


def test_every_exit_code_is_listed():
    for codes, used in zip(EXIT_CODES.values(), docs.ending(), strict=True):
        assert {code for code, _ in codes} == used
    assert [code for code in set.union(*docs.ending()) if f"| {code} |" not in page("exit-codes.md")] == []


def commands(program: str) -> Iterator[tuple[str, click.Command]]:
    import importlib

    waiting = [(program, importlib.import_module(f"{program}.cli").main)]
    while waiting:
        path, command = waiting.pop()
        if isinstance(command, click.Group):
            waiting += [(f"{path} {name}", one) for name, one in command.commands.items() if not one.hidden]
        yield path, command


OVER = [state for state in IntentState if state is not IntentState.APPROVED]


@pytest.mark.parametrize("state", OVER)
def test_what_govgate_ends_with_where_an_intent_does_not_run_is_what_the_page_says(state):
    view = IntentView.model_construct(
        id="1",
        job="2",
        state=state,
        decision=DecisionView.model_construct(findings=[]),
        held_until=None,
        guidance=None,
    )
    with pytest.raises(NotApprovedError) as refused:
        approved(view)

    (said,) = [words for code, words in list(EXIT_CODES.values())[1] if code == exits.code_of(refused.value)]
    began = state in {IntentState.SUCCEEDED, IntentState.FAILED, IntentState.NOT_RUN, IntentState.UNKNOWN}
    assert ("redeemed" if began else state.value) in said.lower()


@pytest.mark.parametrize("program", docs.PROGRAMS)
def test_every_command_is_listed(program):
    listed = page("cli.md")

    assert [
        path for path, _ in commands(program) if not re.search(rf"^##+ `?{path}( |$)", listed, re.MULTILINE)
    ] == []


@pytest.mark.parametrize("program", docs.PROGRAMS)
def test_the_help_of_every_group_tells_each_of_its_verbs_in_a_whole_sentence(program):
    groups = [(path, one) for path, one in commands(program) if isinstance(one, click.Group)]
    shown = {path: CliRunner().invoke(one, ["--help"], prog_name=path).stdout for path, one in groups}

    assert [path for path, text in shown.items() if re.search(r"\w\.\.\.$", text, re.MULTILINE)] == []


@pytest.mark.parametrize("program", docs.PROGRAMS)
def test_each_program_tells_its_help_by_the_short_word_too(program):
    _, main = next(commands(program))

    assert CliRunner().invoke(main, ["-h"]).stdout == CliRunner().invoke(main, ["--help"]).stdout != ""


def test_the_examples_are_taken():
    [example] = re.findall(r"```toml\n(.*?)```", INTRODUCTIONS["console_settings"], re.DOTALL)
    [line] = re.findall(r"--filter '(.*?)'", INTRODUCTIONS["filters"])

    assert parse(example)[1] == []
    assert filters.parse(line)
    assert [one.example for one in filters.FIELDS.values() if not filters.parse(one.example)] == []


@pytest.mark.parametrize(
    ("action", "what"),
    [
        (Action("a", ("a",), "a", "", twin=Twin("x")), "no help"),
        (Action("a", (), "a", "Do.", twin=Twin("x")), "neither a key nor a command"),
        (Action("a", ("a",), "a", "Do."), "no headless twin"),
    ],
)
def test_an_action_without_words_is_found(action, what):
    with pytest.raises(GapError, match=what):
        list(docs_console.each([Scope("x", "X", (action,))]))


def test_a_setting_without_words_is_found():
    @dataclass
    class Settings:
        dark: bool = field(default=True)

    with pytest.raises(GapError, match="dark"):
        docs_console.settings(Settings)


@pytest.mark.parametrize("parameter", [click.Argument(["name"]), click.Option(["--name"])])
def test_an_option_or_argument_without_words_is_found(parameter):
    command = click.Command("do", params=[parameter], help="Do it.")

    with pytest.raises(GapError, match=r"(?i)name"):
        list(docs.verbs(command, "program do"))


def test_a_name_without_a_meaning_and_a_meaning_without_a_name_are_found():
    with pytest.raises(GapError, match="no meaning for \\['7'\\]"):
        covers("EXIT_CODES", [0, 7], {"0": "Done."})
    with pytest.raises(GapError, match="no such name as \\['9'\\]"):
        covers("EXIT_CODES", [0], {"0": "Done.", "9": "Never."})
