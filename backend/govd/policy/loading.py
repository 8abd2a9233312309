"""A policy file to a policy that may come into force, or everything that keeps it from that.

Must never raise anything but `PolicyInvalidError`, whatever the bytes are, and never guess: an unknown
key, tool, zone or rule that cannot match is a problem with its line, column and a suggestion.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from govd.contract.actions import ACTIONS
from govd.contract.wording import said
from govd.policy.blocks import (
    AmountSource,
    Attestation,
    Block,
    CustomRule,
    Domains,
    Holds,
    LooserChange,
    Match,
    PolicyChanges,
    PolicyDocument,
    SoftLimit,
    ToolCalls,
    Voice,
    VoiceChannel,
    VoiceMessages,
)
from govd.policy.checks import check
from govd.policy.compiling import compile_document
from govd.policy.later import refuse_later
from govd.policy.problems import Problems, StopReadingError, meant, shown
from govd.policy.reading import read

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from govd.policy.model import CompiledPolicy
    from govd.policy.reading import Node

_BLOCKS: Final[dict[tuple[str, ...], type[Block]]] = {
    (): PolicyDocument,
    ("tool_calls",): ToolCalls,
    ("tool_calls", "domains"): Domains,
    ("amounts", "*"): AmountSource,
    ("custom", "*"): CustomRule,
    ("soft_limits", "*"): SoftLimit,
    ("soft_limits", "*", "match"): Match,
    ("holds",): Holds,
    ("attestation",): Attestation,
    ("policy_changes",): PolicyChanges,
    ("policy_changes", "looser"): LooserChange,
    ("voice",): Voice,
    ("voice", "channels", "*"): VoiceChannel,
    ("voice", "messages"): VoiceMessages,
}
"""Where each model stands in a file, for suggestions."""


_MAPPINGS: Final = {"dict_type", "model_type", "model_attributes_type"}
"""pydantic's types of error where keys with values are missing."""


def load(source: bytes) -> CompiledPolicy:
    """Compile a policy: YAML, or Markdown with fenced `yaml` blocks.

    Raises:
        PolicyInvalidError: it must not come into force; `extra["problems"]` lists each place as
            {line, column, message, hint}.
    """
    problems = Problems()
    try:
        root = read(source)
    except StopReadingError as error:
        problems.found.append(error.problem)
        problems.raise_any()
        raise AssertionError from error  # raise_any raised
    later = refuse_later(root, problems)
    document = _document(root, later, problems)
    problems.raise_any()
    check(document, root, problems)
    problems.raise_any()
    return compile_document(document, sha256=hashlib.sha256(source).hexdigest(), source=source)


def _document(root: Node, later: set[tuple[str | int, ...]], problems: Problems) -> PolicyDocument:
    try:
        return PolicyDocument.model_validate(root.plain())
    except ValidationError as error:
        for item in error.errors(include_url=False):
            if item["loc"] not in later:
                _explain(item, root, problems)
    problems.raise_any()
    raise AssertionError  # a validation error has at least one place


def _explain(item: ErrorDetails, root: Node, problems: Problems) -> None:
    """One of pydantic's errors, in the words of someone who writes policies."""
    path = tuple(part for part in item["loc"] if part != "[key]")
    of_key = item["type"] == "extra_forbidden" or "[key]" in item["loc"]
    place = root.find(path, key=of_key)
    name = str(path[-1]) if path else "the policy"
    called = _called(path)
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        model = _model(path[:-1])
        known = model.model_fields if model else ()
        problems.add(place, f"{called} is not a key that is known here", meant(name, known))
    elif kind == "missing":
        problems.add(place, f"{called} is missing", _missing_hint(name))
    elif kind in {"literal_error", "enum"}:
        expected = str(context.get("expected", ""))
        choices = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
        problems.add(place, f"{called} cannot be {_told(item)}", meant(str(item.get("input", "")), choices))
    elif kind == "value_error":
        problems.add(place, f"{called}: {context.get('error', item['msg'])}", _field_hint(path))
    elif kind == "string_type":
        problems.add(place, f"{called} is text, not {_told(item)}", "put it in quotes")
    elif kind in _MAPPINGS:
        problems.add(place, f"{called} is a mapping, not {_told(item)}", _field_hint(path))
    else:
        problems.add(place, f"{called}: {said(item)}", _field_hint(path))


def _called(path: tuple[str | int, ...]) -> str:
    """How a sentence names a place: an item of a list by the list's name."""
    last = path[-1] if path else "the policy"
    if isinstance(last, int) and len(path) > 1:
        return f"item {last + 1} of {shown(path[-2])}"
    return shown(last)


def _told(item: ErrorDetails) -> str:
    """The value that stands there, where it is short enough to be told."""
    value: Any = item.get("input")
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "empty" if value is None else shown(str(value).lower() if isinstance(value, bool) else value)


def _model(path: tuple[str | int, ...]) -> type[Block] | None:
    for shape, model in _BLOCKS.items():
        if len(shape) == len(path) and all(
            part in ("*", here) for part, here in zip(shape, path, strict=True)
        ):
            return model
    return None


def _field_hint(path: tuple[str | int, ...]) -> str:
    """What the reference says of the key."""
    names = [at for at, part in enumerate(path) if isinstance(part, str)]
    if not names:
        return ""
    model = _model(path[: names[-1]])
    described = model.model_fields.get(str(path[names[-1]])) if model else None
    return (described.description or "") if described else ""


def _missing_hint(name: str) -> str:
    hints = {
        "version": "a policy begins with `version: 1`",
        "name": "give it a name, so that people and messages can speak of it",
        "owner": "name the speaker whose voice admin requests need",
        "kinds": "say which kinds it reads: " + ", ".join(ACTIONS),
    }
    return hints.get(name, "")
