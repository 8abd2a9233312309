"""Voices without a screen: listings for people and programs, and enrolling from files and from a pipe."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from govconsole.cli import main
from govd.contract.voice import Fault
from tests.govconsole import fake_voices
from tests.govconsole.conftest import PASSPHRASE
from tests.govconsole.studio import silence, tone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from govconsole.paths import Operator
    from tests.govconsole.fake_backend import FakeBackend


@pytest.fixture
def run(operator: Operator, state: Path) -> Callable[..., Result]:
    def _run(*arguments: str, stdin: bytes = b"") -> Result:
        places = ("--state", str(state), "--operator-dir", str(operator.directory))
        return CliRunner().invoke(main, [*places, *arguments], input=stdin)

    return _run


@pytest.fixture
def secret(tmp_path: Path) -> list[str]:
    """The passphrase, as an option."""
    path = tmp_path / "passphrase"
    path.touch(mode=0o600)
    path.write_text(PASSPHRASE + "\n")
    return ["--passphrase-file", str(path)]


@pytest.fixture
def clips(tmp_path: Path) -> list[str]:
    """Seven files of sound."""
    for number in range(7):
        (tmp_path / f"{number}.wav").write_bytes(b"RIFF %d" % number)
    return [str(tmp_path / f"{number}.wav") for number in range(7)]


def test_voices_are_listed_for_people_and_for_programs(
    run: Callable[..., Result], backend: FakeBackend
) -> None:
    voices = backend.voices
    voices.speakers = [fake_voices.speaker("anna", admin=True), fake_voices.speaker("carl", stale=True)]
    voices.waiting, voices.locks = [fake_voices.waiting("owner")], [fake_voices.lock()]
    voices.sessions = [fake_voices.standing("anna")]
    said = run("voices", "list").stdout
    for words in ("anna", "0.81  admin", "stale", "not heard", "voice-bot kitchen", "locked", "titanet-demo"):
        assert words in said
    voices.speakers, voices.tidying = [fake_voices.speaker("bert", unheard=True)], True
    listed = run("voices", "list")
    assert "0.81  not heard" in listed.stdout
    assert "a deletion is owed: " in listed.stderr
    assert "mend: fuser" in listed.stderr
    assert "no admin scope" in run("voices", "show", "bert").stdout
    raw = json.loads(run("voices", "list", "--json").stdout)
    assert (raw["tidying"], raw["speakers"][0]["unheard"]) == (True, True)
    voices.speakers = [fake_voices.speaker("anna", admin=True), fake_voices.speaker("carl", stale=True)]
    listed = json.loads(run("voices", "list", "--json").stdout)
    assert [one["name"] for one in listed["speakers"]] == ["anna", "carl"]


def test_one_voice_is_shown_and_one_that_is_not_there_is_told(
    run: Callable[..., Result], backend: FakeBackend
) -> None:
    backend.voices.speakers = [fake_voices.speaker("anna")]
    assert "made with" not in run("voices", "show", "anna").stdout
    assert json.loads(run("voices", "show", "anna", "--json").stdout)["agreement"] == 0.81
    missing = run("voices", "show", "bert")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "nobody called bert is enrolled" in missing.stderr


def test_what_is_degraded_is_said_on_stderr_with_what_mends_it(
    run: Callable[..., Result], backend: FakeBackend, secret: list[str]
) -> None:
    backend.voices.degraded, backend.voices.mend = "no model", "govd voice model fetch titanet_large"
    assert "no model; mend: govd voice model fetch" in run("voices", "list").stderr
    refused = run("voices", "enroll", "anna", "x", "--consent", fake_voices.VERSION, *secret)
    assert refused.exit_code == 1
    assert "govd voice model fetch" in refused.stderr


def test_a_voice_is_enrolled_from_files_and_the_last_one_is_the_check(
    run: Callable[..., Result], backend: FakeBackend, secret: list[str], clips: list[str]
) -> None:
    backend.voices.worth = [fake_voices.quality(), fake_voices.quality(Fault.NOISY, snr_db=2.0)]
    result = run("voices", "enroll", "anna", *clips, "--consent", fake_voices.VERSION, "--mine", *secret)
    assert result.exit_code == 0, result.stderr
    assert "✗ left out: noisy: speech 2 dB over the room" in result.stderr
    assert "✓ recognised: 0.84, 0.62 is enough" in result.stderr
    assert "enrolled: anna, 5 samples" in result.stderr
    assert backend.voices.clips == [b"RIFF %d" % number for number in range(7)]
    assert [one.name for one in backend.voices.speakers] == ["anna"]
    assert backend.voices.started[0].mine


def test_too_few_files_enroll_nobody_and_leave_nothing(
    run: Callable[..., Result], backend: FakeBackend, secret: list[str], clips: list[str]
) -> None:
    result = run("voices", "enroll", "anna", *clips[:4], "--consent", fake_voices.VERSION, *secret)
    assert result.exit_code == 1
    assert "3 samples of 5 at least" in result.stderr
    assert (backend.voices.speakers, backend.voices.drafts) == ([], {})


def test_a_check_that_fails_enrolls_nobody(
    run: Callable[..., Result], backend: FakeBackend, secret: list[str], clips: list[str]
) -> None:
    backend.voices.matches = [0.8, 0.8, 0.8, 0.8, 0.8, 0.11]
    result = run("voices", "enroll", "anna", *clips, "--consent", fake_voices.VERSION, *secret)
    assert result.exit_code == 1
    assert "✗ not recognised: 0.11" in result.stderr
    assert "no fresh sample matched" in result.stderr
    assert (backend.voices.speakers, backend.voices.drafts) == ([], {})


def test_a_consent_to_another_text_is_none_and_nobody_at_the_terminal_gives_one(
    run: Callable[..., Result], backend: FakeBackend, secret: list[str], clips: list[str]
) -> None:
    other = run("voices", "enroll", "anna", *clips, "--consent", "2025-01", *secret)
    assert other.exit_code == 1
    assert f"version {fake_voices.VERSION}, not 2025-01" in other.stderr
    assert backend.voices.started == []
    assert fake_voices.CONSENT.split("\n")[0] in run("voices", "consent").stdout


def test_a_name_that_is_none_is_refused(
    run: Callable[..., Result], backend: FakeBackend, secret: list[str]
) -> None:
    for name in ("../../x", "Anna", "\x1b[2J"):
        result = run("voices", "enroll", name, "f.wav", "--consent", fake_voices.VERSION, *secret)
        assert result.exit_code == 2
        assert "is no name of a speaker" in result.stderr
        assert "\x1b" not in result.stderr
    assert backend.voices.started == []


def test_a_voice_is_enrolled_from_a_pipe_with_a_verdict_for_each_sample(
    run: Callable[..., Result], backend: FakeBackend, secret: list[str]
) -> None:
    spoken = (silence(0.3) + tone(6.2) + silence(1.0)) * 7
    result = run("enroll", "-", "--name", "anna", "--consent", fake_voices.VERSION, *secret, stdin=spoken)
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("✓ sample") == 5
    assert "one more, which is not kept" in result.stderr
    assert "enrolled: anna" in result.stderr
    assert len(backend.voices.clips) == 6


def test_a_pipe_that_ends_too_early_enrolls_nobody(
    run: Callable[..., Result], backend: FakeBackend, secret: list[str]
) -> None:
    result = run("enroll", "-", "--name", "anna", "--consent", fake_voices.VERSION, *secret, stdin=tone(7.0))
    assert result.exit_code == 1
    assert "1 samples of 5 at least" in result.stderr
    assert (backend.voices.speakers, backend.voices.drafts) == ([], {})


def test_stepping_up_says_for_how_long_or_why_not(
    run: Callable[..., Result], backend: FakeBackend, clips: list[str]
) -> None:
    backend.voices.matches = [0.2]
    missed = run("voices", "step-up", clips[0])
    assert missed.exit_code == 1
    assert "not recognised: 0.20" in missed.stderr
    assert "does not stand" in run("voices", "standing").stdout
    assert "your voice stands" in run("voices", "step-up", clips[0]).stderr
    assert json.loads(run("voices", "standing", "--json").stdout)["state"] == "verified"


def test_the_phrase_of_a_step_up_is_printed_and_is_good_once(
    run: Callable[..., Result], backend: FakeBackend, clips: list[str]
) -> None:
    none = run("voices", "phrase")
    assert (none.exit_code, none.stdout) == (1, "")
    assert "no phrase here" in none.stderr
    backend.voices.phrases = ["tulip anchor kingdom"]
    early = run("voices", "step-up", clips[0])
    assert "govconsole voices phrase" in early.stderr

    said = run("voices", "phrase")
    assert said.stdout == "tulip anchor kingdom\n"
    assert "and nothing else: govconsole voices step-up FILE" in said.stderr
    assert "your voice stands" in run("voices", "step-up", clips[0]).stderr
    assert json.loads(run("voices", "phrase", "--json").stdout)["phrase"] == "tulip anchor kingdom"


def test_a_sample_is_kept_for_its_owner_alone(
    run: Callable[..., Result], backend: FakeBackend, tmp_path: Path
) -> None:
    backend.voices.waiting = [fake_voices.waiting()]
    path = tmp_path / "heard.wav"
    assert run("voices", "play", backend.voices.waiting[0].id, "--output", str(path)).exit_code == 0
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"RIFF", 0o600)
    assert backend.voices.waiting[0].heard
    assert "File exists" in run("voices", "play", "x", "--output", str(path)).stderr


def test_deleting_wants_the_name_again(
    run: Callable[..., Result], backend: FakeBackend, secret: list[str]
) -> None:
    backend.voices.speakers = [fake_voices.speaker("anna")]
    for extra in ([], ["--yes", "bert"]):
        assert run("voices", "delete", "anna", *extra).exit_code == 2
    assert backend.voices.ended == []
    assert run("voices", "delete", "anna", "--yes", "anna", *secret).exit_code == 0
    assert backend.voices.ended == [("speaker", "anna")]


def test_sessions_are_revoked_and_chats_unlocked(run: Callable[..., Result], backend: FakeBackend) -> None:
    backend.voices.sessions = [fake_voices.standing("anna")]
    session = backend.voices.sessions[0].id
    assert run("voices", "revoke", session).exit_code == 0
    assert run("voices", "unlock", "voice-bot", "porch").exit_code == 0
    assert run("voices", "unlock", "voice-bot").exit_code == 0
    assert backend.voices.ended == [
        ("session", session),
        ("lock", "voice-bot", "porch"),
        ("lock", "voice-bot", "-"),
    ]


def test_what_is_signed_is_told_before_and_nothing_is_done_without_the_passphrase(
    run: Callable[..., Result], backend: FakeBackend, clips: list[str], secret: list[str], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("another")
    backend.voices.speakers = [fake_voices.speaker("anna")]
    for words in (["enroll", "anna", *clips, "--consent", fake_voices.VERSION], DELETION):
        for more in ([], ["--passphrase-file", str(wrong)]):
            assert run("voices", *words, *more).exit_code in {1, 2}
    assert (backend.voices.started, backend.voices.signed, backend.voices.ended) == ([], [], [])

    enrolled = run("voices", "enroll", "anna", *clips, "--consent", fake_voices.VERSION, *secret)
    for said in ("replaces    6 samples", fake_voices.speaker("anna").enrolment, *map(sha256, range(7))):
        assert said in enrolled.stderr, enrolled.stderr
    deleted = run("voices", *DELETION, *secret)
    assert "deletes     6 samples" in deleted.stderr
    assert [one.statement.operation for one in backend.voices.signed] == ["enroll", "delete"]


DELETION = ["delete", "anna", "--yes", "anna"]


def sha256(number: int) -> str:
    """Of a clip."""
    return fake_voices.digest(b"RIFF %d" % number)


@pytest.mark.threat("T24")
def test_the_twin_signs_for_no_clip_that_it_did_not_send(
    run: Callable[..., Result], backend: FakeBackend, clips: list[str], secret: list[str]
) -> None:
    """Who stole the token puts his own sample into an enrollment while a script fills it."""
    backend.voices.slipped = b"RIFF of a thief"
    result = run("voices", "enroll", "anna", *clips, "--consent", fake_voices.VERSION, *secret)
    assert (result.exit_code, "1 of 7 clips" in result.stderr) == (1, True)
    assert (backend.voices.signed, backend.voices.drafts) == ([], {})
