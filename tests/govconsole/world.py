"""Jobs for tests: made of the contract's own models, as a backend would send them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from uuid_utils import uuid7

from govd.contract.decisions import DecisionView, Finding, Gauge, Outcome, Reservation, Risk, RiskPart
from govd.contract.evidence import Evidence, EvidenceHead
from govd.contract.intents import IntentDetail, IntentState, intent_sha256
from govd.contract.jobs import HoldView, JobDetail, JobState

DIFF = """\
diff --git a/VERSION b/VERSION
index 1111111..2222222 100644
--- a/VERSION
+++ b/VERSION
@@ -1 +1 @@
-1.3.9
+1.4.0
diff --git a/run.sh b/run.sh
new file mode 100755
index 0000000..3333333
--- /dev/null
+++ b/run.sh
@@ -0,0 +1 @@
+#!/bin/sh
"""
POLICY = "3f9c2a" + "0" * 58
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def new_id() -> str:
    return str(uuid7())


def push_action(url: str = "file:///srv/git/app.git") -> dict[str, Any]:
    return {
        "argv": ["git", "push", "origin", "main"],
        "cwd": "/home/agent/app",
        "env": {"PATH": "a" * 64},
        "binary": {"path": "/usr/bin/git", "sha256": "b" * 64},
        "scripts": [],
        "git": {
            "repository": "/home/agent/app",
            "url": url,
            "updates": [{"ref": "refs/heads/main", "object": "0123456789abcdef0123456789abcdef01234567"}],
        },
    }


def evidence(text: str = DIFF, **more: Any) -> Evidence:
    """What an executor gathered about `push_action`."""
    change: dict[str, Any] = {
        "ref": "refs/heads/main",
        "object": "0123456789abcdef0123456789abcdef01234567",
        "base": "89abcdef0123456789abcdef0123456789abcdef",
        "base_is": "remote",
        "commits": 3,
        "listed": [
            {"object": "0" * 40, "author": "Ann", "date": "2026-11-20", "subject": "release 1.4.0"},
            {"object": "1" * 40, "author": "Ann", "date": "2026-11-19", "subject": "count from one"},
        ],
        "files": 3,
        "added": 2,
        "removed": 1,
        "paths": [
            {"path": "run.sh", "status": "added", "added": 1, "removed": 0, "what": "executable"},
            {"path": "VERSION", "status": "changed", "added": 1, "removed": 1},
        ],
    }
    raw = {
        "kind": "git_diff",
        "changes": [change],
        "size": len(text.encode()),
        "gathered_by": "runner",
        "gathered_at": NOW,
        "text": text,
    }
    return Evidence.model_validate(raw | more)


def head(found: Evidence) -> EvidenceHead:
    """The evidence as its job shows it."""
    return EvidenceHead.model_validate(found.model_dump(exclude={"text"}))


def mail_action(**more: Any) -> dict[str, Any]:
    arguments = {
        "to": ["ann@example.com", "bob@example.com"],
        "cc": "carl@example.com",
        "bcc": ["hidden@example.org"],
        "subject": "The October newsletter",
        "body": "Dear reader,\n\nthis is it.\n",
        "attachments": ["figures.pdf", {"filename": "logo.png", "bytes": 2048}],
    }
    return {"tool": "email.send", "arguments": arguments | more, "domains": ["smtp.example.com"]}


def gauge(used: str, adds: str, limit: str, cap: str = "treasury-daily") -> Gauge:
    return Gauge(
        cap=cap, subject="release-bot", window="day", metric="usd", used=used, limit=limit, adds=adds
    )


def held_decision(
    *, message: str = "git push is held for a person", crossing: Gauge | None = None
) -> DecisionView:
    finding = Finding(
        block="tool_calls", rule="exec.git.push", code="tool-held", outcome=Outcome.PENDING, message=message
    )
    findings, reservations = [finding], []
    if crossing is not None:
        findings.append(
            Finding(
                block="soft_limits",
                rule=crossing.cap,
                code="cap-crossed",
                outcome=Outcome.PENDING,
                message=f"{crossing.used} of {crossing.limit} used; this adds {crossing.adds}",
                gauge=crossing,
            )
        )
        reservations.append(
            Reservation(
                cap=crossing.cap,
                subject=crossing.subject,
                window=crossing.window,
                metric=crossing.metric,
                amount=crossing.adds,
                limit=crossing.limit,
            )
        )
    return DecisionView(
        outcome=Outcome.PENDING,
        findings=findings,
        risk=Risk(score=61, parts=[RiskPart(name="write", points=61)]),
        policy_sha256=POLICY,
        reservations=reservations,
    )


def intent(
    job: str,
    *,
    agent: str = "release-bot",
    kind: str = "process_exec",
    action: dict[str, Any] | None = None,
    purpose: str = "Ship it",
    decision: DecisionView | None = None,
    state: IntentState = IntentState.HELD,
) -> IntentDetail:
    raw: dict[str, Any] = {
        "id": new_id(),
        "agent": agent,
        "job": job,
        "kind": kind,
        "state": state,
        "intent_sha256": "0" * 64,
        "decision": decision or held_decision(),
        "origin": "user",
        "decided_at": NOW,
        "held_until": NOW + timedelta(hours=24),
        "action": action or push_action(),
        "inputs": [],
        "purpose": purpose,
    }
    made = IntentDetail.model_validate(raw)
    digest = intent_sha256(
        agent=agent, job=job, kind=made.kind, action=made.action, inputs=made.inputs, origin=made.origin
    )
    return made.model_copy(update={"intent_sha256": digest})


def job(
    title: str = "Push release 1.4.0",
    *,
    agent: str = "release-bot",
    risk: int = 61,
    purpose: str = "Release 1.4.0 is tagged; push it",
    intents: list[IntentDetail] | None = None,
    job_id: str | None = None,
    advisory: bool = False,
) -> JobDetail:
    name = job_id or new_id()
    held = intents if intents is not None else [intent(name, agent=agent)]
    expires = NOW + timedelta(hours=24)
    return JobDetail(
        id=name,
        agent=agent,
        state=JobState.HELD,
        title=title,
        opened_at=NOW,
        held_until=expires,
        risk=risk,
        intents=len(held),
        held=len(held),
        sums={},
        assurance="advisory" if advisory else "enforced",
        quorum=1,
        approvals=0,
        purpose=purpose,
        origin="user",
        hold=HoldView(
            id=new_id(),
            job=name,
            nonce=secrets.token_hex(16),
            opened_at=NOW,
            closed_at=NOW,
            expires_at=expires,
            quorum=1,
            policy_sha256=POLICY,
            intents=held,
        ),
        waiting_holds=0,
        settled=[],
        votes=[],
    )
