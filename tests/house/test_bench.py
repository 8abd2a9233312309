"""`make bench` reports every row that it is asked for: a figure, or why there is none."""

from __future__ import annotations

import argparse

import pytest

from tests.performance.bench import Group, groups_of
from tests.performance.rows import Row, table

ASKED = [
    "empty_post_p50",
    "fdatasync_p50",
    "decision_1client_p50",
    "decision_1client_p99",
    "decision_1client_over_floor",
    "decision_64clients_share",
    "evaluate_100rules_p50",
    "console_start",
    "queue_100k_first_paint",
    "queue_100k_key_p95",
    "queue_100k_rss",
    "event_storm_cpu",
    "verify_5s",
    "encoder_5s",
    "voice_cold_start",
    "voice_rss",
    "demo_eer",
    "demo_fmr",
    "demo_fnmr",
    "onnx_nemo_max_diff",
]


def test_every_row_that_was_asked_for_has_a_group_and_no_two_groups_share_one():
    chosen = argparse.Namespace(rounds=1, singles=1, many=1, queue=1)
    names = [name for group in groups_of(chosen) for name in group.names]

    assert set(ASKED) <= set(names)
    assert len(set(names)) == len(names)


def test_what_this_machine_lacks_a_program_for_is_a_row_that_says_so():
    group = Group(("a_row",), lambda: pytest.fail("measured without its program"), ("no-such-program",))

    rows = {name: row.as_json() for name, row in group.rows().items()}

    assert rows["a_row"]["value"] is None
    assert "not measured: no-such-program not installed" in table(rows)


@pytest.mark.parametrize("measured", [(), ("a_row", "another")])
def test_a_group_that_measures_other_rows_than_it_promised_is_an_error(measured: tuple[str, ...]):
    group = Group(("a_row",), lambda: {name: Row(1.0, "ms") for name in measured})

    with pytest.raises(SystemExit, match="rows were promised"):
        group.rows()
