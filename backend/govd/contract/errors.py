"""Every error that this product raises on purpose, as one tree.

    GovError
    ├── UsageError                 the command line was wrong                       exit 2
    ├── UnreachableError           no backend answered                              exit 3
    ├── InvalidRequestError        422: the request says something that cannot be
    │   ├── MalformedBodyError     400: the body is not the JSON that it claims to be
    │   ├── BodyTooLargeError      413: the body is over its limit
    │   ├── NoneEnrolledError      400: nobody's voice is enrolled, so nobody can be verified
    │   └── ClipRefusedError       422: a clip that cannot be decoded, or is not good enough
    ├── UnauthenticatedError       401: no identity, or one that has expired
    ├── ForbiddenError             403: an identity, but not for this
    ├── NotFoundError              404: not there, or not yours (the same answer)
    ├── ConflictError              409: true once, but not any more
    │   ├── IdempotencyConflictError   the same key with another body
    │   ├── JobClosedError             the job takes no more of this
    │   ├── ReviewStaleError           what was signed is not what stands
    │   ├── AlreadyRedeemedError       the one redemption has happened
    │   ├── BaseMovedError             another version was put in force meanwhile
    │   └── NotApprovedError           an intent that may not run, as its agent sees it
    │       ├── IntentHeldError            a person has not settled it yet          exit 4
    │       ├── IntentDeniedError          policy or a person said no               exit 5
    │       └── IntentExpiredError         the time ran out and nobody decided      exit 6
    ├── RedeemRefusedError         403: an attestation that must not be acted on
    ├── QuotaError                 429: too much, with Retry-After
    ├── PolicyInvalidError         422: a policy that must not come into force
    ├── IntegrityError             the log or the state is not what it was
    ├── VoiceUnavailableError      503: nobody's voice can be verified now
    └── HaltedError                503: govd refuses to decide, and names the mending command

Each carries a stable `code`, which is the tail of the RFC 9457 `type` and is listed in
docs/reference/errors.md.
"""

from __future__ import annotations

from typing import ClassVar

TYPE_PREFIX = "urn:govconsole:error:"


class GovError(Exception):
    """An error with a stable code, a sentence for a person, and where there is one, the mending step.

    Args:
        detail: One sentence: what is wrong, with the figure or name that shows it.
        hint: What to do about it, usually a command.
        pointer: RFC 6901 JSON pointer to the offending part of a body.
        retry_after: Seconds after which a retry can succeed.
        extra: Further members of the problem document.
    """

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        detail: str,
        *,
        hint: str | None = None,
        pointer: str | None = None,
        retry_after: int | None = None,
        **extra: object,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.pointer = pointer
        self.retry_after = retry_after
        self.extra = extra

    def problem(self) -> dict[str, object]:
        """The RFC 9457 problem document for this error."""
        body: dict[str, object] = {
            "type": TYPE_PREFIX + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.hint is not None:
            body["hint"] = self.hint
        if self.pointer is not None:
            body["pointer"] = self.pointer
        if self.retry_after is not None:
            body["retry_after"] = self.retry_after
        body.update(self.extra)
        return body


class UsageError(GovError):
    """The command line asks for something that does not exist or does not fit together."""

    code, title, status, exit_code = "usage", "Usage", 400, 2


class UnreachableError(GovError):
    """No backend answered where one was expected."""

    code, title, status, exit_code = "unreachable", "Backend unreachable", 503, 3


class InvalidRequestError(GovError):
    """The request is well-formed and says something that cannot be."""

    code, title, status = "invalid-request", "Invalid request", 422


class MalformedBodyError(InvalidRequestError):
    """The body is not the JSON that it claims to be."""

    code, title, status = "malformed-body", "Malformed body", 400


class BodyTooLargeError(InvalidRequestError):
    """The body is larger than this route takes."""

    code, title, status = "body-too-large", "Body too large", 413


class NoneEnrolledError(InvalidRequestError):
    """Nobody's voice is enrolled with the model in use; the detail is what an agent says then."""

    code, title, status = "none-enrolled", "Nobody is enrolled", 400


class ClipRefusedError(InvalidRequestError):
    """A clip that cannot be decoded within the caps, or is not good enough; the detail says which."""

    code, title = "clip-refused", "The audio clip was refused"


class UnauthenticatedError(GovError):
    """No identity was shown, or one that is unknown, expired or suspended."""

    code, title, status = "unauthenticated", "Not authenticated", 401


class ForbiddenError(GovError):
    """The identity is known and may not do this."""

    code, title, status = "forbidden", "Forbidden", 403


class NotFoundError(GovError):
    """There is no such thing, or it is somebody else's: the answer is the same."""

    code, title, status = "not-found", "Not found", 404


class ConflictError(GovError):
    """The request was possible once, and is not any more."""

    code, title, status = "conflict", "Conflict", 409


class IdempotencyConflictError(ConflictError):
    """An idempotency key came back with another body."""

    code, title = "idempotency-conflict", "Idempotency key reused"


class JobClosedError(ConflictError):
    """The job has reached a state in which this cannot happen."""

    code, title = "job-closed", "Job closed"


class ReviewStaleError(ConflictError):
    """What the operator signed is not what stands: the job is to be shown again."""

    code, title = "review-stale", "Review is stale"


class AlreadyRedeemedError(ConflictError):
    """The intent's one redemption has happened."""

    code, title = "already-redeemed", "Already redeemed"


class BaseMovedError(ConflictError):
    """Another policy version came into force after the one that this change was made against."""

    code, title = "base-moved", "Base version moved"


class RedeemRefusedError(GovError):
    """The attestation must not be acted on: expired, revoked, for another executor or another action."""

    code, title, status, exit_code = "redeem-refused", "Redeem refused", 403, 5


class NotApprovedError(ConflictError):
    """The intent was withdrawn, replaced, revoked or used: it does not run (any more)."""

    code, title, exit_code = "not-approved", "Not approved", 5


class IntentHeldError(NotApprovedError):
    """The intent waits for a person; asking again later can succeed."""

    code, title, exit_code = "intent-held", "Held", 4


class IntentDeniedError(NotApprovedError):
    """Policy or a person denied the intent."""

    code, title, exit_code = "intent-denied", "Denied", 5


class IntentExpiredError(NotApprovedError):
    """The hold ran out: nobody decided, and the action stays blocked."""

    code, title, exit_code = "intent-expired", "Expired", 6


class QuotaError(GovError):
    """A quota is used up; `retry_after` says when it is worth another try."""

    code, title, status = "quota", "Too many requests", 429


class PolicyInvalidError(GovError):
    """A policy does not compile; `extra["problems"]` lists each place."""

    code, title, status = "policy-invalid", "Policy is not valid", 422


class IntegrityError(GovError):
    """The log or the state is not what was written."""

    code, title, status = "integrity", "Integrity", 500


class VoiceUnavailableError(GovError):
    """No model, no worker or no decoder: what needs a voice is refused."""

    code, title, status = "voice-unavailable", "Nobody's voice can be verified now", 503


class HaltedError(GovError):
    """govd refuses to decide. Reads still work; `hint` names the mending command."""

    code, title, status = "halted", "govd has stopped deciding", 503


def error_classes() -> list[type[GovError]]:
    """Every class of this tree, each once, parents first.

    Those that a program derives for itself are left out: they share a parent's code, and an answer must not
    become another error because of what else was imported.
    """
    found: list[type[GovError]] = []
    waiting: list[type[GovError]] = [GovError]
    while waiting:
        cls = waiting.pop(0)
        found.append(cls)
        waiting.extend(child for child in cls.__subclasses__() if child.__module__ == __name__)
    return found
