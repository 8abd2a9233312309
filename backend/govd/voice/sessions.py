"""Verified sessions: kept by the server, bound to one party, two hours by default, asked about at each use.

Must never outlive the enrollment that it rests on, nor count for another agent, chat or operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, delete, insert, select, update

from govd.contract.voice import SessionView, VoiceState
from govd.ids import new_id
from govd.storage.schema import speakers, voice_sessions
from govd.times import instant, micros

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, RowMapping

    from govd.storage.ledger import Transaction
    from govd.voice.matching import Match
    from govd.voice.model import Party


_MILLION: Final = 1_000_000


@dataclass(frozen=True)
class Standing:
    """Where a party stands. With `verified`: whose voice it was, until when, and how well it matched.

    Attributes:
        heard: Whether a person knows every sample that he was recognised by.
        vouched: Which channel and sender it was begun with, as `voucher` makes it; empty: none was asked for.
    """

    state: VoiceState
    speaker: str | None = None
    expires_at: datetime | None = None
    confidence: float | None = None
    low: bool = False
    heard: bool = False
    vouched: str = ""


def _place(party: Party) -> ColumnElement[bool]:
    return (
        (voice_sessions.c.agent == party.agent)
        & (voice_sessions.c.chat == party.chat)
        & (voice_sessions.c.operator == party.operator)
    )


def begin(
    transaction: Transaction, party: Party, match: Match, lasts: timedelta, *, low: bool, vouched: str = ""
) -> tuple[str, datetime]:
    """A new session in place of the party's former one; its id and its end."""
    ends = transaction.now + lasts
    made = new_id()
    transaction.connection.execute(delete(voice_sessions).where(_place(party)))
    transaction.connection.execute(
        insert(voice_sessions).values(
            agent=party.agent,
            chat=party.chat,
            operator=party.operator,
            id=made,
            speaker=match.name,
            enrolment=match.enrolment,
            confidence=round(match.score * _MILLION),
            low=int(low),
            verified_at=micros(transaction.now),
            expires_at=micros(ends),
            ended_at=None,
            vouched=vouched,
        )
    )
    return made, ends


def state(connection: Connection, party: Party, now: datetime) -> Standing:
    """Where a party stands."""
    query = (
        select(voice_sessions, speakers.c.enrolment.label("standing"), speakers.c.heard)
        .join(speakers, speakers.c.name == voice_sessions.c.speaker, isouter=True)
        .where(_place(party))
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return Standing(VoiceState.NEVER_VERIFIED)
    # The clock never runs backwards; one that it is told to distrust shows a session from the future.
    stands = row["verified_at"] <= micros(now) < row["expires_at"]
    if row["ended_at"] is not None or row["standing"] != row["enrolment"] or not stands:
        return Standing(VoiceState.EXPIRED)
    return Standing(
        VoiceState.VERIFIED,
        row["speaker"],
        instant(row["expires_at"]),
        row["confidence"] / _MILLION,
        bool(row["low"]),
        bool(row["heard"]),
        row["vouched"],
    )


def had(connection: Connection, party: Party, speaker: str | None = None) -> bool:
    """Whether this party was ever verified; with a name: as that speaker, the last time."""
    query = select(voice_sessions.c.id).where(_place(party))
    if speaker is not None:
        query = query.where(voice_sessions.c.speaker == speaker)
    return connection.execute(query).first() is not None


def revoked(
    connection: Connection, party: Party, speaker: str | None, counts: Callable[[str, str], bool]
) -> bool:
    """Whether the session of this party and speaker was taken back: ended, another's by now, or gone.

    Or what vouched for it does so no more; `counts`: whether it does (chat, voucher).

    One that ran out was not: what was asked for within it may wait for a person.
    """
    columns = voice_sessions.c.speaker, voice_sessions.c.ended_at, voice_sessions.c.vouched
    row = connection.execute(select(*columns).where(_place(party))).first()
    if row is None or row.ended_at is not None or row.speaker != speaker:
        return True
    return not counts(party.chat, row.vouched)


def standing(
    connection: Connection, now: datetime, most: int = 500, counts: Callable[[str, str], bool] | None = None
) -> list[SessionView]:
    """The sessions that stand, the latest first, at most so many.

    Args:
        connection: Where to look.
        now: The governed time.
        most: How many are looked at.
        counts: Whether what has vouched for a chat's session (chat, voucher) does so still; None: not asked.
    """
    query = (
        select(voice_sessions)
        .join(
            speakers,
            (speakers.c.name == voice_sessions.c.speaker)
            & (speakers.c.enrolment == voice_sessions.c.enrolment),
        )
        .where(voice_sessions.c.ended_at.is_(None), voice_sessions.c.expires_at > micros(now))
        .order_by(voice_sessions.c.verified_at.desc())
        .limit(most)
    )
    rows = connection.execute(query).mappings()
    return [
        view(row) for row in rows if counts is None or row["operator"] or counts(row["chat"], row["vouched"])
    ]


def view(row: RowMapping) -> SessionView:
    """As operators see it."""
    return SessionView(
        id=row["id"],
        speaker=row["speaker"],
        agent=row["agent"] or None,
        chat=row["chat"],
        operator=row["operator"] or None,
        verified_at=instant(row["verified_at"]),
        expires_at=instant(row["expires_at"]),
    )


def by_id(connection: Connection, session: str) -> RowMapping | None:
    """One session."""
    return connection.execute(select(voice_sessions).where(voice_sessions.c.id == session)).mappings().first()


def end(transaction: Transaction, session: str) -> bool:
    """Revoke one; False where it had ended."""
    done = transaction.connection.execute(
        update(voice_sessions)
        .where(
            voice_sessions.c.id == session,
            voice_sessions.c.ended_at.is_(None),
            voice_sessions.c.expires_at > micros(transaction.now),
        )
        .values(ended_at=micros(transaction.now))
    )
    return done.rowcount == 1


def end_of(transaction: Transaction, **whose: str) -> int:
    """End every session of a speaker, an agent or an operator; how many stood."""
    done = transaction.connection.execute(
        update(voice_sessions)
        .where(
            *(voice_sessions.c[name] == value for name, value in whose.items()),
            voice_sessions.c.ended_at.is_(None),
        )
        .values(ended_at=micros(transaction.now))
    )
    return int(done.rowcount)
