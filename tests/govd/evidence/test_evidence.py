"""Evidence about a held push: who may bring it, about what, how much, until when, and what is kept of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.canonical import commitment
from govd.contract.limits import (
    MAX_EVIDENCE_BYTES,
    MAX_EVIDENCE_COMMITS,
    MAX_EVIDENCE_PATHS,
    MAX_EVIDENCE_PER_AGENT,
)
from tests.support.operator import Refused
from tests.support.pushes import PUSH, evidence, missing, submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.govd_process import Client, GovdProcess


class Scene:
    """A held push, its agent, its executor, another executor and an operator."""

    def __init__(self, govd: GovdProcess) -> None:
        self.govd = govd
        self.agent, self.executor = govd.agent("bot"), govd.executor("runner", ["bot"])
        self.operator = govd.operator()
        self.held = self.declare()

    def declare(self) -> dict[str, Any]:
        found: dict[str, Any] = self.agent.http.post("/v1/intents", json=submission()).json()
        assert found["state"] == "held", found
        return found

    def bring(self, body: dict[str, Any], intent: str = "", by: Client | None = None) -> tuple[int, str]:
        """The status, and the code of the refusal."""
        path = f"/v1/intents/{intent or self.held['id']}/evidence"
        answer = (by or self.executor).http.post(path, json=body)
        return answer.status_code, answer.json().get("type", "").rpartition(":")[2]

    def shown(self) -> list[Any]:
        """What the job shows."""
        hold = self.operator.open(self.held["job"]).hold
        assert hold is not None
        return list(hold.intents[0].evidence)

    def text(self) -> str:
        return str(self.operator.get(f"/v1/intents/{self.held['id']}/evidence/git_diff")["text"])


@pytest.fixture
def scene(govd_at: Callable[..., GovdProcess]) -> Scene:
    return Scene(govd_at())


def entries(govd: GovdProcess, kind: str) -> list[dict[str, Any]]:
    files = sorted((govd.state / "audit").glob("*.jsonl"))
    lines = [line for path in files for line in path.read_text().splitlines()]
    return [entry for entry in map(json.loads, lines) if entry["type"] == kind]


def test_a_job_shows_what_was_gathered_and_the_text_is_asked_for_by_itself(scene: Scene):
    assert scene.bring(evidence("+one\n+two\n")) == (201, "")

    (found,) = scene.shown()

    assert (found.kind, found.size, found.gathered_by, found.missing) == ("git_diff", 10, "runner", "")
    assert found.changes[0].listed[0].subject == "say hello"
    assert not hasattr(found, "text")
    assert scene.text() == "+one\n+two\n"


def test_evidence_changes_neither_the_hash_nor_the_review_that_a_vote_is_about(scene: Scene):
    before = scene.operator.open(scene.held["job"])
    vote = scene.operator.sign(before, "approve", reason="seen")
    scene.bring(evidence())

    assert scene.operator.cast(vote).state.value == "processing"


def test_evidence_stays_with_the_intent_after_the_decision(scene: Scene):
    scene.bring(evidence())
    scene.operator.approve(scene.held["job"])

    (settled,) = scene.operator.open(scene.held["job"]).settled

    assert settled.evidence[0].kind == "git_diff"
    assert scene.text().startswith("diff --git")


@pytest.mark.threat("T2")
def test_only_an_executor_of_that_agent_brings_evidence(scene: Scene):
    """An agent shows its reviewer a diff of its own making, or has another agent's executor do so."""
    stranger = scene.govd.executor("stranger", ["other"])

    assert scene.bring(evidence(), by=scene.agent) == (403, "forbidden")
    assert scene.bring(evidence(), by=stranger) == (404, "not-found")
    assert scene.shown() == []


@pytest.mark.threat("T7")
def test_evidence_about_another_push_than_the_declared_one_is_refused(scene: Scene):
    """An executor is handed other objects than the intent names, and the reviewer would see those."""
    for change in (
        {"updates": [{"ref": "refs/heads/main", "object": "9" * 40}]},
        {"url": "file:///srv/git/other.git"},
    ):
        body = evidence() | {"push": PUSH | change}
        assert scene.bring(body) == (422, "invalid-request")
    other = scene.agent.http.post("/v1/intents", json={"kind": "secret_read", "action": {"name": "k"}}).json()
    assert scene.bring(evidence(), other["id"]) == (422, "invalid-request")
    assert scene.shown() == []


def test_evidence_is_taken_once(scene: Scene):
    scene.bring(evidence("+first\n"))

    assert scene.bring(evidence("+second\n")) == (409, "conflict")
    assert scene.bring(missing()) == (409, "conflict")
    assert scene.text() == "+first\n"


