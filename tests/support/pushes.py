"""A push as it is declared, and evidence about it as an executor would send it."""

from __future__ import annotations

from typing import Any

OBJECT = "1" * 40
PUSH = {
    "repository": "/srv/app/.git",
    "url": "file:///srv/git/app.git",
    "updates": [{"ref": "refs/heads/main", "object": OBJECT}],
}
ACTION = {
    "argv": ["git", "push", "origin", "main"],
    "cwd": "/srv/app",
    "binary": {"path": "/usr/bin/git", "sha256": "0" * 64},
    "git": PUSH,
}


def submission(**more: Any) -> dict[str, Any]:
    """A body of `POST /v1/intents` for that push."""
    return {"kind": "process_exec", "action": ACTION, **more}


def evidence(text: str = "diff --git a/x b/x\n+hello\n", **more: Any) -> dict[str, Any]:
    """A body of `POST /v1/intents/{intent}/evidence` about it."""
    change = {
        "ref": "refs/heads/main",
        "object": OBJECT,
        "base": "2" * 40,
        "base_is": "remote",
        "commits": 1,
        "listed": [{"object": OBJECT, "author": "bot", "date": "2026-11-21", "subject": "say hello"}],
        "files": 1,
        "added": 1,
        "paths": [{"path": "x", "status": "changed", "added": 1, "removed": 0}],
    }
    return {"kind": "git_diff", "push": PUSH, "changes": [change], "text": text, **more}


def missing(why: str = "the objects are too many") -> dict[str, Any]:
    """The body that says why there is none."""
    return {"kind": "git_diff", "push": PUSH, "missing": why}
