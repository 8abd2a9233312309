"""Phrases that stand: each good once, whoever else tries at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from govd.contract.errors import ConflictError
from govd.contract.voicephrase import LASTS
from govd.voice.model import Party
from govd.voice.phrases.challenges import Challenge, Challenges, Purpose

CHAT, OTHER, ANA = Party("bot", "family"), Party("other", "family"), Party(operator="ana")
JOB = "0198c1a0-0000-7000-8000-000000000001"


class Now:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def given(challenges: Challenges, party: Party, job: str = "") -> Challenge:
    """A phrase that was just given."""
    return challenges.give(party, Purpose(job), challenges.now())


def spent(challenges: Challenges, party: Party, job: str = "") -> bool:
    """Whether a phrase stands, and is used up by that."""
    try:
        with challenges.taken(party, job) as found:
            challenges.spend(found)
    except ConflictError:
        return False
    return True


@pytest.mark.threat("T23")
def test_of_many_that_use_a_phrase_at_the_same_time_one_does():
    """A hijacked agent sends the same note many times at once."""
    challenges = Challenges(Now())
    given(challenges, CHAT, JOB)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(lambda _: spent(challenges, CHAT, JOB), range(64))) == 1


def test_a_phrase_that_nothing_was_judged_for_stands_again_but_where_another_one_does():
    challenges = Challenges(Now())
    made = given(challenges, CHAT, JOB)
    with challenges.taken(CHAT, JOB) as found:
        assert found == made
        assert not spent(challenges, CHAT, JOB), "it is in use"
    with challenges.taken(CHAT, JOB) as again:
        assert again == made
        other = given(challenges, CHAT, JOB)
    with challenges.taken(CHAT, JOB) as last:
        assert last == other


def test_who_leaves_takes_his_phrases_along_and_nobody_elses():
    challenges = Challenges(Now())
    for party in (CHAT, OTHER, ANA):
        given(challenges, party)
    given(challenges, CHAT, JOB)
    with challenges.taken(CHAT, JOB):
        challenges.forget_of(agent="bot")

    assert [spent(challenges, party) for party in (CHAT, OTHER, ANA)] == [False, True, True]
    assert not spent(challenges, CHAT, JOB), "also the one that was in use"


def test_the_last_moment_of_a_phrase_is_before_its_end():
    now = Now()
    challenges = Challenges(now)
    made = given(challenges, ANA)
    now.at += LASTS - timedelta(microseconds=1)
    challenges.in_time(made, now())
    with challenges.taken(ANA):
        pass
    now.at += timedelta(microseconds=1)
    with pytest.raises(ConflictError, match="its 3 minutes are over"), challenges.taken(ANA):
        pass
    with pytest.raises(ConflictError, match="its 3 minutes are over"):
        challenges.in_time(made, now())
