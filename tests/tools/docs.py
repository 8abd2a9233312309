"""Write the pages of docs/reference/ that the code itself is the source of, or fail where they are stale.

.venv/bin/python -m tests.tools.docs            rewrite them
.venv/bin/python -m tests.tools.docs --check    fail where one is stale, or a name has no meaning written down
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import click

from govd.audit.rules import FIELDS as ENVELOPE
from govd.contract.errors import error_classes
from govd.contract.intents import IntentState
from govd.contract.jobs import JobState
from govd.doors import agents_app, operators_app
from govd.policy.model import ReasonCode
from govd.settings import RELOADABLE, Settings
from tests.tools.meanings import EVENTS, EXIT_CODES, FIELDS, INTRODUCTIONS, REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
WRITTEN = "<!-- Written by `make docs` from the code. Edit the code, or tests/tools/meanings.py. -->\n\n"
PROGRAMS = ("govconsole", "govd", "govgate")


class GapError(Exception):
    """A name without a meaning, or a meaning without its name."""


def _covers(what: str, names: Iterable[str], meanings: Mapping[str, str]) -> None:
    found = set(names)
    missing, gone = sorted(found - set(meanings)), sorted(set(meanings) - found)
    if missing or gone:
        raise GapError(f"tests/tools/meanings.py, {what}: no meaning for {missing}; no such name as {gone}")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def errors() -> str:
    """docs/reference/errors.md."""
    rows = [
        (f"`{cls.code}`", str(cls.status), str(cls.exit_code), (inspect.getdoc(cls) or "").split("\n")[0])
        for cls in error_classes()
    ]
    return (
        "# Errors\n\n" + WRITTEN + INTRODUCTIONS["errors"] + _table(("code", "HTTP", "exit", "meaning"), rows)
    )


def reasons() -> str:
    """docs/reference/reasons.md."""
    _covers("REASONS", (code.value for code in ReasonCode), REASONS)
    rows = [(f"`{code.value}`", REASONS[code.value]) for code in ReasonCode]
    return "# Reason codes\n\n" + WRITTEN + INTRODUCTIONS["reasons"] + _table(("code", "meaning"), rows)


def settings() -> str:
    """docs/reference/settings.md."""
    rows = []
    for name, field in Settings.model_fields.items():
        if not field.description:
            raise GapError(f"the setting {name} has no description")
        kind = field.annotation
        if typing.get_origin(kind) is typing.Literal:
            shown = ", ".join(f"`{item}`" for item in typing.get_args(kind))
        else:
            parts = typing.get_args(kind) or (kind,)
            shown = " or ".join(
                "unset" if item is type(None) else f"`{getattr(item, '__name__', item)}`" for item in parts
            )
        default = "unset" if field.default is None else f"`{field.default}`"
        takes = "`govd reload`" if name in RELOADABLE else "a restart"
        rows.append((f"`{name}`", shown, default, field.description, takes))
    return (
        "# Settings\n\n"
        + WRITTEN
        + INTRODUCTIONS["settings"]
        + _table(("name", "type", "default", "meaning", "taken over by"), rows)
    )


def exit_codes() -> str:
    """docs/reference/exit-codes.md."""
    parts = ["# Exit codes\n\n", WRITTEN, "They are part of the interface: scripts may rely on them.\n"]
    for program, codes in EXIT_CODES.items():
        parts += [
            f"\n## {program}\n\n",
            _table(("code", "meaning"), ((str(code), said) for code, said in codes)),
        ]
    return "".join(parts)


def event_types() -> set[str]:
    """Every constant type of an audit entry in the code, and those that are made of a state."""
    found = {f"job.{state.value}" for state in JobState} | {f"intent.{state.value}" for state in IntentState}
    found |= {
        f"{kind}.{state}"
        for kind in ("agent", "executor", "operator")
        for state in ("added", "active", "suspended", "removed")
    }
    shape = re.compile(r"[a-z]+\.[a-z_]+")
    for path in sorted((ROOT / "backend" / "govd").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "Entry" not in source and "audit" not in path.parts:
            continue
        for node in ast.walk(ast.parse(source)):
            values: list[ast.expr] = []
            if isinstance(node, ast.Call):
                values = [item.value for item in node.keywords if item.arg == "type"]
                values += (
                    [node.args[-1]] if ast.unparse(node.func).endswith("_keep_words") and node.args else []
                )
            elif isinstance(node, ast.AnnAssign) and node.value is not None and path.parts[-2] == "audit":
                values = [node.value]
            found |= {
                item.value
                for item in values
                if isinstance(item, ast.Constant)
                and isinstance(item.value, str)
                and shape.fullmatch(item.value)
            }
    return found


def audit() -> str:
    """docs/reference/audit.md."""
    _covers("FIELDS", ENVELOPE, FIELDS)
    _covers("EVENTS", event_types(), EVENTS)
    return (
        "# The audit log, stream 1\n\n"
        + WRITTEN
        + INTRODUCTIONS["audit"]
        + "## Every line has these members, in this order\n\n"
        + _table(("member", "meaning"), ((f"`{name}`", FIELDS[name]) for name in ENVELOPE))
        + "\n## Types\n\n"
        + _table(("type", "meaning"), ((f"`{name}`", said) for name, said in EVENTS.items()))
    )


def openapi(build: Any) -> str:
    """The OpenAPI document of a door. Routes are declared without a service behind them."""
    return json.dumps(build(MagicMock()).openapi(), indent=2, sort_keys=True) + "\n"


def http_agents() -> str:
    """docs/reference/http-agents.md."""
    document = agents_app(MagicMock()).openapi()
    rows = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            words = str(operation.get("description", "")).split("\n")[0]
            body = (
                operation.get("requestBody", {})
                .get("content", {})
                .get("application/json", {})
                .get("schema", {})
            )
            rows.append((f"`{method.upper()} {path}`", _model(body), words))
    return (
        "# HTTP, agents' door\n\n"
        + WRITTEN
        + INTRODUCTIONS["http_agents"]
        + _table(("route", "body", "what it does"), rows)
    )


def _model(schema: Mapping[str, Any]) -> str:
    return f"`{schema['$ref'].rsplit('/', 1)[-1]}`" if "$ref" in schema else ""


def cli() -> str:
    """docs/reference/cli.md."""
    import importlib

    parts = ["# Commands\n\n", WRITTEN, "Data on stdout, messages on stderr. [Exit codes](exit-codes.md).\n"]
    for program in PROGRAMS:
        command = importlib.import_module(f"{program}.cli").main
        parts.append(f"\n## {program}\n\n{_summary(command)}\n")
        parts += _verbs(command, program)
    return "".join(parts)


def _verbs(command: click.Command, path: str) -> Iterator[str]:
    """The options of a command, then each of its verbs."""
    context = click.Context(command, info_name=path)
    rows = [
        (f"`{names}`", meaning)
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context)) is not None
        for names, meaning in [record]
        if not names.startswith("--help")
    ]
    if rows:
        yield "\n" + _table(("option", "meaning"), rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            verb = command.get_command(context, name)
            if verb is None or verb.hidden:
                continue
            usage = " ".join(verb.collect_usage_pieces(click.Context(verb, info_name=name, parent=context)))
            yield f"\n### `{path} {name} {usage}`\n\n{_summary(verb)}\n"
            yield from _verbs(verb, f"{path} {name}")


def _summary(command: click.Command) -> str:
    text = inspect.cleandoc(command.help or "").replace("\b", "")
    if not text:
        raise GapError(f"the command {command.name} has no help")
    return text


PAGES: dict[str, Callable[[], str]] = {
    "errors.md": errors,
    "reasons.md": reasons,
    "settings.md": settings,
    "exit-codes.md": exit_codes,
    "audit.md": audit,
    "http-agents.md": http_agents,
    "cli.md": cli,
    "openapi-agents.json": lambda: openapi(agents_app),
    "openapi-operators.json": lambda: openapi(operators_app),
}


def main() -> int:
    """Rewrite or check."""
    wrong = 0
    for name, make in PAGES.items():
        try:
            text = make()
        except GapError as gap:
            sys.stderr.write(f"{name}: {gap}\n")
            wrong += 1
            continue
        page = REFERENCE / name
        if "--check" not in sys.argv[1:]:
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"docs/reference/{name} is stale: make docs\n")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
