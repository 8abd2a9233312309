"""What agents and people wrote is in no log and in no table in the clear, nor to be guessed from a hash.

Every string that somebody may choose carries a word that occurs nowhere else, and all that a terminal obeys.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.canonical import canonical_bytes
from govd.contract.text import visible
from tests.security.house import HASH, House
from tests.support.commands import command

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\u2066\u200b\ufeff\U000e0041\x7f[@click=app.quit]x[/]"


@dataclass
class Spill:
    """What was written where, and the house in which it was."""

    house: House
    words: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)

    def word(self) -> str:
        """A word that occurs nowhere else, in letters that every name takes."""
        self.words.append("canary" + secrets.token_hex(8))
        return self.words[-1]

    def text(self) -> str:
        """Such a word in hostile company."""
        self.texts.append(f"{self.word()} {HOSTILE}")
        return self.texts[-1]

    def actions(self) -> dict[str, dict[str, Any]]:
        """An action of every kind with a canary in each of its strings."""
        word, text = self.word, self.text
        return {
            "model_call": {"model": text(), "tokens": 1},
            "tool_call": {
                "tool": word(),
                "arguments": {text(): [text(), {"deep": text()}]},
                "domains": [text()],
            },
            "http_request": {"method": "GET", "url": text()},
            "file_write": {"path": "/" + text(), "sha256": HASH, "size": 1},
            "process_exec": {
                "argv": [text(), text()],
                "cwd": "/" + text(),
                "env": {word().upper(): HASH},
                "binary": {"path": "/" + text(), "sha256": HASH},
                "scripts": [{"path": "/" + text(), "sha256": HASH}],
                "git": {
                    "repository": "/" + text(),
                    "url": text(),
                    "updates": [{"ref": f"refs/heads/{word()}", "object": "1" * 40}],
                },
            },
            "audio": {"use": "egress", "host": text()},
            "context_release": {"package_sha256": HASH, "target_model": text(), "classes": [word()]},
            "secret_read": {"name": text()},
            "admin": {"operation": text(), "arguments": {"what": text()}},
        }

    def submit(self, kind: str, action: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Declare an action with canaries in everything around it."""
        body = {
            "kind": kind,
            "action": action,
            "purpose": self.text(),
            "model": {"provider": self.text(), "name": self.text(), "version": self.text()},
            "declared_capabilities": [self.word()],
            "inputs": [{"path": "/" + self.text(), "sha256": HASH}],
            **more,
        }
        answer = self.house.bot.http.post("/v1/intents", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        self.hashes[f"intent {kind}"] = found["intent_sha256"]
        for name, value in (("action", action), ("body", body)):
            self.hashes[f"{name} {kind}"] = hashlib.sha256(canonical_bytes(value)).hexdigest()
        return found


def approved_and_lost(spill: Spill) -> None:
    """A reason on an approval, and one on an outcome that nobody knows."""
    house = spill.house
    held = spill.submit("secret_read", {"name": spill.text()})
    house.ana.cast(house.ana.sign(house.ana.open(held["job"]), "approve", reason=spill.text()))
    minted = house.runner.http.post(f"/v1/intents/{held['id']}/attestation").json()
    spend = {"attestation": minted["attestation"], "intent_sha256": held["intent_sha256"]}
    assert house.runner.http.post("/v1/attestations/redeem", json=spend).status_code == 200
    house.runner.http.post(f"/v1/intents/{held['id']}/outcome", json={"status": "unknown"})
    house.ana.resolve(held["id"], "failed", spill.text())


def denied_and_revoked(spill: Spill) -> None:
    """Guidance on a denial, and a reason on a revocation."""
    house = spill.house
    job = house.bot.http.post("/v1/jobs", json={"title": spill.text(), "purpose": spill.text()}).json()["id"]
    spill.submit("secret_read", {"name": spill.text()}, job=job)
    house.ana.deny(job, reason=spill.text(), guidance=spill.text())
    other = spill.submit("secret_read", {"name": spill.text()})
    house.ana.revoke(other["job"], spill.text())


def refused(spill: Spill) -> None:
    """Canaries in what is refused: bodies, paths, queries, headers, names."""
    bot, ana = spill.house.bot.http, spill.house.ana.http
    word = spill.word
    for answer in (
        bot.post("/v1/intents", content=spill.text().encode()),
        bot.post("/v1/intents", json={spill.text(): spill.text()}),
        bot.post("/v1/intents", json={"kind": spill.text(), "action": {spill.text(): 1}}),
        bot.post("/v1/jobs", json={"title": spill.text() * 20}),
        bot.get(f"/v1/jobs/{word()}"),
        bot.get(f"/{word()}?{word()}={word()}"),
        bot.get("/v1/events", headers={"Last-Event-ID": word()}),
        bot.get("/v1/me", headers={"Gov-Head": word()}),
        bot.get("/v1/me", headers={"Authorization": f"Bearer gova_{word()}"}),
        bot.request(word().upper(), "/v1/me"),
        ana.get(f"/v1/jobs?filter=risk:{word()}"),
        ana.get(f"/v1/jobs?after={word()}"),
        ana.post("/v1/agents", json={"name": spill.text()}),
        ana.post(f"/v1/agents/{word()}/suspend"),
    ):
        assert 400 <= answer.status_code < 500, answer.text
        assert visible(answer.text) == answer.text
    bot.get("/v1/me", headers={"User-Agent": word(), "X-Forwarded-For": word(), "Cookie": word()})
    spill.house.talk(word().encode() + b" \x1b[2J\r\n\r\n")


@pytest.fixture(scope="module")
def spill(house: House) -> Spill:
    """Everything that can be said was said; the database is as it is while govd runs, with its WAL."""
    made = Spill(house)
    for kind, action in made.actions().items():
        made.submit(kind, action)
    approved_and_lost(made)
    denied_and_revoked(made)
    refused(made)
    policy = house.govd.root / "again.yaml"
    policy.write_text(house.ana.get("/v1/policy")["source"] + "\n# another version\n", encoding="utf-8")
    reason = made.text()
    options = ["--passphrase-file", house.govd.passphrase_file, "--as", "ana"]
    house.govd.govd("policy", "apply", policy, "--reason", reason, *options)
    assert len(made.words) > 60
    return made


def files(house: House, *patterns: str) -> dict[Path, bytes]:
    """Files of the state, and of what is written beside it."""
    root = house.govd.root
    found = itertools.chain.from_iterable(root.rglob(pattern) for pattern in patterns)
    return {path: path.read_bytes() for path in found if path.is_file()}


@pytest.mark.threat("T16")
def test_nothing_that_anybody_wrote_is_in_a_log_or_a_table_in_the_clear(spill: Spill):
    """Somebody takes the log, the database with its journal, or the backups, and reads what agents said."""
    held = files(spill.house, "audit/*", "govd.db*", "govd.log", "*.anchor", "govd.lock", "backups/*")
    assert {path.name for path in held} >= {"govd.db", "govd.db-wal", "govd.log"}

    leaks = [
        (path.name, word) for path, data in held.items() for word in spill.words if word.encode() in data
    ]

    assert leaks == []


@pytest.mark.threat("T16")
def test_no_hash_in_the_log_lets_an_action_or_a_word_be_guessed(spill: Spill):
    """Somebody who guesses an action or a reason confirms his guess by its hash in the log."""
    guesses = dict(spill.hashes)
    for text in [*spill.words, *spill.texts]:
        guesses[text] = hashlib.sha256(text.encode()).hexdigest()
        guesses[text + " as JSON"] = hashlib.sha256(canonical_bytes(text)).hexdigest()
    held = files(spill.house, "audit/*", "govd.db*", "govd.log")
    assert len(guesses) > 100

    found = [
        (path.name, guess)
        for path, data in held.items()
        for guess, digest in guesses.items()
        for form in (digest.encode(), base64.b64encode(bytes.fromhex(digest)), bytes.fromhex(digest))
        if form in data
    ]

    assert found == []


@pytest.mark.threat("T17")
def test_the_log_and_the_diagnostics_are_printable_ASCII_alone(spill: Spill):  # noqa: N802 - its name
    """An agent's text reaches a terminal by way of `tail -f` or journald."""
    for path, data in files(spill.house, "audit/*.jsonl", "govd.log").items():
        strange = {byte for byte in data if byte != 0x0A and not 0x20 <= byte <= 0x7E}
        assert (path.name, strange) == (path.name, set())


@pytest.mark.threat("T17")
def test_what_the_operators_door_says_of_it_carries_it_as_JSON_and_not_raw(spill: Spill):  # noqa: N802 - its name
    """An operator reads an answer with curl, and his terminal obeys what an agent wrote."""
    agents = spill.house.bot.http
    for answer in (agents.get("/health"), agents.get("/v1/me")):
        assert visible(answer.text) == answer.text


COMMANDS: dict[str, tuple[str, ...]] = {
    "agents": ("agents", "list"),
    "agents as JSON": ("agents", "list", "--json"),
    "executors": ("executors", "list"),
    "operators": ("operators", "list"),
    "versions, with a hostile reason": ("policy", "versions"),
    "versions as JSON": ("policy", "versions", "--json"),
    "the policy": ("policy", "show"),
    "the log": ("audit", "verify"),
    "the log as JSON": ("audit", "verify", "--json"),
    "the doctor": ("doctor",),
    "the doctor as JSON": ("doctor", "--json"),
    "an agent of a hostile name": ("agents", "suspend", HOSTILE),
    "a hostile agent added": ("agents", "add", HOSTILE, "--token-file", "TOKEN"),
    "a policy of a hostile name": ("policy", "check", HOSTILE),
    "a hostile policy": ("policy", "check", "POLICY"),
    "a hostile log": ("audit", "verify", "LOG"),
    "a state of a hostile name": ("stop", "--state", HOSTILE),
    "an option that is none": ("agents", "list", f"--{HOSTILE}"),
    "a verb that is none": (HOSTILE,),
    "a value that is none": ("agents", "add", "x", "--token-file", "TOKEN", "--ttl", HOSTILE),
    "an operator of a hostile name": ("agents", "list", "--as", HOSTILE),
}


@pytest.mark.threat("T17")
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_prints_a_character_that_a_terminal_obeys_or_hides(
    spill: Spill, name: str, tmp_path: Path
):
    """A hostile name, reason, policy or log reaches the operator's terminal by way of a command."""
    hostile_policy = tmp_path / "policy.yaml"
    quoted = HOSTILE.translate({ord(char): f"\\U{ord(char):08x}" for char in HOSTILE if not char.isascii()})
    quoted = quoted.replace("\x1b", "\\e").replace("\x07", "\\a").replace("\x7f", "\\x7f")
    hostile_policy.write_text(f'version: 1\nname: "{quoted}"\n"{quoted}": 1\n', encoding="utf-8")
    log = tmp_path / "2026-11-21.jsonl"
    log.write_text(f'{{"seq": "{HOSTILE}"}}\n{HOSTILE}\n', encoding="utf-8")
    places = {"TOKEN": str(tmp_path / "t"), "POLICY": str(hostile_policy), "LOG": str(log)}

    done = command(spill.house.govd, *(places.get(word, word) for word in COMMANDS[name]))

    assert done.output
    for line in done.output.split("\n"):
        assert visible(line) == line
