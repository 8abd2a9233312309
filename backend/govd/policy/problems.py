"""What is wrong in a policy file: where, in a sentence, and what was probably meant."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from govd.contract.errors import PolicyInvalidError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 80
_MESSAGE = 400
MAX_PROBLEMS = 50
"""Problems that are told at once: a broken file has one cause more often than fifty."""


@dataclass(frozen=True, order=True)
class Place:
    """A place in the file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that keeps a policy from coming into force."""

    place: Place
    message: str
    hint: str = ""

    def as_dict(self) -> dict[str, object]:
        """The form in a problem document."""
        return {
            "line": self.place.line,
            "column": self.place.column,
            "message": visible(self.message, _MESSAGE),
            "hint": visible(self.hint, _MESSAGE),
        }


class StopReadingError(Exception):
    """The file cannot be read any further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass
class Problems:
    """Collects what is wrong, so that one run shows all of it."""

    found: list[Problem] = field(default_factory=list)

    def add(self, place: Place, message: str, hint: str = "") -> None:
        """Note one problem."""
        self.found.append(Problem(place, message, hint))

    def raise_any(self) -> None:
        """Raise what was found, in the order of the file.

        Raises:
            PolicyInvalidError: something was found; `extra["problems"]` has the first places, and
                `extra["unlisted"]` says how many more there are.
        """
        if not self.found:
            return
        ordered = sorted(set(self.found))
        first = ordered[0]
        more = f" (and {len(ordered) - 1} more)" if len(ordered) > 1 else ""
        sentence = f"line {first.place.line}, column {first.place.column}: {first.message}"
        raise PolicyInvalidError(
            visible(sentence, _MESSAGE) + more,
            hint=visible(first.hint, _MESSAGE) or None,
            problems=[problem.as_dict() for problem in ordered[:MAX_PROBLEMS]],
            unlisted=max(len(ordered) - MAX_PROBLEMS, 0),
        )


def shown(text: object) -> str:
    """A piece of the file inside a sentence."""
    return f"`{visible(str(text), _SHOWN)}`"


def meant(word: str, known: Iterable[str]) -> str:
    """`did you mean …?`, or what there is to choose from."""
    choices = sorted(set(known))
    near = difflib.get_close_matches(word[:_SHOWN], choices, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return "known are " + ", ".join(f"`{choice}`" for choice in choices[:12]) if choices else ""
