"""The governed clock: it follows the wall, never backwards, and not through a step (threats T14)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clocks import Times, see_step

MINUTE = timedelta(seconds=60)


@pytest.fixture
def times() -> Times:
    return Times()


def test_it_follows_the_wall_where_the_wall_is_steady(times: Times):
    clock = times.clock()
    first = clock.now()

    times.go_on(90_000)

    assert clock.now() - first == timedelta(seconds=90_000)
    assert clock.stepped is None


def test_a_small_correction_is_followed_forward_and_waited_for_backward(times: Times):
    clock = times.clock()
    first = clock.now()
    times.step(20)
    assert clock.now() - first == timedelta(seconds=20)
    times.step(-30)
    assert clock.now() - first == timedelta(seconds=20)
    times.go_on(15)
    assert clock.now() - first == timedelta(seconds=20)
    times.go_on(20)
    assert clock.now() - first == timedelta(seconds=25)
    assert clock.stepped is None


@pytest.mark.threat("T14")
@pytest.mark.parametrize("seconds", [61, 86_400, -61, -86_400])
def test_a_step_is_not_followed_until_somebody_has_seen_it(times: Times, seconds: float):
    """Setting the wall clock moves no deadline: time goes on by the boot clock, and the step is told."""
    clock = times.clock()
    first = clock.now()

    times.step(seconds)
    times.go_on(5)

    assert clock.now() - first == timedelta(seconds=5)
    assert clock.stepped == timedelta(seconds=seconds)
    times.step(-seconds)
    assert clock.now() - first == timedelta(seconds=5)
    assert clock.stepped is not None


def test_after_a_step_forward_was_seen_time_is_the_walls(times: Times):
    clock = times.clock()
    first = clock.now()
    times.step(3600)
    clock.now()

    see_step(clock)

    assert clock.stepped is None
    assert clock.now() - first == timedelta(seconds=3600)


def test_after_a_step_back_was_seen_time_still_does_not_run_back(times: Times):
    clock = times.clock()
    first = clock.now()
    times.step(-3600)
    clock.now()

    see_step(clock)
    times.go_on(10)

    assert clock.stepped is None
    assert clock.now() - first == timedelta(seconds=10)


@pytest.mark.threat("T14")
@pytest.mark.parametrize("more", [-36_000, 36_000, -61])
def test_a_step_that_was_made_since_is_not_seen_with_the_one_before(times: Times, more: float):
    """A small step is shown, a large one follows it: seeing the small one must not have govd follow both."""
    clock = times.clock()
    first = clock.now()
    times.step(-70)
    clock.now()
    told = clock.stepped
    assert told == timedelta(seconds=-70)

    times.step(more)
    clock.acknowledge(told)

    assert clock.signing().ahead == timedelta(0)
    assert clock.stepped == timedelta(seconds=more - 70)
    see_step(clock)
    assert clock.stepped is None
    assert clock.now() >= first


@pytest.mark.threat("T14")
def test_a_step_that_was_found_at_the_start_and_grew_is_another_one(times: Times):
    """govd starts on a clock that was set back, which is set back further before anybody looks."""
    before = times.clock()
    latest, mark = before.now(), before.mark
    times.step(-70)
    clock = times.clock()
    clock.start(latest, mark)
    told = clock.stepped
    assert told == timedelta(seconds=-70)

    times.step(-3600)
    clock.acknowledge(told)

    assert clock.stepped == timedelta(seconds=-3670)
    assert clock.signing().ahead == timedelta(0)


@pytest.mark.threat("T14")
def test_many_small_steps_count_together(times: Times):
    """A clock that is moved by less than the limit, again and again, is a step all the same."""
    clock = times.clock()
    for _ in range(5):
        times.step(30)
        times.go_on(60)
        clock.now()

    assert clock.stepped is not None


@pytest.mark.threat("T14")
def test_a_wall_that_is_behind_the_record_at_the_start_is_a_step(times: Times):
    """A machine whose clock was set back while govd was down starts with the recorded time, and says so."""
    clock = times.clock()
    recorded = clock.now()
    times.step(-7200)
    restarted = times.clock(boot_id="boot-2")

    restarted.start(recorded)

    assert restarted.stepped == timedelta(seconds=-7200)
    assert restarted.now() >= recorded


@pytest.mark.threat("T14")
@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_step_while_govd_was_down_is_seen_within_one_boot(times: Times, seconds: float):
    """The mark that is kept across restarts shows a clock that was set between two of them."""
    clock = times.clock()
    recorded, mark = clock.now(), clock.mark
    times.go_on(1000)
    times.step(seconds)
    restarted = times.clock()

    restarted.start(recorded, mark)

    assert restarted.stepped is not None
    see_step(restarted)
    assert restarted.stepped is None


def test_a_start_after_a_reboot_compares_with_the_record_alone(times: Times):
    clock = times.clock()
    recorded, mark = clock.now(), clock.mark
    times.now = times.now[0] + 100_000, 12.0
    restarted = times.clock(boot_id="boot-2")

    restarted.start(recorded, mark)

    assert restarted.stepped is None
    assert restarted.now() - recorded == timedelta(seconds=100_000)


def test_starting_again_with_another_record_does_not_run_back(times: Times):
    clock = times.clock()
    times.step(-3600)
    clock.now()
    see_step(clock)
    last = clock.now()

    clock.start(last - timedelta(days=1), clock.mark)

    assert clock.now() >= last


def test_a_step_back_that_was_seen_is_no_step_again_at_the_next_start(times: Times):
    clock = times.clock()
    times.step(-3600)
    clock.now()
    see_step(clock)
    recorded = clock.now()
    times.go_on(30)
    restarted = times.clock()

    restarted.start(recorded, clock.mark)

    assert restarted.stepped is None
    assert restarted.now() == recorded + timedelta(seconds=30)
    assert restarted.signing().ahead == timedelta(hours=1)


@pytest.mark.threat("T14")
def test_after_a_reboot_time_is_ahead_of_the_wall_by_no_more_than_the_record(times: Times):
    """What was once seen is no licence for a later clock: each start believes no more than it needs."""
    clock = times.clock()
    times.step(-3600)
    clock.now()
    see_step(clock)
    recorded, wall = clock.now(), times.now[0]
    for down, ahead in ((600, 3000), (7200, 0)):
        times.now = wall + down, 12.0
        restarted = times.clock(boot_id="boot-2")
        restarted.start(recorded, clock.mark)
        assert restarted.stepped is None
        assert restarted.signing().ahead == timedelta(seconds=ahead)
    times.now = wall - 600, 12.0
    restarted = times.clock(boot_id="boot-2")
    restarted.start(recorded, clock.mark)
    assert restarted.stepped == timedelta(seconds=-600)


@pytest.mark.parametrize("mark", [None, "", "boot-1", "boot-1:x:y", "boot-1:5", "boot-1::-7", "boot-1:0:7:8"])
def test_a_mark_that_cannot_be_read_says_nothing(times: Times, mark: str | None):
    clock = times.clock()

    clock.start(None, mark)

    assert clock.now() - clock.signing().now <= timedelta(0)
    assert clock.signing().ahead < timedelta(seconds=1)


@pytest.mark.threat("T14")
@given(moves=st.lists(st.tuples(st.sampled_from(["go_on", "step", "acknowledge"]), st.floats(-1e6, 1e6))))
def test_whatever_happens_to_the_wall_time_never_runs_back(moves: list[tuple[str, float]]):
    """No sequence of clock settings makes govd repeat a moment."""
    times = Times()
    clock = times.clock()
    last = clock.now()
    for move, seconds in moves:
        if move == "go_on":
            times.go_on(abs(seconds))
        elif move == "step":
            times.step(seconds)
        else:
            see_step(clock)
        now = clock.now()
        assert now >= last
        last = now
