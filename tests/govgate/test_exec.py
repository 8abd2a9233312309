"""`govgate` as an agent meets it: exit codes, one line on stderr, answers that can be had later."""

from __future__ import annotations

import json

import pytest

from govd.contract.errors import ForbiddenError, HaltedError, QuotaError
from tests.govgate.conftest import said
from tests.govgate.fake_govd import new_id
from tests.support.ports import Port


@pytest.fixture
def ran(processes):
    processes.executor()
    return lambda *arguments, **options: processes.gate("exec", *arguments, **options)


def line_of(found):
    """The one line that it said, without the program's name."""
    (line,) = found.err.splitlines()
    assert line.startswith("govgate: ")
    return line.removeprefix("govgate: ")


def test_denied(ran, govd, work):
    govd.decision, govd.message, govd.guidance = "denied", "48,200 of 50,000 USD used", "ask tomorrow"

    found = ran("--", "touch", "ran", cwd=work)

    assert found.code == 77
    assert "48,200 of 50,000 USD used (test-rule)" in line_of(found)
    assert "Guidance: ask tomorrow" in line_of(found)
    assert not (work / "ran").exists()


def test_expired_is_not_denied(ran, govd, work):
    govd.decision = "expired"

    found = ran("--", "touch", "ran", cwd=work)

    assert found.code == 76
    assert "nobody decided in time" in line_of(found)


@pytest.mark.parametrize("state", ["cancelled", "superseded", "revoked", "succeeded", "unknown"])
def test_what_is_over_does_not_run(ran, govd, state):
    govd.decision = state

    assert ran("--", "true").code == 77


def test_held_says_how_to_go_on_and_goes_on(ran, govd, work):
    govd.decision = "held"

    found = ran("--wait", "0", "--", "echo", "hello", cwd=work)

    (intent,) = govd.intents
    assert found.code == 75
    assert f"govgate wait {intent}" in found.err
    assert f"govgate exec --intent-id {intent} -- echo" in found.err

    again = ran("--wait", "0", "--intent-id", intent, "--", "echo", "hello", cwd=work)
    assert again.code == 75

    govd.settle(intent, "approved")
    done = ran("--intent-id", intent, "--", "echo", "hello", cwd=work)
    assert (done.code, done.out) == (0, "hello\n")
    assert ran("--intent-id", intent, "--", "echo", "hello", cwd=work).code == 77
    assert len(govd.intents) == 1


def test_a_gate_that_waits_runs_as_soon_as_it_is_approved(processes, govd, work):
    processes.executor()
    govd.decision = "held"
    process = processes.start("exec", "--", "echo", "hello", cwd=work)
    govd.wait_for(lambda: govd.intents)
    govd.settle(next(iter(govd.intents)), "approved")

    found = said(process)
    assert (found.code, found.out) == (0, "hello\n")


@pytest.mark.parametrize(("state", "code"), [("approved", 0), ("denied", 77), ("expired", 76), ("held", 75)])
def test_wait_answers_as_exec_does(processes, govd, work, state, code):
    govd.decision = "held"
    processes.gate("exec", "--wait", "0", "--executor", "none.sock", "--", "true", cwd=work)
    (intent,) = govd.intents
    govd.settle(intent, state)

    found = processes.gate("wait", "--wait", "0", "--json", intent)

    assert found.code == code
    assert json.loads(found.out)["state"] == state


def test_wait_for_an_intent_of_somebody_else_finds_nothing(processes):
    assert processes.gate("wait", new_id()).code == 77


def test_an_intent_from_a_file_is_declared_and_not_run(processes, govd, place):
    path = place / "order.json"
    path.write_text(json.dumps({"kind": "tool_call", "action": {"tool": "email.send"}, "purpose": "tell"}))

    found = processes.gate("intent", path, "--json")

    assert found.code == 0
    assert json.loads(found.out)["kind"] == "tool_call"
    assert not govd.redeemed


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"kind": "tool_call"}', '{"kind": "no_such", "action": {}}', '{"a": 1, "a": 2}'],
    ids=["empty", "list", "torn", "no-action", "unknown-kind", "key-twice"],
)
def test_a_file_that_holds_no_intent_is_refused(processes, govd, place, content):
    (place / "order.json").write_text(content)

    assert processes.gate("intent", place / "order.json").code == 64
    assert not govd.intents


def test_a_file_adds_what_the_command_line_does_not_say(ran, govd, place, work):
    (place / "more.json").write_text(
        json.dumps(
            {"purpose": "from the file", "model": {"provider": "p", "name": "m"}, "origin": "schedule"}
        )
    )

    assert ran("--intent", place / "more.json", "--", "true", cwd=work).code == 0

    (intent,) = govd.intents.values()
    assert (intent.detail.purpose, intent.detail.origin) == ("from the file", "schedule")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--no-such-option", "--", "true"),
        ("--wait", "soon", "--", "true"),
        ("--", "no-such-program-anywhere"),
        ("--env", "NOT_SET_ANYWHERE", "--", "true"),
        ("--job", "no-uuid", "--", "true"),
        ("--intent", "missing.json", "--", "true"),
        ("--", "git", "push", "--force", "origin", "main"),
        ("--", "true", "x" * 5000),
    ],
)
def test_usage(ran, govd, arguments):
    assert ran(*arguments).code == 64
    assert not govd.intents


