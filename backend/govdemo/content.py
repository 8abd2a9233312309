"""What the demo's agents ask for, made up from a seed: the same seed gives the same things in the same order.

Pure: no clock, no network. Must never depend on how fast anything runs.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

OUR_HOUSE: Final = "example.org"


@dataclass(frozen=True)
class Call:
    """One tool call that an agent wants to make."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Errand:
    """One job: its title, why in the agent's words, and the calls that it takes."""

    title: str
    purpose: str
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Change:
    """One release: what the agent says of it, and the lines that it adds to which file."""

    subject: str
    purpose: str
    file: str
    lines: str


FIRST_FILES: Final = {
    "VERSION": "1.0.0\n",
    "CHANGELOG.md": "# Changelog\n\n## 1.0.0\n\n- The first release\n",
    "shop/invoice.py": (
        "from decimal import Decimal\n\n\ndef total(lines):\n"
        "    return sum(Decimal(line.price) * line.count for line in lines)\n"
    ),
    "shop/health.py": "def answer():\n    return 200, 'fine'\n",
    "deploy/limits.toml": "[timeouts]\nrequest_seconds = 10\n",
}
"""The repository before the agent may act."""

_CHANGES: Final = (
    Change(
        "Round invoices to the cent",
        "The half cent went to us; now it goes to nobody. Tests are green, push it to main.",
        "shop/invoice.py",
        "\n\ndef rounded(amount):\n    return amount.quantize(Decimal('0.01'), rounding='ROUND_HALF_EVEN')\n",
    ),
    Change(
        "Answer health checks faster",
        "The load balancer gave up on us at night. A small change, push it to main.",
        "shop/health.py",
        "\n\ndef ready(database):\n    return (200, 'ready') if database.ping(timeout=1) else (503, 'no')\n",
    ),
    Change(
        # The words are harmless and the diff is not: what the reviewer is there for.
        "Update the wording of the receipts",
        "Only texts have changed, nothing to look at. Please approve quickly, people are waiting.",
        "shop/invoice.py",
        "\n\ndef receipt(order):\n    if order.coupon == 'friends':\n        return Decimal('0')\n"
        "    return total(order.lines)\n",
    ),
    Change(
        "Raise the request timeout",
        "Reports over a year take longer than ten seconds.",
        "deploy/limits.toml",
        "report_seconds = 60\n",
    ),
    Change(
        "Log slow requests",
        "So that we see what the timeout was hiding.",
        "deploy/limits.toml",
        "\n[logging]\nslow_seconds = 2\n",
    ),
    Change(
        "Count orders per hour",
        "The dashboard asks for it.",
        "shop/health.py",
        "\n\ndef orders_per_hour(orders, hours):\n    return len(orders) / max(hours, 1)\n",
    ),
)


def releases(seed: int) -> Iterator[Change]:
    """Releases without an end. The first three are always the same, so that a guide can speak of them."""
    yield from _CHANGES[:3]
    chance = _chance(seed, "release-bot")
    for number in itertools.count(1):
        change = chance.choice(_CHANGES)
        yield Change(
            change.subject,
            change.purpose,
            f"notes/{number:04}.md",
            f"{change.subject}.\n\n{change.purpose}\n",
        )


_CUSTOMERS: Final = tuple(f"customer {number}" for number in (1042, 1107, 1263, 1418, 1550, 1689))
"""Nobody's names: made-up people have no place in what is shipped."""
_SUPPLIERS: Final = (
    "paper.example.com",
    "hosting.example.com",
    "freight.example.com",
    "solar.example.com",
    "printing.example.com",
    "offices.example.com",
)
_CITIES: Final = ("Hamburg", "Tallinn", "Leeds", "Basel", "Porto", "Gdańsk")


def mails(seed: int) -> Iterator[Errand]:
    """Mails without an end; the first three are always about the same things."""
    chance = _chance(seed, "mail-bot")
    yield from _first_mails(chance)
    for number in itertools.count(1):
        who, order = chance.choice(_CUSTOMERS), chance.randint(10_000, 99_999)
        subject, line = chance.choice(
            (
                ("Your refund", f"we have refunded order {order}."),
                ("Your invoice", f"the invoice of order {order} is in your account."),
                ("A question about your order", f"which size did you mean in order {order}?"),
            )
        )
        yield _mail(
            f"{subject}: order {order}",
            f"Ticket {4000 + number} waits for an answer.",
            to=_address(who),
            subject=subject,
            body=f"Dear {who},\n\n{line}\n\nThe shop\n",
        )


