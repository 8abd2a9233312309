"""Phrases that stand: each good once, whoever else tries at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from govd.contract.errors import ConflictError
from govd.voice.challenges import LASTS, Challenge, Challenges
from govd.voice.model import Party

CHAT, OTHER, ANA = Party("bot", "family"), Party("other", "family"), Party(operator="ana")
JOB = "0198c1a0-0000-7000-8000-000000000001"


class Now:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.mark.threat("T23")
def test_of_many_that_use_a_phrase_at_the_same_time_one_does():
    """A hijacked agent sends the same note many times at once."""
    challenges = Challenges(Now())
    made = challenges.give(CHAT, JOB)

    def use(_: int) -> bool:
        try:
            challenges.use(made)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(use, range(64))) == 1


def test_a_phrase_that_was_replaced_is_not_used_though_it_was_found_before():
    challenges = Challenges(Now())
    found = challenges.standing(CHAT, challenges.give(CHAT, JOB).job)
    challenges.give(CHAT, JOB)

    with pytest.raises(ConflictError):
        challenges.use(found)


def test_who_leaves_takes_his_phrases_along_and_nobody_elses():
    challenges = Challenges(Now())
    given = {party: challenges.give(party) for party in (CHAT, OTHER, ANA)}
    challenges.forget_of(agent="bot")

    def standing(party: Party) -> Challenge | None:
        try:
            return challenges.standing(party)
        except ConflictError:
            return None

    assert [standing(party) for party in given] == [None, given[OTHER], given[ANA]]


def test_the_last_moment_of_a_phrase_is_before_its_end():
    now = Now()
    challenges = Challenges(now)
    made = challenges.give(ANA)
    now.at += LASTS - timedelta(microseconds=1)
    assert challenges.standing(ANA) == made
    now.at += timedelta(microseconds=1)
    with pytest.raises(ConflictError, match="its 3 minutes are over"):
        challenges.standing(ANA)
