"""Why a job is held: each finding once, with the figures behind it, and the caps as gauges.

Must never show a cap without the figures that its bar is drawn from.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from govconsole.client.amounts import amount, gauge_bar
from govconsole.client.document import Document, Role, Span, line
from govconsole.client.review import crossings
from govd.contract.decisions import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.contract.decisions import Finding, Gauge
    from govd.contract.intents import IntentDetail

_MOST: Final = 300


def reasons(held: Sequence[IntentDetail]) -> Document:
    """Each finding that held or denies, once, with the number of the action; then the caps together."""
    found: Document = []
    for finding, numbers in _distinct(held):
        which = "" if len(held) == 1 else f"  ({', '.join(map(str, numbers))})"
        role: Role = "bad" if finding.outcome is Outcome.DENIED else "warn"
        found.append(
            line(Span(f"{finding.rule}  ", role), _words(finding), Span(which, "dim"), indent=3, hang=2)
        )
        evidence = [f"{name}: {text}" for name, text in sorted(finding.evidence.items())]
        found += [line(Span(text[:_MOST], "dim"), indent=5, hang=2) for text in evidence]
        if finding.gauge is not None and len(held) == 1:
            gauge = finding.gauge
            found += gauge_lines(gauge, Decimal(gauge.adds), named=gauge.cap != finding.rule)
    if len(held) > 1:
        for gauge, added in crossings(held).values():
            found += gauge_lines(gauge, added)
    return found or [line(Span("no finding is given", "warn"), indent=3)]


def _words(finding: Finding) -> str:
    """What it says, without the rule that stands before it."""
    return finding.message.removeprefix(f"{finding.rule}: ")


def _distinct(held: Sequence[IntentDetail]) -> list[tuple[Finding, list[int]]]:
    """The findings that do not approve, once each, with the numbers of the actions that they are about."""
    seen: dict[tuple[str, str, str], tuple[Finding, list[int]]] = {}
    for number, intent in enumerate(held, 1):
        for finding in intent.decision.findings:
            if finding.outcome is not Outcome.APPROVED:
                key = (finding.rule, finding.code, finding.message)
                seen.setdefault(key, (finding, []))[1].append(number)
    return list(seen.values())


def gauge_lines(gauge: Gauge, added: Decimal, *, named: bool = True) -> Document:
    """A cap in words and as a bar."""
    used, limit = Decimal(gauge.used), Decimal(gauge.limit)
    full, within, over = gauge_bar(used, added, limit)
    total = used + added
    unit = " USD" if gauge.metric == "usd" else ""
    plain_used, plain_limit, plain_added = (
        amount(text, gauge.metric).removesuffix(" USD") for text in (gauge.used, gauge.limit, str(added))
    )
    words = f"{plain_used} of {plain_limit}{unit} + {plain_added}"
    verdict = Span(" over", "bad") if total > limit else Span(" within", "good")
    return [
        line(
            *((Span(f"{gauge.cap}  ", "accent"),) if named else ()),
            words,
            Span(f"  ({gauge.subject}, {gauge.window})", "dim"),
            indent=5,
        ),
        line(full, Span(within, "warn"), Span(over, "bad"), verdict, indent=5),
    ]
