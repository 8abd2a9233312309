"""What an intent does, decoded for a reader, kind by kind.

Must never leave out what changes the meaning: what is cut here says so, and stands in full under `raw`.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from govconsole.client.amounts import short
from govconsole.client.document import MIXED, Document, Line, Span, field_line, line
from govd.contract import actions
from govd.contract.text import mixed_scripts

if TYPE_CHECKING:
    from collections.abc import Callable

    from govd.contract.intents import IntentDetail

_CUT = 160
_MORE = " (cut: o shows all)"


def _process_phrase(action: actions.ProcessExec) -> str:
    return f"git push to {action.git.url}" if action.git else f"run {shlex.join(action.argv)}"


_PHRASES: dict[type[actions.Action], Callable[[Any], str]] = {
    actions.ProcessExec: _process_phrase,
    actions.ToolCall: lambda a: f"call {a.tool}",
    actions.EvmTransaction: lambda a: f"send {a.value} wei to {a.to or 'a new contract'} on {a.chain}",
    actions.HttpRequest: lambda a: f"{a.method} {a.url}",
    actions.FileWrite: lambda a: f"write {a.path} ({a.size} bytes)",
    actions.ModelCall: lambda a: f"call the model {a.model} ({a.tokens} tokens)",
    actions.Audio: lambda a: f"audio: {a.use}" + (f" to {a.host}" if a.host else ""),
    actions.ContextRelease: lambda a: f"release context to {a.target_model}",
    actions.SecretRead: lambda a: f"read the secret {a.name}",
    actions.Admin: lambda a: f"admin: {a.operation}",
}


def headline(intent: IntentDetail) -> str:
    """The action in one phrase."""
    return _PHRASES[type(intent.action)](intent.action)


def describe(number: int, intent: IntentDetail) -> Document:
    """One action, numbered: a headline and its particulars."""
    phrase = headline(intent)
    flag = (Span(MIXED, "warn"),) if mixed_scripts(phrase) else ()
    shown = Span(phrase if len(phrase) <= 2 * _CUT else phrase[: 2 * _CUT] + "…" + _MORE, "title")
    lines = [line(Span(f"{number}  ", "accent"), shown, *flag, indent=1, hang=3)]
    lines += _particulars(intent)
    lines += [
        field_line("reads", _cut(item.path), Span(f"  sha256 {short(item.sha256)}", "dim"), indent=4)
        for item in intent.inputs
    ]
    return lines


def _particulars(intent: IntentDetail) -> Document:
    action = intent.action
    if isinstance(action, actions.ProcessExec):
        return _process(action)
    if isinstance(action, actions.ToolCall):
        reach = [field_line("reaches", _cut(", ".join(action.domains)), indent=4)] if action.domains else []
        return _arguments(action.arguments) + reach
    if isinstance(action, actions.Admin):
        return _arguments(action.arguments)
    known = action.model_dump(mode="json", by_alias=True, exclude_none=True)
    return [field_line(key, _cut(str(value)), width=14, indent=4) for key, value in known.items()]


def _process(action: actions.ProcessExec) -> Document:
    lines: Document = []
    if action.git is not None:
        lines += [
            field_line("object", item.object, Span(" → ", "dim"), item.ref, indent=4)
            for item in action.git.updates
        ]
        lines.append(field_line("from", _cut(action.git.repository), indent=4))
    lines += [
        field_line("command", _cut(shlex.join(action.argv)), indent=4),
        field_line("in", _cut(action.cwd), indent=4),
        _file("binary", action.binary),
    ]
    lines += [_file("script", item) for item in action.scripts]
    if action.env:
        lines.append(field_line("env", _cut(" ".join(sorted(action.env))), indent=4))
    return lines


def _file(name: str, file: actions.PinnedFile) -> Line:
    return field_line(name, _cut(file.path), Span(f"  sha256 {short(file.sha256)}", "dim"), indent=4)


def _arguments(arguments: dict[str, object]) -> Document:
    width = min(max((len(key) for key in arguments), default=0) + 2, 20)
    found: Document = []
    for key, value in arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        flag = (Span(MIXED, "warn"),) if mixed_scripts(text) else ()
        found.append(field_line(_cut(key), _cut(text), *flag, width=width, indent=4))
    return found or [field_line("", Span("no arguments", "dim"), width=0, indent=4)]


def _cut(text: str) -> str:
    return text if len(text) <= _CUT else text[:_CUT] + "…" + _MORE


def raw(intent: IntentDetail) -> Document:
    """The whole body that the hash covers, untruncated, and the hash."""
    body = intent.body().model_dump(mode="json", by_alias=True)
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return [
        field_line("intent", intent.id, indent=0),
        field_line("sha256", intent.intent_sha256, indent=0),
        *(line(part, hang=4) for part in text.split("\n")),
    ]
