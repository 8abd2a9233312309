"""What the policies that come with the program decide: a newcomer relies on them before he reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from govd.contract.decisions import Outcome
from govd.policy import places
from govd.policy.loading import load
from govd.policy.model import Facts
from govd.policy.rules import bookings, evaluate
from tests.govd.policy.builders import command, declared, process, push_to, request, tool

if TYPE_CHECKING:
    from govd.intents.model import Declared

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 27, 10, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 22, 10, tzinfo=UTC)
SOURCES = {"default": places.default(), **{name: places.preset(name) for name in places.presets()}}


def paying(name: str, amount: str) -> Declared:
    return tool(name, {"amount": amount, "currency": "USD"})


def pushing(ref: str) -> Declared:
    url = "https://git.example.com/r.git"
    return declared("process_exec", process("git", "push", git=push_to(url, ref)))


A, H, D = Outcome.APPROVED, Outcome.PENDING, Outcome.DENIED


@pytest.mark.parametrize(
    ("name", "intent", "now", "expected"),
    [
        ("default", command("git", "status"), MONDAY, A),
        ("default", command("git", "push"), MONDAY, H),
        ("default", pushing("refs/heads/main"), MONDAY, H),
        ("default", command("sudo", "ls"), MONDAY, D),
        ("default", command("sh", "-c", "sudo ls"), MONDAY, D),
        ("default", command("rm", "-rf", "/"), MONDAY, H),
        ("default", tool("fs.delete_tree"), MONDAY, D),
        ("default", tool("never.heard.of"), MONDAY, H),
        ("default", tool("deploy"), MONDAY, A),
        ("default", tool("deploy"), FRIDAY, D),
        ("default", paying("bank.transfer", "49999.99"), MONDAY, A),
        ("default", paying("bank.transfer", "50000.01"), MONDAY, H),
        ("default", paying("bank.transfer", "much"), MONDAY, H),
        ("default", request("http://169.254.169.254/latest"), MONDAY, D),
        ("default", request("https://elsewhere.test/"), MONDAY, H),
        ("strict", tool("fs.read_file"), MONDAY, A),
        ("strict", tool("fs.write_file"), MONDAY, H),
        ("strict", tool("never.heard.of"), MONDAY, D),
        ("strict", command("git", "status"), MONDAY, A),
        ("strict", declared("process_exec", process("git", "status"), origin_verified=False), MONDAY, H),
        ("strict", command("curl", "https://example.com"), MONDAY, D),
        ("strict", pushing("refs/heads/main"), MONDAY, D),  # no host is allowed before somebody names one
        ("strict", pushing("refs/tags/v1"), MONDAY, D),
        ("strict", request("https://example.com/"), MONDAY, D),
        ("treasury", tool("bank.balance"), MONDAY, A),
        ("treasury", paying("bank.transfer", "10000"), MONDAY, A),
        ("treasury", paying("bank.transfer", "10000.01"), MONDAY, H),
        ("treasury", paying("bank.transfer", "100"), SUNDAY, H),
        ("treasury", paying("invoice.pay", "250000.01"), MONDAY, D),
        ("treasury", tool("bank.transfer", {"amount": "5", "currency": "EUR"}), MONDAY, H),
        ("treasury", tool("bank.payout", {"total": {"value": "5", "currency": "USD"}}), MONDAY, H),
        ("treasury", tool("bank.add_signatory"), MONDAY, D),
        ("treasury", tool("shell.run"), MONDAY, H),
    ],
)
def test_what_comes_with_the_program_decides_as_its_comments_say(
    name: str, intent: Declared, now: datetime, expected: Outcome
) -> None:
    found = evaluate(intent, load(SOURCES[name]), Facts(now=now))

    assert found.outcome is expected, [finding.message for finding in found.findings]


def test_every_one_of_them_holds_what_passes_its_daily_limits() -> None:
    for name, (intent, limit) in {
        "default": (paying("bank.transfer", "1"), "transfers-daily"),
        "strict": (tool("fs.read_file"), "everything-daily"),
        "treasury": (paying("bank.transfer", "1"), "house-daily"),
    }.items():
        policy = load(SOURCES[name])
        booked = {item.cap: item for item in bookings(intent, policy, MONDAY)}[limit]
        facts = Facts(now=MONDAY, totals={booked[:3]: booked.limit})

        assert evaluate(intent, policy, Facts(now=MONDAY)).outcome is A, name
        assert evaluate(intent, policy, facts).outcome is H, name
