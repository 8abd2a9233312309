"""govd voice: a model taken in, measured and used, then a voice enrolled and told from another."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from govd.cli.voice import wrong_with
from govd.cli.voice_calibrate import written
from govd.contract.errors import ConflictError
from govd.voice.calibration import calibrate
from govd.voice.modelstore.card import DEMO, Card
from govd.voice.modelstore.store import ModelStore
from tests.support import speech
from tests.support.govd_process import GovdProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENROLLED, OTHER = "us-m3", "flite-slt"
TAKES: Final = {
    "a": [(1.0, 0.0), (0.99, 0.1), (0.98, -0.1), (0.97, 0.0)],
    "b": [(0.0, 1.0), (0.1, 0.99), (-0.1, 0.98), (0.0, 0.97)],
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a voice: four short clips of each, and of the one who enrolls seven longer ones beside it."""
    folder = tmp_path_factory.mktemp("voices")
    for voice in (ENROLLED, OTHER):
        (folder / "calibration" / voice).mkdir(parents=True)
        for number, text in enumerate(speech.TEXTS[:4]):
            path = folder / "calibration" / voice / f"{number}.wav"
            path.write_bytes(speech.speak(voice, text))
    pairs = [f"{one} {two}" for one, two in zip(speech.TEXTS[0:10:2], speech.TEXTS[1:10:2], strict=True)]
    for number, text in enumerate([*pairs, *speech.TEXTS[10:]]):
        (folder / f"{number}.wav").write_bytes(speech.speak(ENROLLED, text))
    (folder / "other.wav").write_bytes(speech.speak(OTHER, speech.TEXTS[9]))
    both = [speech.speak(ENROLLED, pairs[0]), speech.speak(OTHER, speech.TEXTS[9])]
    (folder / "both.wav").write_bytes(speech.joined(*both))
    (folder / "broken.wav").write_bytes(b"RIFF and nothing else")
    return folder


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovdProcess]:
    """A govd that runs, with no model."""
    with GovdProcess(tmp_path_factory.mktemp("voice-cli")) as govd:
        yield govd


def said(house: GovdProcess, *argv: str | Path, expect: int = 0) -> tuple[str, str]:
    done = house.govd("voice", *argv, expect=expect)
    return done.stdout.decode(), done.stderr.decode()


def test_with_no_model_it_says_what_mends_it(running: GovdProcess) -> None:
    _, told = said(running, "speakers")
    assert "nobody can be verified: no speaker model is in use" in told
    assert "try: govd voice model" in told


def test_nobody_is_enrolled_or_measured_without_consent(house: GovdProcess, clips: Path) -> None:
    _, told = said(house, "enroll", clips / "0.wav", "--name", "maria", expect=2)
    assert "voiceprint" in told
    assert "--consent" in told
    _, told = said(house, "calibrate", "any", clips / "calibration", expect=2)
    assert "--consent" in told


def test_what_cannot_be_is_refused_in_words(house: GovdProcess, clips: Path) -> None:
    assert "6 files" not in said(house, "enroll", clips / "0.wav", "--name", "m", "--consent", expect=2)[1]
    _, told = said(house, "verify", clips / "missing.wav", expect=2)
    assert "No such file" in told
    _, told = said(house, "calibrate", "nothing", clips / "calibration", "--consent", expect=1)
    assert "there is no model nothing" in told
    assert "no" in said(house, "delete", "nobody", "--yes", expect=1)[1]


