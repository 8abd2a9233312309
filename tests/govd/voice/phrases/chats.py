"""A family's chat with its bot: whose notes an adapter signs, and whose words an upstream hears."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from govd.audit.verify import verify as verify_log
from govd.contract.errors import TYPE_PREFIX
from govd.storage.engine import make_engine, parse_url
from tests.govd.voice.test_channels import family, word
from tests.support.operator import answer
from tests.support.voices import POLICY, VoiceHouse, clip

if TYPE_CHECKING:
    import httpx

    from tests.support.upstream import Upstream


CHANNEL = "channel:family"
SECRET: dict[str, Any] = {"kind": "secret_read", "action": {"name": "vault/router"}, "origin": CHANNEL}
ALLOWED = f"{POLICY}custom: [{{name: asked, kinds: [secret_read], allow_if: 'true'}}]\n"


class Chat:
    """The family's chat: its owner, the bot in it, and an upstream that hears what it is told to."""

    def __init__(self, house: VoiceHouse, upstream: Upstream) -> None:
        self.house, self.upstream, self.takes = house, upstream, 0

    def policy(self, text: str = ALLOWED, **block: Any) -> None:
        """From now on the `voice:` block says that, beside the owner and his channel."""
        made = {"owner": "owner", "channels": {"family": family()}, **block}
        (self.house.root / "state" / "policy.yaml").write_text(f"{text}voice: {json.dumps(made)}\n")
        self.house.govd.policies.trust(disk=True)
        self.house.govd.policies.look()

    def note(self, who: str = "owner") -> bytes:
        """Another recording."""
        self.takes += 1
        return clip(who, f"note-{self.takes}")

    def send(self, note: bytes, job: str = "", **more: Any) -> httpx.Response:
        """The adapter signs the note, and the bot passes it on."""
        fields = {"chat": "family", "signed": word(self.house, note), **({"job": job} if job else {}), **more}
        return self.house.agent().send("/verify", note, **fields)

    def ask(self, agent: str = "bot", **changed: Any) -> dict[str, Any]:
        """The bot wants a secret; the intent."""
        sent: dict[str, Any] = answer(
            self.house.agent(agent).ask("POST", "/v1/intents", json={**SECRET, **changed})
        )
        return sent

    def held(self) -> str:
        """An admin request that waits with the owner's voice; its job."""
        answer(self.send(self.note()))
        sent = self.ask()
        assert sent["state"] == "held", sent
        return str(sent["job"])

    def phrase(self, job: str, agent: str = "bot", chat: str = "family") -> httpx.Response:
        """The bot asks for the phrase of a job."""
        return self.house.agent(agent).ask("POST", "/v1/voice/phrase", json={"job": job, "chat": chat})

    def say(self, job: str, who: str = "owner", text: str = "", **more: Any) -> httpx.Response:
        """Somebody says the phrase of a job that was just given, or something else."""
        given = answer(self.phrase(job))["phrase"]
        self.upstream.says(text or given)
        return self.send(self.note(who), job, **more)

    def intents(self, job: str) -> list[dict[str, Any]]:
        """What a job holds, as the bot sees it."""
        found: list[dict[str, Any]] = answer(self.house.agent().ask("GET", f"/v1/jobs/{job}"))["intents"]
        return found

    def state(self, job: str) -> str:
        (found,) = self.intents(job)
        return str(found["state"])

    def voice(self, job: str) -> dict[str, Any]:
        """The finding about voices."""
        (found,) = self.intents(job)
        (shown,) = [one for one in found["decision"]["findings"] if one["block"] == "voice"]
        return dict(shown)

    def faults(self) -> list[str]:
        """What the checker says of the log."""
        engine = make_engine(parse_url(self.house.govd.url), writer=False)
        try:
            found = verify_log(self.house.root / "state" / "audit", database=engine).faults
        finally:
            engine.dispose()
        return [fault.message for fault in found]


def refused(response: httpx.Response, status: int, code: str, says: str) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body.get("type")) == (status, TYPE_PREFIX + code), body
    assert says in body["detail"], body
    return body
