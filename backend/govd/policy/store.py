"""The table `policies`: every version by the SHA-256 of its source, and which one is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from govd.storage.schema import policies
from govd.storage.schema import policy_statements as spent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

IN_FORCE: Final = "in_force"
DRAFT: Final = "draft"
BROKEN: Final = "broken"
PAST: Final = "past"


def by_state(connection: Connection, state: str) -> RowMapping | None:
    """The version in that state, the latest found."""
    query = select(policies).where(policies.c.state == state).order_by(policies.c.found_at.desc())
    return connection.execute(query).mappings().first()


def history(connection: Connection) -> Sequence[RowMapping]:
    """Every version, the latest first."""
    return connection.execute(select(policies).order_by(policies.c.found_at.desc())).mappings().all()


def spend(connection: Connection, digest: str, at: int) -> bool:
    """Note that a signed statement was used, by its digest; False: it was used before."""
    if connection.execute(select(spent.c.digest).where(spent.c.digest == digest)).first() is not None:
        return False
    connection.execute(insert(spent).values(digest=digest, at=at))
    return True


def since(connection: Connection, at: int) -> list[bytes]:
    """The sources of what has been in force since then, in microseconds; also of what was at that moment."""
    query = select(policies.c.source, policies.c.applied_at).where(policies.c.applied_at.is_not(None))
    found: list[bytes] = []
    for source, applied_at in connection.execute(query.order_by(policies.c.applied_at.desc())):
        found.append(source)
        if applied_at < at:
            break
    return found


def put(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a version, or bring its row up to date."""
    known = connection.execute(select(policies.c.sha256).where(policies.c.sha256 == values["sha256"])).first()
    if known is None:
        connection.execute(insert(policies).values(**values))
    else:
        connection.execute(update(policies).where(policies.c.sha256 == values["sha256"]).values(**values))


def retire(connection: Connection) -> None:
    """The version in force becomes a past one."""
    connection.execute(update(policies).where(policies.c.state == IN_FORCE).values(state=PAST))


def drop(connection: Connection, state: str) -> None:
    """Forget drafts or broken versions: another state of the file has taken their place.

    One that was in force before is history again.
    """
    once = policies.c.applied_at.is_not(None)
    connection.execute(update(policies).where(policies.c.state == state, once).values(state=PAST))
    connection.execute(delete(policies).where(policies.c.state == state))
