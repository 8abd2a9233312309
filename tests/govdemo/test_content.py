"""What the demo's agents ask for: made from a seed, within the contract, to nobody who exists."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govd.contract.intents import Submission
from govd.contract.jobs import JobSubmission
from govdemo import content
from govdemo.ledger import Transfer
from govdemo.mail_room import Mail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ERRANDS: list[tuple[Callable[[int], Iterator[content.Errand]], Any]] = [
    (content.mails, Mail),
    (content.payments, Transfer),
]
SEEDS = st.integers(min_value=-(2**63), max_value=2**63)
MANY = 40


@pytest.mark.parametrize(("make", "order"), ERRANDS)
@given(seed=SEEDS)
def test_every_errand_fits_the_contract_and_the_counter_that_does_it(make, order, seed):
    for errand in islice(make(seed), MANY):
        JobSubmission(title=errand.title, purpose=errand.purpose)
        for call in errand.calls:
            action = {"tool": call.tool, "arguments": call.arguments}
            Submission.model_validate({"kind": "tool_call", "action": action, "purpose": errand.purpose})
            order.model_validate(call.arguments)


@pytest.mark.parametrize("make", [content.mails, content.payments, content.releases])
def test_the_same_seed_gives_the_same_in_the_same_order_and_another_one_does_not(make):
    assert list(islice(make(3), MANY)) == list(islice(make(3), MANY))
    assert list(islice(make(3), MANY)) != list(islice(make(4), MANY))


def test_no_mail_leaves_the_names_that_are_reserved_for_examples():
    for errand in islice(content.mails(1), MANY):
        domain = str(errand.calls[0].arguments["to"]).partition("@")[2]
        assert domain.split(".")[-2] == "example"
