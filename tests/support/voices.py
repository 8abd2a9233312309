"""Voices without audio: clips that say what they sound like, an intake and an encoder that believe them.

And a govd around them in this process, whose clock a test moves and whose doors are asked without sockets.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import random
import struct
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import httpx

from govd.contract.errors import ClipRefusedError, VoiceUnavailableError
from govd.contract.voice import DraftStart, Fault, ModelView, Quality
from govd.contract.voicechange import VoiceChangeSubmission
from govd.doors import agents_app, operators_app
from govd.founding import Founding, found
from govd.identities.model import Identity
from govd.service import Govd
from govd.settings import read_settings
from govd.voice.model import Clip
from tests.support.clocks import Times
from tests.support.operator import Operator, answer
from tests.support.voicesigning import deleting, saving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from govd.voice.model import Intake

DIMENSION: Final = 64
THRESHOLD: Final = 0.6
LOW: Final = 0.75
PASSPHRASE: Final = b"a passphrase for tests"

MODEL: Final = ModelView(
    id="fake", runtime="onnx", sha256="a" * 64, dimension=DIMENSION, threshold=THRESHOLD, low_confidence=LOW
)
OTHER_MODEL: Final = MODEL.model_copy(update={"id": "other", "sha256": "b" * 64})

Vector = tuple[float, ...]


def unit(values: Sequence[float]) -> Vector:
    """The same direction with length 1, as float32 has it."""
    length = math.hypot(*values)
    packed = struct.pack(f"<{len(values)}f", *(value / length for value in values))
    return struct.unpack(f"<{len(values)}f", packed)


def voice(name: str) -> Vector:
    """What somebody sounds like; two names are nearly at right angles."""
    return unit([random.Random(f"{name}/{place}").gauss(0, 1) for place in range(DIMENSION)])  # noqa: S311 - no secret


def clip(
    who: str | Vector,
    take: object = 0,
    *,
    net: float = 7.0,
    close: float = 0.95,
    faults: Sequence[Fault] = (),
    second: str | None = None,
    like: object = None,
    padding: int = 0,
) -> bytes:
    """A file.

    Args:
        who: Whose voice, or exactly which direction.
        take: Which recording of it.
        net: Seconds of speech.
        close: Its cosine with the voice itself.
        faults: What an intake would find.
        second: Somebody else who speaks in its second half.
        padding: Bytes of silence behind it, once decoded.
        like: The take whose fingerprint it has, where that is another one.
    """
    made = {
        "voice": _near(voice(who), f"{who}/{take}", close) if isinstance(who, str) else who,
        "second": None if second is None else voice(second),
        "id": f"{who}/{take}",
        "print": f"{who}/{take if like is None else like}",
        "net": net,
        "padding": padding,
        "faults": [fault.value for fault in faults],
    }
    return json.dumps(made).encode()


def _near(middle: Vector, seed: str, cosine: float) -> Vector:
    """A direction with that cosine to another."""
    random_ = random.Random(seed)  # noqa: S311 - no secret
    aside = [random_.gauss(0, 1) for _ in middle]
    along = sum(a * b for a, b in zip(aside, middle, strict=True))
    right = unit([a - along * b for a, b in zip(aside, middle, strict=True)])
    return unit([cosine * a + math.sqrt(1 - cosine**2) * b for a, b in zip(middle, right, strict=True)])


class FakeIntake:
    """Reads what `clip` wrote."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, data: bytes, *, name: str = "") -> Clip:
        """See `Intake`."""
        del name
        self.taken += 1
        try:
            made = json.loads(data)
            first, second = made["voice"], made["second"] or made["voice"]
        except (ValueError, TypeError, KeyError):
            raise ClipRefusedError("this is no clip") from None
        quality = Quality(
            seconds=made["net"] + 1,
            net_seconds=made["net"],
            level_dbfs=-20,
            snr_db=30,
            clipped=0,
            bandwidth_hz=7000,
            faults=[Fault(item) for item in made["faults"]],
        )
        return Clip(
            struct.pack(f"<{2 * DIMENSION}f", *first, *second) + bytes(made["padding"]),
            quality,
            hashlib.sha256(made["print"].encode()).digest(),
            hashlib.sha256(made["id"].encode()).hexdigest(),
        )

    def close(self) -> None:
        """Nothing runs."""


