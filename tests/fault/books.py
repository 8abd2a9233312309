"""What a state must look like from outside: log, tables, caps and journal each tell the same story.

Reads the database and the files with eyes of its own: must never ask govd whether govd is right.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from govd.audit.verify import verify
from govd.contract import votes as voting
from govd.contract.decisions import Outcome
from govd.contract.intents import IntentState
from govd.contract.jobs import JobState
from govd.contract.money import Metric, units
from govd.intents.rules import INITIAL, TRANSITIONS
from govd.jobs import rules as job_rules
from govd.sealing import StateKey
from govd.settings import Layout
from govd.storage import schema

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.fault.journal import Journal

LIVE = ("approved", "redeemed", "succeeded", "failed", "unknown")
"""States in which an intent's amount counts against its caps."""

Key = tuple[str, str, str]


def reachable(start: IntentState) -> set[IntentState]:
    """A state and all that may follow it."""
    found, waiting = {start}, [start]
    while waiting:
        for following in TRANSITIONS[waiting.pop()] - found:
            found.add(following)
            waiting.append(following)
    return found


REACHABLE = {state.value: {item.value for item in reachable(state)} for state in IntentState}


@dataclass
class Books:
    """One consistent reading of the database."""

    intents: dict[str, dict[str, Any]]
    jobs: dict[str, dict[str, Any]]
    holds: dict[str, dict[str, Any]]
    votes: dict[str, dict[str, Any]]
    totals: dict[Key, dict[str, Any]]
    reservations: list[dict[str, Any]]
    keys: dict[str, str]
    log: list[dict[str, Any]]

    @classmethod
    def read(cls, engine: Engine) -> Books:
        """All tables in one transaction."""
        with engine.connect() as connection:

            def rows(table: Any) -> list[dict[str, Any]]:
                return [dict(row) for row in connection.execute(select(table)).mappings()]

            lines = connection.execute(select(schema.audit.c.line).order_by(schema.audit.c.seq)).scalars()
            people = rows(schema.identities)
            return cls(
                intents={row["id"]: row for row in rows(schema.intents)},
                jobs={row["id"]: row for row in rows(schema.jobs)},
                holds={row["id"]: row for row in rows(schema.holds)},
                votes={row["sha256"]: row for row in rows(schema.votes)},
                totals={(row["cap"], row["subject"], row["win"]): row for row in rows(schema.totals)},
                reservations=rows(schema.reservations),
                keys={row["name"]: row["public_key"] for row in people if row["kind"] == "operator"},
                log=[json.loads(line) for line in lines],
            )


def check_log(audit: Path, engine: Engine) -> None:
    """The files verify by themselves, and against the table."""
    assert verify(audit).faults == []
    assert verify(audit, database=engine).faults == []


# -- the log against the tables ------------------------------------------------------------------------


def check_history(books: Books) -> None:
    """Played from its first entry, the log leads to exactly the states that the tables hold.

    Every step on the way stands in the transition tables, and no intent is redeemed twice.
    """
    intents: dict[str, str] = {}
    jobs: dict[str, str] = {}
    redeemed: Counter[str] = Counter()
    cast: set[str] = set()
    for entry in books.log:
        room, _, word = entry["type"].partition(".")
        details = entry["details"]
        if room == "intent" and word == "decided":
            assert entry["intent_id"] not in intents, f"decided twice: {entry}"
            intents[entry["intent_id"]] = INITIAL[Outcome(entry["decision"])].value
        elif room == "intent" and word in set(IntentState):
            assert intents[entry["intent_id"]] == details["from"], f"not the state it left: {entry}"
            assert IntentState(word) in TRANSITIONS[IntentState(details["from"])], f"no transition: {entry}"
            intents[entry["intent_id"]] = word
            redeemed[entry["intent_id"]] += word == "redeemed"
        elif room == "job" and word == "opened":
            jobs[entry["job_id"]] = details["state"]
        elif room == "job" and word in set(JobState):
            assert jobs[entry["job_id"]] == details["from"], f"not the state it left: {entry}"
            assert JobState(word) in job_rules.TRANSITIONS[JobState(details["from"])], f"no step: {entry}"
            jobs[entry["job_id"]] = word
        elif entry["type"] == "vote.cast":
            cast.add(details["vote_sha256"])
    assert intents == {key: row["state"] for key, row in books.intents.items()}
    assert jobs == {key: row["state"] for key, row in books.jobs.items()}
    assert cast == set(books.votes)
    assert max(redeemed.values(), default=0) <= 1
    assert {key for key, times in redeemed.items() if times} == {
        key for key, row in books.intents.items() if row["redeemed_at"] is not None
    }


# -- caps ----------------------------------------------------------------------------------------------


