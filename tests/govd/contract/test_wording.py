"""What is wrong with a value is said in plain words, with the name of the place, and never with the value."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from govd.api.errors import invalid
from govd.contract.intents import Submission
from govd.contract.system import AgentSubmission

GOOD = {"kind": "tool_call", "action": {"tool": "search", "arguments": {}}}


@pytest.mark.parametrize(
    ("model", "body", "says", "pointer"),
    [
        (Submission, {}, "kind: is missing (and 1 more)", "/kind"),
        (Submission, GOOD | {"kind": "zzz"}, "kind: is to be 'model_call', 'tool_call'", "/kind"),
        (Submission, GOOD | {"bogus": 1}, "bogus: is not known here", "/bogus"),
        (Submission, GOOD | {"job": "deadbeef"}, "job: is to be a whole id", "/job"),
        (Submission, GOOD | {"origin": "X"}, "origin: is to be an origin: user", "/origin"),
        (Submission, GOOD | {"purpose": "x" * 100_000}, "purpose: has at most 2000 characters", "/purpose"),
        (Submission, GOOD | {"purpose": 1}, "purpose: is to be text", "/purpose"),
        (Submission, GOOD | {"inputs": {}}, "inputs: is to be a list", "/inputs"),
        (Submission, GOOD | {"inputs": ["x"]}, "inputs: is to be an object", "/inputs/0"),
        (
            Submission,
            GOOD | {"inputs": [{"path": "a", "sha256": "0" * 64}]},
            "path: is to be an absolute path",
            "/inputs/0/path",
        ),
        (Submission, GOOD | {"declared_capabilities": ["a", "a"]}, "a capability stands twice", None),
        (Submission, GOOD | {"action": {"tool": "a b"}}, "tool: is to be letters", "/action/tool"),
        (AgentSubmission, {"name": "A b"}, "name: is to be lower-case letters and digits", "/name"),
        (AgentSubmission, {"name": "a", "ttl_s": 5}, "ttl_s: is at least 60", "/ttl_s"),
        (AgentSubmission, {"name": "a", "ttl_s": 5.5}, "ttl_s: is to be a whole number", "/ttl_s"),
        (AgentSubmission, {"name": "a", "origins": ["user"] * 33}, "origins: has at most 32 items", None),
    ],
)
def test_a_value_that_cannot_be_is_told_in_plain_words(model, body, says, pointer):
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    found = invalid(caught.value)

    assert says in found.detail
    assert pointer in {None, found.pointer}


def test_a_kind_that_is_none_counts_nothing_that_other_kinds_lack():
    with pytest.raises(ValidationError) as caught:
        Submission.model_validate({"kind": "zzz", "action": {"kind": "zzz"}})

    assert "more)" not in invalid(caught.value).detail


@pytest.mark.threat("T17")
def test_no_value_that_was_sent_stands_in_the_sentence():
    """A refusal quotes a secret, or a terminal's own words, back into a log."""
    with pytest.raises(ValidationError) as caught:
        Submission.model_validate(GOOD | {"origin": "hunter2\x1b[2J", "job": "hunter2"})

    assert "hunter2" not in str(invalid(caught.value).problem())