def test_what_could_not_be_gathered_says_why_and_gives_way_to_what_could(scene: Scene):
    assert scene.bring(missing("the objects are too many")) == (201, "")
    assert scene.shown()[0].missing == "the objects are too many"
    assert scene.bring(missing()) == (409, "conflict")

    assert scene.bring(evidence("+late\n")) == (201, "")

    assert scene.shown()[0].missing == ""
    assert scene.text() == "+late\n"


@pytest.mark.parametrize("end", ["approve", "deny", "cancel"])
def test_evidence_comes_too_late_once_somebody_has_decided(scene: Scene, end: str):
    if end == "cancel":
        scene.agent.http.post(f"/v1/intents/{scene.held['id']}/cancel", json={})
    else:
        getattr(scene.operator, end)(scene.held["job"])

    assert scene.bring(evidence()) == (409, "conflict")


@pytest.mark.threat("T18")
def test_evidence_is_bounded_in_each_part_and_for_each_agent(scene: Scene):
    """An executor that an agent misleads fills the database with diffs."""
    change = evidence()["changes"][0]
    path = {"path": "x", "status": "changed"}
    for body in (
        evidence("x" * (MAX_EVIDENCE_BYTES + 1)),
        evidence("é" * (MAX_EVIDENCE_BYTES // 2 + 1)),
        evidence(changes=[change | {"paths": [path] * (MAX_EVIDENCE_PATHS + 1)}]),
        evidence(changes=[change] * 33),
        evidence(changes=[]),
        evidence(missing="and yet"),
    ):
        assert scene.bring(body) == (422, "invalid-request")
    answer = scene.executor.http.post(
        f"/v1/intents/{scene.held['id']}/evidence", content=b" " * (2 * 1024 * 1024 + 1)
    )
    assert answer.status_code == 413
    assert scene.bring(evidence("\x1b" * MAX_EVIDENCE_BYTES)) == (201, "")

    # One less than fits without the heads, which count as well.
    for _ in range(MAX_EVIDENCE_PER_AGENT // MAX_EVIDENCE_BYTES - 2):
        assert scene.bring(evidence("x" * MAX_EVIDENCE_BYTES), scene.declare()["id"]) == (201, "")
    last = scene.declare()
    assert scene.bring(evidence("x" * MAX_EVIDENCE_BYTES), last["id"]) == (429, "quota")
    scene.operator.deny(scene.held["job"])
    assert scene.bring(evidence("x" * MAX_EVIDENCE_BYTES), last["id"]) == (201, "")


@pytest.mark.threat("T18")
def test_what_is_listed_beside_a_diff_counts_like_the_diff(scene: Scene):
    """An agent names its files with hundreds of control characters, each of which is kept as six bytes."""
    evil = "\x01" * 400
    path = {"path": evil, "before": evil, "status": "renamed"}
    commit = {"object": "1" * 40, "author": evil[:200], "date": evil[:40], "subject": evil[:200]}
    change = evidence()["changes"][0]
    fat = change | {"paths": [path] * MAX_EVIDENCE_PATHS, "listed": [commit] * MAX_EVIDENCE_COMMITS}
    body = evidence("x" * MAX_EVIDENCE_BYTES, changes=[fat])
    taken = 0
    while scene.bring(body, scene.declare()["id"]) == (201, ""):
        taken += 1

    with closing(sqlite3.connect(scene.govd.state / "govd.db")) as database:
        rows = database.execute("select length(head) + size from evidence").fetchall()
    assert len(rows) == taken
    assert sum(kept for (kept,) in rows) <= MAX_EVIDENCE_PER_AGENT
    assert MAX_EVIDENCE_PER_AGENT - sum(kept for (kept,) in rows) < rows[0][0]


@pytest.mark.threat("T16")
def test_the_log_and_the_tables_hold_nothing_of_evidence_in_the_clear(scene: Scene):
    """What is in a diff is read, or guessed from a plain hash, by whoever has the log or the database."""
    word = "canary-in-a-diff"
    body = evidence(f"+{word}\n")
    body["changes"][0]["listed"][0]["subject"] = word
    scene.bring(body)

    (entry,) = entries(scene.govd, "intent.evidence")

    assert entry["actor"] == "executor:runner"
    assert entry["intent_id"] == scene.held["id"]
    assert entry["details"] == {"kind": "git_diff", "bytes": 18, "truncated": False, "gathered": True}
    assert entry["payload_commitment"] != commitment(b"", f"+{word}\n".encode())
    for path in scene.govd.state.rglob("*"):
        if path.is_file():
            assert word.encode() not in path.read_bytes(), path.name
    with closing(sqlite3.connect(scene.govd.state / "govd.db")) as database:
        assert database.execute("select count(*) from evidence").fetchone() == (1,)


def test_evidence_that_is_not_there_is_not_found(scene: Scene):
    with pytest.raises(Refused) as refused:
        scene.text()
    assert refused.value.status == 404
