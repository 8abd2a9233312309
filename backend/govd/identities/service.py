"""The directory: who a token belongs to, and every change to who there is.

Must never let a token of one kind through a door of another, nor add an operator or an executor without
an existing operator's signature (threats T2, T3, T5).
"""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from govd.audit.model import Entry
from govd.contract.errors import (
    ConflictError,
    NotFoundError,
    QuotaError,
    UnauthenticatedError,
)
from govd.contract.limits import MAX_TOKENS_PER_AGENT
from govd.identities import rules, store
from govd.identities.enrolment import check_enrolment
from govd.identities.listing import agent_view, view
from govd.identities.model import Identity, Kind, Peer, State, new_token, token_digest
from govd.times import instant, maybe_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from govd.alarms.service import Alarms
    from govd.audit.model import RecordedEntry
    from govd.contract.heads import Head
    from govd.contract.jobs import Assurance
    from govd.contract.system import AgentView, IdentityView
    from govd.contract.votes import Enrolment
    from govd.storage.ledger import Ledger, Transaction

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass
class _Token:
    kind: Kind
    name: str
    created_at: datetime
    expires_at: datetime | None
    peer: str | None


class Directory:
    """Identities and tokens, in memory for the doors and in the ledger for good."""

    def __init__(self, ledger: Ledger, alarms: Alarms, govd_uid: int) -> None:
        self._ledger = ledger
        self._alarms = alarms
        self._govd_uid = govd_uid
        self._on_removed: Callable[[Transaction, Identity], None] = lambda _transaction, _identity: None
        self._identities: dict[tuple[Kind, str], Identity] = {}
        self._tokens: dict[str, _Token] = {}
        self._uids: dict[str, set[int]] = {}
        self.operator_uids: frozenset[int] = frozenset({govd_uid})
        self._stale = False
        ledger.on_commit(self._committed)
        self.refresh()

    def refresh(self) -> None:
        """Read the tables again, both as they stand at one moment."""
        self._stale = False  # before the read: what is committed meanwhile is read again
        identities, tokens = self._ledger.read(lambda c: (store.all_identities(c), store.all_tokens(c)))
        self._identities = {(item.kind, item.name): item for item in identities}
        self._tokens = {
            row["token_sha256"]: _Token(
                row["kind"],
                row["name"],
                instant(row["created_at"]),
                maybe_instant(row["expires_at"]),
                row["peer"],
            )
            for row in tokens
        }

    def _committed(self, entries: Sequence[RecordedEntry], _: Head) -> None:
        # A suspension is set in memory before it is written: a refresh in between would undo it for good.
        if any(entry.entry.type.startswith(_OURS) for entry in entries):
            self._stale = True

    # -- who is asking -------------------------------------------------------------------------------

    def authenticate(self, token: str, peer: Peer, now: datetime) -> Identity:
        """The active identity behind a token.

        Raises:
            UnauthenticatedError: unknown, expired, suspended, removed, or seen from a second peer, in
                which case its holder is suspended on the spot.
        """
        if self._stale:
            self.refresh()
        digest = token_digest(token)
        known = self._tokens.get(digest)
        if known is None:
            raise UnauthenticatedError("this token is not known here")
        if known.expires_at is not None and now >= known.expires_at:
            raise UnauthenticatedError(
                "this token has expired", hint=f"govd agents rotate {known.name}, or renew it before it ends"
            )
        identity = self._identities[known.kind, known.name]
        if identity.state != "active":
            raise UnauthenticatedError(
                f"the {identity.kind} {identity.name} is {identity.state}",
                hint=_mend(identity),
            )
        if known.kind != "operator":
            self._check_peer(digest, known, identity, peer)
        return identity

    def _check_peer(self, digest: str, known: _Token, identity: Identity, peer: Peer) -> None:
        if identity.uid is not None and peer.uid is not None and peer.uid != identity.uid:
            self._two_peers(identity, f"uid:{identity.uid}", peer)
        shown = peer.text
        if known.peer is None:
            known.peer = shown
            self._ledger.submit(lambda tx: store.bind_token(tx.connection, digest, shown))
        elif known.peer != shown:
            self._two_peers(identity, known.peer, peer)
        if peer.uid is not None and identity.kind == "agent":
            self._uids.setdefault(identity.name, set()).add(peer.uid)

    def _two_peers(self, identity: Identity, first: str, second: Peer) -> None:
        def work(transaction: Transaction) -> None:
            self._set_state_in(transaction, identity, "suspended", actor="govd", why="token-two-peers")
            self._alarms.raise_in(
                transaction,
                "token-two-peers",
                f"{identity.kind}:{identity.name}",
                f"the token of {identity.name} was shown by {first} and by {second.text}: it is suspended",
                _mend(identity),
            )

        self._identities[identity.kind, identity.name] = replace(identity, state="suspended")
        self._ledger.submit(work)
        raise UnauthenticatedError("this token was shown by another peer before: it is suspended")

    def get(self, kind: Kind, name: str) -> Identity:
        """One identity.

        Raises:
            NotFoundError: there is none, or it is removed.
        """
        identity = self._identities.get((kind, name))
        if identity is None or identity.state == "removed":
            raise NotFoundError(f"there is no {kind} of that name")
        return identity

    def is_active(self, kind: Kind, name: str) -> bool:
        """Whether there is such an identity and nobody has suspended or removed it."""
        identity = self._identities.get((kind, name))
        return identity is not None and identity.state == "active"

    def public_keys(self) -> Mapping[str, str]:
        """The vote keys of all active operators."""
        if self._stale:
            self.refresh()
        return {
            item.name: item.public_key
            for item in self._identities.values()
            if item.kind == "operator" and item.state == "active" and item.public_key
        }

    @staticmethod
    def keys_in(connection: Connection) -> Mapping[str, str]:
        """The same, as a work finds them: also after what another one of its group has done."""
        return store.public_keys(connection)

    def agents(self) -> list[Identity]:
        """The agents that are not removed."""
        return [
            item for item in self._identities.values() if item.kind == "agent" and item.state != "removed"
        ]

    # -- what it is worth ----------------------------------------------------------------------------

    def assurance(self, agent: str) -> tuple[Assurance, str]:
        """Whether decisions about this agent are enforced, and why."""
        identity = self._identities.get(("agent", agent))
        uids = set(self._uids.get(agent, ()))
        if identity is not None and identity.uid is not None:
            uids.add(identity.uid)
        executors = tuple(
            (item.uid, item.advisory)
            for item in self._identities.values()
            if item.state == "active" and item.serves(agent)
        )
        return rules.assess(
            rules.Standing(
                agent=frozenset(uids), govd=self._govd_uid, operators=self.operator_uids, executors=executors
            )
        )

    def overall_assurance(self) -> tuple[Assurance, str]:
        """The assurance of the whole house, for the console's header."""
        return rules.worst([self.assurance(agent.name) for agent in self.agents()])

    def views(self, kind: Kind) -> list[IdentityView]:
        """Every identity of one kind, as lists show it."""
        ends: dict[tuple[Kind, str], datetime] = {}
        for token in self._tokens.values():
            if token.expires_at is not None:
                known = ends.setdefault((token.kind, token.name), token.expires_at)
                ends[token.kind, token.name] = max(known, token.expires_at)
        return [
            view(item, ends.get((item.kind, item.name)))
            for item in self._identities.values()
            if item.kind == kind
        ]

    def agent_views(self) -> list[AgentView]:
        """Every agent, and whether it could act without asking."""
        return [agent_view(item, self.assurance(item.name)) for item in self.views("agent")]

    # -- changes -------------------------------------------------------------------------------------

    def longest_ttl(self, name: str) -> timedelta:
        """The life of this agent's longest token, as an operator gave it: a renewal is never longer."""
        lives = [
            token.expires_at - token.created_at
            for token in self._tokens.values()
            if token.kind == "agent" and token.name == name and token.expires_at is not None
        ]
        return max(lives, default=timedelta())

    def add_agent(self, identity: Identity, ttl: timedelta, by: str) -> str:
        """Add an agent; its token is returned once and kept as a digest.

        Raises:
            ConflictError: the name is taken, also by a removed agent: names are never given twice.
        """
        token = new_token("agent")

        def work(transaction: Transaction) -> None:
            _refuse_taken(transaction, "agent", identity.name)
            store.add(transaction.connection, replace(identity, created_at=transaction.now), None, None)
            self._issue_in(transaction, token, "agent", identity.name, ttl)
            transaction.record(
                Entry(
                    type="agent.added",
                    actor=f"operator:{by}",
                    agent=identity.name,
                    details={"uid": identity.uid},
                )
            )

        self._change(work)
        return token

    def issue(self, name: str, ttl: timedelta, actor: str, *, drop: bool) -> tuple[str, datetime]:
        """A fresh token for an agent, and when it ends; `drop` forgets the older ones at once.

        Raises:
            NotFoundError: there is no such agent.
            QuotaError: it has as many as it may, and none of them has ended.
        """
        token = new_token("agent")

        def work(transaction: Transaction) -> datetime:
            if drop:
                store.drop_tokens(transaction.connection, "agent", name)
            store.drop_expired(transaction.connection, transaction.now)
            if store.count_tokens(transaction.connection, "agent", name) >= MAX_TOKENS_PER_AGENT:
                raise QuotaError(f"{name} has {MAX_TOKENS_PER_AGENT} tokens that are good", retry_after=600)
            until = self._issue_in(transaction, token, "agent", name, ttl)
            transaction.record(
                Entry(type="agent.token_issued", actor=actor, agent=name, details={"dropped": drop})
            )
            return until

        self.get("agent", name)
        return token, self._change(work)

    def set_state(self, kind: Kind, name: str, state: State, by: str) -> None:
        """Suspend, resume or remove an agent; suspend or resume an executor."""
        identity = self.get(kind, name)
        self._change(
            lambda tx: self._set_state_in(tx, identity, state, actor=f"operator:{by}", why="operator")
        )

    def on_removed(self, action: Callable[[Transaction, Identity], None]) -> None:
        """Have it called in the same transaction when an operator or executor is removed."""
        self._on_removed = action

    def enrol(self, enrolment: Enrolment, signature: str, by: str) -> None:
        """Add or remove an operator or executor, on an existing operator's signature (threats T5).

        Raises:
            ForbiddenError: signed by nobody who may, or not at all.
            ConflictError: the name is taken, or the last operator would go.
        """

        def work(transaction: Transaction) -> None:
            keys = self.keys_in(transaction.connection)
            check_enrolment(enrolment, signature, by, keys, transaction.signing)
            if enrolment.operation == "add":
                self._add_in(transaction, enrolment, signature)
            else:
                gone = self.get(enrolment.kind, enrolment.name)
                self._set_state_in(transaction, gone, "removed", actor=f"operator:{by}", why="operator")
                self._on_removed(transaction, gone)

        self._change(work)

    def _add_in(self, transaction: Transaction, enrolment: Enrolment, signature: str) -> None:
        _refuse_taken(transaction, enrolment.kind, enrolment.name)
        if store.token_known(transaction.connection, enrolment.token_sha256 or ""):
            raise ConflictError("this token is somebody's already: make another one")
        identity = Identity(
            kind=enrolment.kind,
            name=enrolment.name,
            state="active",
            created_at=transaction.now,
            added_by=enrolment.signed_by,
            uid=enrolment.uid,
            public_key=enrolment.public_key,
            agents=tuple(enrolment.agents),
            advisory=enrolment.advisory,
        )
        store.add(transaction.connection, identity, enrolment.model_dump_json(), signature)
        store.add_token(
            transaction.connection,
            enrolment.token_sha256 or "",
            enrolment.kind,
            enrolment.name,
            at=transaction.now,
            until=None,
        )
        transaction.record(
            Entry(
                type=f"{enrolment.kind}.added",
                actor=f"operator:{enrolment.signed_by}",
                details={
                    "name": enrolment.name,
                    "signature": base64.b64decode(signature).hex(),
                    "advisory": enrolment.advisory,
                },
            )
        )

    @staticmethod
    def _issue_in(transaction: Transaction, token: str, kind: Kind, name: str, ttl: timedelta) -> datetime:
        at, until = transaction.now, transaction.now + ttl
        store.add_token(transaction.connection, token_digest(token), kind, name, at=at, until=until)
        return until

    def _set_state_in(
        self, transaction: Transaction, identity: Identity, state: State, *, actor: str, why: str
    ) -> None:
        store.set_state(transaction.connection, identity.kind, identity.name, state)
        if state == "removed":
            store.drop_tokens(transaction.connection, identity.kind, identity.name)
        transaction.record(
            Entry(
                type=f"{identity.kind}.{state}",
                actor=actor,
                agent=identity.name if identity.kind == "agent" else None,
                details={"name": identity.name, "why": why},
            )
        )

    def _change(self, work: Callable[[Transaction], T]) -> T:
        found = self._ledger.submit(work).result()
        self.refresh()
        return found


_OURS = ("agent.", "executor.", "operator.")


def _mend(identity: Identity) -> str:
    """What an operator does about a token that somebody else has seen."""
    if identity.kind == "agent":
        return f"govd agents rotate {identity.name}; govd agents resume {identity.name}"
    return f"find out who has its token; then govd {identity.kind}s resume {identity.name}, or remove it"


def _refuse_taken(transaction: Transaction, kind: Kind, name: str) -> None:
    if store.find(transaction.connection, kind, name) is not None:
        raise ConflictError(f"the {kind} {name} is there already: names are never given twice")
