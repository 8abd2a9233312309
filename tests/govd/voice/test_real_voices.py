"""The whole way with real clips: voices synthesised, enrolled, verified and refused by the demo's own model.

One govd in a process of its own serves all of it; it is killed in the middle.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from govd.voice.modelstore.card import DEMO
from govd.voice.modelstore.store import ModelStore
from tests.support import speech
from tests.support.govd_process import GovdProcess
from tests.support.operator import answer
from tests.support.voices import OWNED
from tests.support.voicesigning import saving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.govd_process import Client

OWNER, THIEF = "us-m3", "flite-slt"
LIKE_OWNER = "flite-awb"
"""With as much of it behind as much of the owner, the whole of a clip is near enough to the owner's voice."""


class Scene:
    """A govd with the demo's model, an agent and an operator."""

    def __init__(self, govd: GovdProcess) -> None:
        self.govd = govd
        self.bot: Client = govd.agent("bot")
        self.operator = govd.operator()

    def send(self, path: str, data: bytes) -> dict[str, Any]:
        found: dict[str, Any] = answer(
            self.operator.http.post(path, files={"file": ("clip.wav", data, "audio/wav")})
        )
        return found

    def verify(self, data: bytes, chat: str = "") -> dict[str, Any]:
        found: dict[str, Any] = answer(
            self.bot.http.post("/verify", files={"file": ("note.ogg", data)}, data={"chat": chat})
        )
        return found

    def draft(self, name: str) -> str:
        start = {"name": name, "consent_version": "1", "consented": True, "mine": True}
        return f"/v1/voice/drafts/{self.operator.post('/v1/voice/drafts', start)['id']}"

    def drafted(self) -> str:
        """A draft of the owner's voice with the samples that it needs."""
        draft = self.draft("owner")
        for number in range(5):
            sent = self.send(f"{draft}/samples", said(OWNER, 2 * number, 2 * number + 1))
            assert sent["kept"], sent
        return draft

    def save(self, draft: str) -> dict[str, Any]:
        """Sign it, and keep it."""
        body = saving(self.operator, self.operator.get("/v1/voice"), self.operator.get(draft))
        found: dict[str, Any] = self.operator.post(f"{draft}/save", body)
        return found

    def know_the_owner(self) -> None:
        """The owner is enrolled: by the test before, or here where that one runs elsewhere."""
        if not self.operator.get("/v1/voice")["speakers"]:
            draft = self.drafted()
            assert self.send(f"{draft}/check", said(OWNER, 10))["verified"]
            self.save(draft)


def said(voice: str, *texts: int) -> bytes:
    """Some of the sentences, one after the other."""
    return speech.joined(*(speech.speak(voice, speech.TEXTS[number]) for number in texts), gap=0.3)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    root = tmp_path_factory.mktemp("real-voices")
    govd = GovdProcess(root, policy=OWNED)
    try:
        govd.init()
        models = ModelStore(govd.state)
        models.found_for_demo()
        models.use(DEMO)
        govd.serve()
        yield Scene(govd)
    finally:
        govd.__exit__()


def test_a_voice_is_enrolled_verified_and_survives_a_kill_and_another_is_refused(scene: Scene):
    draft = scene.drafted()
    other = scene.send(f"{draft}/samples", said(THIEF, 0, 1))
    assert other["quality"]["faults"] == ["not-the-same-voice"]
    assert scene.send(f"{draft}/check", said(OWNER, 10))["verified"]
    saved = scene.save(draft)
    assert (saved["samples"], saved["model"], saved["stale"]) == (5, DEMO, False)

    found = scene.verify(speech.encoded(said(OWNER, 11), "opus"), "family")
    assert (found["verified"], found["speaker"], found["admin"]) == (True, "owner", True)
    assert found["threshold"] == scene.bot.http.get("/health").json()["threshold"]
    assert not scene.verify(said(THIEF, 11))["verified"]
    assert not scene.verify(said(OWNER, 11), "elsewhere")["verified"], "a replay in another format"

    duet = speech.joined(
        speech.speak(OWNER, "The museum opens at ten, and the guide waits beside the fountain."),
        speech.speak(LIKE_OWNER, "Our teacher drew a map of the harbour and asked where they had landed."),
        gap=0.3,
    )
    for answered in (scene.verify(duet, "duet"), scene.send("/v1/voice/step-up", duet)):
        assert (answered["verified"], answered["quality"]["faults"]) == (False, ["several-voices"])
    alone = speech.speak(OWNER, "I put the keys under the flower pot, because the lock is broken again.")
    assert scene.send("/v1/voice/step-up", alone)["verified"]

    scene.govd.kill()
    scene.govd.serve()

    assert scene.bot.http.get("/v1/voice/session?chat=family").json()["state"] == "verified"
    assert scene.verify(speech.speak("us-m3", "A sentence that nobody has said here before today."))[
        "verified"
    ]
    assert scene.bot.http.get("/speakers").json()["speakers"][0]["samples"] == 5


def worker_of(govd: GovdProcess) -> int:
    """The process in which this govd's encoder runs."""
    assert govd.process is not None
    pids: list[int] = []
    for file in Path(f"/proc/{govd.process.pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended since
            pids += map(int, file.read_text().split())
    (found,) = [pid for pid in pids if b"encoder.worker" in _command_of(pid)]
    return found


def _command_of(pid: int) -> bytes:
    """The command line of a process; nothing of one that has ended since."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def test_a_worker_that_is_killed_over_a_clip_costs_nobody_his_answer(scene: Scene):
    scene.know_the_owner()
    assert scene.verify(speech.speak(OWNER, "Whoever hears this one is there for the next."))["verified"]
    worker = worker_of(scene.govd)
    os.kill(worker, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as caller:
        asked = caller.submit(scene.verify, speech.speak(OWNER, "This one is heard by two workers, in turn."))
        with contextlib.suppress(PermissionError):  # only its own user may look at its pipe
            pipe = os.open(f"/proc/{worker}/fd/0", os.O_RDONLY | os.O_NONBLOCK)
            assert select.select([pipe], [], [], 60)[0], "the clip has reached it"
            os.close(pipe)
        os.kill(worker, signal.SIGKILL)

        assert asked.result(60)["verified"]
    assert worker_of(scene.govd) != worker


def test_a_model_that_is_no_longer_there_fails_closed_without_a_restart(scene: Scene):
    scene.know_the_owner()
    (scene.govd.state / "voice" / "active").unlink()

    refused = scene.bot.http.post("/verify", files={"file": said(OWNER, 3, 4)})
    assert refused.status_code == 503
    assert scene.bot.http.get("/health").json()["status"] == "degraded"
    assert scene.operator.get("/v1/voice")["speakers"][0]["stale"]
