"""Operator keys that an executor holds itself, so that a backend alone cannot approve anything (threats T12).

Must never take a key from the backend, nor a vote that does not bind to the very action that would run.
"""

from __future__ import annotations

import os
import stat
import tomllib
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from govd.contract.errors import ForbiddenError, InvalidRequestError, RedeemRefusedError, UsageError
from govd.contract.votes import covers, load_public_key, verify, vote_sha256
from govd.contract.wire import Name

if TYPE_CHECKING:
    from pathlib import Path

    from govd.contract.attestations import Approver, Claims, Minted
    from govd.contract.votes import SignedVote

_OTHERS_WRITE: Final = 0o022
_MAX_FILE: Final = 256 * 1024


class PinnedOperators(BaseModel):
    """The file of `--pinned-operators`, TOML.

    Attributes:
        operators: Public vote keys by operator, 32 raw bytes in base64.
        require_votes: Whether what policy alone approved is refused as well.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    operators: Annotated[dict[Name, str], Field(min_length=1)]
    require_votes: bool = False

    @classmethod
    def load(cls, path: Path) -> PinnedOperators:
        """Read the file.

        Raises:
            UsageError: it is not there or says something else than keys.
            ForbiddenError: somebody other than this user or root can change it.
        """
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                raw = file.read(_MAX_FILE)
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from None
        if found.st_uid not in {0, os.geteuid()} or stat.S_IMODE(found.st_mode) & _OTHERS_WRITE:
            raise ForbiddenError(f"{path} can be changed by others", hint=f"chmod 644 {path}")
        try:
            pinned = cls.model_validate(tomllib.loads(raw.decode()))
            for key in pinned.operators.values():
                load_public_key(key)
        except (ValueError, ValidationError, InvalidRequestError) as error:
            raise UsageError(f"{path} does not list operators' keys: {_first_line(error)}") from None
        return pinned

    def check(self, claims: Claims, minted: Minted) -> None:
        """See that a quorum of pinned operators signed for this action.

        Args:
            claims: Of the attestation, verified.
            minted: What came with it.

        Raises:
            RedeemRefusedError: a vote is missing, not theirs, no approval, or about something else.
        """
        if claims.decided_by == "policy":
            if self.require_votes:
                raise RedeemRefusedError("policy alone approved this, and signed votes are required here")
            return
        if minted.nonce is None:
            raise RedeemRefusedError("the votes came without what opens them")
        by_digest = {vote_sha256(signed): signed for signed in minted.votes}
        quorum = 1
        signers: set[str] = set()
        for approver in claims.decided_by:
            signed = by_digest.get(approver.vote_sha256)
            if signed is None:
                raise RedeemRefusedError(f"the vote of {approver.operator} is missing")
            self._check_vote(approver, signed, claims, minted)
            quorum = max(quorum, signed.vote.quorum)
            signers.add(approver.operator)
        if len(signers) < quorum:
            raise RedeemRefusedError(f"{len(signers)} of {quorum} operators signed")

    def _check_vote(self, approver: Approver, signed: SignedVote, claims: Claims, minted: Minted) -> None:
        name, vote = approver.operator, signed.vote
        key = self.operators.get(name)
        if key is None:
            raise RedeemRefusedError(f"{name} approved, whose key is not pinned here")
        if vote.operator != name or not verify(vote, signed.signature, key):
            raise RedeemRefusedError(f"the vote of {name} is not signed with the key that is pinned here")
        if vote.verdict != "approve":
            raise RedeemRefusedError(f"the vote of {name} is no approval")
        if vote.cast_at >= vote.expires_at:
            raise RedeemRefusedError(f"the vote of {name} was cast after its hold had ended")
        try:
            covered = covers(vote, minted.nonce or "", claims.intent_id, claims.intent_sha256)
        except ValueError:
            covered = False
        if vote.job != minted.intent.job or not covered:
            raise RedeemRefusedError(f"the vote of {name} is about another action")


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False)[0]
        return f"{'/'.join(str(part) for part in found['loc'])}: {found['msg']}"
    return str(error).split("\n", 1)[0][:200]
