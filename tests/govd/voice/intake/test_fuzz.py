"""Real files with bytes changed: whatever a decoder does, each is taken or refused, and the next works."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govd.contract import voice_limits as limits
from govd.contract.errors import ClipRefusedError
from govd.voice.intake import worker
from govd.voice.intake.pool import ClipIntake
from tests.support import speech

MINUTES = float(os.environ.get("GOV_SOAK_MINUTES", "0"))
HEAD = 400
KINDS = (*speech.FORMATS, "adpcm", "gsm")
EXTREMES = (b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f")
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, HEAD), st.binary(min_size=1, max_size=4)),
        st.tuples(st.just("set"), st.integers(0, 2**20), st.sampled_from(EXTREMES)),
        st.tuples(st.just("insert"), st.integers(0, HEAD), st.binary(min_size=1, max_size=64)),
        st.tuples(st.just("cut"), st.integers(0, 2**20), st.just(b"")),
        st.tuples(st.just("drop"), st.integers(0, HEAD), st.binary(max_size=32)),
    ),
    min_size=1,
    max_size=6,
)


def file_of(kind: str) -> bytes:
    said = speech.speak("us-m3", speech.TEXTS[1], seconds=0.6)
    if kind == "adpcm":
        return speech.wav(speech.samples(said), subtype="MS_ADPCM")
    if kind == "gsm":
        return speech.wav(speech.samples(said), subtype="GSM610")
    return speech.encoded(said, kind)


def edited(data: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    out = bytearray(data)
    for what, at, value in edits:
        place = at % max(1, len(out))
        if what == "set":
            out[place : place + len(value)] = value
        elif what == "insert":
            out[place:place] = value
        elif what == "drop":
            del out[place : place + len(value)]
        else:
            del out[place:]
    return bytes(out)


def one_round(pool: ClipIntake, data: bytes) -> None:
    try:
        taken = pool.take(data)
    except ClipRefusedError:
        return
    quality = taken.quality
    assert 0 <= quality.net_seconds <= quality.seconds <= limits.MAX_CLIP_SECONDS
    assert all(
        map(math.isfinite, (quality.level_dbfs, quality.snr_db, quality.clipped, quality.bandwidth_hz))
    )
    assert len(taken.pcm) == round(quality.net_seconds * 16_000) * 4
    assert len(taken.fingerprint) % 32 == 0


def peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_file_is_taken_or_refused_and_never_more(intake, kind):
    original = file_of(kind)
    expected = intake.take(original).sha256

    @settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
    @given(edits=EDITS)
    def check(edits):
        one_round(intake, edited(original, edits))

    check()
    assert intake.take(original).sha256 == expected
    assert all(peak_mib(pid) < worker.MEMORY / 2**20 + 128 for pid in intake.pids())


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_for_as_long_as_the_soak_runs(kind):
    pool = ClipIntake(at_once=1)
    original = file_of(kind)
    until = time.monotonic() + 60 * max(MINUTES, 0.1) / len(KINDS)

    @settings(max_examples=500, suppress_health_check=list(HealthCheck), database=None)
    @given(edits=EDITS)
    def check(edits):
        if time.monotonic() < until:
            one_round(pool, edited(original, edits))

    while time.monotonic() < until:
        check()
    pool.close()
