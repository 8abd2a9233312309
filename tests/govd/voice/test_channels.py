"""Channels: where the policy names any, a chat's clips count with its channel's signature alone."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govd.contract.channels import ChannelWord, clip_sha256, opened, signed
from govd.contract.errors import ForbiddenError
from govd.contract.voice_texts import NO_MATCH
from govgate.cli import main as gate
from tests.support.operator import answer
from tests.support.voices import OWNED, POLICY, clip

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.support.voices import VoiceHouse

ADAPTER: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER: Final = Ed25519PrivateKey.from_private_bytes(bytes(32))
OWNERS_ID: Final = "+15550100"
SECRET: Final = {"kind": "secret_read", "action": {"name": "vault/router"}}


def public_line(key: Ed25519PrivateKey) -> str:
    form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return key.public_key().public_bytes(*form).decode()


def policy(house: VoiceHouse, **channels: dict[str, Any]) -> None:
    """From now on these channels count; none: as before."""
    block = json.dumps({"owner": "owner", "channels": channels})
    (house.root / "state" / "policy.yaml").write_text(f"{POLICY}voice: {block}\n" if channels else OWNED)
    house.govd.policies.trust(disk=True)
    house.govd.policies.look()


def family(**changed: Any) -> dict[str, Any]:
    return {"key": public_line(ADAPTER), "senders": [OWNERS_ID], **changed}


def word(house: VoiceHouse, data: bytes, key: Ed25519PrivateKey = ADAPTER, **changed: Any) -> str:
    """What the adapter signs about a note of the owner's that just came in by the family's chat."""
    said = {"agent": "bot", "chat": "family", "sender": OWNERS_ID, "clip_sha256": clip_sha256(data)}
    return signed(ChannelWord(**{**said, "sent_at": house.govd.clock.now(), **changed}), key)


def verify(house: VoiceHouse, data: bytes, line: str, chat: str = "family") -> httpx.Response:
    return house.agent().send("/verify", data, chat=chat, **({"signed": line} if line else {}))


def admin(house: VoiceHouse, chat: str = "family") -> bool:
    """Whether the chat stands with admin scope, for the agent and for a decision alike."""
    shown = answer(house.agent().ask("GET", f"/v1/voice/session?chat={chat}"))
    origin = f"channel:{chat}" if chat else "user"
    facts = house.govd.ledger.read(lambda c: house.govd.voice_facts(c, "bot", origin))
    assert shown["admin"] is ((facts.state, facts.speaker) == ("verified", "owner"))
    listed = [one["chat"] for one in house.picture()["sessions"]]
    assert (chat in listed) is (shown["state"] == "verified")
    return bool(shown["admin"])


@pytest.fixture
def chat(house: VoiceHouse) -> VoiceHouse:
    """The owner is enrolled, and the policy names the family's channel."""
    house.enroll("owner")
    policy(house, family=family())
    return house


def test_a_note_that_its_channel_signed_verifies_the_chat(chat: VoiceHouse):
    data = clip("owner", "note")

    found = answer(verify(chat, data, word(chat, data)))

    assert (found["verified"], found["admin"]) == (True, True)
    assert admin(chat)


@pytest.mark.threat("T23")
@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("nothing", "signature alone"),
        ("garbage", "not signed that"),
        ("another key", "not signed that"),
        ("another note", "another clip"),
        ("another agent", "another clip"),
        ("another chat", "another clip"),
        ("another sender", "a sender"),
        ("eleven minutes ago", "ten minutes"),
        ("in two minutes", "ten minutes"),
    ],
)
def test_an_agent_that_plays_a_note_of_the_owners_is_not_believed(chat: VoiceHouse, how: str, says: str):
    """A hijacked agent verifies a chat with a note that came in elsewhere, earlier, or from somebody else."""
    data, now = clip("owner", "note"), chat.govd.clock.now()
    line = {
        "nothing": "",
        "garbage": "x.y",
        "another key": word(chat, data, OTHER),
        "another note": word(chat, clip("owner", "before")),
        "another agent": word(chat, data, agent="other"),
        "another chat": word(chat, data, chat="work"),
        "another sender": word(chat, data, sender="+15550199"),
        "eleven minutes ago": word(chat, data, sent_at=now - timedelta(minutes=11)),
        "in two minutes": word(chat, data, sent_at=now + timedelta(minutes=2)),
    }[how]
    heard = chat.intake.taken

    refused = verify(chat, data, line)

    assert refused.status_code == 403
    assert says in refused.json()["detail"]
    assert refused.json()["message"] == NO_MATCH
    assert chat.intake.taken == heard, "no decoder saw it"
    assert not admin(chat)
    assert chat.events("voice.refused")[-1]["details"]["code"] == "channel"
    assert answer(verify(chat, data, word(chat, data)))["admin"], "the note itself is not used up"


