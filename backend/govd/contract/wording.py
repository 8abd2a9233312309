"""What is wrong with a value, in the words of somebody who sends one: pydantic's own are for programmers.

Must never quote what was sent: it may be a secret, or speak to a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from pydantic import StringConstraints

from govd.contract.actions import Address, Decimal, EnvName, HexData
from govd.contract.channels import Sender
from govd.contract.voice import Chat, SpeakerName
from govd.contract.wire import Id, Name, Origin, Sha256, ToolName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails


def _pattern(kind: object) -> str:
    (found,) = (part.pattern for part in get_args(kind) if isinstance(part, StringConstraints))
    return str(found)


_FORMS: Final = {
    _pattern(Name): "lower-case letters and digits with single . _ - between them, a letter first",
    _pattern(ToolName): "letters, digits, _ . : / - only",
    _pattern(Origin): "an origin: user, schedule, channel:NAME or agent:NAME",
    _pattern(Sha256): "a SHA-256: 64 hexadecimal digits, lower case",
    "^/": "an absolute path",
    _pattern(SpeakerName): "a speaker: lower-case letters, digits, . _ -, a letter or digit first",
    _pattern(Chat): "a chat: letters, digits, . _ @ + - only",
    _pattern(Sender): "a sender: letters, digits, . _ @ + : - only",
    _pattern(Decimal): "digits with at most one point between them, in quotes",
    _pattern(Address): "an address: 0x and 40 hexadecimal digits",
    _pattern(HexData): "bytes: 0x and two hexadecimal digits for each",
    _pattern(EnvName): "a variable: letters, digits and _, no digit first",
    _pattern(Id): "a whole id, as lists and answers have it: 8-4-4-4-12 hexadecimal digits",
}

_TYPES: Final = {
    "string_type": "is to be text",
    "int_type": "is to be a whole number",
    "int_parsing": "is to be a whole number",
    "bool_type": "is to be true or false",
    "bool_parsing": "is to be true or false",
    "dict_type": "is to be an object",
    "model_type": "is to be an object",
    "model_attributes_type": "is to be an object",
    "list_type": "is to be a list",
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_too_long": "has at most {max_length} characters",
    "string_too_short": "has at least {min_length} characters",
    "too_long": "has at most {max_length} items",
    "too_short": "has at least {min_length} items",
    "greater_than_equal": "is at least {ge}",
    "greater_than": "is above {gt}",
    "less_than_equal": "is at most {le}",
    "less_than": "is below {lt}",
    "literal_error": "is to be {expected}",
    "enum": "is to be {expected}",
}
"""By pydantic's type of error; the figures are the model's own."""


def said(item: ErrorDetails) -> str:
    """What is wrong with one value, without its name."""
    kind, context = item["type"], item.get("ctx", {})
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        # What may be left empty has the form of what it is when it is not.
        form = _FORMS.get(pattern) or _FORMS.get(f"^{pattern.removeprefix('^(').removesuffix(')?$')}$")
        return f"is to be {form}" if form else f"does not have the form {pattern}"
    if kind == "value_error":
        return str(item["msg"]).removeprefix("Value error, ")
    if kind in _TYPES:
        return _TYPES[kind].format(**context)
    message = item["msg"]
    return f"{message[:1].lower()}{message[1:]}"


def sentence(found: Sequence[ErrorDetails]) -> str:
    """The first of several errors with the name of its place; the others are counted.

    An action whose kind is none is held against every kind there is: what each of them lacks is not counted.
    """
    first, *others = found
    if first["loc"] == ("kind",):
        others = [item for item in others if item["loc"][:1] != ("action",) or item["loc"] == ("action",)]
    names = [part for part in first["loc"] if isinstance(part, str)]
    # A place in a list has no name of its own; a model in a union has one that nobody sent.
    name = next((part for part in reversed(names) if part[:1].islower()), "")
    more = f" (and {len(others)} more)" if others else ""
    return f"{name}: {said(first)}{more}" if name else f"{said(first)}{more}"
