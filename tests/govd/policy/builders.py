"""Intents and policies for these tests, with everything that a test does not speak of filled in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.actions import GitPush, HttpRequest, PinnedFile, ProcessExec, RefUpdate, ToolCall
from govd.contract.errors import PolicyInvalidError
from govd.intents.model import Declared
from govd.policy.loading import load
from govd.policy.model import Facts
from govd.policy.rules import evaluate

if TYPE_CHECKING:
    from govd.contract.actions import Action
    from govd.contract.decisions import DecisionView
    from govd.contract.intents import Kind
    from govd.policy.model import CompiledPolicy

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DAY = "day:2026-11-21"
FACTS = Facts(now=NOW)
DIGEST = "0" * 64


def declared(kind: Kind, action: Action, **changed: Any) -> Declared:
    """An intent of `release-bot`."""
    values: dict[str, Any] = {
        "id": "01936f2e-0000-7000-8000-000000000001",
        "agent": "release-bot",
        "job": "01936f2e-0000-7000-8000-000000000002",
        "origin": "user",
        "intent_sha256": DIGEST,
        "origin_verified": True,
    }
    return Declared(kind=kind, action=action, **{**values, **changed})


def tool(
    name: str, arguments: dict[str, Any] | None = None, domains: list[str] | None = None, **changed: Any
) -> Declared:
    """A tool call."""
    call = ToolCall(tool=name, arguments=arguments or {}, domains=domains or [])
    return declared("tool_call", call, **changed)


def request(url: str, method: str = "GET") -> Declared:
    """An HTTP request."""
    return declared("http_request", HttpRequest(method=method, url=url))


def process(
    *argv: str,
    binary: str | None = None,
    env: tuple[str, ...] = (),
    scripts: tuple[str, ...] = (),
    git: GitPush | None = None,
) -> ProcessExec:
    """A command; its binary lies in /usr/bin unless said."""
    return ProcessExec(
        argv=list(argv),
        cwd="/work",
        env=dict.fromkeys(env, DIGEST),
        binary=PinnedFile(path=binary or f"/usr/bin/{argv[0].rpartition('/')[2]}", sha256=DIGEST),
        scripts=[PinnedFile(path=path, sha256=DIGEST) for path in scripts],
        git=git,
    )


def push_to(url: str, ref: str = "refs/heads/main") -> GitPush:
    """A push whose objects are pinned."""
    return GitPush(repository="/srv/repo", url=url, updates=[RefUpdate(ref=ref, object="a" * 40)])


def command(*argv: str, **changed: Any) -> Declared:
    """An intent that runs a command."""
    return declared("process_exec", process(*argv, **changed))


def document(**blocks: Any) -> dict[str, Any]:
    """A policy's blocks, over a registry of a few families."""
    return {"version": 1, "name": "test", "tools": ["bank.*", "fs.*", "exec.*", "deploy"], **blocks}


def policy(**blocks: Any) -> CompiledPolicy:
    """A policy from its blocks (JSON is YAML)."""
    return load(json.dumps(document(**blocks)).encode())


def decide(intent: Declared, facts: Facts = FACTS, **blocks: Any) -> DecisionView:
    """The decision under a policy of these blocks."""
    return evaluate(intent, policy(**blocks), facts)


def codes(decision: DecisionView) -> set[str]:
    """The reason codes of a decision."""
    return {finding.code for finding in decision.findings}


def problems_of(source: str | bytes) -> list[dict[str, Any]]:
    """What is wrong with a policy that must be refused."""
    with pytest.raises(PolicyInvalidError) as refused:
        load(source.encode() if isinstance(source, str) else source)
    found = refused.value.extra["problems"]
    assert isinstance(found, list)
    return found


def problem_of(source: str | bytes) -> dict[str, Any]:
    """The one thing that is wrong."""
    found = problems_of(source)
    assert len(found) == 1, found
    return found[0]