@pytest.mark.threat("T23")
@pytest.mark.parametrize("elsewhere", ["", "work"])
def test_a_chat_that_the_policy_does_not_name_is_verified_by_nothing(chat: VoiceHouse, elsewhere: str):
    """An agent says that the note came by a chat which nobody vouches for, or by none."""
    data = clip("owner", "note")

    refused = verify(chat, data, word(chat, data, chat=elsewhere), elsewhere)

    assert refused.status_code == 403
    assert not admin(chat, elsewhere)


@pytest.mark.threat("T23")
@pytest.mark.parametrize("change", ["sender", "key", "channel"])
def test_a_session_ends_with_what_vouched_for_it(chat: VoiceHouse, change: str):
    """An adapter's key was stolen, or a sender's account: the policy drops it, and with it what stood."""
    data = clip("owner", "note")
    answer(verify(chat, data, word(chat, data)))
    assert admin(chat)

    changed = {
        "sender": {"family": family(senders=["+15550111"])},
        "key": {"family": family(key=public_line(OTHER))},
        "channel": {"work": family()},
    }[change]
    policy(chat, **changed)

    assert not admin(chat)


@pytest.mark.threat("T23")
def test_nor_is_approved_what_was_asked_for_in_it(chat: VoiceHouse):
    """A note by a stolen account asks for a credential; its sender is dropped, and the request waits on."""
    data = clip("owner", "note")
    answer(verify(chat, data, word(chat, data)))
    sent = answer(chat.agent().ask("POST", "/v1/intents", json={**SECRET, "origin": "channel:family"}))
    assert sent["state"] == "held"

    policy(chat, family=family(senders=["+15550111"]))

    refused = chat.vote(str(sent["job"]))
    assert refused.status_code == 403
    assert "dropped from the policy" in refused.json()["detail"]


@pytest.mark.threat("T23")
def test_what_stood_before_the_channels_were_named_carries_nothing(house: VoiceHouse):
    """An agent verified a chat by its own word, and the operator names the channels because of that."""
    house.enroll("owner")
    answer(house.verify(clip("owner", "note"), "family"))
    assert admin(house)

    policy(house, family=family())

    assert not admin(house)


def test_misses_for_want_of_a_signature_cost_a_delay_too(chat: VoiceHouse):
    for take in range(5):
        assert verify(chat, clip("owner", take), "").status_code == 403

    assert verify(chat, clip("owner", "note"), "").status_code == 429


def test_an_adapter_signs_at_the_command_line(tmp_path: Path):
    key, note = tmp_path / "adapter.key", tmp_path / "note.ogg"
    form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    key.touch(mode=0o600)
    key.write_bytes(ADAPTER.private_bytes(*form))
    note.write_bytes(clip("owner", "note"))
    argv = ["voice", "sign", str(note), "--key", str(key), "--agent", "bot", "--sender", OWNERS_ID]

    done = CliRunner().invoke(gate, [*argv, "--chat", "family"])

    said = opened(done.stdout.strip(), ADAPTER.public_key())
    assert (said.agent, said.chat, said.sender) == ("bot", "family", OWNERS_ID)
    assert said.clip_sha256 == clip_sha256(note.read_bytes())
    key.chmod(0o644)
    assert CliRunner().invoke(gate, [*argv, "--chat", "family"]).exit_code == 77
    assert CliRunner().invoke(gate, [*argv, "--chat", "a b"]).exit_code == 64


def test_no_letter_of_a_line_can_be_another_and_say_something_else(house: VoiceHouse):
    line = word(house, b"note")
    said = opened(line, ADAPTER.public_key())
    for place, letter in enumerate(line):
        changed = line[:place] + ("A" if letter != "A" else "B") + line[place + 1 :]
        with contextlib.suppress(ForbiddenError):
            assert opened(changed, ADAPTER.public_key()) == said, "the bits that base64 does not use"
