"""Another signing key takes the place of the one in use, on an operator's signature (threats T5).

Must never let a key sign that no operator has signed for, nor drop one while what it signed is still good.
"""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from govd.attestations import keys
from govd.attestations.keys import Term
from govd.audit.model import Entry, Known
from govd.contract.errors import (
    BaseMovedError,
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
)
from govd.contract.keys import KeyView, NextKey, endorse
from govd.contract.votes import SIGNATURE_AGE_S, verify
from govd.contract.wire import iso
from govd.storage import state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from govd.attestations.keys import KeyRing, SigningKey
    from govd.contract.keys import KeyRotationSubmission, StolenKeySubmission
    from govd.contract.votes import KeyRotation, StolenKey
    from govd.freshness import SigningTime
    from govd.identities.service import Directory
    from govd.storage.ledger import Ledger, Transaction

_RECORD: Final = "signing_keys"
_LONGEST: Final = timedelta(hours=1, minutes=1)
"""More than any policy lets an attestation live (`attestation.ttl`)."""


def recorded(connection: Connection) -> list[Term]:
    """The terms as the database has them; none before the first rotation."""
    text = state.get(connection, _RECORD)
    return [] if text is None else [_term(item) for item in json.loads(text)]


def record(connection: Connection, terms: Sequence[Term]) -> None:
    """Have the database say so from now on."""
    state.put(connection, _RECORD, json.dumps([_json(term) for term in terms]))


def followed(terms: Sequence[Term], kid: str, at: datetime, *, stolen: bool) -> list[Term]:
    """The terms once the key of that id has taken the last one's place."""
    *past, last = terms
    ended = replace(last, until=at, listed_until=at + _LONGEST)
    if stolen or last.stolen:
        ended = given_up(ended, at)
    return [*past, ended, Term(kid, since=at)]


def given_up(term: Term, at: datetime) -> Term:
    """The term of a key that is in other hands: nothing that it signed counts any more."""
    listed = at if term.listed_until is None else min(term.listed_until, at)
    return replace(term, listed_until=None if term.until is None else listed, stolen=True)


