"""What clients were told, kept by the clients: the one thing that a killed backend may not contradict."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random


@dataclass(frozen=True)
class Wanted:
    """What a client asks for under an idempotency key, before it is sent."""

    agent: str
    tool: str
    amount: str | None
    job: str | None


@dataclass
class Journal:
    """Acknowledged facts, from many threads.

    Attributes:
        wanted: Every submission, by idempotency key.
        decided: The first answer to each.
        moved: (intent, state) as it was answered later on.
        votes: Verdict of each acknowledged vote, by its digest.
        redeemed: Positive answers to a redemption, by intent.
        attestations: The one that was spent, its hash and its executor, by intent.
        jobs: Opened jobs.
        wrong: What must not happen, in words.
    """

    wanted: dict[str, Wanted] = field(default_factory=dict)
    decided: dict[str, dict[str, Any]] = field(default_factory=dict)
    moved: list[tuple[str, str]] = field(default_factory=list)
    votes: dict[str, str] = field(default_factory=dict)
    redeemed: Counter[str] = field(default_factory=Counter)
    attestations: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def decide(self, key: str, view: dict[str, Any]) -> None:
        """An answer to a submission; a second one under the same key says the same."""
        with self.lock:
            first = self.decided.setdefault(key, view)
        if not same_decision(first, view, again=True):
            self.blame(f"key {key} was answered with {first} and then with {view}")

    def move(self, intent: str, state: str) -> None:
        """The intent was said to be in that state."""
        with self.lock:
            self.moved.append((intent, state))

    def redeem(self, intent: str, attestation: str, digest: str, executor: str) -> None:
        """A positive answer to a redemption."""
        with self.lock:
            self.redeemed[intent] += 1
            self.attestations[intent] = attestation, digest, executor
            self.moved.append((intent, "redeemed"))

    def spent(self, rng: random.Random) -> tuple[str, str, str] | None:
        """Some intent that was redeemed, with its attestation and hash."""
        with self.lock:
            if not self.attestations:
                return None
            intent = rng.choice(list(self.attestations))
            attestation, digest, _ = self.attestations[intent]
            return intent, attestation, digest

    def blame(self, what: str) -> None:
        """Note what must not happen."""
        with self.lock:
            self.wrong.append(what)


FIXED = ("id", "agent", "job", "kind", "intent_sha256", "decision", "origin", "decided_at", "supersedes")
"""What of a decision never changes while the policy does not."""


def same_decision(first: dict[str, Any], second: dict[str, Any], *, again: bool) -> bool:
    """Whether two answers are one decision; the state may have gone on.

    Args:
        first: The answer that came first.
        second: A later one.
        again: Whether the hold may have been decided again meanwhile, with the totals of then.
    """
    held = first["decision"]["outcome"] == "PENDING"
    return all(first[name] == second[name] for name in FIXED if not (again and held and name == "decision"))
