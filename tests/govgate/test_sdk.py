"""`with gate.intent(…)`: the block is the action, and runs once it is approved or not at all."""

from __future__ import annotations

import asyncio
import threading

import pytest

from govd.contract.errors import (
    IntentDeniedError,
    IntentExpiredError,
    IntentHeldError,
    RedeemRefusedError,
    UsageError,
)
from govgate.sdk import AsyncGate, Gate

MAIL = ("tool_call", {"tool": "email.send", "arguments": {"to": "ana"}})


@pytest.fixture
def settings(govd, tmp_path):
    for name in ("agent", "executor"):
        path = tmp_path / f"{name}.token"
        path.touch(mode=0o600)
        path.write_text(f"{name}-token")
    return {
        "url": govd.url,
        "token_file": tmp_path / "agent.token",
        "executor_token_file": tmp_path / "executor.token",
        "heads": tmp_path / "heads",
        "journal": tmp_path / "journal",
    }


@pytest.fixture
def gate(settings):
    with Gate(**settings) as gate:
        yield gate


def test_the_block_runs_and_is_reported(gate, govd):
    with gate.intent(*MAIL, purpose="say hello") as attested:
        assert govd.redeemed == [attested.intent.id]
        assert attested.claims.sandbox == "unsandboxed"

    assert govd.outcome(attested.intent.id) == "succeeded"


def test_an_exception_in_the_block_is_a_failure(gate, govd):
    with pytest.raises(ZeroDivisionError), gate.intent(*MAIL) as attested:
        raise ZeroDivisionError

    assert govd.outcome(attested.intent.id) == "failed"


def test_a_failure_without_an_exception_is_said(gate, govd):
    with gate.intent(*MAIL) as attested:
        attested.failed = True

    assert govd.outcome(attested.intent.id) == "failed"


@pytest.mark.parametrize(
    ("decision", "error"),
    [("denied", IntentDeniedError), ("expired", IntentExpiredError), ("held", IntentHeldError)],
)
def test_the_block_does_not_run_without_an_approval(gate, govd, decision, error):
    govd.decision = decision
    ran = []

    with pytest.raises(error), gate.intent(*MAIL, wait_seconds=0):
        ran.append(1)

    assert not ran
    assert not govd.redeemed


def test_it_waits_for_a_person(gate, govd):
    govd.decision = "held"

    def approve():
        govd.wait_for(lambda: govd.intents)
        govd.settle(next(iter(govd.intents)), "approved")

    thread = threading.Thread(target=approve)
    thread.start()
    with gate.intent(*MAIL) as attested:
        assert attested.intent.state == "approved"
    thread.join()


@pytest.mark.threat("T7")
def test_an_approval_of_another_action_is_not_spent(gate, govd):
    """Somebody answers a harmless declaration with the approval of another action."""
    govd.claim_changes = {"intent_sha256": "f" * 64}

    with pytest.raises(RedeemRefusedError), gate.intent(*MAIL):
        pass
    assert not govd.redeemed


def test_a_wrong_member_is_named(gate):
    with pytest.raises(UsageError, match="action"), gate.intent("tool_call", {"toll": "x"}):
        pass


def test_without_a_token_there_is_no_gate(monkeypatch):
    monkeypatch.delenv("GOVGATE_TOKEN_FILE", raising=False)

    with pytest.raises(UsageError, match="no token file"):
        Gate(url="http://127.0.0.1:1")


def test_without_an_executors_token_nothing_is_redeemed(settings, govd, monkeypatch):
    monkeypatch.delenv("GOVGATE_EXECUTOR_TOKEN_FILE", raising=False)

    with Gate(**settings | {"executor_token_file": None}) as gate:
        assert gate.submit(*MAIL).state == "approved"
        with pytest.raises(UsageError, match="no executor's token"), gate.intent(*MAIL):
            pass
    assert not govd.redeemed


def test_the_async_gate_does_the_same(settings, govd):
    async def use():
        async with AsyncGate(**settings) as gate:
            async with gate.intent(*MAIL) as attested:
                assert govd.redeemed == [attested.intent.id]
            with pytest.raises(ZeroDivisionError):
                async with gate.intent(*MAIL) as failed:
                    raise ZeroDivisionError
            govd.decision = "held"
            held = await gate.submit(*MAIL)
            assert (await gate.wait(held.id, 0)).state == "held"
            with pytest.raises(IntentHeldError):
                async with gate.intent(*MAIL, wait_seconds=0):
                    pass
        return attested.intent.id, failed.intent.id

    good, bad = asyncio.run(use())
    assert (govd.outcome(good), govd.outcome(bad)) == ("succeeded", "failed")


def test_a_block_that_is_cancelled_is_reported_as_failed(settings, govd):
    async def use():
        async with AsyncGate(**settings) as gate:

            async def act():
                async with gate.intent(*MAIL) as attested:
                    started.set_result(attested.intent.id)
                    await asyncio.Event().wait()

            started = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(act())
            intent = await started
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return intent

    assert govd.outcome(asyncio.run(use())) == "failed"
