"""The tables of voices. Must never hand out a sealed column without its key's row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from govd.ids import new_id
from govd.storage import state
from govd.storage.schema import intents, jobs, speakers, voice_heard, voice_replays, voice_requests
from govd.voice.rules import MINIMUM_NET_SECONDS, MINIMUM_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import RowMapping

_AT_ONCE: Final = 500
_REVISION: Final = "voice_speakers"

_LISTED: Final = tuple(column for column in speakers.c if column.name not in {"wrapped_key", "sealed"})
_REQUEST: Final = tuple(column for column in voice_requests.c if column.name not in {"audio", "sealed"})
_WAITING: Final = voice_requests.c.sealed.is_not(None)
_HELD: Final = intents.c.state == "held"
_COMPLETE: Final = (speakers.c.samples >= MINIMUM_SAMPLES) & (
    speakers.c.net_ms >= round(MINIMUM_NET_SECONDS * 1000)
)

# -- speakers ------------------------------------------------------------------------------------------


def speaker(connection: Connection, name: str) -> RowMapping | None:
    """One speaker, sealed template and all."""
    return connection.execute(select(speakers).where(speakers.c.name == name)).mappings().first()


def standing(connection: Connection, name: str) -> str | None:
    """The enrolment of that name that stands now; None: there is none."""
    return connection.execute(select(speakers.c.enrolment).where(speakers.c.name == name)).scalar()


def listed(connection: Connection) -> Sequence[RowMapping]:
    """Every speaker without its template, by name."""
    return connection.execute(select(*_LISTED).order_by(speakers.c.name)).mappings().all()


def has_own(connection: Connection, operator: str) -> bool:
    """Whether any voice is this operator's own."""
    return (
        connection.execute(select(speakers.c.name).where(speakers.c.operator == operator)).first() is not None
    )


def stamps(connection: Connection) -> dict[str, tuple[str, int]]:
    """By name: the enrollment and when it last changed, so that a reader fetches what is new to him alone."""
    rows = connection.execute(select(speakers.c.name, speakers.c.enrolment, speakers.c.changed_at))
    return {name: (enrolment, changed) for name, enrolment, changed in rows}


def revision(connection: Connection) -> str | None:
    """Which state of the speakers this is: another text after every change of who can be matched."""
    return state.get(connection, _REVISION)


def _changed(connection: Connection) -> None:
    state.put(connection, _REVISION, new_id())


def speakers_named(connection: Connection, names: Iterable[str]) -> list[RowMapping]:
    """The speakers of these names, templates included."""
    wanted = list(names)
    found: list[RowMapping] = []
    for start in range(0, len(wanted), _AT_ONCE):
        query = select(speakers).where(speakers.c.name.in_(wanted[start : start + _AT_ONCE]))
        found += connection.execute(query).mappings().all()
    return found


def enrolled(connection: Connection) -> int:
    """How many speakers have enough samples to be matched."""
    query = select(func.count()).select_from(speakers).where(_COMPLETE)
    return int(connection.execute(query).scalar_one())


def put_speaker(connection: Connection, values: dict[str, Any]) -> None:
    """Write a speaker; one of that name is replaced, and its key forgotten."""
    drop_speaker(connection, values["name"])
    connection.execute(insert(speakers).values(**values))
    _changed(connection)


def change_speaker(connection: Connection, name: str, **values: Any) -> None:  # noqa: ANN401 - column values
    """Set columns."""
    connection.execute(update(speakers).where(speakers.c.name == name).values(**values))


def drop_speaker(connection: Connection, name: str) -> bool:
    """Forget a speaker with his key; False where there is none."""
    # Overwritten before the row goes: what is freed is zeroed, what is changed in place is gone for sure.
    place = speakers.c.name == name
    done = connection.execute(update(speakers).where(place).values(wrapped_key=bytes(60), sealed=b""))
    connection.execute(delete(speakers).where(place))
    _changed(connection)
    return done.rowcount == 1


def disown(connection: Connection, operator: str) -> None:
    """An operator has left: no voice is his any more."""
    # One more than it was: the clock may stand still, and the change must be seen.
    values = {"operator": None, "changed_at": speakers.c.changed_at + 1}
    connection.execute(update(speakers).where(speakers.c.operator == operator).values(**values))
    _changed(connection)


# -- what agents ask for -------------------------------------------------------------------------------


def add_request(connection: Connection, values: dict[str, Any]) -> None:
    """Write down what an agent asks for."""
    connection.execute(insert(voice_requests).values(**values))


def request(connection: Connection, request_id: str) -> RowMapping | None:
    """One request that still waits, with its audio."""
    query = (
        select(voice_requests)
        .join(intents, intents.c.id == voice_requests.c.intent)
        .where(voice_requests.c.id == request_id, _WAITING, _HELD)
    )
    return connection.execute(query).mappings().first()


