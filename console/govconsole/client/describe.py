"""What an intent does, decoded for a reader, kind by kind.

Must never leave out what changes the meaning: what is cut here says so, and stands in full under `raw`.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from govconsole.client import mail as mails
from govconsole.client.amounts import short
from govconsole.client.document import MIXED, Document, Line, Span, field_line, line
from govconsole.client.mail import mail_of
from govconsole.client.transfer import transfer_of
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
    if (transfer := transfer_of(intent)) is not None:
        return f"{transfer.words}  by {transfer.tool}"
    return _PHRASES[type(intent.action)](intent.action)


def describe(number: int, intent: IntentDetail, *, full: bool = False) -> Document:
    """One action, numbered: a headline and its particulars. `full`: nothing is cut."""
    cut = _whole if full else _cut
    phrase = headline(intent)
    flag = (Span(MIXED, "warn"),) if mixed_scripts(phrase) else ()
    shown = Span(phrase if full or len(phrase) <= 2 * _CUT else phrase[: 2 * _CUT] + "…" + _MORE, "title")
    lines = [line(Span(f"{number}  ", "accent"), shown, *flag, indent=1, hang=3)]
    mail = mail_of(intent)
    if mail is None:
        lines += _particulars(intent, cut)
    else:
        lines += mails.whole(mail) if full else mails.summary(mail)
        lines += _reach(intent.action, cut) if isinstance(intent.action, actions.ToolCall) else []
    lines += [
        field_line("reads", cut(item.path), Span(f"  sha256 {short(item.sha256)}", "dim"), indent=4)
        for item in intent.inputs
    ]
    return lines


def _whole(text: str) -> str:
    return text


def _particulars(intent: IntentDetail, cut: Callable[[str], str]) -> Document:
    action = intent.action
    if isinstance(action, actions.ProcessExec):
        return _process(action, cut)
    if isinstance(action, actions.ToolCall):
        transfer = transfer_of(intent)
        if transfer is None:
            return _arguments(action.arguments, cut) + _reach(action, cut)
        return (_arguments(transfer.rest, cut) if transfer.rest else []) + _reach(action, cut)
    if isinstance(action, actions.Admin):
        return _arguments(action.arguments, cut)
    known = action.model_dump(mode="json", by_alias=True, exclude_none=True)
    return [field_line(key, cut(str(value)), width=14, indent=4) for key, value in known.items()]


def _reach(action: actions.ToolCall, cut: Callable[[str], str]) -> Document:
    return [field_line("reaches", cut(", ".join(action.domains)), indent=4)] if action.domains else []


def _process(action: actions.ProcessExec, cut: Callable[[str], str]) -> Document:
    lines: Document = []
    if action.git is not None:
        lines += [
            field_line("object", item.object, Span(" → ", "dim"), item.ref, indent=4)
            for item in action.git.updates
        ]
        lines.append(field_line("from", cut(action.git.repository), indent=4))
    lines += [
        field_line("command", cut(shlex.join(action.argv)), indent=4),
        field_line("in", cut(action.cwd), indent=4),
        _file("binary", action.binary, cut),
    ]
    lines += [_file("script", item, cut) for item in action.scripts]
    if action.env:
        lines.append(field_line("env", cut(" ".join(sorted(action.env))), indent=4))
    return lines


def _file(name: str, file: actions.PinnedFile, cut: Callable[[str], str]) -> Line:
    return field_line(name, cut(file.path), Span(f"  sha256 {short(file.sha256)}", "dim"), indent=4)


def _arguments(arguments: dict[str, object], cut: Callable[[str], str]) -> Document:
    width = min(max((len(key) for key in arguments), default=0) + 2, 20)
    found: Document = []
    for key, value in arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        flag = (Span(MIXED, "warn"),) if mixed_scripts(text) else ()
        found.append(field_line(cut(key), cut(text), *flag, width=width, indent=4))
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
