"""A govd to attack, with what it holds before and after: an attack that fails must also cost nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import httpx

from govd.contract import votekey
from govd.contract.errors import TYPE_PREFIX
from govd.contract.plain import no_authorities
from govd.contract.votes import Enrolment, sign
from govd.identities.model import new_token, token_digest
from tests.support.govd_process import OPERATOR, PASSPHRASE
from tests.support.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.govd_process import Client, GovdProcess

NOBODYS_ID = "01900000-0000-7000-8000-000000000000"
"""Well-formed, and of no job and no intent."""

HASH = "0" * 64
TRANSFER = {"tool": "bank.transfer", "arguments": {"amount": "10", "currency": "USD"}}
"""Approved by the policy that govd brings, and booked against a cap."""

ACTIONS: dict[str, dict[str, Any]] = {
    "model_call": {"model": "small", "tokens": 5},
    "tool_call": {"tool": "email.send", "arguments": {"to": "x"}, "domains": ["api.example.com"]},
    "evm_transaction": {
        "chain": "eip155:1",
        "from": "0x" + "1" * 40,
        "to": "0x" + "2" * 40,
        "value": "1",
        "data": "0xab",
    },
    "http_request": {"method": "GET", "url": "https://example.com", "body_sha256": HASH},
    "file_write": {"path": "/tmp/x", "sha256": HASH, "size": 1},
    "process_exec": {
        "argv": ["git", "push"],
        "cwd": "/tmp",
        "env": {"LANG": HASH},
        "binary": {"path": "/usr/bin/git", "sha256": HASH},
        "scripts": [{"path": "/tmp/s", "sha256": HASH}],
        "git": {
            "repository": "/tmp/r",
            "url": "file:///tmp/b",
            "updates": [{"ref": "refs/heads/main", "object": "1" * 40}],
        },
    },
    "audio": {"use": "egress", "host": "example.com", "seconds": 1},
    "context_release": {"package_sha256": HASH, "target_model": "m", "classes": ["notes"]},
    "secret_read": {"name": "key"},
    "admin": {"operation": "reset", "arguments": {"what": "x"}},
}
"""A good action of every kind, with every member that it may have."""


def submission(kind: str, **more: Any) -> dict[str, Any]:
    """A body of `POST /v1/intents` with every member but those that name another object."""
    return {
        "kind": kind,
        "action": ACTIONS[kind],
        "purpose": "because",
        "model": {"provider": "p", "name": "n", "version": "1"},
        "origin": "user",
        "declared_capabilities": ["reading"],
        "inputs": [{"path": "/tmp/in", "sha256": HASH}],
        **more,
    }


@dataclass(frozen=True)
class Holdings:
    """What the state holds: rows by table, totals, and the bytes of the log."""

    rows: dict[str, int]
    totals: tuple[tuple[Any, ...], ...]
    log: int


def holdings(state: Path) -> Holdings:
    """Count it all, from the files."""
    with contextlib.closing(sqlite3.connect(f"file:{state / 'govd.db'}?mode=ro", uri=True)) as database:
        names = [row[0] for row in database.execute("select name from sqlite_master where type = 'table'")]
        rows = {name: database.execute(f'select count(*) from "{name}"').fetchone()[0] for name in names}  # noqa: S608 - names of the schema
        totals = tuple(sorted(database.execute("select cap, subject, win, total from totals")))
    return Holdings(rows, totals, sum(path.stat().st_size for path in (state / "audit").glob("*.jsonl")))


@dataclass(frozen=True)
class Reply:
    """One HTTP answer, read from the bytes."""

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def parse(cls, data: bytes) -> tuple[Self, bytes]:
        """The first answer, and what follows it."""
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        length = int(headers.get("content-length", 0))
        return cls(int(first.split()[1]), headers, rest[:length]), rest[length:]


class Signer(Operator):
    """An operator of a govd, or of his own making."""

    @classmethod
    def of(cls, govd: GovdProcess, name: str = OPERATOR) -> Self:
        """An operator of that govd."""
        return cls(name, govd.operators_socket, govd.operator_dir, PASSPHRASE)


@dataclass(frozen=True)
class House:
    """Who is there."""

    govd: GovdProcess
    bot: Client
    other: Client
    runner: Client
    ana: Operator
    guests: list[Operator] = field(default_factory=list)

    def close(self) -> None:
        """Everybody hangs up."""
        for operator in (self.ana, *self.guests):
            operator.http.close()

    @classmethod
    def furnish(cls, govd: GovdProcess) -> Self:
        """Add everybody, and let each be seen once."""
        made = cls(
            govd, govd.agent("bot"), govd.agent("other"), govd.executor("runner", ["bot"]), Signer.of(govd)
        )
        for somebody in (made.bot, made.other, made.runner):
            assert somebody.http.get("/v1/me").status_code == 200
        return made

    def agent(self, name: str, **more: Any) -> httpx.Client:
        """One more agent, and its client; nobody has shown its token yet."""
        issued = self.ana.post("/v1/agents", {"name": name, **more})
        return self.with_token(issued["token"])

    def with_token(self, token: str) -> httpx.Client:
        """A client of the agents' door with that token."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.govd.url, headers=headers, timeout=30, verify=no_authorities())

    def enrolment(self, **fields: Any) -> Enrolment:
        """What ana would sign, with these fields."""
        usual = {"operation": "add", "kind": "executor", "agents": ["bot"], "token_sha256": HASH}
        return Enrolment(**(usual | {"signed_by": "ana", "signed_at": datetime.now(UTC)} | fields))

    def enrol(self, enrolment: Enrolment, signature: str | None = None, by: Operator | None = None) -> Any:
        """Send an enrolment, signed by its sender unless told otherwise; the answer."""
        sender = by or self.ana
        signature = sign(enrolment, sender.key) if signature is None else signature
        body = {"enrolment": enrolment.model_dump(mode="json"), "signature": signature}
        return sender.http.post("/v1/enrolments", json=body)

    def operator(self, name: str) -> Operator:
        """One more operator, added by ana."""
        key, token = votekey.generate(), new_token("operator")
        folder = self.govd.operator_dir
        votekey.write(folder / f"{name}.key", key, PASSPHRASE, rounds=1)
        (folder / f"{name}.token").write_text(token, encoding="ascii")
        added = self.enrolment(
            kind="operator",
            name=name,
            agents=[],
            public_key=votekey.public_text(key),
            token_sha256=token_digest(token),
        )
        assert self.enrol(added).status_code == 201
        self.guests.append(Signer.of(self.govd, name))
        return self.guests[-1]

    def holdings(self) -> Holdings:
        """What the state holds now."""
        return holdings(self.govd.state)

    def head(self) -> str:
        """Where the log ends, as govd says it."""
        return str(self.bot.http.get("/health").json()["head"])

    @contextlib.contextmanager
    def unmoved(self) -> Iterator[None]:
        """What happens within costs nothing, and the next good request is answered."""
        before, head = self.holdings(), self.head()
        yield
        assert self.bot.http.get("/v1/me").status_code == 200
        assert self.head() == head
        assert self.holdings() == before

    def talk(self, data: bytes, *, door: Path | None = None) -> list[Reply]:
        """Send bytes to the agents' TCP door (or a Unix socket), and read every answer until it closes."""
        family = socket.AF_INET if door is None else socket.AF_UNIX
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(60)
            sock.connect(("127.0.0.1", self.govd.port) if door is None else str(door))
            sock.sendall(data)
            received = bytearray()
            # A server that refuses early may close with our bytes unread, which the kernel calls a reset.
            with contextlib.suppress(ConnectionResetError):
                while part := sock.recv(65536):
                    received += part
        replies, rest = [], bytes(received)
        while rest:
            reply, rest = Reply.parse(rest)
            replies.append(reply)
        return replies


def problem(response: httpx.Response | Reply, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, which is to have this status and this type."""
    body, got = (
        (response.body, response.status)
        if isinstance(response, Reply)
        else (response.content, response.status_code)
    )
    found: dict[str, Any] = json.loads(body)
    assert (got, found["type"]) == (status, TYPE_PREFIX + code), found
    assert response.headers["content-type"] == "application/problem+json"
    assert found["status"] == status
    assert found["title"]
    assert found["detail"]
    assert all(" " <= char <= "~" for char in body.decode("ascii"))
    return found
