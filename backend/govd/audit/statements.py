"""Signed statements that stand whole in the log: whether each is its operator's, by the keys that are known.

Must never take an entry's word for who signed it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, column, select, table

from govd.audit.rules import parse

if TYPE_CHECKING:
    from govd.audit.rules import Parsed
    from govd.contract.votes import VoiceChange

_IDENTITIES: Final = table("identities", column("kind"), column("name"), column("public_key"))
_OPERATIONS: Final = {"voice.enrolled": "enroll", "voice.deleted": "delete"}
_VOICES: Final = tuple(f'"type":"{type_}"'.encode() for type_ in _OPERATIONS)


class Statements:
    """Checks entries one by one.

    Args:
        connection: Of the state's database, which has the operators' keys; asked once there is a signature.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def _keys(self) -> dict[str, str]:
        """The vote keys of all operators there ever were: names are never given twice."""
        columns = _IDENTITIES.c.name, _IDENTITIES.c.public_key
        query = select(*columns).where(_IDENTITIES.c.kind == "operator")
        return {name: key for name, key in self._connection.execute(query) if key is not None}

    def wrong(self, line: bytes) -> str:
        """What is wrong with the statement in an entry; empty: nothing, or it has none.

        A voice that a vote let in or took out has its signature in that vote, and the entry names the job.
        """
        if not any(kind in line for kind in _VOICES):
            return ""
        parsed = parse(line)
        if parsed is None or "signature" not in parsed.details:
            return ""
        from govd.contract.voicechange import from_log
        from govd.contract.votes import verify

        try:
            statement, signature = from_log(parsed.details)
        except ValueError:
            return "its statement has no form that could be verified"
        key = self._keys.get(statement.signed_by)
        if key is None or not verify(statement, signature, key):
            return f"its statement is not signed by the key of {statement.signed_by}"
        return _elsewhere(statement, parsed)


def _elsewhere(statement: VoiceChange, parsed: Parsed) -> str:
    """What a good statement and its entry do not have in common; empty: nothing."""
    if statement.operation != _OPERATIONS.get(parsed.type):
        return "its statement is about something else than what was done"
    if statement.operation == "delete" and statement.replaces != parsed.details.get("enrolment"):
        return "its statement is about another voice than the one that was deleted"
    return ""
