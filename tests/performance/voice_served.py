"""The row about a verification as an agent has it: `POST /verify` at a running govd, with its log.

Must never count an answer that was no verdict, nor a clip that govd has heard before.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from govd.voice.encoder.onnx import OnnxEncoder
from govd.voice.modelstore.store import SHIPPED
from tests.performance.rows import Row, scratch
from tests.support import speech
from tests.support.govd_process import GovdProcess
from tests.support.operator import answer
from tests.support.voicesigning import saving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVED_VOICE_ROWS: Final = ("verify_http_5s",)
_MODEL: Final = "titanet-demo"
_OWNER: Final = "us-m3"
_ENOUGH: Final = 8
_WARM_UP: Final = 3
_SECONDS: Final = 5.0


def served_voice_rows(rounds: int) -> dict[str, Row]:
    """One agent, one clip after the other: each another voice or sentence, each in a chat of its own."""
    bare = OnnxEncoder((SHIPPED / f"{_MODEL}.onnx").read_bytes())
    served: list[float] = []
    alone: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="gov-bench-", dir=scratch()) as folder,
        _govd(Path(folder)) as govd,
    ):
        http = govd.agent("bench").http
        for number, clip in enumerate(_clips(_WARM_UP + 3 * rounds)):
            alone.append(_ms(partial(bare.embed, speech.samples(clip))))
            served.append(_ms(partial(_verify, http, clip, f"chat-{number}")))
    baseline = statistics.median(alone[_WARM_UP:])
    note = "the demo's model; form, intake, replay memory and log with it"
    return {"verify_http_5s": Row(statistics.median(served[_WARM_UP:]), "ms", baseline, note=note)}


def _verify(http: httpx.Client, clip: bytes, chat: str) -> None:
    found = http.post("/verify", files={"file": ("clip.wav", clip)}, data={"chat": chat})
    if found.status_code != httpx.codes.OK or "verified" not in found.json():
        raise SystemExit(f"an answer that was no verdict: {found.text[:200]}")


def _clips(count: int) -> Iterator[bytes]:
    """Of different voices and sentences: the same one again would be a replay, and cost nothing."""
    voices = [name for name in speech.VOICES if name != _OWNER]
    for number in range(count):
        text = speech.TEXTS[number // len(voices)]
        yield speech.speak(voices[number % len(voices)], f"{text} {text}", seconds=_SECONDS)


@contextmanager
def _govd(folder: Path) -> Iterator[GovdProcess]:
    """A govd with the demo's model and one speaker."""
    govd = GovdProcess(folder)
    with ExitStack() as stack:
        stack.push(govd)
        govd.found()
        (govd.state / "voice").mkdir(mode=0o700, exist_ok=True)
        (govd.state / "voice" / "demo").touch(mode=0o600)
        govd.govd("voice", "model", "use", _MODEL)
        govd.serve()
        _enroll(govd)
        yield govd


def _enroll(govd: GovdProcess) -> None:
    with govd.operator() as operator:
        start = {"name": "me", "consent_version": "1", "consented": True, "mine": True}
        draft = f"/v1/voice/drafts/{operator.post('/v1/voice/drafts', start)['id']}"
        for text in speech.TEXTS[:_ENOUGH]:
            answer(operator.http.post(f"{draft}/samples", files={"file": speech.speak(_OWNER, text)}))
        last = speech.speak(_OWNER, speech.TEXTS[_ENOUGH])
        answer(operator.http.post(f"{draft}/check", files={"file": last}))
        operator.post(f"{draft}/save", saving(operator, operator.get("/v1/voice"), operator.get(draft)))


def _ms(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return (time.perf_counter() - before) * 1000
