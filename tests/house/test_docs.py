"""The documentation names files, commands and options that exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = ("govd", "govgate", "govconsole")
COMMAND = re.compile(r"(?:^|[`$#] |bin/|&& )(govd|govgate|govconsole)((?: [^`\n#]*)?)", re.MULTILINE)


def code_of(page: Path) -> list[str]:
    """Inline code, and blocks of a console or a shell: where commands stand."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:console|bash|sh)\n(.*?)```", text, re.DOTALL)
    return [
        *(block.replace("\\\n", " ") for block in blocks),
        *(f"` {code}" for code in re.findall(r"`([^`\n]+)`", text)),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "reference" not in page.parts], ids=lambda page: page.name
)
def test_commands_and_options_exist(page):
    wrong = [
        program + rest
        for code in code_of(page)
        for program, rest in COMMAND.findall(code)
        if not exists(program, rest.split(" -- ", maxsplit=1)[0].split())
    ]

    assert wrong == []


def exists(program: str, words: list[str]) -> bool:
    """Whether the verbs are there, and take the options that follow."""
    command = importlib.import_module(f"{program}.cli").main
    rest = list(words)
    while rest and isinstance(command, click.Group) and not rest[0].startswith("-"):
        inner = command.commands.get(rest.pop(0))
        if inner is None:
            return False
        command = inner
    options = {name for parameter in command.params for name in parameter.opts}
    return all(word in options for word in rest if word.startswith("--"))


def test_the_check_of_commands_sees_what_is_not_there():
    assert exists("govd", ["agents", "add", "bot", "--uid", "1"])
    assert not exists("govd", ["agents", "ad", "bot"])
    assert not exists("govd", ["agents", "add", "bot", "--nope"])


def test_every_error_code_and_reason_is_listed():
    errors = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    reasons = (ROOT / "docs/reference/reasons.md").read_text(encoding="utf-8")
    from govd.contract.errors import error_classes
    from govd.policy.model import ReasonCode

    assert [cls.code for cls in error_classes() if f"`{cls.code}`" not in errors] == []
    assert [code.value for code in ReasonCode if f"`{code.value}`" not in reasons] == []
