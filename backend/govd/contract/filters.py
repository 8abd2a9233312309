"""The filter language of the queue: `agent:release-* risk>60 -state:expired "ledger export"`.

One parser for the server, the console and the headless twin. Must never guess: what is no filter is an
error with its column, and a filter that was parsed prints itself as text that parses to the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from govd.contract.errors import InvalidRequestError
from govd.contract.intents import Kind
from govd.contract.jobs import Assurance, Effect, JobState
from govd.contract.limits import MAX_FILTER, MAX_FILTER_TERMS, MAX_FILTER_VALUES
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from govd.contract.jobs import JobSummary

Op = Literal[":", "<", "<=", ">", ">="]
Sort = Literal["glob", "choice", "id", "number", "span", "text"]

TITLE: Final = "title"
"""The field of bare words."""

_FIELD: Final = re.compile(r"([A-Za-z]+)(<=|>=|[:=<>])")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_RUN: Final = re.compile(r"\S+")
_GLOB: Final = re.compile(r"[a-z0-9._:*?-]{1,128}")
_ID: Final = re.compile(r"[0-9a-f-]{1,36}")
_NUMBER: Final = re.compile(r"[0-9]{1,4}")
_SPAN: Final = re.compile(r"(?:[0-9]{1,6}[smhd]){1,4}")
_SPAN_PART: Final = re.compile(r"([0-9]+)([smhd])")
_SECONDS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


class Field(NamedTuple):
    """What a filter may ask for. `values`: the words that are taken, where they are a closed set."""

    name: str
    sort: Sort
    meaning: str
    example: str
    values: tuple[str, ...] = ()


FIELDS: Final[dict[str, Field]] = {
    field.name: field
    for field in (
        Field("agent", "glob", "the agent's name; * and ? stand for others", "agent:release-*"),
        Field("state", "choice", "the state of the job", "state:held", tuple(JobState)),
        Field("risk", "number", "the risk, 0 to 100", "risk>60"),
        Field("left", "span", "the time until the hold ends", "left<1h"),
        Field("age", "span", "the time since the job was opened", "age>10m"),
        Field(
            "effect", "choice", "the worst effect of what is held", "effect:irreversible", get_args(Effect)
        ),
        Field("kind", "choice", "a kind of what is held", "kind:evm_transaction", get_args(Kind)),
        Field("origin", "glob", "who set the job in motion", "origin:channel:*"),
        Field(
            "assurance", "choice", "whether the agent has to ask", "assurance:advisory", get_args(Assurance)
        ),
        Field("id", "id", "the first or the last characters of the job's id", "id:4f2a"),
        Field(TITLE, "text", "words of the title, as bare words too", '"ledger export"'),
    )
}


@dataclass(frozen=True)
class Term:
    """One condition. `values` are alternatives; `number` is points or seconds, where the field has them."""

    field: str
    op: Op
    values: tuple[str, ...]
    negated: bool = False

    @cached_property
    def number(self) -> int:
        """The value of a field of numbers (points) or of spans (seconds)."""
        text = self.values[0]
        return seconds(text) if FIELDS[self.field].sort == "span" else int(text)

    def __str__(self) -> str:
        text = ",".join(self.values)
        text = _quoted(text) if self.field == TITLE else f"{self.field}{self.op}{text}"
        return f"-{text}" if self.negated else text

    def matches(self, job: JobSummary, now: datetime) -> bool:
        """Whether the job fits."""
        return _TESTS[FIELDS[self.field].sort](self, job, now) is not self.negated


@dataclass(frozen=True)
class Filter:
    """Terms that must all fit; none of them: everything fits."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(str(term) for term in self.terms)

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def titles(self) -> tuple[Term, ...]:
        """The terms that must read the title, which is sealed."""
        return tuple(term for term in self.terms if term.field == TITLE)

    @property
    def columns(self) -> tuple[Term, ...]:
        """The terms that need nothing opened."""
        return tuple(term for term in self.terms if term.field != TITLE)

    def matches(self, job: JobSummary, now: datetime) -> bool:
        """Whether the job fits every term."""
        return all(term.matches(job, now) for term in self.terms)


def parse(text: str) -> Filter:
    """The filter that a text says.

    Raises:
        InvalidRequestError: it says none; `extra["column"]` is where (1 is the first character).
    """
    if len(text) > MAX_FILTER:
        raise _error(f"a filter has {MAX_FILTER} characters at most", MAX_FILTER + 1, "leave something out")
    terms = tuple(_terms(text))
    if len(terms) > MAX_FILTER_TERMS:
        raise _error(f"a filter has {MAX_FILTER_TERMS} terms at most", len(text), "leave something out")
    return Filter(terms)


def folded(title: str) -> str:
    """A title as words are looked for in it: as it is shown, without regard to case."""
    return visible(title).casefold()


def has_words(term: Term, shown: str) -> bool:
    """Whether a term on titles fits a title that was `folded`."""
    return (term.values[0].casefold() in shown) is not term.negated


def glob(pattern: str) -> re.Pattern[str]:
    """A pattern of names: `*` stands for any characters, `?` for one."""
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(char) or re.escape(char) for char in pattern), re.DOTALL)


def seconds(span: str) -> int:
    """The seconds of a span such as `90s`, `10m`, `1h30m` or `2d`."""
    return sum(int(count) * _SECONDS[unit] for count, unit in _SPAN_PART.findall(span))


