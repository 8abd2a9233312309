"""`govgate exec` hands the objects of a held push to its executor: real processes, and what goes wrong."""

from __future__ import annotations

from tests.govgate.fake_govd import EXECUTOR_TOKEN, new_id
from tests.govgate.test_executor import line, raw
from tests.govgate.test_push_evidence import git


def test_a_held_push_shows_itself_and_the_next_is_compared_with_it(processes, work, place):
    git(place, "init", "-q", "--bare", "remote.git")
    git(work, "init", "-q")
    git(work, "remote", "add", "origin", str(place / "remote.git"))
    git(work, "commit", "-q", "--allow-empty", "-m", "one")
    processes.executor()
    processes.govd.decision = "held"
    line = ["exec", "--wait", "0", "--", "git", "push", "origin", "main"]

    held = processes.gate(*line, cwd=work)

    assert held.code == 75, held.err
    (first,) = processes.govd.evidence.values()
    assert first.changes[0].base is None
    assert "the reviewer sees no diff" not in held.err
    processes.govd.decision = "approved"
    assert processes.gate(*line, cwd=work).code == 0
    processes.govd.decision = "held"
    (work / "a").write_text("1\n")
    git(work, "add", "a")
    git(work, "commit", "-q", "-m", "two")
    processes.gate(*line, cwd=work)
    second = list(processes.govd.evidence.values())[-1]
    assert [item.subject for item in second.changes[0].listed] == ["two"]
    assert second.changes[0].base_is == "remote"


def test_a_push_whose_executor_is_not_there_waits_all_the_same_and_says_what_is_missing(processes, work):
    git(work, "init", "-q")
    git(work, "commit", "-q", "--allow-empty", "-m", "one")
    processes.govd.decision = "held"

    held = processes.gate("exec", "--wait", "0", "--", "git", "push", "/nowhere.git", "main", cwd=work)

    assert held.code == 75
    assert "the reviewer sees no diff: no executor answers" in held.err


def test_in_place_a_held_push_is_looked_at_too(processes, work):
    git(work, "init", "-q")
    git(work, "commit", "-q", "--allow-empty", "-m", "one")
    token = processes.secret("local.token", EXECUTOR_TOKEN)
    processes.govd.decision = "held"
    line = [
        "exec",
        "--wait",
        "0",
        "--local-executor-token",
        token,
        "--",
        "git",
        "push",
        "/nowhere.git",
        "main",
    ]

    held = processes.gate(*line, cwd=work)

    assert held.code == 75, held.err
    (found,) = processes.govd.evidence.values()
    assert [item.subject for item in found.changes[0].listed] == ["one"]


def test_an_executor_that_gathers_nothing_says_so(processes, work):
    git(work, "init", "-q")
    git(work, "commit", "-q", "--allow-empty", "-m", "one")
    processes.executor("--no-evidence")
    processes.govd.decision = "held"

    held = processes.gate("exec", "--wait", "0", "--", "git", "push", "/nowhere.git", "main", cwd=work)

    assert held.code == 75
    assert "the reviewer sees no diff: this executor gathers no evidence" in held.err
    assert processes.govd.evidence == {}


def test_evidence_about_no_intent_is_refused(processes):
    processes.executor()
    push = {"repository": "/r", "url": "/r", "updates": [{"ref": "refs/heads/m", "object": "1" * 40}]}
    said = raw(processes.sockets / "bot.sock", line({"evidence": new_id(), "git": push}), [0])

    assert said["refused"]["type"].endswith("not-found")
