"""A phrase for one job, end to end: asked for by a gate, said by a synthetic owner, heard by an upstream.

All is real but the speakers and the upstream, which writes down what was given to espeak-ng to say.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.e2e.conftest import audit_types, verify_log
from tests.support import speech
from tests.support.govd_process import GovdProcess, run
from tests.support.operator import answer
from tests.support.upstream import Upstream
from tests.support.voicesigning import saving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWNER, THIEF, ID = "us-m3", "gb-f4", "+15550100"
ENOUGH: Final = 8
SECRET: Final = {"kind": "secret_read", "action": {"name": "vault/router"}, "origin": "channel:family"}


class Chat:
    """A govd whose policy takes a phrase for an approval, the family's chat, and the upstream."""

    def __init__(self, root: Path, upstream: Upstream) -> None:
        self.root, self.upstream = root, upstream
        self.key = root / "adapter.key"
        pair = Ed25519PrivateKey.generate()
        form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        self.key.touch(mode=0o600)
        self.key.write_bytes(pair.private_bytes(*form))
        public = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        channel = {"key": pair.public_key().public_bytes(*public).decode(), "senders": [ID]}
        block = {"owner": "owner", "phrase": "approves", "channels": {"family": channel}}
        custom = [{"name": "asked", "kinds": ["secret_read"], "allow_if": "true"}]
        self.govd = GovdProcess(
            root,
            policy=f"version: 1\nname: home\ncustom: {json.dumps(custom)}\nvoice: {json.dumps(block)}\n",
        )

    def serve(self) -> None:
        govd = self.govd
        govd.found()
        (govd.state / "voice").mkdir(mode=0o700, exist_ok=True)
        (govd.state / "voice" / "demo").touch(mode=0o600)
        govd.govd("voice", "model", "use", "titanet-demo")
        with (govd.state / "govd.toml").open("a", encoding="utf-8") as settings:
            settings.write(f'transcription_url = "{self.upstream.url}"\n')
        govd.serve()
        self.bot = govd.agent("bot", origins=("channel:family",))
        with govd.operator() as operator:
            start = {"name": "owner", "consent_version": "1", "consented": True, "mine": True}
            draft = f"/v1/voice/drafts/{operator.post('/v1/voice/drafts', start)['id']}"
            for text in speech.TEXTS[:ENOUGH]:
                answer(operator.http.post(f"{draft}/samples", files={"file": speech.speak(OWNER, text)}))
            answer(operator.http.post(f"{draft}/check", files={"file": speech.speak(OWNER, speech.TEXTS[9])}))
            operator.post(f"{draft}/save", saving(operator, operator.get("/v1/voice"), operator.get(draft)))

    def gate(self, *argv: str, expect: int = 0) -> dict[str, Any]:
        """The gate of the bot, as a process."""
        tail = ("--url", self.govd.url, "--token-file", str(self.bot.token_file), "--json")
        done = run("govgate", "voice", *argv, *tail, expect=expect)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def say(self, voice: str, text: str, *more: str, expect: int = 0) -> dict[str, Any]:
        """Somebody says something into the chat; the adapter signs it, and the bot passes it on."""
        note = self.root / "note.wav"
        note.write_bytes(speech.speak(voice, text))
        self.upstream.says(text)
        line = ("--key", str(self.key), "--agent", "bot", "--chat", "family", "--sender", ID)
        signed = run("govgate", "voice", "sign", str(note), *line).stdout.decode().strip()
        argv = ("verify", str(note), "--chat", "family", "--signed", signed, *more)
        return self.gate(*argv, expect=expect)

    def twin(self, *argv: str) -> str:
        """A command of the console's."""
        govd = self.govd
        env = {"GOVD_STATE": str(govd.state), "GOVCONSOLE_OPERATOR_DIR": str(govd.operator_dir)}
        done = run("govconsole", "voices", *argv, env=env, expect=None)
        return (done.stdout + done.stderr).decode()

    def state(self, job: str) -> str:
        (found,) = answer(self.bot.http.get(f"/v1/jobs/{job}"))["intents"]
        return str(found["state"])


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with contextlib.ExitStack() as stack:
        made = Chat(tmp_path, stack.enter_context(Upstream()))
        stack.push(made.govd)
        made.serve()
        yield made


@pytest.mark.threat("T23")
def test_the_owner_opens_one_job_with_his_voice_and_its_phrase_and_nobody_else_does(chat: Chat):
    """A hijacked agent asks for a secret in the owner's chat, and has others, other words and old notes."""
    assert chat.say(OWNER, speech.TEXTS[10])["admin"]
    intent = answer(chat.bot.http.post("/v1/intents", json=SECRET))
    job = str(intent["job"])
    assert intent["state"] == "held"

    given = chat.gate("phrase", job, "--chat", "family")
    assert given["phrase"].startswith("credentials: ")
    assert not chat.say(THIEF, given["phrase"], "--job", job, expect=77)["verified"]
    assert chat.upstream.asked == []
    chat.gate("phrase", job, "--chat", "family")
    assert not chat.say(OWNER, speech.TEXTS[11], "--job", job, expect=77)["verified"]
    assert len(chat.upstream.asked) == 1
    assert chat.state(job) == "held"

    given = chat.gate("phrase", job, "--chat", "family")
    found = chat.say(OWNER, given["phrase"], "--job", job)

    assert (found["phrase"], found["job_state"]) == (True, "processing")
    heard = chat.upstream.asked[-1].parts
    assert heard.keys() == {"file", "model", "language", "response_format"}
    assert not any(word.encode() in heard["file"] for word in given["phrase"].split())
    executor = chat.govd.executor()
    minted = answer(executor.http.post(f"/v1/intents/{intent['id']}/attestation"))
    redeemed = {"attestation": minted["attestation"], "intent_sha256": intent["intent_sha256"]}
    assert answer(executor.http.post("/v1/attestations/redeem", json=redeemed))["intent_id"] == intent["id"]
    assert executor.http.post("/v1/attestations/redeem", json=redeemed).status_code == 409
    assert audit_types(chat.govd).count("voice.phrase_said") == 1
    verify_log(chat.govd)

    # The same voice is the operator's own: his step-up says a phrase too, once the settings ask for it.
    clip = chat.root / "clip.wav"
    with (chat.govd.state / "govd.toml").open("a", encoding="utf-8") as settings:
        settings.write("step_up_phrase = true\n")
    chat.govd.govd("reload")
    clip.write_bytes(speech.speak(OWNER, "Whatever I say here, it is no phrase that anybody gave me."))
    assert "govconsole voices phrase" in chat.twin("step-up", str(clip))
    phrase = chat.twin("phrase").splitlines()[0]
    clip.write_bytes(speech.speak(OWNER, phrase))
    chat.upstream.says(phrase)
    assert "your voice stands for 1:59" in chat.twin("step-up", str(clip))
    verify_log(chat.govd)
