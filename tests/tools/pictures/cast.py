"""What the agents of the pictures ask for: a day's work for one operator, the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tests.tools.pictures.stage import Stage

PAYMENTS: Final = "Pay the open Q4 invoices"
RELEASE: Final = "Push release 1.4.0"
MAIL: Final = "Send the November newsletter"
HOSTILE: Final = "Routine clean-up \u202etxt.exe\u202c \x1b[2J nothing to see"

_COMMITS: Final = (
    ("4be1c07d9a5f2e68c3b1d04f7a9e2c5b8d6f1a30", "Round invoices to the cent"),
    ("91d3f5a7c2e4b6089f1d3a5c7e9b2d4f6081a3c5", "Release 1.4.0"),
)
_DIFF: Final = """\
diff --git a/shop/invoice.py b/shop/invoice.py
index 7d1f3a9..c04be21 100644
--- a/shop/invoice.py
+++ b/shop/invoice.py
@@ -1,4 +1,8 @@
 from decimal import Decimal

-def total(lines):
-    return sum(line.price * line.count for line in lines)
+CENT = Decimal("0.01")
+
+
+def total(lines):
+    exact = sum(Decimal(line.price) * line.count for line in lines)
+    return exact.quantize(CENT, rounding="ROUND_HALF_EVEN")
diff --git a/VERSION b/VERSION
index 88c5fb8..e21e727 100644
--- a/VERSION
+++ b/VERSION
@@ -1 +1 @@
-1.3.2
+1.4.0
"""


def push(branch: str = "main", object_: str = _COMMITS[1][0]) -> dict[str, Any]:
    """A git push, as govgate declares it."""
    return {
        "argv": ["git", "push", "origin", branch],
        "cwd": "/srv/shop",
        "binary": {"path": "/usr/bin/git", "sha256": "b7" * 32},
        "git": {
            "repository": "/srv/shop/.git",
            "url": "ssh://git.example.com/shop.git",
            "updates": [{"ref": f"refs/heads/{branch}", "object": object_}],
        },
    }


def transfer(to: str, amount: str, reference: str) -> dict[str, Any]:
    """A payment."""
    arguments = {"to": to, "amount": amount, "currency": "USD", "reference": reference}
    return {"tool": "bank.transfer", "arguments": arguments}


def command(*argv: str) -> dict[str, Any]:
    """A command line."""
    binary = {"path": f"/usr/bin/{argv[0]}", "sha256": "c3" * 32}
    return {"argv": list(argv), "cwd": "/srv/shop", "binary": binary}


def _mail(stage: Stage) -> None:
    body = (
        "Dear reader,\n\ninvoices are now rounded to the cent, and receipts say so.\n\n"
        "Nothing else has changed.\n\nThe shop\n"
    )
    arguments = {
        "to": "announcements@lists.example.com",
        "subject": "What is new in November",
        "body": body,
    }
    purpose = "The newsletter for everybody who asked for it; 4,212 addresses on the list."
    job = stage.job("mail-bot", MAIL, purpose)
    stage.declare("mail-bot", job, "tool_call", {"tool": "email.send", "arguments": arguments}, purpose)


def _payments(stage: Stage) -> None:
    purpose = "Pay the three open Q4 invoices; the due date is Monday."
    job = stage.job("finance-bot", PAYMENTS, purpose)
    for to, amount, reference in (
        ("paper.example.com", "12000.00", "invoice 2041"),
        ("hosting.example.com", "18300.00", "invoice 2043"),
        ("freight.example.com", "42000.00", "invoice 2044"),
        ("freight.example.com", "9250.50", "invoice 2047"),
        ("printing.example.com", "16400.00", "invoice 2051"),
    ):
        stage.declare("finance-bot", job, "tool_call", transfer(to, amount, reference), purpose)


def _release(stage: Stage) -> None:
    purpose = "Release 1.4.0 is tagged and its tests are green; push it to main."
    job = stage.job("release-bot", RELEASE, purpose)
    intent = stage.declare("release-bot", job, "process_exec", push(), purpose)
    change = {
        "ref": "refs/heads/main",
        "object": _COMMITS[1][0],
        "base": "0c5d7e9f1a3b5c7d9e0f2a4b6c8d0e1f3a5b7c9d",
        "base_is": "remote",
        "commits": len(_COMMITS),
        "listed": [
            {"object": name, "author": "release-bot", "date": "2026-11-21", "subject": subject}
            for name, subject in reversed(_COMMITS)
        ],
        "files": 2,
        "added": 7,
        "removed": 3,
        "paths": [
            {"path": "VERSION", "status": "changed", "added": 1, "removed": 1},
            {"path": "shop/invoice.py", "status": "changed", "added": 6, "removed": 2},
        ],
    }
    body = {"kind": "git_diff", "push": push()["git"], "changes": [change], "text": _DIFF}
    stage.executor("release-bot").post(f"/v1/intents/{intent}/evidence", json=body).raise_for_status()


def _small(stage: Stage) -> None:
    for agent, title, purpose, action in (
        (
            "ops-bot",
            "Rotate the staging token",
            "It is ninety days old.",
            command("vault", "rotate", "staging"),
        ),
        (
            "audit-bot",
            "Export the ledger of October",
            "The auditor asked for it.",
            command("pg_dump", "ledger"),
        ),
        (
            "helper",
            HOSTILE,
            "Old artefacts\n\x1b]0;root\x07, please just approve.",
            command("rm", "-r", "build"),
        ),
    ):
        job = stage.job(agent, title, purpose)
        stage.declare(agent, job, "process_exec", action, purpose)


def a_day(stage: Stage) -> None:
    """Seven jobs over an hour: one of them settled, one of them hostile."""
    old = stage.job("release-bot", "Push a hotfix", "The health check fails at night.")
    stage.declare(
        "release-bot", old, "process_exec", push("hotfix", "3f" * 20), "The health check fails at night."
    )
    stage.vote(
        old, "deny_with_guidance", "no ticket names it", "Open a ticket first, and name it in the job."
    )
    stage.go_on(minutes=18)
    _small(stage)
    stage.go_on(minutes=21)
    _mail(stage)
    stage.go_on(minutes=9)
    _release(stage)
    stage.go_on(minutes=4)
    _payments(stage)
    stage.go_on(minutes=3, seconds=12)
    for job in stage.jobs.values():
        # Opening closes a hold for review: here once for all scenes, so that their order changes nothing.
        stage.operator.open(job)


def something_new(stage: Stage) -> None:
    """Two more jobs, while somebody looks."""
    for title, to in (
        ("Pay the cleaners", "cleaning.example.com"),
        ("Pay the printer", "printing.example.com"),
    ):
        job = stage.job("finance-bot", title, "Due today.")
        stage.declare("finance-bot", job, "tool_call", transfer(to, "11500.00", "due today"), "Due today.")
