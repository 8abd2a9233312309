"""Signed statements that stand whole in the log: whether each is its operator's, by the keys that are known.

Must never take an entry's word for who signed it, nor for a vote that does not stand before it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, column, select, table

from govd.audit import phrases
from govd.audit.rules import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from govd.audit.rules import Parsed
    from govd.contract.votes import KeyRotation, Resolution, Revocation, StolenKey, VoiceChange, Vote

    Signed = tuple[Vote | Revocation | Resolution | VoiceChange | KeyRotation | StolenKey, str]

_IDENTITIES: Final = table("identities", column("kind"), column("name"), column("public_key"))
_META: Final = table("meta", column("key"), column("value"))
_OPERATIONS: Final = {"voice.enrolled": "enroll", "voice.deleted": "delete"}
_APPROVED: Final = "intent.approved"
_ROTATED: Final = "key.rotated"
_RESTORED: Final = "state.restored"


def _read_vote(parsed: Parsed) -> Signed:
    from govd.contract import logged

    return logged.vote(parsed.details)


def _read_revocation(parsed: Parsed) -> Signed:
    from govd.contract import logged

    return logged.revocation(parsed.job, parsed.details)


def _read_resolution(parsed: Parsed) -> Signed:
    from govd.contract import logged

    return logged.resolution(parsed.job, parsed.intent, parsed.details)


def _read_rotation(parsed: Parsed) -> Signed:
    from govd.contract import logged

    return logged.rotation(parsed.actor, parsed.details)[:2]


def _read_stolen(parsed: Parsed) -> Signed:
    from govd.contract import logged

    return logged.stolen(parsed.actor, parsed.details)


def _read_voice(parsed: Parsed) -> Signed:
    from govd.contract.voicechange import from_log

    return from_log(parsed.details)


_READERS: Final[dict[str, Callable[[Parsed], Signed]]] = {
    "vote.cast": _read_vote,
    "job.revocation_signed": _read_revocation,
    "intent.resolution_signed": _read_resolution,
    _ROTATED: _read_rotation,
    "key.stolen": _read_stolen,
    **dict.fromkeys(_OPERATIONS, _read_voice),
}
_KINDS: Final = tuple(
    f'"type":"{type_}"'.encode() for type_ in (*_READERS, _APPROVED, _RESTORED, phrases.GIVEN, phrases.SAID)
)


class Statements:
    """Checks the entries of a log one by one, from its first.

    Args:
        connection: Of the state's database, which has the operators' keys; asked once there is a signature.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._approvals: dict[str, frozenset[str]] = {}
        """By the digest of a vote that approves: the intents that it binds to."""
        self._phrases = phrases.Phrases()
        self._signs: str | None = None
        """The key that signs for govd, as far as the log has said (base64)."""
        self._signed: set[str] = set()
        """The ids of the keys that signed before it."""

    @cached_property
    def _keys(self) -> dict[str, str]:
        """The vote keys of all operators there ever were: names are never given twice."""
        columns = _IDENTITIES.c.name, _IDENTITIES.c.public_key
        query = select(*columns).where(_IDENTITIES.c.kind == "operator")
        return {name: key for name, key in self._connection.execute(query) if key is not None}

    @cached_property
    def _log(self) -> str:
        """The log's own id, which a key's word for the one that follows it names."""
        query = select(_META.c.value).where(_META.c.key == "log_id")
        return str(self._connection.execute(query).scalar())

    def wrong(self, line: bytes) -> str:
        """What is wrong with the statement in an entry; empty: nothing, or it has none."""
        if not any(kind in line for kind in _KINDS):
            return ""
        parsed = parse(line)
        if parsed is None:
            return ""
        if parsed.type == _RESTORED:
            # An older database knows an older key, where the files of later ones are gone.
            self._signs = None
        check = {
            _APPROVED: self._unasked,
            phrases.GIVEN: self._phrases.unspoken,
            phrases.SAID: self._phrases.unspoken,
        }.get(parsed.type)
        if check is not None:
            return check(parsed)
        if parsed.type in _OPERATIONS and "signature" not in parsed.details:
            # What a vote did to a voice is signed in that vote, and the entry names the job.
            return "" if parsed.job else "it has no signature, and names no job that was voted on"
        return self._unsigned(parsed) if parsed.type in _READERS else ""

    def _unsigned(self, parsed: Parsed) -> str:
        from govd.contract.votes import KeyRotation, StolenKey, VoiceChange, Vote, verify

        try:
            statement, signature = _READERS[parsed.type](parsed)
        except ValueError:
            return "its statement has no form that could be verified"
        signer = statement.operator if isinstance(statement, Vote) else statement.signed_by
        key = self._keys.get(signer)
        if key is None or not verify(statement, signature, key):
            return f"its statement is not signed by the key of {signer}"
        if isinstance(statement, VoiceChange):
            return _elsewhere(statement, parsed)
        if isinstance(statement, KeyRotation):
            return self._followed(statement, parsed)
        if isinstance(statement, StolenKey) and statement.kid not in self._signed:
            return "its statement is about a key that is followed by nothing that stands before it"
        return self._counted(statement, signature, parsed) if isinstance(statement, Vote) else ""

    def _followed(self, statement: KeyRotation, parsed: Parsed) -> str:
        """A good statement that a key follows another: that one vouches for it, and was the one in use."""
        from govd.contract import logged
        from govd.contract.keys import endorsed, thumbprint
        from govd.contract.votes import load_public_key

        _, _, endorsement = logged.rotation(parsed.actor, parsed.details)
        before, self._signs = self._signs, statement.public_key
        self._signed.add(thumbprint(load_public_key(statement.previous).public_bytes_raw()))
        if not endorsed(self._log, statement.public_key, statement.previous, endorsement):
            return "the key before it does not vouch for the one that follows"
        if before not in {None, statement.previous}:
            return "it replaces another key than the one that signed by then"
        return ""

    def _counted(self, vote: Vote, signature: str, parsed: Parsed) -> str:
        from govd.contract.votes import SignedVote, vote_sha256

        digest = vote_sha256(SignedVote(vote=vote, signature=signature))
        if (vote.job, digest) != (parsed.job, parsed.details.get("vote_sha256")):
            return "its vote is another than the one that it names, or about another job"
        if vote.verdict == "approve":
            self._approvals[digest] = frozenset(action.intent for action in vote.actions)
        return ""

    def _unasked(self, parsed: Parsed) -> str:
        if "phrase" in parsed.details:
            return self._phrases.unasked(parsed)
        votes = parsed.details.get("vote_sha256")
        if not isinstance(votes, list) or not votes:
            return "it names no vote"
        if any(parsed.intent not in self._approvals.get(str(digest), ()) for digest in votes):
            return "it names a vote that does not stand before it, or that does not approve this intent"
        return ""


def _elsewhere(statement: VoiceChange, parsed: Parsed) -> str:
    """What a good statement and its entry do not have in common; empty: nothing."""
    if statement.operation != _OPERATIONS.get(parsed.type):
        return "its statement is about something else than what was done"
    if statement.operation == "delete" and statement.replaces != parsed.details.get("enrolment"):
        return "its statement is about another voice than the one that was deleted"
    return ""