def test_a_model_is_measured_and_used_and_a_voice_is_told_from_another(
    house: GovdProcess, clips: Path
) -> None:
    ModelStore(house.state).found_for_demo()
    out, told = said(house, "calibrate", DEMO, clips / "calibration", "--consent", "--dry-run")
    assert "2 speakers, 8 samples" in out
    assert "at most" in out
    assert "3/N" in out
    assert "8 of 8 clips" in told
    assert "nothing was written" in told
    said(house, "model", "use", DEMO)

    files = [clips / f"{number}.wav" for number in range(6)]
    secret = ("--passphrase-file", house.passphrase_file)
    assert "no terminal" in said(house, "enroll", *files, "--name", "maria", "--consent", expect=2)[1]
    _, told = said(house, "enroll", *files, "--name", "maria", "--consent", *secret)
    assert "signed with your vote key:\n  voice       maria\n" in told
    assert f"  5           {hashlib.sha256(files[4].read_bytes()).hexdigest()}\n" in told
    assert "5 of 5: 4.wav" in told
    assert "enrolled: maria, 5 samples" in told
    (speaker,) = house.govd_json("voice", "speakers")["speakers"]
    assert (speaker["name"], speaker["model"], speaker["stale"]) == ("maria", DEMO, False)

    assert said(house, "verify", clips / "6.wav")[0].startswith("maria (")
    out, told = said(house, "verify", clips / "other.wav", "--json", expect=1)
    assert (json.loads(out)["verified"], json.loads(out)["speaker"]) == (False, "unknown")
    assert "nobody's voice" in told
    out, told = said(house, "verify", clips / "both.wav", expect=1)
    assert out.endswith(": several-voices\n")
    assert "somebody else is heard in it too" in told
    assert "no audio file" in said(house, "verify", clips / "broken.wav", expect=1)[1]
    assert house.operator().get("/v1/voice")["sessions"] == []

    agent, other = house.agent("bot"), (clips / "other.wav").read_bytes()
    for _ in range(5):
        assert agent.http.post("/verify", files={"file": ("x", other)}).json()["verified"] is False
    assert agent.http.post("/verify", files={"file": ("x", other)}).status_code == 429
    assert "bot may try again" in said(house, "unlock", "bot")[1]
    assert agent.http.post("/verify", files={"file": ("x", other)}).status_code == 200
    assert "nothing stands against" in said(house, "unlock", "bot", "family", expect=1)[1]
    assert "bot may try again" in said(house, "unlock", "bot", "--all")[1]
    assert "nothing stands against" in said(house, "unlock", "bot", "--all", expect=1)[1]

    with closing(sqlite3.connect(house.state / "govd.db", isolation_level=None)) as reader:
        reader.execute("begin")
        assert reader.execute("select count(*) from speakers").fetchone() == (1,)
        said(house, "delete", "maria", "--yes", *secret)
        _, told = said(house, "speakers")
        assert "a deleted voice may still lie in the database's journal" in told
        assert f"try: fuser -v {house.state / 'govd.db'}" in told
    assert house.govd_json("voice", "speakers")["speakers"] == []


def test_what_is_wrong_with_a_speaker_is_said_with_what_mends_it() -> None:
    assert wrong_with({"stale": False, "unheard": False}) == ""
    assert wrong_with({"stale": True, "unheard": True}) == (
        "made with another model, not heard, so no admin scope: enroll again"
    )


def test_what_was_measured_is_written_down_where_it_may_be(tmp_path: Path) -> None:
    """The demo's own card is not written over; any other model's is, with the figures and their bounds."""
    embeddings = {name: [struct.pack("<2f", *near) for near in takes] for name, takes in TAKES.items()}
    found = calibrate(embeddings)
    store = ModelStore(tmp_path)
    with pytest.raises(ConflictError, match="comes with its calibration"):
        written(store, DEMO, found)
    folder = store.models / "own"
    folder.mkdir(parents=True)
    card = Card(id="own", sha256="0" * 64, dimension=2)
    (folder / "card.json").write_text(card.model_dump_json(), encoding="utf-8")
    written(store, "own", found)
    kept = store.card("own")
    assert (kept.threshold, kept.low_confidence) == (found.threshold, found.low_confidence)
    assert kept.trials == found.trials
    assert kept.calibration["by"] == "govd voice calibrate"
    assert kept.calibration["fmr_at_most"] == 1.0 if found.fmr.errors else 3 / found.fmr.trials