def permitted(books: Books) -> dict[Key, int]:
    """The highest total of each cap that somebody has signed, signatures verified."""
    found: dict[Key, int] = {}
    for row in books.votes.values():
        signed = voting.SignedVote.model_validate_json(row["signed"])
        assert voting.verify(signed.vote, signed.signature, books.keys[row["operator"]])
        for permit in signed.vote.permits if signed.vote.verdict == "approve" else ():
            key = permit.cap, permit.subject, permit.window
            metric: Metric = "usd" if "." in permit.highest else "count"
            found[key] = max(found.get(key, 0), units(metric, permit.highest))
    return found


def check_caps(books: Books, limits: dict[str, int] | None = None) -> None:
    """Totals are the sums of what stands reserved, and none passes its cap without a signature that says so.

    `limits`: the cap's limit in units; without it, the highest limit that anything was booked under.
    """
    sums: Counter[Key] = Counter()
    highest: defaultdict[Key, int] = defaultdict(int)
    for row in books.reservations:
        key = row["cap"], row["subject"], row["win"]
        highest[key] = max(highest[key], row["limit_"])
        live = books.intents[row["intent"]]["state"] in LIVE
        assert live == (row["state"] != "released"), f"{row} of {books.intents[row['intent']]['state']}"
        sums[key] += row["amount"] if live else 0
    signed = permitted(books)
    for key, row in books.totals.items():
        assert row["total"] == sums[key], f"{key}: the total is {row['total']}, reserved are {sums[key]}"
        limit = highest[key] if limits is None else limits[key[0]]
        assert row["total"] <= max(limit, signed.get(key, 0)), f"{key} stands at {row['total']}"
    assert set(sums) <= set(books.totals)


class Keys:
    """Under which key an intent was declared: its sealed purpose says so, also where no answer arrived."""

    PREFIX = "load "

    def __init__(self, state: Path) -> None:
        self._state_key = StateKey.load(Layout(state).state_key)
        self._known: dict[str, str] = {}

    def of(self, books: Books, row: dict[str, Any]) -> str:
        """The key of an intent."""
        if row["id"] not in self._known:
            job_key = self._state_key.unwrap(books.jobs[row["job"]]["wrapped_key"])
            sealed: dict[str, Any] = job_key.open(row["sealed"], f"intent:{row['id']}")
            self._known[row["id"]] = str(sealed["purpose"]).removeprefix(self.PREFIX)
        return self._known[row["id"]]


def check_amounts(books: Books, journal: Journal, keys: Keys, capped: dict[str, tuple[str, str]]) -> None:
    """Totals computed anew from what the clients asked for.

    `capped`: by tool, the cap and its metric.
    """
    expected: Counter[str] = Counter()
    for row in books.intents.values():
        wanted = journal.wanted[keys.of(books, row)]
        if row["state"] in LIVE and wanted.tool in capped:
            cap, metric = capped[wanted.tool]
            expected[cap] += units("usd", wanted.amount or "0") if metric == "usd" else 1
    found: Counter[str] = Counter()
    for (cap, _, _), row in books.totals.items():
        found[cap] += row["total"]
    assert found == expected


# -- the journal against the tables --------------------------------------------------------------------


def check_journal(books: Books, journal: Journal, keys: Keys) -> None:
    """Whatever was acknowledged is there, as it was, or in a state that may follow."""
    assert journal.wrong == []
    again = {entry["job_id"] for entry in books.log if entry["type"] == "hold.reevaluated"}
    for key, view in list(journal.decided.items()):
        row = books.intents.get(view["id"])
        assert row is not None, f"an acknowledged decision is missing: {view}"
        decision = view["decision"]
        # What was held may have been decided again, with the totals of then: the log says so.
        outcome = row["outcome"] if decision["outcome"] == "PENDING" and row["job"] in again else None
        told = (keys.of(books, row), row["job"], row["outcome"], row["policy_sha256"])
        said = (key, view["job"], outcome or decision["outcome"], decision["policy_sha256"])
        assert told == said, f"{view} was acknowledged, and the table has {row}"
        assert row["state"] in REACHABLE[view["state"]], f"{view['state']} cannot become {row['state']}"
    for intent, state in list(journal.moved):
        assert books.intents[intent]["state"] in REACHABLE[state], f"{intent} was {state}"
    for intent, times in list(journal.redeemed.items()):
        assert times == 1, f"{intent} was redeemed {times} times"
        assert books.intents[intent]["redeemed_at"] is not None
    for digest, verdict in list(journal.votes.items()):
        assert books.votes[digest]["verdict"] == verdict
    assert set(journal.jobs) <= set(books.jobs)
    declared = Counter(keys.of(books, row) for row in books.intents.values())
    assert max(declared.values(), default=0) <= 1, "one key made two intents"
    assert set(declared) <= set(journal.wanted)
