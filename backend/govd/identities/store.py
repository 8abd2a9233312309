"""The tables `identities` and `tokens`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, func, insert, select, update

from govd.identities.model import Identity, Kind
from govd.storage.schema import identities, tokens
from govd.times import instant, micros

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import RowMapping


def _identity(row: RowMapping) -> Identity:
    details: dict[str, Any] = json.loads(row["details"])
    return Identity(
        kind=row["kind"],
        name=row["name"],
        state=row["state"],
        created_at=instant(row["created_at"]),
        added_by=row["added_by"],
        uid=row["uid"],
        public_key=row["public_key"],
        agents=tuple(details.get("agents", ())),
        origins=tuple(details.get("origins", ())),
        advisory=bool(details.get("advisory", False)),
    )


def all_identities(connection: Connection) -> list[Identity]:
    """Every identity, removed ones included: their keys still verify what they signed."""
    rows = connection.execute(select(identities).order_by(identities.c.kind, identities.c.name)).mappings()
    return [_identity(row) for row in rows]


def find(connection: Connection, kind: Kind, name: str) -> Identity | None:
    """One identity, if there is one of that name."""
    query = select(identities).where(identities.c.kind == kind, identities.c.name == name)
    row = connection.execute(query).mappings().first()
    return None if row is None else _identity(row)


def public_keys(connection: Connection) -> dict[str, str]:
    """The vote keys of all active operators, as this very transaction has them."""
    query = select(identities.c.name, identities.c.public_key).where(
        identities.c.kind == "operator", identities.c.state == "active", identities.c.public_key.is_not(None)
    )
    return {name: key for name, key in connection.execute(query) if key}


def add(connection: Connection, identity: Identity, statement: str | None, signature: str | None) -> None:
    """Insert an identity, with the signed statement that let it in."""
    connection.execute(
        insert(identities).values(
            kind=identity.kind,
            name=identity.name,
            state=identity.state,
            created_at=micros(identity.created_at),
            added_by=identity.added_by,
            uid=identity.uid,
            public_key=identity.public_key,
            details=json.dumps(
                {"agents": identity.agents, "origins": identity.origins, "advisory": identity.advisory}
            ),
            statement=statement,
            signature=signature,
        )
    )


def set_state(connection: Connection, kind: Kind, name: str, state: str) -> None:
    """Suspend, resume or remove."""
    connection.execute(
        update(identities).where(identities.c.kind == kind, identities.c.name == name).values(state=state)
    )


def all_tokens(connection: Connection) -> Iterable[RowMapping]:
    """Every token's digest, holder, expiry and first peer."""
    return list(connection.execute(select(tokens)).mappings())


def add_token(
    connection: Connection, digest: str, kind: Kind, name: str, *, at: datetime, until: datetime | None
) -> None:
    """Insert a token's digest. `until` None: it has no end (operators and executors, in 0600 files)."""
    connection.execute(
        insert(tokens).values(
            token_sha256=digest,
            kind=kind,
            name=name,
            created_at=micros(at),
            expires_at=None if until is None else micros(until),
            peer=None,
        )
    )


def token_known(connection: Connection, digest: str) -> bool:
    """Whether somebody holds that token."""
    query = select(tokens.c.name).where(tokens.c.token_sha256 == digest)
    return connection.execute(query).first() is not None


def bind_token(connection: Connection, digest: str, peer: str) -> None:
    """Remember the first peer that showed a token (threats T3)."""
    connection.execute(
        update(tokens).where(tokens.c.token_sha256 == digest, tokens.c.peer.is_(None)).values(peer=peer)
    )


def count_tokens(connection: Connection, kind: Kind, name: str) -> int:
    """How many tokens one identity has."""
    query = select(func.count()).select_from(tokens).where(tokens.c.kind == kind, tokens.c.name == name)
    return int(connection.execute(query).scalar_one())


def drop_tokens(connection: Connection, kind: Kind, name: str) -> None:
    """Forget every token of one identity."""
    connection.execute(delete(tokens).where(tokens.c.kind == kind, tokens.c.name == name))


def drop_expired(connection: Connection, now: datetime) -> None:
    """Forget the tokens whose time is over."""
    connection.execute(delete(tokens).where(tokens.c.expires_at < micros(now)))
