"""The part of `govd doctor` that asks the record: the database's revision, its keys, its clock, the anchor.

Reads only, whether a govd runs on the state or not; it must never migrate what it examines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from govd.anchor import Anchor
from govd.attestations.keys import Term, read_all
from govd.attestations.rotation import recorded
from govd.audit import store
from govd.cli.finding import Finding
from govd.clock import SystemClock
from govd.contract.errors import GovError
from govd.contract.heads import SignedHead
from govd.storage import state
from govd.storage.engine import make_engine, parse_url, sqlite_path
from govd.storage.migrate import revision_of
from govd.storage.schema import REVISION
from govd.times import maybe_instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from govd.attestations.keys import SigningKey
    from govd.settings import Layout, Settings


_PUT_BACK: Final = "put the backup back, then govd restore"
_KEYS_BACK: Final = "put keys/ back from a backup"


def of_the_record(layout: Layout, settings: Settings) -> list[Finding]:
    """What the database says, and what does not fit to it."""
    try:
        url = parse_url(layout.database_url(settings))
        path = sqlite_path(url)
        if path is not None and not path.exists():
            return [Finding("bad", "database", f"{path} is missing", _PUT_BACK)]
        # Before the database: a govd that serves meanwhile writes the one after the other, in this order.
        remembered = Anchor(layout.anchor(settings)).read()
        engine = make_engine(url, writer=False)
        try:
            with engine.connect() as connection:
                return [*_all(connection, layout, settings, remembered)]
        finally:
            engine.dispose()
    except SQLAlchemyError as error:
        message = f"it cannot be read: {type(error).__name__}"
        return [Finding("bad", "database", message, "start the database, or put the backup back")]
    except GovError as error:
        return [Finding("bad", "database", error.detail, error.hint or "")]


def _all(
    connection: Connection, layout: Layout, settings: Settings, remembered: str | None
) -> Iterator[Finding]:
    found = revision_of(connection)
    if found != REVISION:
        yield _revision(found)
        return  # what stands in it is read by the program that made it
    yield Finding("ok", "database", f"at revision {REVISION}, which is this program's")
    yield _clock(connection)
    try:
        keys = read_all(layout.keys)
    except GovError as error:
        yield Finding("bad", "keys", error.detail, _KEYS_BACK)
        return
    if keys:
        yield from _keys(keys, recorded(connection))
        yield _anchor(connection, layout.anchor(settings), remembered, keys)


def _revision(found: str | None) -> Finding:
    if found is None:
        return Finding("bad", "database", "it is empty", _PUT_BACK)
    if found < REVISION:
        message = f"at revision {found}: the next start backs it up and brings it to {REVISION}"
        return Finding("warn", "database", message, "govd serve")
    message = f"at revision {found}, this program's is {REVISION}: it is newer"
    return Finding("bad", "database", message, "install the newer govconsole")


def _keys(keys: list[SigningKey], terms: list[Term]) -> Iterator[Finding]:
    """What files and record say of signing keys; without a record the first file's signs."""
    terms = terms or [Term(keys[0].kid)]
    current, there = terms[-1], {key.kid for key in keys}
    if current.kid not in there:
        yield Finding("bad", "keys", f"the key that signs, {current.kid}, has no file", _KEYS_BACK)
    elif current.stolen:
        message = f"the last key, {current.kid}, was given up as stolen: nothing is signed"
        yield Finding("bad", "keys", message, "govd keys rotate")
    else:
        yield Finding("ok", "keys", f"{current.kid} signs")
    for kid in sorted(there - {term.kid for term in terms}):
        message = f"no operator has signed for {kid}: it signs nothing, and the next rotation takes it up"
        yield Finding("warn", "keys", message, "govd keys rotate, or remove its file if it is not yours")


def _clock(connection: Connection) -> Finding:
    _, _, last = store.tail(connection)
    clock = SystemClock()
    clock.start(maybe_instant(last or None), state.get(connection, state.CLOCK))
    if clock.stepped is None:
        return Finding("ok", "clock", "it goes on from what is recorded")
    seconds = clock.stepped.total_seconds()
    message = f"it stands {seconds:+.0f} s from what is recorded: new approvals are held"
    return Finding("bad", "clock", message, "set the clock right, then: govconsole alarms seen clock-step")


def _anchor(connection: Connection, path: Path, text: str | None, keys: list[SigningKey]) -> Finding:
    """`text`: what stood at the path before the database was read."""
    if text is None:
        message = f"{path} remembers no head of the log: govd writes it as it serves"
        return Finding("warn", "anchor", message, "govd serve")
    signed = SignedHead.parse(text)
    ours = any(signed.verified(key.private.public_key()) for key in keys)
    if signed.log != state.get(connection, state.LOG_ID) or not ours:
        message = f"{path} is of another log, or its signature is none of this state's keys'"
        return Finding("bad", "anchor", message, f"look who wrote it; then rm {path}, and govd serve")
    last, _, _ = store.tail(connection)
    epoch, head = int(state.get(connection, state.EPOCH) or 0), signed.head
    lost = head.epoch > epoch or (
        head.epoch == epoch and (head.seq > last or store.digest_at(connection, head.seq) != head.digest)
    )
    if lost:
        message = f"entry {head.seq} of epoch {head.epoch} is remembered, and the log does not hold it"
        return Finding("bad", "anchor", message, "govd restore")
    return Finding("ok", "anchor", f"the log holds what {path} remembers")
