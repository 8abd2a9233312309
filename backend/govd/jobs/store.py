"""The tables `jobs`, `holds` and `votes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypedDict, cast, get_args

from sqlalchemy import Connection, bindparam, func, insert, literal_column, or_, select, update

from govd.contract.intents import IntentState
from govd.contract.jobs import Effect
from govd.storage.prepared import Prepared
from govd.storage.schema import NEVER, holds, intents, jobs, votes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

LIVE: Final = ("open", "closed")
"""States of a hold that still waits for people."""

HIGHEST_RISK: Final = 100

EFFECTS: Final[tuple[str, ...]] = get_args(Effect)
"""From the mildest to the worst."""

IS_HELD: Final = jobs.c.state == literal_column("'held'")
"""A literal, as in the indexes of held jobs: SQLite does not look into parameters for it."""

_INSERT: Final = Prepared(insert(jobs))
_BY_ID: Final = select(jobs).where(jobs.c.id == bindparam("id_"))
_OPEN_HOLD: Final = Prepared(
    select(holds.c.id, holds.c.expires_at, holds.c.quorum).where(
        holds.c.job == bindparam("job_"), holds.c.state == "open"
    )
)
_INSERT_HOLD: Final = Prepared(insert(holds))
_STANDING: Final = Prepared(
    select(
        jobs.c.id,
        jobs.c.agent,
        jobs.c.state,
        jobs.c.parent,
        jobs.c.origin,
        jobs.c.implicit,
        jobs.c.wrapped_key,
        (HIGHEST_RISK - jobs.c.calm).label("risk"),
        select(func.count()).select_from(intents).where(intents.c.job == jobs.c.id).scalar_subquery(),
        select(func.count())
        .select_from(holds)
        .where(holds.c.job == jobs.c.id, or_(*(holds.c.state == state for state in LIVE)))
        .scalar_subquery(),
    ).where(jobs.c.id == bindparam("job_"))
)

_FIRST_END: Final = Prepared(
    select(holds.c.expires_at)
    .where(holds.c.job == bindparam("job_"), or_(*(holds.c.state == state for state in LIVE)))
    .order_by(holds.c.id)
    .limit(1)
)
_OF_JOB: Final = Prepared(
    # Their states are looked at here: by a state in the condition SQLite would go through all that is held.
    select(intents.c.state, intents.c.effect, intents.c.kind, intents.c.risk).where(
        intents.c.job == bindparam("job_")
    )
)
_NOTE_END: Final = Prepared(
    update(jobs).where(jobs.c.id == bindparam("id_")).values(held_until=bindparam("until_"))
)
_NOTE_HELD: Final = Prepared(
    update(jobs)
    .where(jobs.c.id == bindparam("id_"))
    .values(
        held_until=bindparam("until_"),
        effect=bindparam("effect_"),
        kinds=bindparam("kinds_"),
        calm=bindparam("calm_"),
    )
)


class Standing(TypedDict):
    """What a submission asks of its job, read at once; its intents and its live holds are counted."""

    id: str
    agent: str
    state: str
    parent: str | None
    origin: str
    implicit: int
    wrapped_key: bytes | None
    risk: int
    intents: int
    live: int


_STANDING_FIELDS: Final = tuple(Standing.__annotations__)


class OpenHold(NamedTuple):
    """A hold that still gathers intents."""

    id: str
    expires_at: int
    quorum: int


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a job."""
    _INSERT.run(connection, values)


def standing(connection: Connection, job: str) -> Standing | None:
    """One job as a submission meets it."""
    row = _STANDING.first(connection, {"job_": job})
    return None if row is None else cast("Standing", dict(zip(_STANDING_FIELDS, row, strict=True)))


def by_id(connection: Connection, job: str) -> RowMapping | None:
    """One job."""
    return connection.execute(_BY_ID, {"id_": job}).mappings().first()


def change(connection: Connection, job: str, **values: Any) -> None:  # noqa: ANN401 - column values
    """Set columns."""
    connection.execute(update(jobs).where(jobs.c.id == job).values(**values))


def held_jobs(connection: Connection) -> tuple[int, int | None]:
    """How many jobs wait for a person, and when the next of their holds ends (microseconds)."""
    count = connection.execute(select(func.count()).select_from(jobs).where(IS_HELD)).scalar_one()
    ends = connection.execute(select(func.min(jobs.c.held_until)).where(IS_HELD)).scalar()
    return int(count), ends


