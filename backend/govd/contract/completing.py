"""What a filter line offers while one types it: fields, their words, and the agents that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from govd.contract.filters import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Completion(NamedTuple):
    """A text that a filter may go on with, and what it means."""

    text: str
    meaning: str


def _completions() -> Iterator[Completion]:
    for field in FIELDS.values():
        if field.sort in {"glob", "id"}:
            yield Completion(f"{field.name}:", field.meaning)
        elif field.sort == "choice":
            yield from (Completion(f"{field.name}:{value}", field.meaning) for value in field.values)
        elif field.sort != "text":
            yield from (Completion(f"{field.name}{sign}", field.meaning) for sign in "<>")


COMPLETIONS: Final[tuple[Completion, ...]] = tuple(_completions())
"""Everything that a filter line can offer before it knows any agent."""


def complete(text: str, agents: Iterable[str] = ()) -> list[Completion]:
    """What the last term of an unfinished filter may become: whole terms, to stand in its place."""
    last = "" if not text or text[-1].isspace() else text.rsplit(maxsplit=1)[-1]
    sign, start = ("-", last[1:]) if last.startswith("-") else ("", last)
    known = [Completion(f"agent:{agent}", "this agent") for agent in agents]
    return [
        Completion(sign + found.text, found.meaning)
        for found in (*known, *COMPLETIONS)
        if found.text.startswith(start.lower()) and found.text != start
    ]
