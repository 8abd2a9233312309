"""What a crowd of agents asks for, made from a seed: jobs of many kinds that the demo's policy all holds.

Pure. Must never ask for anything that is approved by itself: nobody would do it.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SERVICES: Final = (
    "orders",
    "billing",
    "search",
    "stock",
    "delivery",
    "accounts",
    "reports",
    "prices",
    "mail",
)
_PLACES: Final = ("staging", "production", "eu-west", "us-east", "warehouse-2", "backup")
_FIRMS: Final = tuple(
    f"{trade}.example.com" for trade in ("paper", "hosting", "freight", "solar", "printing", "offices")
)
_WHY: Final = (
    "The runbook says so.",
    "A ticket asks for it.",
    "The nightly check failed twice.",
    "The release waits for it.",
    "Left over from last week.",
)


@dataclass(frozen=True)
class Ask:
    """One job: its title (none: the backend gives it one), and the bodies of its intents."""

    title: str | None
    purpose: str
    intents: list[dict[str, Any]] = field(default_factory=list)


def asks(seed: int, agent: str, count: int) -> Iterator[Ask]:
    """So many jobs of one agent, always the same for the same seed and agent."""
    chance = random.Random(f"{seed}:crowd:{agent}")  # noqa: S311 - made-up content, no secret
    for _ in range(count):
        yield chance.choices(_MAKERS, _SHARES)[0](chance)


def _command(chance: random.Random) -> Ask:
    service, place = chance.choice(_SERVICES), chance.choice(_PLACES)
    argv = chance.choice(
        (
            ["kubectl", "rollout", "restart", f"deploy/{service}", "-n", place],
            ["systemctl", "restart", f"{service}-{chance.randint(1, 40)}.service"],
            ["psql", "-d", service, "-f", f"/srv/migrations/{chance.randint(1, 999):04}.sql"],
            ["terraform", "apply", f"-target=module.{service}", f"{place}.plan"],
        )
    )
    binary = {"path": f"/usr/bin/{argv[0]}", "sha256": hashlib.sha256(argv[0].encode()).hexdigest()}
    return _one(chance, "process_exec", {"argv": argv, "cwd": "/srv", "binary": binary})


def _request(chance: random.Random) -> Ask:
    method, what = chance.choice((("POST", "cancel"), ("DELETE", "draft"), ("PUT", "address")))
    url = f"https://{chance.choice(_SERVICES)}.example.com/v1/orders/{chance.randint(10_000, 99_999)}/{what}"
    return _one(chance, "http_request", {"method": method, "url": url})


def _write(chance: random.Random) -> Ask:
    path = f"/srv/{chance.choice(_SERVICES)}/{chance.choice(_PLACES)}-{chance.randint(1, 99)}.toml"
    content = hashlib.sha256(path.encode()).hexdigest()
    return _one(chance, "file_write", {"path": path, "sha256": content, "size": chance.randint(40, 90_000)})


def _secret(chance: random.Random) -> Ask:
    return _one(chance, "secret_read", {"name": f"{chance.choice(_SERVICES)}/{chance.choice(_PLACES)}/token"})


def _payment(chance: random.Random) -> Ask:
    firm = chance.choice(_FIRMS)
    bodies = [
        _tool(
            "bank.transfer",
            to=firm,
            amount=f"{chance.randint(10_001, 90_000)}.00",
            currency="USD",
            reference=f"invoice {chance.randint(1000, 9999)}",
        )
        for _ in range(chance.randint(1, 3))
    ]
    return Ask(
        f"Pay {firm}, {len(bodies)} invoices" if len(bodies) > 1 else f"Pay {firm}", _why(chance), bodies
    )


def _mail(chance: random.Random) -> Ask:
    order = chance.randint(10_000, 99_999)
    body = _tool(
        "email.send",
        to=f"customer{chance.randint(1, 5000)}@example.com",
        subject=f"Your order {order}",
        body=f"Order {order} is late.\n",
    )
    return Ask(f"Write to a customer about order {order}", _why(chance), [body])


def _tool(tool: str, **arguments: str) -> dict[str, Any]:
    return {"kind": "tool_call", "action": {"tool": tool, "arguments": arguments}}


def _one(chance: random.Random, kind: str, action: dict[str, Any]) -> Ask:
    return Ask(None, _why(chance), [{"kind": kind, "action": action}])


def _why(chance: random.Random) -> str:
    return chance.choice(_WHY)


_MAKERS: Final[tuple[Callable[[random.Random], Ask], ...]] = (
    _command,
    _request,
    _write,
    _secret,
    _payment,
    _mail,
)
_SHARES: Final = (35, 20, 20, 10, 8, 7)