def test_without_an_executor_nothing_is_declared(processes, govd):
    found = processes.gate("exec", "--", "true", GOVGATE_EXECUTOR="")

    assert found.code == 64
    assert "no executor is named" in found.err
    assert not govd.intents


def test_an_executor_that_is_not_there(processes):
    assert processes.gate("exec", "--", "true").code == 69


def test_a_backend_that_is_not_there(processes):
    port = Port()
    found = processes.gate("exec", "--", "true", GOVGATE_URL=f"http://127.0.0.1:{port.number}")

    assert found.code == 69
    assert "is govd running?" in found.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HaltedError("the disk is full", hint="make room"), 69),
        (QuotaError("too many held intents", retry_after=60), 69),
        (ForbiddenError("the agent is suspended"), 77),
    ],
)
def test_a_backend_that_refuses(ran, govd, error, code):
    govd.refuse = {"intents": error}

    found = ran("--", "true")

    assert found.code == code
    assert error.detail in line_of(found)


@pytest.mark.threat("T13")
def test_a_backend_whose_log_went_back_counts_as_stopped(ran, govd, work):
    """govd's state is put back to before an approval was spent, and the agent asks again."""
    govd.seq = 50
    assert ran("--", "true").code == 0
    govd.seq = 3

    found = ran("--", "touch", "ran", cwd=work)

    assert found.code == 69
    assert "went back" in found.err
    assert not (work / "ran").exists()


@pytest.mark.threat("T17")
def test_hostile_words_reach_stderr_as_visible_text(ran, govd):
    """What another agent wrote comes back in a finding: escape sequences, bidi and zero-width characters."""
    govd.decision, govd.message = "denied", "\x1b[2J\u202eevil\u200b\x9b31m\x07\nsecond line"

    found = ran("--", "true")

    assert found.code == 77
    assert len(found.err.splitlines()) == 1
    assert not set("\x1b\u202e\u200b\x9b\x07") & set(found.err)
    assert "\\x1b[2J" in found.err


@pytest.mark.threat("T17")
def test_hostile_words_are_escaped_in_json_too(processes, govd):
    """The same words, where a script asked for JSON and a person looks at it."""
    govd.decision, govd.message = "denied", "\x1b[2J\u202eevil\x7f\x9b"
    processes.executor()
    processes.gate("exec", "--", "true")
    (intent,) = govd.intents

    found = processes.gate("wait", intent, "--json")

    assert found.out.isascii()
    assert not set("\x1b\x7f") & set(found.out)
    assert json.loads(found.out)["decision"]["findings"][0]["message"] == govd.message


@pytest.mark.threat("T1")
def test_in_place_it_is_advisory_and_says_so(processes, govd, work):
    """An executor's token that the agent's own user can read makes what is approved advice, not a rule."""
    token = processes.secret("local.token", "executor-token")

    found = processes.gate(
        "exec", "--local-executor-token", token, "--", "sh", "-c", "echo $0; exit 4", cwd=work
    )

    assert (found.code, found.out) == (4, "sh\n")
    assert "ADVISORY, unsandboxed" in found.err
    assert next(iter(govd.outcomes.values()))[0].status == "failed"


def test_a_command_that_begins_with_a_dash_is_the_commands_own(ran, work):
    assert ran("--", "echo", "--help", "-x", cwd=work).out == "--help -x\n"


def test_a_job_that_was_opened_for_the_command_is_delivered(ran, govd):
    assert ran("--title", "Do it", "--", "true").code == 0
    assert ran("--title", "Do it", "--", "false").code == 1

    assert len(govd.delivered) == 1


def test_a_token_is_renewed_in_its_place(processes, place):
    found = processes.gate("token", "renew")
    path = place / "agent-agent.token"

    assert found.code == 0
    assert path.read_text() == "fresh-token\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list(place.glob(".token-*"))


def test_a_token_that_could_not_be_renewed_stays(processes, govd, place):
    govd.refuse = {"token": HaltedError("stopped")}

    assert processes.gate("token", "renew").code == 69
    assert (place / "agent-agent.token").read_text() == "agent-token"
    assert not list(place.glob(".token-*"))


@pytest.mark.threat("T3")
def test_no_option_takes_a_token_itself(processes):
    """A token on a command line is read by every user of the machine."""
    for verb in ((), ("exec",), ("executor",), ("wait",), ("intent",), ("token", "renew")):
        help_text = processes.gate(*verb, "--help").out

        assert "--token " not in help_text
        assert "Usage: govgate" in help_text


def test_the_exit_codes_stand_in_the_help(processes):
    help_text = processes.gate("--help").out

    assert all(code in help_text for code in ("64", "69", "75", "76", "77"))
