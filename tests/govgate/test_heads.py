"""A gate sends the head that it remembers, and stops at one that went back."""

from __future__ import annotations

import pytest

from govd.contract.errors import HaltedError
from govgate import calls


@pytest.mark.threat("T13")
def test_the_client_stops_at_a_head_that_went_back(bench):
    """A restored backend is asked to decide."""
    bench.govd.seq = 10
    bench.client.send(calls.me())
    bench.govd.seq = 9

    with pytest.raises(HaltedError, match="went back"):
        bench.client.send(calls.me())


def test_each_request_carries_the_remembered_head(bench):
    bench.client.send(calls.me())
    bench.client.send(calls.me())

    assert bench.govd.requests[-1][2]["Gov-Head"] == bench.govd.head()
