"""`govd init`: a state directory with its keys, its first operator, and its first policy in force.

Must never touch a directory that holds a state, nor leave a half-made one behind silently.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from govd.attestations import rotation
from govd.attestations.keys import KeyRing, write_new
from govd.audit.model import Entry
from govd.clock import SystemClock
from govd.contract import votekey
from govd.contract.canonical import commitment
from govd.contract.errors import ConflictError, InvalidRequestError
from govd.contract.votes import Enrolment, PolicyChange, sign
from govd.identities import store
from govd.identities.model import Identity, new_token, token_digest
from govd.policy.installing import install
from govd.policy.loading import load
from govd.sealing import StateKey
from govd.settings import Layout, read_settings
from govd.storage.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from govd.clock import Clock
    from govd.policy.model import CompiledPolicy
    from govd.storage.ledger import Transaction

_OTHERS = 0o077
_SETTINGS = """\
# Settings of govd: docs/reference/settings.md lists them all. Secrets are files of their own.
agent_port = {port}
{rest}"""


@dataclass(frozen=True)
class Founding:
    """What `govd init` was asked for. `rounds`: how dear it is to guess the passphrase; a seam for tests."""

    state: Path
    operator: str
    operator_dir: Path
    passphrase: bytes
    policy: bytes
    policy_path: Path | None
    agent_port: int
    database: str | None
    rounds: int = votekey.ROUNDS


def found(wanted: Founding, clock: Clock | None = None) -> None:
    """Make the state directory.

    Args:
        wanted: What is made.
        clock: The governed clock; a seam for tests.

    Raises:
        ConflictError: there is a state already, or the operator has a key here already.
        PolicyInvalidError: the policy does not compile: nothing was made.
        InvalidRequestError: there is no passphrase: nothing was made.
    """
    policy = load(wanted.policy)
    layout = Layout(wanted.state)
    if layout.settings.exists() or layout.keys.exists():
        raise ConflictError(f"{wanted.state} holds a state already", hint="choose another --state")
    if not wanted.passphrase:
        raise InvalidRequestError("a vote key has a passphrase: nothing was made")
    key_file = wanted.operator_dir / f"{wanted.operator}.key"
    made = [key_file, wanted.operator_dir / f"{wanted.operator}.token"]
    made += [layout.policy] if wanted.policy_path is None else []
    for path in made:
        if path.exists():
            raise ConflictError(
                f"{path} is there already", hint="choose another --operator or --operator-dir"
            )
    try:
        _make(layout, wanted, policy, key_file, clock or SystemClock())
    except BaseException:
        # Half a state would keep the next `govd init` from trying again.
        for path in (layout.settings, layout.keys, *made):
            _away(path)
        raise


def _away(path: Path) -> None:
    """Remove what this run has made: none of it was there before it."""
    with contextlib.suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _make(layout: Layout, wanted: Founding, policy: CompiledPolicy, key_file: Path, clock: Clock) -> None:
    _folders(layout, wanted)
    key = votekey.generate()
    votekey.write(key_file, key, wanted.passphrase, rounds=wanted.rounds)
    token = new_token("operator")
    _private(wanted.operator_dir / f"{wanted.operator}.token", (token + "\n").encode())
    ledger = Ledger.open(
        url=layout.database_url(read_settings(wanted.state)), audit_dir=layout.audit, clock=clock
    )
    signing = KeyRing.load(layout.keys).terms

    def work(transaction: Transaction) -> None:
        _first(transaction, wanted, policy, key, token)
        # By name in the database, so that no other file that comes to lie there signs in its place.
        rotation.record(transaction.connection, signing)

    try:
        ledger.submit(work).result()
    finally:
        ledger.close()


def _folders(layout: Layout, wanted: Founding) -> None:
    for folder in (wanted.state, layout.keys, layout.run, layout.audit, wanted.operator_dir):
        if folder.exists() and folder.stat().st_mode & _OTHERS:
            # Not narrowed by us: it may be shared on purpose.
            raise ConflictError(f"{folder} is open to others", hint=f"chmod 700 {folder}, or choose another")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _private(layout.state_key, StateKey.generate())
    write_new(layout.keys)
    rest = ""
    if wanted.policy_path is None:
        _private(layout.policy, wanted.policy)
    else:
        rest += f"policy = {_toml(str(wanted.policy_path))}\n"
    if wanted.database is not None:
        rest += f"database = {_toml(wanted.database)}\n"
    _private(layout.settings, _SETTINGS.format(port=wanted.agent_port, rest=rest).encode())


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _private(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _first(
    transaction: Transaction, wanted: Founding, policy: CompiledPolicy, key: Ed25519PrivateKey, token: str
) -> None:
    """The first operator, who vouches for himself, and the first policy, which he signs."""
    name = wanted.operator
    enrolment = Enrolment(
        operation="add",
        kind="operator",
        name=name,
        public_key=votekey.public_text(key),
        token_sha256=token_digest(token),
        signed_by=name,
        signed_at=transaction.now,
    )
    identity = Identity(
        kind="operator",
        name=name,
        state="active",
        created_at=transaction.now,
        added_by=name,
        uid=os.getuid(),
        public_key=enrolment.public_key,
    )
    store.add(transaction.connection, identity, enrolment.model_dump_json(), sign(enrolment, key))
    store.add_token(
        transaction.connection, token_digest(token), "operator", name, at=transaction.now, until=None
    )
    transaction.record(
        Entry(type="operator.added", actor=f"operator:{name}", details={"name": name, "first": True})
    )
    salt, reason = os.urandom(16), "the first policy"
    change = PolicyChange(
        sha256=policy.sha256,
        base_sha256=policy.sha256,
        reason_commitment=commitment(salt, reason.encode()),
        signed_by=name,
        signed_at=transaction.now,
    )
    install(
        transaction,
        policy,
        None,
        by=name,
        how="founded",
        extra={"statement": change.model_dump_json(), "signature": sign(change, key)},
        reason_commitment=change.reason_commitment,
    )