class FakeEncoder:
    """Believes clips. `model` can be swapped, or taken away."""

    def __init__(self) -> None:
        self.model: ModelView | None = MODEL
        self.asked = 0
        self._said = b""

    @property
    def degraded(self) -> tuple[str, str] | None:
        """See `Encoder`."""
        return ("no speaker model is in use", "govd voice model list") if self.model is None else None

    def warm(self) -> None:
        """Nothing is cold."""

    def embed(self, pcm: bytes) -> bytes:
        """The first vector in it: of a half, that half's; of a part that is padding, what was before it."""
        if self.model is None:
            raise VoiceUnavailableError("no speaker model is in use", hint="govd voice model list")
        self.asked += 1
        if any(pcm[: 4 * DIMENSION]):
            self._said = pcm[: 4 * DIMENSION]
        return self._said

    def close(self) -> None:
        """Nothing runs."""


class Caller:
    """Somebody at a door of a govd in this process."""

    def __init__(self, app: Any, token: str) -> None:
        self._app, self._token = app, token

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request through the whole application."""

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, client=("uid:0", 0))
            headers = {"Authorization": f"Bearer {self._token}"}
            async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers) as client:
                return await client.request(method, path, **options)

        return asyncio.run(go())

    def send(self, path: str, data: bytes, **fields: str) -> httpx.Response:
        """A file in a form."""
        return self.ask("POST", path, files={"file": ("note.ogg", data)}, data=fields)


class _Signer(Operator):
    """An operator who signs here, and has no socket."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.directory, self._passphrase = name, directory, PASSPHRASE


POLICY: Final = """\
version: 1
name: voices
tools: ["search.*"]
tool_calls: {allow: ["search.*"]}
holds: {ttl: 12h}
"""
OWNED: Final = POLICY + "voice: {owner: owner}\n"
"""The same with the block: `owner` has admin scope."""


def founded(root: Path, policy: str = POLICY, database: str | None = None) -> Path:
    """A state with one operator, to be copied; its operator's files lie beside it."""
    found(
        Founding(
            state=root / "state",
            operator="ana",
            operator_dir=root / "operator",
            passphrase=PASSPHRASE,
            policy=policy.encode(),
            policy_path=None,
            agent_port=0,
            database=database,
            rounds=1,
        )
    )
    return root


