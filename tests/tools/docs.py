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

from govconsole.headless import ENDS
from govd.audit.rules import FIELDS as ENVELOPE
from govd.contract.errors import error_classes
from govd.contract.intents import IntentState
from govd.contract.jobs import JobState
from govd.doors import agents_app, operators_app
from govd.policy.model import ReasonCode
from govd.settings import RELOADABLE, Settings
from govgate import exits
from tests.tools import docs_console
from tests.tools.meanings import EVENTS, EXIT_CODES, FIELDS, INTRODUCTIONS, REASONS
from tests.tools.pages import WRITTEN, GapError, covers, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
PROGRAMS = ("govconsole", "govd", "govgate")


def errors() -> str:
    """docs/reference/errors.md."""
    rows = [
        (f"`{cls.code}`", str(cls.status), str(cls.exit_code), (inspect.getdoc(cls) or "").split("\n")[0])
        for cls in error_classes()
    ]
    return (
        "# Errors\n\n" + WRITTEN + INTRODUCTIONS["errors"] + table(("code", "HTTP", "exit", "meaning"), rows)
    )


def reasons() -> str:
    """docs/reference/reasons.md."""
    covers("REASONS", (code.value for code in ReasonCode), REASONS)
    rows = [(f"`{code.value}`", REASONS[code.value]) for code in ReasonCode]
    return "# Reason codes\n\n" + WRITTEN + INTRODUCTIONS["reasons"] + table(("code", "meaning"), rows)


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
        + table(("name", "type", "default", "meaning", "taken over by"), rows)
    )


def ending() -> tuple[set[int], set[int]]:
    """What govd and govconsole, and what govgate, end with: by the errors that they name."""
    named = {
        node.id
        for path in [*(ROOT / "backend" / "govd").rglob("*.py"), *(ROOT / "console").rglob("*.py")]
        if "contract" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name)
    }
    ours = {0, *ENDS.values(), *(cls.exit_code for cls in error_classes() if cls.__name__ in named)}
    theirs = {0, *(value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int))}
    return ours, theirs


def exit_codes() -> str:
    """docs/reference/exit-codes.md."""
    for (program, codes), used in zip(EXIT_CODES.items(), ending(), strict=True):
        covers(f"EXIT_CODES, {program}", used, {str(code): said for code, said in codes})
    parts = ["# Exit codes\n\n", WRITTEN, INTRODUCTIONS["exit_codes"]]
    for program, codes in EXIT_CODES.items():
        parts += [
            f"\n## {program}\n\n",
            table(("code", "meaning"), ((str(code), said) for code, said in codes)),
        ]
    return "".join(parts)


def _sources() -> list[tuple[Path, ast.Module]]:
    return [
        (path, ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted((ROOT / "backend" / "govd").rglob("*.py"))
    ]


def _writers(sources: list[tuple[Path, ast.Module]]) -> dict[str, int]:
    """Functions that write an entry of the `type_` that they are given, and where it stands in a call."""
    found = {}
    for _, tree in sources:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and "Entry(" in ast.unparse(node):
                names = [argument.arg for argument in node.args.args if argument.arg != "self"]
                if "type_" in names:
                    found[node.name] = names.index("type_")
    return found


def _types(node: ast.AST, writers: dict[str, int]) -> list[ast.expr]:
    """Where a call may name the type of an audit entry."""
    if not isinstance(node, ast.Call):
        return []
    values = [item.value for item in node.keywords if item.arg in {"type", "type_"}]
    at = writers.get(ast.unparse(node.func).rpartition(".")[2])
    if at is not None and at < len(node.args):
        values.append(node.args[at])
    return [
        one
        for value in values
        for one in ([value.body, value.orelse] if isinstance(value, ast.IfExp) else [value])
    ]


def event_types() -> set[str]:
    """Every constant type of an audit entry in the code, and those that are made of a state."""
    found = {f"job.{state.value}" for state in JobState} | {f"intent.{state.value}" for state in IntentState}
    found |= {
        f"{kind}.{state}"
        for kind in ("agent", "executor", "operator")
        for state in ("added", "active", "suspended", "removed")
    }
    shape = re.compile(r"[a-z]+\.[a-z_]+")
    sources = _sources()
    writers = _writers(sources)
    for path, tree in sources:
        for node in ast.walk(tree):
            values = _types(node, writers)
            if isinstance(node, ast.AnnAssign) and node.value is not None and path.parts[-2] == "audit":
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
    covers("FIELDS", ENVELOPE, FIELDS)
    covers("EVENTS", event_types(), EVENTS)
    return (
        "# The audit log, stream 1\n\n"
        + WRITTEN
        + INTRODUCTIONS["audit"]
        + "## Every line has these members, in this order\n\n"
        + table(("member", "meaning"), ((f"`{name}`", FIELDS[name]) for name in ENVELOPE))
        + "\n## Types\n\n"
        + table(("type", "meaning"), ((f"`{name}`", said) for name, said in EVENTS.items()))
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
        + table(("route", "body", "what it does"), rows)
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
        parts += verbs(command, program)
    return "".join(parts)


def verbs(command: click.Command, path: str) -> Iterator[str]:
    """The options of a command, then each of its verbs.

    Raises:
        GapError: something has no help.
    """
    context = _context(command, path)
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or "--help" in parameter.opts:
            continue
        names, meaning = record
        if not getattr(parameter, "help", None):
            raise GapError(f"{path}: {names} has no help")
        rows.append((f"`{names}`", meaning))
    if rows:
        yield "\n" + table(("option", "meaning"), rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            verb = command.get_command(context, name)
            if verb is None or verb.hidden:
                continue
            usage = " ".join(verb.collect_usage_pieces(_context(verb, name, context)))
            yield f"\n### `{path} {name} {usage}`\n\n{_summary(verb)}\n"
            yield from verbs(verb, f"{path} {name}")


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    # With the command's own settings: click keeps the help option that the first context asked for.
    return click.Context(command, info_name=name, parent=parent, **command.context_settings)


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
    "keys.md": docs_console.keys,
    "actions.md": docs_console.actions,
    "console-settings.md": docs_console.settings,
    "filters.md": docs_console.filters,
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
