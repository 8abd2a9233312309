"""After a decision: the bodies in which an operator takes back what he approved, or says how it ended.

Both carry a signed statement of `govd.contract.votes`: a token alone does neither (threats T1, T12).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from govd.contract.votes import Resolution, Revocation
from govd.contract.wire import Reason, Wire

Salt = Annotated[str, Field(pattern=r"^[0-9a-f]{32,64}$")]
"""What the commitments of a statement open with, in hex."""


class RevocationSubmission(Wire):
    """The body of `POST /v1/jobs/{id}/revoke`: the signed statement, and what its commitment opens to."""

    statement: Revocation
    signature: str
    salt: Salt
    reason: Reason


class ResolutionSubmission(Wire):
    """The body of `POST /v1/intents/{id}/resolution`, made in the same way."""

    statement: Resolution
    signature: str
    salt: Salt
    reason: Reason
