"""Sessions, misses and enrollments in any order: a small model of them says what govd has to answer."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from govd.voice.rules import Lock, after_miss
from tests.support.voices import VoiceHouse, clip

if TYPE_CHECKING:
    from datetime import datetime

PARTIES = st.sampled_from([("bot", ""), ("bot", "family"), ("other", "family")])
PEOPLE = st.sampled_from(["owner", "guest"])
SESSION = timedelta(hours=2)
EXAMPLES = 200 if "GOV_SOAK_MINUTES" in os.environ else 5


class Voices(RuleBasedStateMachine):
    """What may happen, and beside it what is known to follow."""

    state = Path()

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="govd-voices-"))
        shutil.copytree(self.state, self.root / "house")
        self.house = VoiceHouse(self.root / "house")
        self.enrolled: dict[str, int] = {}
        self.sessions: dict[tuple[str, str], tuple[str, int, datetime]] = {}
        self.locks: dict[tuple[str, str], Lock] = {}
        self.heard: set[tuple[str, int]] = set()
        self.takes = 0

    def teardown(self) -> None:
        self.house.close()
        shutil.rmtree(self.root)

    def fresh(self) -> int:
        self.takes += 1
        return self.takes

    @property
    def now(self) -> datetime:
        return self.house.govd.clock.now()

    @rule(who=PEOPLE)
    def enroll(self, who: str) -> None:
        self.house.enroll(who, prefix=f"e{self.fresh()}")
        self.enrolled[who] = self.fresh()

    @precondition(lambda self: self.enrolled)
    @rule(data=st.data())
    def delete(self, data: Any) -> None:
        who = data.draw(st.sampled_from(sorted(self.enrolled)))
        assert self.house.delete(who).is_success
        del self.enrolled[who]

    @rule(party=PARTIES, who=st.sampled_from(["owner", "guest", "thief"]), old=st.booleans())
    def verify(self, party: tuple[str, str], who: str, *, old: bool) -> None:
        agent, chat = party
        take = 1 if old and self.takes else self.fresh()
        known = old and (who, take) in self.heard
        found = self.house.verify(clip(who, take), chat, agent)
        lock = self.locks.get(party, Lock())
        if lock.locked or (lock.until is not None and self.now < lock.until):
            assert found.status_code in {403, 429}
        elif not self.enrolled:
            assert found.status_code == 400
        elif who in self.enrolled and not known:
            assert found.json()["verified"]
            self.heard.add((who, take))
            self.sessions[party] = (who, self.enrolled[who], self.now + SESSION)
            if who == "owner":  # the policy names him: nobody else's voice ends a count
                self.locks.pop(party, None)
        else:
            assert found.json()["speaker"] == "unknown"
            self.locks[party] = after_miss(lock, self.now)

    # Never a day in all: counts would end by themselves.
    @rule(seconds=st.sampled_from([1, 29, 31, 3600, 5400]))
    def wait(self, seconds: int) -> None:
        self.house.times.go_on(seconds)

    @rule()
    def restart(self) -> None:
        self.house.restart()

    @rule(party=PARTIES)
    def unlock(self, party: tuple[str, str]) -> None:
        agent, chat = party
        done = self.house.operator().ask("DELETE", f"/v1/voice/locks/{agent}/{chat or '-'}")
        assert done.status_code == (200 if self.locks.pop(party, None) else 404)

    @invariant()
    def sessions_stand_for_exactly_those_who_were_verified(self) -> None:
        for agent, chat in [("bot", ""), ("bot", "family"), ("other", "family")]:
            found = self.house.govd.ledger.read(
                lambda c, agent=agent, chat=chat: self.house.govd.voices.session(c, agent, chat)
            )
            held = self.sessions.get((agent, chat))
            if held is None:
                assert found.state == "never_verified"
                continue
            who, enrolment, ends = held
            stands = self.enrolled.get(who) == enrolment and self.now < ends
            assert found.state == ("verified" if stands else "expired")
            assert found.speaker == (who if stands else None)


def test_sessions_misses_and_enrollments_in_any_order(voice_state: Path):
    machine = type("Machine", (Voices,), {"state": voice_state})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Each step is a request or more: looking for the smallest failure would outlast the test's time.
            phases=[Phase.explicit, Phase.generate],
        ),
    )
