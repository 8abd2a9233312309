"""A mail as it would arrive, drawn from the very arguments that are signed.

Must never leave out an argument: what has no place in a mail stands below it as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from govconsole.client.document import MIXED, Document, Role, Span, blank, field_line, line, quoted
from govd.contract import actions
from govd.contract.text import mixed_scripts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from govd.contract.intents import IntentDetail

_WHO: Final = {"from": "From", "to": "To", "cc": "Cc", "bcc": "Bcc", "reply_to": "Reply to"}
_BODY: Final = ("body", "text", "html")
_NAMES: Final = ("name", "filename", "path", "file")
_FIRST: Final = 6
"""Lines of a body in the detail; all of them are one key away."""

_WIDE: Final = 300
_INDENT: Final = 4


@dataclass(frozen=True)
class Mail:
    """The parts of a mail, and what of the arguments is none."""

    who: dict[str, list[str]]
    subject: str
    bodies: dict[str, str]
    attachments: list[str] = field(default_factory=list)
    rest: dict[str, Any] = field(default_factory=dict)


def mail_of(intent: IntentDetail) -> Mail | None:
    """The mail that an intent would send, or None where its arguments do not read as one."""
    action = intent.action
    if not isinstance(action, actions.ToolCall):
        return None
    words = set(action.tool.lower().replace("_", ".").replace("-", ".").split("."))
    if "send" not in words or not words & {"mail", "email"}:
        return None
    return _read(action.arguments)


def _read(arguments: Mapping[str, Any]) -> Mail | None:
    rest = dict(arguments)
    who: dict[str, list[str]] = {}
    for name in _WHO:
        people = _people(rest.get(name))
        if people is not None:
            who[name] = people
            del rest[name]
    if not who:
        return None
    subject = rest.pop("subject") if isinstance(rest.get("subject"), str) else ""
    bodies = {name: rest.pop(name) for name in _BODY if isinstance(rest.get(name), str)}
    names = _attached(rest.get("attachments"))
    if names is not None:
        del rest["attachments"]
    return Mail(who, subject, bodies, names or [], rest)


def _people(value: object) -> list[str] | None:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return list(value)
    return None


def _attached(value: object) -> list[str] | None:
    """The names of attachments, each with what else is said of it."""
    if not isinstance(value, list) or not value:
        return None
    return [item if isinstance(item, str) else _one_attached(item) for item in value]


def _one_attached(item: object) -> str:
    if isinstance(item, dict):
        key = next((name for name in _NAMES if isinstance(item.get(name), str)), None)
        if key is not None:
            more = {name: value for name, value in item.items() if name != key}
            return str(item[key]) + (f"  {_json(more)}" if more else "")
    return _json(item)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def summary(mail: Mail) -> Document:
    """The mail in the job: who gets it, its subject, how it begins."""
    found = _head(mail)
    for name, body in mail.bodies.items():
        lines = body.split("\n")
        if name == "html":
            found.append(field_line("", Span("as HTML source", "dim"), width=9, indent=_INDENT))
        shown = "\n".join(_short(text) for text in lines[:_FIRST])
        found += _indented(quoted(shown))
        if len(lines) > _FIRST or any(len(text) > _WIDE for text in lines[:_FIRST]):
            more = f"… {len(lines)} lines, {len(body):,} characters: c shows the whole mail"
            found.append(line(Span(more, "accent"), indent=_INDENT))
    return found + _tail(mail)


def _short(text: str) -> str:
    return text if len(text) <= _WIDE else text[:_WIDE] + "…"


def whole(mail: Mail) -> Document:
    """The mail in full."""
    found = [*_head(mail), blank()]
    for name, body in mail.bodies.items():
        found.append(line(Span("Body" if name != "html" else "Body, as HTML source", "heading")))
        found += [*quoted(body), blank()]
    return found + _tail(mail)


def _head(mail: Mail) -> Document:
    found: Document = []
    for name, people in mail.who.items():
        hidden: Role = "warn" if name == "bcc" else "plain"
        for number, person in enumerate(people):
            flag = (Span(MIXED, "warn"),) if mixed_scripts(person) else ()
            label = _WHO[name] if not number else ""
            found.append(field_line(label, Span(person, hidden), *flag, indent=_INDENT))
    flag = (Span(MIXED, "warn"),) if mixed_scripts(mail.subject) else ()
    found.append(field_line("Subject", Span(mail.subject, "title"), *flag, indent=_INDENT))
    return found


def _tail(mail: Mail) -> Document:
    found = [
        field_line("attached" if not number else "", name, indent=_INDENT)
        for number, name in enumerate(mail.attachments)
    ]
    for key, value in mail.rest.items():
        text = value if isinstance(value, str) else _json(value)
        found.append(field_line(key[:_WIDE], text, width=min(len(key) + 2, 20), indent=_INDENT))
    return found


def _indented(document: Document) -> Document:
    return [line(*item.spans, indent=item.indent + _INDENT - 1, lead=item.lead) for item in document]