class Rotations:
    """The signing keys, and how one follows another.

    Args:
        ledger: Where it is recorded.
        ring: The keys in use; brought up to date here.
        folder: Where their files are.
        directory: Who may sign for it.
        now: The governed time.
    """

    def __init__(
        self,
        ledger: Ledger,
        ring: KeyRing,
        folder: Path,
        directory: Directory,
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._ring = ring
        self._folder = folder
        self._directory = directory
        self._now = now
        self._making = threading.Lock()
        self.refresh()

    def refresh(self) -> None:
        """Take over what is recorded, and what files there are.

        Raises:
            IntegrityError: the key in use has no file.
        """
        self._ring.take(keys.read_all(self._folder), self._ledger.read(recorded))

    def views(self) -> list[KeyView]:
        """Every key that signs or has signed, the one in use last."""
        now = self._now()
        return [self._view(term, now) for term in self._ring.terms]

    def _view(self, term: Term, now: datetime) -> KeyView:
        key = self._ring.find(term.kid)
        listed = term.listed_until is not None and now < term.listed_until
        return KeyView(
            kid=term.kid,
            public_key="" if key is None else key.public,
            state="stolen"
            if term.stolen
            else "current"
            if term.until is None
            else "listed"
            if listed
            else "past",
            since=term.since,
            until=term.until,
            listed_until=term.listed_until,
        )

    def prepare(self) -> NextKey:
        """The key that may follow, made where there is none yet. It signs nothing before `rotate`."""
        with self._making:
            waiting = self._waiting(self._ring.terms)
            made = waiting is None
            key = keys.write_new(self._folder) if waiting is None else waiting
            self.refresh()
        return NextKey(public_key=key.public, previous=self._ring.current.public, made=made)

    def _waiting(self, terms: Sequence[Term]) -> SigningKey | None:
        known = {term.kid for term in terms}
        return next((key for key in reversed(keys.read_all(self._folder)) if key.kid not in known), None)

    def _signing(self, terms: Sequence[Term]) -> SigningKey:
        found = next((key for key in keys.read_all(self._folder) if key.kid == terms[-1].kid), None)
        if found is None:
            raise keys.gone(terms[-1])
        return found

    def rotate(self, operator: str, body: KeyRotationSubmission) -> list[KeyView]:
        """Have the next key sign from now on; all keys after that.

        The previous one vouches for it in the log, and stays listed until nothing that it signed can be good.

        Raises:
            ForbiddenError: the rotation is not signed by this operator, or not just now.
            BaseMovedError: another key is in use than the one that was to be replaced.
            InvalidRequestError: there is no such next key.
        """
        rotation = body.rotation

        def work(transaction: Transaction) -> None:
            self._check(operator, rotation, body.signature, transaction.signing)
            # What is recorded, not what was taken over of it: another rotation may stand just before.
            terms = recorded(transaction.connection) or self._ring.terms
            old, new = self._signing(terms), self._waiting(terms)
            if rotation.previous != old.public:
                raise BaseMovedError("another key is in use by now", hint="govd keys list")
            if new is None or new.public != rotation.public_key:
                raise InvalidRequestError(
                    "this is not the key that was made to follow", hint="govd keys rotate"
                )
            record(transaction.connection, followed(terms, new.kid, transaction.now, stolen=rotation.stolen))
            endorsement = endorse(self._ledger.log_id, new.public, old.private)
            transaction.record(_entry(rotation, body.signature, endorsement))

        self._ledger.submit(work).result()
        self.refresh()
        return self.views()

    def give_up(self, operator: str, body: StolenKeySubmission) -> list[KeyView]:
        """Have nothing count that a former key signed: attestations, heads; all keys after that.

        Raises:
            ForbiddenError: it is not signed by this operator, or not just now.
            NotFoundError: no such key has signed.
            ConflictError: it is the one in use, or it was given up before.
        """
        statement = body.statement

        def work(transaction: Transaction) -> None:
            self._check(operator, statement, body.signature, transaction.signing)
            terms = [*(recorded(transaction.connection) or self._ring.terms)]
            place = next((number for number, term in enumerate(terms) if term.kid == statement.kid), None)
            if place is None:
                raise NotFoundError("no key of that id has signed here", hint="govd keys list")
            if terms[place].stolen:
                raise ConflictError("that key was given up as stolen before: nothing of it counts")
            if terms[place].until is None:
                raise ConflictError("that key is in use", hint="govd keys rotate --stolen")
            terms[place] = given_up(terms[place], transaction.now)
            record(transaction.connection, terms)
            transaction.record(_stolen_entry(statement, body.signature))

        self._ledger.submit(work).result()
        self.refresh()
        return self.views()

    def _check(
        self, operator: str, statement: KeyRotation | StolenKey, signature: str, signing: SigningTime
    ) -> None:
        key = self._directory.public_keys().get(operator)
        if statement.signed_by != operator or key is None or not verify(statement, signature, key):
            raise ForbiddenError(
                "what becomes of a signing key needs the signature of an existing operator",
                hint="pass --as OPERATOR and its passphrase",
            )
        signing.check("the statement", statement.signed_at, SIGNATURE_AGE_S)


def _stolen_entry(statement: StolenKey, signature: str) -> Entry:
    return Entry(
        type="key.stolen",
        actor=f"operator:{statement.signed_by}",
        details={
            "kid": Known(statement.kid),  # one that has signed here, as the JWKS names it
            "signed_at": iso(statement.signed_at),
            "signature": base64.b64decode(signature).hex(),
        },
    )


def _entry(rotation: KeyRotation, signature: str, endorsement: bytes) -> Entry:
    """The whole statement, so that it can be verified from the log; and the old key's word for the new."""
    return Entry(
        type="key.rotated",
        actor=f"operator:{rotation.signed_by}",
        details={
            "public_key": base64.b64decode(rotation.public_key).hex(),
            "previous": {"public_key": base64.b64decode(rotation.previous).hex()},
            "stolen": rotation.stolen,
            "signed_at": iso(rotation.signed_at),
            "signature": base64.b64decode(signature).hex(),
            "endorsement": endorsement.hex(),
        },
    )


def _json(term: Term) -> dict[str, object]:
    times = {name: getattr(term, name) for name in ("since", "until", "listed_until")}
    written = {name: None if at is None else at.isoformat() for name, at in times.items()}
    return {"kid": term.kid, "stolen": term.stolen, **written}


def _term(value: dict[str, str | bool | None]) -> Term:
    times = {name: value[name] for name in ("since", "until", "listed_until")}
    read = {name: None if at is None else datetime.fromisoformat(str(at)) for name, at in times.items()}
    return Term(kid=str(value["kid"]), stolen=bool(value["stolen"]), **read)
