"""The filter language: what is said is what is matched, what is none says where, and it prints itself."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govd.contract.completing import COMPLETIONS, complete
from govd.contract.errors import InvalidRequestError
from govd.contract.filters import FIELDS, Filter, Term, parse
from govd.contract.jobs import JobState, JobSummary
from govd.contract.limits import MAX_FILTER, MAX_FILTER_TERMS, MAX_FILTER_VALUES
from govd.contract.text import visible

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def job(**changes: Any) -> JobSummary:
    fields: dict[str, Any] = {
        "id": "01890000-0000-7000-8000-00000000abcd",
        "agent": "release-bot",
        "state": JobState.HELD,
        "title": "Push release 1.4.0",
        "opened_at": NOW - timedelta(minutes=10),
        "held_until": NOW + timedelta(hours=1),
        "risk": 60,
        "intents": 2,
        "held": 1,
        "sums": {},
        "assurance": "enforced",
        "quorum": 1,
        "approvals": 0,
        "origin": "channel:telegram",
        "effect": "irreversible",
        "kinds": ["process_exec"],
    }
    return JobSummary(**(fields | changes))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "agent:release-bot",
        "agent:release-*",
        "agent:mail-bot,release-b?t",
        "AGENT:Release-Bot",
        "-agent:mail-*",
        "state:held",
        "risk:60",
        "risk=60",
        "risk>59 risk<61",
        "risk>=60 risk<=60",
        "left<=1h",
        "left>59m59s",
        "-left<1h",
        "age>=10m age<11m",
        "effect:irreversible",
        "kind:process_exec,evm_transaction",
        "origin:channel:*",
        "assurance:enforced",
        "id:0189",
        "id:abcd",
        "release",
        "RELEASE 1.4",
        '"push release"',
        "title:push",
        '-"tea leaves"',
    ],
)
def test_a_filter_that_fits(text: str):
    assert parse(text).matches(job(), NOW)


@pytest.mark.parametrize(
    "text",
    [
        "agent:release",
        "-agent:release-*",
        "state:processing",
        "risk>60",
        "left<1h",
        "age>10m",
        "effect:write",
        "kind:tool_call",
        "origin:user",
        "assurance:advisory",
        "id:0000",
        '"release push"',
        "push -release",
    ],
)
def test_a_filter_that_does_not_fit(text: str):
    assert not parse(text).matches(job(), NOW)


def test_a_job_that_nothing_is_held_of_has_no_time_left():
    settled = job(held_until=None, effect=None, kinds=[])
    for text in ("left<1h", "left>1h", "effect:read", "kind:tool_call"):
        assert not parse(text).matches(settled, NOW)
        assert parse(f"-{text}").matches(settled, NOW)


def test_words_are_looked_for_as_the_title_is_shown_and_without_regard_to_case():
    assert parse("straße").matches(job(title="STRASSE"), NOW)
    assert parse(r'"a\\u202eb"').matches(job(title="a\u202eb"), NOW)
    assert not parse("ab").matches(job(title="a\u202eb"), NOW)


@pytest.mark.parametrize(
    ("text", "column", "hint"),
    [
        ("agnt:bot", 1, "agent:"),
        ("risk>5 https://x", 8, '"https://x"'),
        ("state:hold", 7, "held"),
        ("risk>high", 6, "risk>60"),
        ("risk>", 6, "value"),
        ("left:1h", 1, "left<1h"),
        ("left<1x", 6, "left<1h"),
        ("agent>bot", 1, "agent:release-*"),
        ("agent:Ünïcode", 7, "agent:release-*"),
        ("agent:\x00", 7, "agent:release-*"),
        ('a "b c', 3, "closing"),
        ('"a"b', 4, "space"),
        ('a ""', 3, "word"),
        ("a -", 3, "word"),
        ("x" * (MAX_FILTER + 1), MAX_FILTER + 1, "leave"),
        (" ".join("a" * (MAX_FILTER_TERMS + 1)), 2 * MAX_FILTER_TERMS + 1, "leave"),
        ("agent:" + ",".join("a" * (MAX_FILTER_VALUES + 1)), 7, "leave"),
    ],
)
def test_what_is_no_filter_says_where_and_what_would_be_one(text: str, column: int, hint: str):
    with pytest.raises(InvalidRequestError) as refused:
        parse(text)
    assert refused.value.extra["column"] == column
    assert refused.value.pointer == "/filter"
    assert hint in str(refused.value.hint)


def test_every_field_has_an_example_that_parses_to_it():
    for field in FIELDS.values():
        assert [term.field for term in parse(field.example).terms] == [field.name]


def test_every_completion_begins_something_that_parses():
    endings = {"glob": "a", "id": "0", "number": "1", "span": "1h", "choice": ""}
    for found in COMPLETIONS:
        name = found.text.split(":")[0].split("<")[0].split(">")[0]
        assert parse(found.text + endings[FIELDS[name].sort])


def test_the_last_term_alone_is_completed_with_what_is_known():
    assert [found.text for found in complete("risk>5 sta")][:2] == ["state:submitted", "state:acknowledged"]
    assert "-agent:mail-bot" in [found.text for found in complete("-ag", ["mail-bot"])]
    assert len(complete("risk>5 ")) == len(COMPLETIONS)
    assert complete("state:held") == []


# -- generated -----------------------------------------------------------------------------------------

NAMES = st.text("abc019._-*?", min_size=1, max_size=8)
SPANS = st.lists(st.tuples(st.integers(0, 999_999), st.sampled_from("smhd")), min_size=1, max_size=4).map(
    lambda parts: "".join(f"{count}{unit}" for count, unit in parts)
)


def written(name: str) -> st.SearchStrategy[str]:
    """A term of one field as somebody may write it."""
    field = FIELDS[name]
    several = st.lists
    match field.sort:
        case "glob":
            values = several(NAMES, min_size=1, max_size=3).map(",".join).map(lambda text: f"{name}:{text}")
        case "choice":
            chosen = several(st.sampled_from(field.values), min_size=1, max_size=3)
            values = chosen.map(lambda found: f"{name}={','.join(found)}")
        case "id":
            values = st.text("0189abcdef-", min_size=1, max_size=12).map(lambda text: f"id:{text}")
        case "number":
            values = st.builds(
                lambda sign, number: f"{name}{sign}{number}",
                st.sampled_from([":", "=", "<", "<=", ">", ">="]),
                st.integers(0, 120),
            )
        case "span":
            values = st.builds(
                lambda sign, span: f"{name}{sign}{span}", st.sampled_from(["<", "<=", ">", ">="]), SPANS
            )
        case _:
            words = st.text(min_size=1, max_size=12)
            values = words.map(lambda text: '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"')
    return st.builds("{}{}".format, st.sampled_from(["", "-"]), values)


FILTERS = st.lists(st.sampled_from(sorted(FIELDS)).flatmap(written), max_size=6).map(" ".join)


@given(FILTERS)
def test_what_was_parsed_prints_itself_as_text_that_parses_to_the_same(text: str):
    if len(text) > MAX_FILTER:
        return
    found = parse(text)
    printed = str(found)
    assert parse(printed) == found
    assert str(parse(printed)) == printed
    assert len(printed) <= len(text)


def refusal(text: str) -> InvalidRequestError | None:
    try:
        parse(text)
    except InvalidRequestError as error:
        return error
    return None


@given(st.one_of(st.text(max_size=60), st.text('agentriskleft:<>="\\- 1h*,', max_size=40)))
def test_any_text_is_a_filter_or_an_error_with_a_place_in_it(text: str):
    found = refusal(text) or parse(text)
    if isinstance(found, InvalidRequestError):
        assert 1 <= int(str(found.extra["column"])) <= len(text) + 1
        assert found.hint
    else:
        assert parse(str(found)) == found
        assert isinstance(found.matches(job(), NOW), bool)


@given(FILTERS)
def test_a_term_and_its_negation_never_agree(text: str):
    for term in parse(text[:MAX_FILTER] if len(text) <= MAX_FILTER else "").terms:
        other = Term(term.field, term.op, term.values, not term.negated)
        assert term.matches(job(), NOW) is not other.matches(job(), NOW)


def test_terms_are_joined_by_and():
    terms = [parse(text).terms[0] for text in ("risk>50", "agent:mail-bot", "release")]
    for one, two in itertools.permutations(terms, 2):
        assert Filter((one, two)).matches(job(), NOW) is (one.matches(job(), NOW) and two.matches(job(), NOW))


@pytest.mark.threat("T17")
def test_an_error_of_a_filter_says_nothing_that_a_terminal_obeys():
    """A filter that carries an escape sequence comes back in the words of its error."""
    for text in ("state:\x1b]0;x\x07", "agnt:\x1b[2J", "foo:\u202e", "risk>\x9b"):
        error = refusal(text)
        assert error is not None
        assert visible(error.detail) == error.detail
        assert visible(str(error.hint)) == error.hint
