"""What was approved is what runs, once: the executor's checks before anything starts."""

from __future__ import annotations

import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govd.contract.errors import (
    AlreadyRedeemedError,
    GovError,
    HaltedError,
    RedeemRefusedError,
    UnreachableError,
    UsageError,
)
from govgate.pins import Pins
from tests.govgate.fake_govd import new_id


def test_an_approved_command_runs_and_its_outcome_is_reported(bench, work):
    declared = bench.declared("echo", "hello", cwd=work)

    assert declared.run() == "hello\n"
    assert bench.govd.outcome(declared.view.id) == "succeeded"
    assert not list(bench.journal.folder.iterdir())


def test_a_command_that_fails_is_reported_as_failed_with_its_code(bench, work):
    declared = bench.declared("sh", "-c", "exit 7", cwd=work)

    _, ran = declared.ran()

    assert ran.code == 7
    assert bench.govd.outcomes[declared.view.id][0].exit_code == 7
    assert bench.govd.outcomes[declared.view.id][0].sandboxed is False


@pytest.mark.threat("T7")
@pytest.mark.parametrize("via", ["direct", "interpreter", "wrapper", "shell", "shell-text"])
def test_a_script_that_changed_after_its_approval_does_not_run(bench, work, script, via):
    """An agent gets a harmless script approved and swaps its content before it runs."""
    path = script("job.sh", "#!/bin/sh", "echo harmless")
    argv = {
        "direct": ["./job.sh"],
        "interpreter": ["sh", "job.sh"],
        "wrapper": ["timeout", "5", "sh", "./job.sh"],
        "shell": ["sh", "-c", "./job.sh"],
        "shell-text": ["sh", "-c", "sh ./job.sh; true"],
    }[via]
    declared = bench.declared(*argv, cwd=work)
    path.write_text("#!/bin/sh\necho evil\n")

    with pytest.raises(RedeemRefusedError, match=r"job\.sh has changed"):
        declared.run()

    assert not bench.govd.redeemed


@pytest.mark.parametrize(
    "argv", [["./job.sh"], ["sh", "job.sh"], ["env", "sh", "job.sh"], ["sh", "-c", "./job.sh"]]
)
def test_an_unchanged_script_runs_however_it_is_called(bench, work, script, argv):
    script("job.sh", "#!/bin/sh", "echo harmless $1")

    assert bench.declared(*argv, cwd=work).run().startswith("harmless")


@pytest.mark.threat("T7")
def test_a_program_that_was_replaced_after_its_approval_does_not_run(bench, work):
    """An agent gets its own copy of a program approved and puts another program in its place."""
    tool = work / "tool"
    shutil.copy("/bin/echo", tool)
    declared = bench.declared("./tool", "hi", cwd=work)
    other = work / "other"
    shutil.copy("/bin/cat", other)
    other.replace(tool)

    with pytest.raises(RedeemRefusedError, match="has changed"):
        declared.run()


@pytest.mark.threat("T7")
def test_a_link_that_points_elsewhere_after_the_approval_does_not_run(bench, work, script):
    """An agent gets a link to a harmless script approved and points it at another."""
    script("good.sh", "#!/bin/sh", "echo good")
    script("evil.sh", "#!/bin/sh", "echo evil")
    link = work / "link.sh"
    link.symlink_to("good.sh")
    declared = bench.declared("./link.sh", cwd=work)
    link.unlink()
    link.symlink_to("evil.sh")

    with pytest.raises(RedeemRefusedError):
        declared.run()


@pytest.mark.threat("T7")
def test_a_working_folder_that_became_a_link_elsewhere_is_refused(bench, work):
    """An agent gets a command approved in one folder and puts a link to another in its place."""
    (work / "a").mkdir()
    (work / "b").mkdir()
    declared = bench.declared("pwd", cwd=work / "a")
    (work / "a").rmdir()
    (work / "a").symlink_to("b")

    with pytest.raises(RedeemRefusedError, match="the folder is"):
        declared.run()


@pytest.mark.threat("T7")
def test_another_value_of_a_declared_variable_is_refused(bench, work, monkeypatch):
    """An agent gets TARGET=test approved and hands over TARGET=production."""
    monkeypatch.setenv("TARGET", "test")
    declared = bench.declared("sh", "-c", "echo $TARGET", cwd=work, names=["TARGET"])

    with pytest.raises(RedeemRefusedError, match="TARGET has another value"):
        declared.run(env={"TARGET": "production"})
    with pytest.raises(RedeemRefusedError, match="EXTRA has another value"):
        declared.run(env={"TARGET": "test", "EXTRA": "1"})
    assert declared.run() == "test\n"


@pytest.mark.threat("T7")
def test_other_arguments_are_refused(bench, work):
    """An agent gets one command line approved and hands over another."""
    declared = bench.declared("echo", "hello", cwd=work)

    with pytest.raises(RedeemRefusedError, match="the arguments differ"):
        declared.run(argv=["echo", "bye"])


@pytest.mark.threat("T7")
def test_an_input_that_changed_is_refused(bench, work):
    """An agent gets a command approved on one input and changes the input."""
    data = work / "data"
    data.write_text("one")
    with Pins(keep=False) as pins:
        digest = pins.file(str(data)).sha256
    declared = bench.declared("cat", "data", cwd=work, inputs=[{"path": str(data), "sha256": digest}])
    data.write_text("two")

    with pytest.raises(RedeemRefusedError, match="the input"):
        declared.run()