def note_held(connection: Connection, job: str) -> None:
    """Bring what a job's row says of what is held up to date; once nothing is, what was held last stays."""
    end = _FIRST_END.first(connection, {"job_": job})
    until = NEVER if end is None else end[0]
    rows = _OF_JOB.run(connection, {"job_": job}).fetchall()
    held = [rest for state, *rest in rows if state == IntentState.HELD.value]
    if not held:
        _NOTE_END.run(connection, {"id_": job, "until_": until})
        return
    values = {
        "id_": job,
        "until_": until,
        "effect_": max((effect for effect, _, _ in held), key=EFFECTS.index),
        "kinds_": f",{','.join(sorted({kind for _, kind, _ in held}))},",
        "calm_": HIGHEST_RISK - max(risk for _, _, risk in held),
    }
    _NOTE_HELD.run(connection, values)


# -- holds ---------------------------------------------------------------------------------------------


def add_hold(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a hold."""
    _INSERT_HOLD.run(connection, values)


def open_hold(connection: Connection, job: str) -> OpenHold | None:
    """The hold of a job that still gathers intents."""
    row = _OPEN_HOLD.first(connection, {"job_": job})
    return None if row is None else OpenHold(*row)


def live_holds(connection: Connection, job: str) -> Sequence[RowMapping]:
    """The holds of a job that wait for people, oldest first: the first is the one under review."""
    query = select(holds).where(holds.c.job == job, holds.c.state.in_(LIVE)).order_by(holds.c.id)
    return connection.execute(query).mappings().all()


def hold(connection: Connection, hold_id: str) -> RowMapping | None:
    """One hold."""
    return connection.execute(select(holds).where(holds.c.id == hold_id)).mappings().first()


def change_hold(connection: Connection, hold_id: str, **values: Any) -> None:  # noqa: ANN401 - column values
    """Set columns."""
    connection.execute(update(holds).where(holds.c.id == hold_id).values(**values))


def expired_holds(connection: Connection, now: int, most: int) -> Sequence[RowMapping]:
    """The holds whose time is over and that nobody has settled."""
    query = select(holds).where(holds.c.state.in_(LIVE), holds.c.expires_at <= now).limit(most)
    return connection.execute(query).mappings().all()


def next_end(connection: Connection) -> int | None:
    """The earliest moment at which something ends by itself, in microseconds."""
    # One question a state: each is the first entry of an index.
    hold_ends = [
        connection.execute(select(func.min(holds.c.expires_at)).where(holds.c.state == state)).scalar()
        for state in LIVE
    ]
    grant_end = connection.execute(
        select(func.min(intents.c.approved_until)).where(intents.c.state == "approved")
    ).scalar()
    ends = [end for end in (*hold_ends, grant_end) if end is not None]
    return min(ends) if ends else None


def unreported(connection: Connection, before: int) -> bool:
    """Whether an action was started before then and nobody has said how it ended."""
    query = (
        select(intents.c.id).where(intents.c.state == "redeemed", intents.c.redeemed_at <= before).limit(1)
    )
    return connection.execute(query).first() is not None


# -- votes ---------------------------------------------------------------------------------------------


def add_vote(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a vote."""
    connection.execute(insert(votes).values(**values))


def votes_of_job(connection: Connection, job: str) -> Sequence[RowMapping]:
    """Every vote on a job, lapsed ones too, oldest first."""
    return connection.execute(select(votes).where(votes.c.job == job).order_by(votes.c.id)).mappings().all()


def standing_votes(connection: Connection, hold_id: str) -> Sequence[RowMapping]:
    """The votes on a hold that still count."""
    query = select(votes).where(votes.c.hold == hold_id, votes.c.lapsed_at.is_(None)).order_by(votes.c.id)
    return connection.execute(query).mappings().all()


def lapse_votes(connection: Connection, hold_id: str, at: int) -> int:
    """What was voted on has changed: the votes on this hold no longer count."""
    done = connection.execute(
        update(votes).where(votes.c.hold == hold_id, votes.c.lapsed_at.is_(None)).values(lapsed_at=at)
    )
    return int(done.rowcount)


def lapse_votes_of(connection: Connection, operator: str, at: int) -> int:
    """An operator has left: his votes on holds that are still open no longer count."""
    live = select(holds.c.id).where(holds.c.state.in_(LIVE))
    done = connection.execute(
        update(votes)
        .where(votes.c.operator == operator, votes.c.lapsed_at.is_(None), votes.c.hold.in_(live))
        .values(lapsed_at=at)
    )
    return int(done.rowcount)