class VoiceHouse:
    """A govd in this process, with clips as `clip` makes them.

    Args:
        root: Holds `state` and `operator`, as `founded` leaves them.
        agents: Their names, and the origins that each may state.
    """

    def __init__(self, root: Path, agents: Sequence[str] = ("bot", "other")) -> None:
        self.root = root
        self.times = Times()
        self.intake: Intake = FakeIntake()
        self.encoder = FakeEncoder()
        self.govd = self._start()
        self._tokens = {name: self._agent(name) for name in agents}
        self.signer = _Signer("ana", root / "operator")

    def _start(self) -> Govd:
        state = self.root / "state"
        made = Govd(
            state,
            read_settings(state),
            clock=self.times.clock(),
            intake=self.intake,
            encoder=self.encoder,
        )
        self._agents_door, self.operators_door = agents_app(made), operators_app(made)
        return made

    def restart(self) -> None:
        """End, and begin again on the same state."""
        self.govd.close()
        self.govd = self._start()

    def close(self) -> None:
        """End."""
        self.govd.close()

    # -- who asks --------------------------------------------------------------------------------------

    def _agent(self, name: str) -> str:
        identity = Identity(
            kind="agent",
            name=name,
            state="active",
            created_at=self.govd.clock.now(),
            origins=("user", "channel:family"),
        )
        return self.govd.directory.add_agent(identity, timedelta(days=300), by="ana")

    def agent(self, name: str = "bot") -> Caller:
        """An agent at its door."""
        return Caller(self._agents_door, self._tokens[name])

    def operator(self) -> Caller:
        """The operator at his door."""
        token = (self.root / "operator" / "ana.token").read_text(encoding="ascii").strip()
        return Caller(self.operators_door, token)

    # -- what they do ----------------------------------------------------------------------------------

    def verify(self, data: bytes, chat: str = "", agent: str = "bot") -> httpx.Response:
        """`POST /verify`."""
        return self.agent(agent).send("/verify", data, chat=chat)

    def enroll(
        self, who: str, *, mine: bool = False, samples: int = 5, name: str = "", prefix: str = "enroll"
    ) -> dict[str, Any]:
        """A whole enrollment in the console, without its door; the speaker."""
        desk, start = self.govd.desk, {"consent_version": "1", "consented": True, "mine": mine}
        draft = desk.begin("ana", DraftStart(name=name or who, **start)).id
        for take in range(samples):
            sent = desk.sample("ana", draft, clip(who, f"{prefix}-{take}"))
            assert sent.kept, sent
        assert desk.check("ana", draft, clip(who, f"{prefix}-check")).verified
        signed = VoiceChangeSubmission.model_validate(self.signed_save(draft))
        return desk.save("ana", draft, signed).model_dump(mode="json")

    def signed_save(self, draft: str, /, **changes: Any) -> dict[str, Any]:
        """The body that saves a draft, signed; `changes` replaces members of the statement before."""
        govd = self.govd
        picture = govd.ledger.read(lambda c: govd.desk.picture(c, "ana")).model_dump(mode="json")
        shown = govd.voices.drafts.show(draft, "ana").model_dump(mode="json")
        return saving(self.signer, picture, shown, changes.pop("at", govd.clock.now()), **changes)

    def save(self, draft: str) -> httpx.Response:
        """Sign a draft as it is shown, and save it."""
        body = self.signed_save(draft)
        return self.operator().ask("POST", f"/v1/voice/drafts/{draft}/save", json=body)

    def signed_delete(self, name: str, **changes: Any) -> dict[str, Any]:
        """The body that deletes a voice, signed; see `signed_save`."""
        return deleting(
            self.signer, self.picture(), name, changes.pop("at", self.govd.clock.now()), **changes
        )

    def delete(self, name: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Sign what is shown of a speaker, and delete him. `body`: what was signed before."""
        body = body or self.signed_delete(name)
        return self.operator().ask("POST", f"/v1/voice/speakers/{name}/delete", json=body)

    def draft(self, name: str, *, mine: bool = False) -> str:
        """Begin an enrollment in the console; its id."""
        body = {"name": name, "consent_version": "1", "consented": True, "mine": mine}
        return str(answer(self.operator().ask("POST", "/v1/voice/drafts", json=body))["id"])

    def ask(self, who: str, take: object, agent: str = "bot", name: str = "") -> dict[str, Any]:
        """An agent sends a sample of a voice; the answer."""
        made: dict[str, Any] = answer(
            self.agent(agent).send("/enroll", clip(who, f"asked-{take}"), name=name or who)
        )
        return made

    def picture(self) -> dict[str, Any]:
        """`GET /v1/voice`."""
        found_: dict[str, Any] = answer(self.operator().ask("GET", "/v1/voice"))
        return found_

    def vote(self, job: str, verdict: str = "approve", **words: str) -> httpx.Response:
        """Open a job, sign what it shows, and cast the vote."""
        from govd.contract.jobs import JobDetail

        shown = JobDetail.model_validate(answer(self.operator().ask("GET", f"/v1/jobs/{job}")))
        signed = self.signer.sign(shown, verdict, cast_at=self.govd.clock.now(), **words)  # type: ignore[arg-type]  # a verdict
        body = signed.model_dump(mode="json", by_alias=True)
        return self.operator().ask("POST", f"/v1/jobs/{job}/votes", json=body)

    def play(self, job: str) -> int:
        """Listen to every sample of a job that waits; how many."""
        waiting = [item for item in self.picture()["waiting"] if item["job"] == job]
        for item in waiting:
            assert self.operator().ask("GET", f"/v1/voice/waiting/{item['id']}").is_success
        return len(waiting)

    def events(self, type_: str) -> list[dict[str, Any]]:
        """What the log says of that."""
        files = sorted((self.root / "state" / "audit").glob("*.jsonl"))
        lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
        return [line for line in lines if line["type"] == type_]