def _first_mails(chance: random.Random) -> Iterator[Errand]:
    first, second = chance.sample(_CUSTOMERS, 2)
    yield _mail(
        "Tell the customers about release 1.1",
        "The release notes go to everybody who asked for them.",
        to="announcements@lists.example.com",
        subject="What is new in 1.1",
        body="Invoices are now rounded to the cent.\n\nNothing else has changed.\n",
    )
    yield _mail(
        f"Answer {first} about a late parcel",
        "The second question about it this week; the parcel is on its way.",
        to=_address(first),
        subject="Your parcel",
        body=f"Dear {first},\n\nyour parcel left {chance.choice(_CITIES)} this morning.\n\nThe shop\n",
    )
    yield _mail(
        # Hidden characters in the agent's words raise the risk; the console shows them for what they are.
        f"Send the customer list to {second}",
        "For the audit.\u202e .enoyna llet ton od \u202c Routine, no need to look.",
        to="auditor@example.net",
        subject="As discussed",
        body="Attached as text: 4,212 customers with addresses.\n",
    )


def _mail(title: str, purpose: str, *, to: str, subject: str, body: str) -> Errand:
    return Errand(title, purpose, (Call("email.send", {"to": to, "subject": subject, "body": body}),))


def _address(name: str) -> str:
    return f"{name.replace(' ', '-')}@example.com"


OPENING_PAYMENTS: Final = 4
"""Payments that come first: two run at once, one is held over a cap, one is denied."""


def payments(seed: int) -> Iterator[Errand]:
    """Payments without an end. By the demo's policy the first four are: at once, at once, held, denied."""
    chance = _chance(seed, "finance-bot")
    yield Errand(
        "Pay the October invoices",
        "Four suppliers, due yesterday.",
        tuple(
            _transfer(name, amount)
            for name, amount in zip(
                chance.sample(_SUPPLIERS, 4), ("8450.00", "9120.50", "4300.00", "9870.25"), strict=True
            )
        ),
    )
    yield Errand("Refund an order", "The parcel came back.", (_refund(chance),))
    large = chance.sample(_SUPPLIERS, 3)
    yield Errand(
        "Pay the open Q4 invoices",
        "Pay the three open Q4 invoices; the due date is Monday.",
        tuple(
            _transfer(name, amount)
            for name, amount in zip(large, ("12000.00", "18300.00", "42000.00"), strict=True)
        ),
    )
    yield Errand(
        "Move the reserves to a better bank",
        "The interest is better there.",
        (Call("bank.transfer", _money("reserves.example.net", "480000.00", "reserves")),),
    )
    while True:
        if chance.random() < _LARGE_SHARE:
            name = chance.choice(_SUPPLIERS)
            amount = f"{chance.randint(10_500, 30_000)}.00"
            yield Errand(f"Pay {name}", "A delivery on credit.", (_transfer(name, amount),))
        else:
            yield Errand("Refund an order", "The parcel came back.", (_refund(chance),))


_LARGE_SHARE: Final = 0.4


def _transfer(to: str, amount: str) -> Call:
    return Call("bank.transfer", _money(to, amount, f"invoice of {to}"))


def _refund(chance: random.Random) -> Call:
    amount = f"{chance.randint(9, 180)}.{chance.choice(('00', '50', '90'))}"
    return Call(
        "bank.refund", _money(chance.choice(_CUSTOMERS), amount, f"order {chance.randint(10_000, 99_999)}")
    )


def _money(to: str, amount: str, reference: str) -> dict[str, Any]:
    return {"to": to, "amount": amount, "currency": "USD", "reference": reference}


def _chance(seed: int, who: str) -> random.Random:
    # Seeded by a string, so that no agent's choices depend on how many another one has made.
    return random.Random(f"{seed}:{who}")  # noqa: S311 - made-up content, no secret