@pytest.mark.threat("T7")
def test_what_runs_is_the_sealed_copy_and_not_the_file(bench, work, script):
    """An agent swaps its script in the moment between the check and the start."""
    path = script("job.sh", "#!/bin/sh", "echo harmless")
    declared = bench.declared("./job.sh", cwd=work)
    real = bench.govd.redeem

    def swap(body):
        path.write_text("#!/bin/sh\necho evil\n")
        return real(body)

    bench.govd.redeem = swap

    assert declared.run() == "harmless\n"


def test_only_declared_variables_reach_the_command(bench, work, monkeypatch):
    monkeypatch.setenv("SECRET", "s3cret")
    monkeypatch.setenv("WANTED", "yes")
    declared = bench.declared("env", cwd=work, names=["WANTED"])

    names = {line.partition("=")[0] for line in declared.run().splitlines()}

    assert names == {"PATH", "HOME", "LANG", "WANTED"}


@pytest.mark.threat("T2")
def test_an_attestation_signed_by_another_key_is_refused(bench, work):
    """Somebody between executor and govd makes up an attestation."""
    declared = bench.declared("echo", "hi", cwd=work)
    bench.govd.signing_key = Ed25519PrivateKey.generate()

    with pytest.raises(RedeemRefusedError, match="does not verify"):
        declared.run()
    assert not bench.govd.redeemed


@pytest.mark.threat("T2")
@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other-runner"},
        {"exp": 1_000_000_000},
        {"intent_id": new_id()},
        {"sub": "other-bot"},
        {"intent_sha256": "f" * 64},
    ],
)
def test_an_attestation_for_something_else_is_refused(bench, work, changes):
    """An attestation of another executor, intent, agent or action is replayed, or one that has expired."""
    declared = bench.declared("echo", "hi", cwd=work)
    bench.govd.claim_changes = changes

    with pytest.raises(RedeemRefusedError):
        declared.run()
    assert not bench.govd.redeemed


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"kid": "unknown"}])
def test_a_signed_document_of_another_type_is_no_attestation(bench, work, header):
    declared = bench.declared("echo", "hi", cwd=work)
    bench.govd.attestation_header = header

    with pytest.raises(RedeemRefusedError):
        declared.run()


@pytest.mark.threat("T2")
def test_another_agents_intent_is_refused(bench, work):
    """An agent names the approved intent of another agent at its own socket."""
    declared = bench.declared("echo", "hi", cwd=work)

    with pytest.raises(RedeemRefusedError, match="another agent"):
        declared.run(agent="other-bot")


def test_an_intent_runs_once(bench, work):
    declared = bench.declared("echo", "hi", cwd=work)
    declared.run()

    with pytest.raises(GovError):
        declared.run()
    assert bench.govd.redeemed == [declared.view.id]


def test_an_attestation_that_was_minted_twice_redeems_once(bench, work):
    declared = bench.declared("echo", "hi", cwd=work)
    first = bench.redeemer().approval(declared.view.id, "bot")
    declared.run()

    with pytest.raises(AlreadyRedeemedError):
        bench.redeemer().begin(first)


def test_what_begins_elsewhere_is_not_begun_here_too(bench, work):
    declared = bench.declared("echo", "hi", cwd=work)

    with bench.journal.begin(declared.view.id), pytest.raises(AlreadyRedeemedError):
        declared.run()
    assert not bench.govd.redeemed


def test_nothing_runs_when_the_answer_to_the_redemption_is_lost(bench, work):
    declared = bench.declared("touch", "ran", cwd=work)
    bench.govd.lose_answer = {"redeem"}

    with pytest.raises(UnreachableError, match="may have arrived"):
        declared.run()

    assert not (work / "ran").exists()
    assert [path for _, path, _ in bench.govd.requests].count("/v1/attestations/redeem") == 1
    assert bench.govd.outcome(declared.view.id) == "not_run"


def test_a_halted_backend_leaves_the_intent_to_be_told_later(bench, work):
    declared = bench.declared("touch", "ran", cwd=work)
    bench.govd.refuse = {"redeem": HaltedError("no disk space")}

    with pytest.raises(HaltedError):
        declared.run()
    assert not (work / "ran").exists()

    bench.govd.refuse = {}
    assert bench.redeemer().recover() == 0
    declared.run()
    assert (work / "ran").exists()


def test_a_program_that_cannot_be_started_is_reported_as_not_run(bench, work, script):
    script("broken", "this is no program")
    declared = bench.declared("./broken", cwd=work)

    with pytest.raises(UsageError, match="could not be started"):
        declared.run()
    assert bench.govd.outcome(declared.view.id) == "not_run"


def test_an_outcome_that_cannot_be_reported_is_kept_and_told_later(bench, work):
    declared = bench.declared("true", cwd=work)
    bench.govd.refuse = {"outcome": HaltedError("no disk space")}

    _, ran = declared.ran()
    assert not ran.reported
    assert bench.redeemer().recover() == 1

    bench.govd.refuse = {}
    assert bench.redeemer().recover() == 0
    assert bench.govd.outcome(declared.view.id) == "succeeded"


def test_an_action_that_was_started_before_a_crash_is_reported_as_unknown(bench, work):
    declared = bench.declared("true", cwd=work)
    bench.redeemer().begin(bench.redeemer().approval(declared.view.id, "bot")).__exit__()

    assert bench.redeemer().recover() == 0
    assert bench.govd.outcome(declared.view.id) == "unknown"
