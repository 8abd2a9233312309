"""Latencies of the pure evaluation, without a service around it."""

from __future__ import annotations

import time

from govd.policy.rules import evaluate
from tests.performance.policy_100 import build_100_rules


def latencies_us(times: int = 3000) -> list[float]:
    """Latencies in µs of one decision under the policy of 100 rules."""
    policy, intent, facts = build_100_rules()
    for _ in range(times // 10):
        evaluate(intent, policy, facts)
    found = []
    for _ in range(times):
        started = time.perf_counter()
        evaluate(intent, policy, facts)
        found.append((time.perf_counter() - started) * 1e6)
    return found