def of_intents(connection: Connection, wanted: Sequence[str]) -> Sequence[RowMapping]:
    """The requests behind these intents, sealed part and no audio, oldest first."""
    query = (
        select(*_REQUEST, voice_requests.c.sealed)
        .where(voice_requests.c.intent.in_(wanted), _WAITING)
        .order_by(voice_requests.c.id)
    )
    return connection.execute(query).mappings().all()


def waiting(connection: Connection) -> Sequence[RowMapping]:
    """Every sample that waits for a person, oldest first, without audio."""
    query = (
        select(*_REQUEST)
        .join(intents, intents.c.id == voice_requests.c.intent)
        .where(_WAITING, _HELD, voice_requests.c.operation == "enroll")
        .order_by(voice_requests.c.id)
    )
    return connection.execute(query).mappings().all()


def waiting_of(connection: Connection, agent: str, name: str, operation: str) -> Sequence[RowMapping]:
    """What waits of one agent about one name."""
    query = (
        select(*_REQUEST)
        .join(intents, intents.c.id == voice_requests.c.intent)
        .where(
            voice_requests.c.agent == agent,
            voice_requests.c.speaker == name,
            voice_requests.c.operation == operation,
            _WAITING,
            _HELD,
        )
        .order_by(voice_requests.c.id)
    )
    return connection.execute(query).mappings().all()


def waiting_bytes(connection: Connection, agent: str) -> int:
    """How much audio of one agent waits."""
    query = select(func.sum(voice_requests.c.size)).where(voice_requests.c.agent == agent, _WAITING)
    return int(connection.execute(query).scalar() or 0)


def latest_job(connection: Connection, agent: str, name: str, operation: str) -> str | None:
    """The job that the latest request of this agent about this name stands in, open or not."""
    query = (
        select(voice_requests.c.job)
        .join(jobs, jobs.c.id == voice_requests.c.job)
        .where(
            voice_requests.c.agent == agent,
            voice_requests.c.speaker == name,
            voice_requests.c.operation == operation,
        )
        .order_by(voice_requests.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).scalar()


def settled(connection: Connection, most: int = _AT_ONCE) -> Sequence[str]:
    """Requests whose intent nobody waits for any more and whose audio is still there."""
    query = (
        select(voice_requests.c.id)
        .join(intents, intents.c.id == voice_requests.c.intent)
        .where(_WAITING, ~_HELD)
        .limit(most)
    )
    return connection.execute(query).scalars().all()


def overdue(connection: Connection, now: int, most: int = _AT_ONCE) -> Sequence[RowMapping]:
    """Requests that nobody answered within their time."""
    query = select(*_REQUEST).where(_WAITING, voice_requests.c.expires_at <= now).limit(most)
    return connection.execute(query).mappings().all()


def scrub(connection: Connection, requests: Sequence[str]) -> None:
    """Forget what was sent; that it was sent stays."""
    for start in range(0, len(requests), _AT_ONCE):
        place = voice_requests.c.id.in_(requests[start : start + _AT_ONCE])
        connection.execute(update(voice_requests).where(place).values(sealed=None, audio=None, size=0))


def heard(connection: Connection, operator: str, requests: Sequence[str]) -> set[str]:
    """Which of these samples this operator has listened to."""
    query = select(voice_heard.c.request).where(
        voice_heard.c.operator == operator, voice_heard.c.request.in_(requests)
    )
    return set(connection.execute(query).scalars())


def add_heard(connection: Connection, request_id: str, operator: str, at: int) -> None:
    """This operator has listened to it."""
    if not heard(connection, operator, [request_id]):
        connection.execute(insert(voice_heard).values(request=request_id, operator=operator, heard_at=at))


# -- what was heard before -----------------------------------------------------------------------------


def clip_known(connection: Connection, clip: str) -> bool:
    """Whether exactly this audio was heard before."""
    query = select(voice_replays.c.id).where(voice_replays.c.clip == clip)
    return connection.execute(query).first() is not None


def fingerprints(connection: Connection, after: int) -> Sequence[tuple[int, bytes]]:
    """The fingerprints of what was heard since, oldest first."""
    query = (
        select(voice_replays.c.id, voice_replays.c.fingerprint)
        .where(voice_replays.c.id > after)
        .order_by(voice_replays.c.id)
    )
    return [(int(number), bytes(found)) for number, found in connection.execute(query)]


def add_clip(connection: Connection, clip: str, fingerprint: bytes, whose: str, at: int, most: int) -> None:
    """Remember what was heard, and of the same voice so many clips at most: the oldest give way."""
    connection.execute(
        insert(voice_replays).values(clip=clip, fingerprint=fingerprint, whose=whose, heard_at=at)
    )
    own = select(voice_replays.c.id).where(voice_replays.c.whose == whose).order_by(voice_replays.c.id.desc())
    oldest = connection.execute(own.offset(most).limit(1)).scalar()
    if oldest is not None:
        gone = (voice_replays.c.whose == whose) & (voice_replays.c.id <= oldest)
        connection.execute(delete(voice_replays).where(gone))
