"""Assurance: enforced only where everybody is a Unix user of his own, and the sentence that says why not."""

from __future__ import annotations

import pytest

from govd.identities.rules import Standing, assess, worst

GOVD, EXECUTOR, AGENT, PERSON = 1, 2, 3, 4


def standing(
    agent: set[int] | None = None, executors: tuple[tuple[int | None, bool], ...] = ((EXECUTOR, False),)
) -> Standing:
    """A good setup, but for what is given."""
    return Standing(
        agent=frozenset({AGENT} if agent is None else agent),
        govd=GOVD,
        operators=frozenset({GOVD, PERSON}),
        executors=executors,
    )


def test_users_of_their_own_are_enforced():
    assert assess(standing())[0] == "enforced"


@pytest.mark.threat("T1", "T2")
@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (standing(agent=set()), "not known"),
        (standing(agent={0}), "root"),
        (standing(agent={GOVD}), "shares govd's"),
        (standing(agent={PERSON}), "shares an operator's"),
        (standing(agent={AGENT, GOVD}), "shares govd's"),
        (standing(executors=()), "no executor"),
        (standing(executors=((EXECUTOR, True),)), "no executor"),
        (standing(executors=((None, False),)), "not known"),
        (standing(executors=((AGENT, False),)), "shares the agent's"),
        (standing(executors=((EXECUTOR, False), (AGENT, False))), "shares the agent's"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_an_agent_could_walk_around_is_advisory_and_says_why(bad: Standing, why: str):
    """An agent shares a user with govd, an operator or its executor, and is still called enforced."""
    assurance, said = assess(bad)

    assert assurance == "advisory"
    assert why in said


def test_one_advisory_agent_makes_the_house_advisory():
    good, bad = assess(standing()), assess(standing(agent={0}))

    assert worst([good, bad, good]) == bad
    assert worst([good])[0] == "enforced"
    assert worst([])[0] == "advisory"