# -- parsing -------------------------------------------------------------------------------------------


def _terms(text: str) -> Iterator[Term]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        start = at
        negated = text[at] == "-"
        at += negated
        found = _FIELD.match(text, at)
        if found is None:
            value, at = _value(text, at, start)
            yield Term(TITLE, ":", (value,), negated)
            continue
        name, op = found[1].lower(), found[2]
        if name not in FIELDS:
            raise _unknown(name, op, text, at)
        value, at = _value(text, found.end(), found.end())
        yield _term(FIELDS[name], op, value, negated=negated, at=found.start(), inside=found.end())


def _value(text: str, at: int, start: int) -> tuple[str, int]:
    """The value that begins here, without its quotes, and where it ends."""
    if text[at : at + 1] == '"':
        found = _QUOTED.match(text, at)
        if found is None:
            raise _error("a quotation that does not end", at + 1, 'write the closing " too')
        if found.end() < len(text) and not text[found.end()].isspace():
            raise _error("a quotation goes on", found.end() + 1, "a space stands between two terms")
        value, end = re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL), found.end()
    else:
        found = _RUN.match(text, at)
        value, end = (found[0], found.end()) if found else ("", at)
    if not value:
        raise _error("something is missing here", start + 1, "a word, or a value such as agent:NAME")
    return value, end


def _term(field: Field, op: str, value: str, *, negated: bool, at: int, inside: int) -> Term:
    ordered = field.sort in {"number", "span"}
    if (op in {"<", "<=", ">", ">="} and not ordered) or (op in {":", "="} and field.sort == "span"):
        raise _error(f"{field.name} is not asked for with {op}", at + 1, f"for example {field.example}")
    sign: Op = ":" if op == "=" else op  # type: ignore[assignment] # one of the six that the pattern takes
    if field.sort == "text":
        return Term(field.name, ":", (value,), negated)
    values = (value,) if ordered else tuple(value.lower().split(","))
    if len(values) > MAX_FILTER_VALUES:
        raise _error(f"{MAX_FILTER_VALUES} alternatives at most", inside + 1, "leave some out")
    for one in values:
        _check(field, one, inside + 1)
    if field.sort == "number":
        values = (str(int(value)),)
    return Term(field.name, sign, values, negated)


def _check(field: Field, value: str, column: int) -> None:
    if field.sort == "choice":
        if value not in field.values:
            near = _near(value, field.values)
            raise _error(
                f'there is no {field.name} "{value[:40]}"',
                column,
                f"did you mean {near}?" if near else f"one of {', '.join(field.values)}",
            )
    elif _SHAPES[field.sort].fullmatch(value) is None:
        raise _error(f'"{value[:40]}" is {_NOT[field.sort]}', column, f"for example {field.example}")


_SHAPES: Final[dict[str, re.Pattern[str]]] = {"glob": _GLOB, "id": _ID, "number": _NUMBER, "span": _SPAN}
_NOT: Final[dict[str, str]] = {
    "glob": "no name or pattern: letters, digits, . _ - : * and ?",
    "id": "no part of an id: 0 to 9, a to f and -",
    "number": "no number of points",
    "span": "no time: a number with s, m, h or d",
}


def _near(word: str, known: Iterable[str]) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(word, list(known), 1)), None)


def _unknown(name: str, op: str, text: str, at: int) -> InvalidRequestError:
    near = _near(name, FIELDS)
    run = _RUN.match(text, at)
    hint = f"did you mean {near}{op}?" if near else f"as words of a title: {_quoted(run[0] if run else name)}"
    return _error(f'there is no field "{name[:40]}"', at + 1, hint)


def _error(what: str, column: int, hint: str) -> InvalidRequestError:
    detail = visible(f"filter, column {column}: {what}")
    return InvalidRequestError(detail, hint=visible(hint), pointer="/filter", column=column)


def _quoted(word: str) -> str:
    """A word as it is written in a filter: in quotes only where it would be read otherwise."""
    plain = _RUN.fullmatch(word) and word[0] not in '-"' and _FIELD.match(word) is None
    if plain:
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# -- matching ------------------------------------------------------------------------------------------


def _compared(left: float, op: Op, right: float) -> bool:
    if op == ":":
        return left == right
    if op in {"<", "<="}:
        return left < right or (op == "<=" and left == right)
    return left > right or (op == ">=" and left == right)


def _fits_choice(term: Term, job: JobSummary, _: datetime) -> bool:
    if term.field == "kind":
        return any(kind in term.values for kind in job.kinds)
    return str(getattr(job, term.field)) in term.values


def _fits_span(term: Term, job: JobSummary, now: datetime) -> bool:
    if term.field == "left":
        return job.held_until is not None and _compared(
            (job.held_until - now) / timedelta(seconds=1), term.op, term.number
        )
    return _compared((now - job.opened_at) / timedelta(seconds=1), term.op, term.number)


_TESTS: Final[dict[str, Callable[[Term, JobSummary, datetime], bool]]] = {
    "glob": lambda term, job, _: any(
        glob(value).fullmatch(getattr(job, term.field)) is not None for value in term.values
    ),
    "choice": _fits_choice,
    "id": lambda term, job, _: any(job.id.startswith(part) or job.id.endswith(part) for part in term.values),
    "number": lambda term, job, _: _compared(job.risk, term.op, term.number),
    "span": _fits_span,
    "text": lambda term, job, _: term.values[0].casefold() in folded(job.title),
}
