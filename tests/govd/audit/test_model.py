"""What an entry takes: codes, counts, ids and hashes. Free text has no way into the log."""

from __future__ import annotations

import json
import string
from enum import StrEnum

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from govd.audit.model import GENESIS, Entry, Known, log_name
from govd.audit.rules import FIELDS, parse, render
from govd.contract.decisions import Outcome

ID = "01a1fc4e-e1e3-7305-8282-dd81c0759d05"
HASH = "ab" * 32
TEXT_FIELDS = ["actor", "agent", "source_event_id", "capability", "routing", "target_model", "packager_rules"]
LIST_FIELDS = ["context_requested", "context_released", "redactions"]
OUTCOMES = {"APPROVED", "PENDING", "DENIED"}  # of a closed set, and taken in details
free_text = st.text(min_size=1).filter(
    lambda text: not set(text) <= set(string.ascii_lowercase + string.digits + "-_.:/")
)


def line_of(entry: Entry) -> bytes:
    return render(entry, seq=1, event_id=ID, time="2026-11-21T09:00:00.000000Z", prev_hash=GENESIS)


def full_entry() -> Entry:
    return Entry(
        type="intent.decided",
        actor="agent:release-bot",
        agent="release-bot",
        job_id=ID,
        parent_job_id=ID,
        intent_id=ID,
        source_event_id=ID,
        capability=Known("Read/File"),
        level=2,
        decision=Outcome.PENDING,
        routing="executor:git",
        policy_sha256=HASH,
        context_requested=("name",),
        context_released=("date",),
        redactions=("credential",),
        target_model="keyed:h0123",
        packager_rules=HASH,
        payload_commitment=HASH,
        details={"risk": 3, "held": True, "none": None, "found": [{"code": "no-rule", "outcome": "PENDING"}]},
    )


def test_a_line_has_every_field_in_order_and_null_where_there_is_nothing():
    value = json.loads(line_of(Entry(type="log.tested")))

    assert tuple(value) == FIELDS
    assert [name for name in FIELDS if value[name] is None] == [
        "source_event_id",
        "actor",
        "agent",
        "job_id",
        "parent_job_id",
        "intent_id",
        "capability",
        "level",
        "decision",
        "routing",
        "policy_sha256",
        "target_model",
        "packager_rules",
        "payload_commitment",
    ]


def test_a_full_entry_comes_back_as_it_was():
    entry = full_entry()
    line = line_of(entry)
    value = json.loads(line)

    for name in FIELDS[5:-1]:
        if name in {"seq", "event_id", "time", "prev_hash", "schema"}:
            continue
        kept = getattr(entry, name)
        assert value[name] == (list(kept) if isinstance(kept, tuple) else kept)
    found = parse(line)
    assert found is not None
    assert (found.seq, found.agent, found.job, found.intent) == (1, "release-bot", ID, ID)


@pytest.mark.threat("T16")
@given(text=free_text, field=st.sampled_from(TEXT_FIELDS))
def test_no_field_takes_free_text(text: str, field: str):
    """What an agent wrote reaches no field of the log, and is not quoted by the refusal either."""
    with pytest.raises(ValueError, match="audit entry") as refused:
        Entry(type="test.happened", **{field: text})
    if len(text) > 12:
        assert text not in str(refused.value)


@given(text=free_text, field=st.sampled_from(LIST_FIELDS))
def test_no_list_takes_free_text(text: str, field: str):
    with pytest.raises(ValueError, match="audit entry"):
        Entry(type="test.happened", **{field: (text,)})


@pytest.mark.threat("T16")
@given(text=free_text, depth=st.integers(0, 3))
def test_no_detail_takes_free_text_however_deep(text: str, depth: int):
    """Details hold codes, counts, ids and hashes; text is refused at every depth and as a key."""
    assume(text not in OUTCOMES)
    value: object = text
    for level in range(depth):
        value = [value] if level % 2 else {"inner": value}
    with pytest.raises(ValueError, match="audit entry"):
        Entry(type="test.happened", details={"value": value})
    with pytest.raises(ValueError, match="audit entry"):
        Entry(type="test.happened", details={text: 1})


@pytest.mark.threat("T16")
@pytest.mark.parametrize("key", ["intent_sha256", "payload", "arguments_sha256", "code"])
def test_a_hash_is_taken_only_where_its_key_says_that_it_is_salted(key: str):
    """A plain hash of something short could be guessed from the log: it has no place there."""
    with pytest.raises(ValueError, match="salted"):
        Entry(type="test.happened", details={key: HASH})
    Entry(type="test.happened", details={"reason_commitment": HASH, "policy_sha256": HASH})


@pytest.mark.parametrize("value", [1.5, b"bytes", {1, 2}, object(), 2**63, float("nan"), {"a": {1: 2}}])
def test_values_of_other_kinds_are_refused(value: object):
    with pytest.raises(ValueError, match="audit entry"):
        Entry(type="test.happened", details={"value": value})


@pytest.mark.parametrize(
    "value",
    [
        "no-rule",
        "exec.git.push",
        "channel:telegram",
        "2026-11-21",
        "executor:git-1",
        "2-rules",
        ID,
        "2026-11-21T09:00:00Z",
        "ab" * 16,
        "ab" * 20,
        "ab" * 64,
        "DENIED",
        Known("*.Example.com"),
        0,
        -(2**63),
        True,
        None,
        [],
        {},
    ],
)
def test_codes_counts_ids_and_known_names_are_taken(value: object):
    line = line_of(Entry(type="test.happened", details={"value": value}))

    assert json.loads(line)["details"]["value"] == value


def test_too_much_is_refused():
    deep: object = 1
    for _ in range(6):
        deep = [deep]
    with pytest.raises(ValueError, match="too much"):
        Entry(type="test.happened", details={"deep": deep})
    with pytest.raises(ValueError, match="too much"):
        Entry(type="test.happened", details={"long": [0] * 5000})
    with pytest.raises(ValueError, match="at most"):
        line_of(Entry(type="test.happened", details={"long": ["a" * 96] * 1500}))


@pytest.mark.parametrize(
    "type_", ["", "decided", "Intent.decided", "intent.", "intent decided", "a." + "b" * 80]
)
def test_a_type_is_a_noun_and_a_verb(type_: str):
    with pytest.raises(ValueError, match="type"):
        Entry(type=type_)


def test_members_of_an_enumeration_are_codes():
    class Reason(StrEnum):
        MUCH = "much"

    line = line_of(Entry(type="test.happened", capability=Reason.MUCH, details={"reason": Reason.MUCH}))

    assert json.loads(line)["capability"] == json.loads(line)["details"]["reason"] == "much"


@given(text=st.text(alphabet='"\\ \n\x1b\u202e\ud800', min_size=1))
def test_a_known_name_cannot_break_the_line(text: str):
    with pytest.raises(ValueError, match="audit entry"):
        Entry(type="test.happened", capability=Known(text))
    assert Known.of(text) == "other"


@given(name=st.text())
def test_a_name_of_an_agents_choice_appears_only_when_a_registry_knows_it(name: str):
    key = b"k" * 32

    shown = log_name(name, {"Read"}, key)

    assert Entry(type="test.happened", capability=shown).capability == shown
    assert (shown == name) == (name == "Read")
    assert log_name(name, {"Read"}, key) == shown
    assert name == "Read" or log_name(name, {"Read"}, b"another") != shown
