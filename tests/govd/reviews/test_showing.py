"""What the operators' door shows of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.operator import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.govd_process import GovdProcess


def test_a_page_of_one_agents_jobs_is_asked_for_by_a_name_that_can_be(govd_at: Callable[..., GovdProcess]):
    govd = govd_at()
    govd.agent("bot").http.post("/v1/jobs", json={"title": "work"})
    operator = govd.operator()

    assert operator.get("/v1/jobs?state=all&filter=agent:bot")["total"] == 1
    assert operator.get("/v1/jobs?state=all&filter=agent:nobody")["total"] == 0
    with pytest.raises(Refused) as refused:
        operator.get("/v1/jobs?state=all&filter=agent:%00")
    assert refused.value.status == 422
