"""What a refusal means to a shell: sysexits, apart from what a command itself may answer."""

from __future__ import annotations

from typing import Final

from govd.contract.errors import (
    GovError,
    HaltedError,
    IntegrityError,
    IntentExpiredError,
    IntentHeldError,
    InvalidRequestError,
    NoneEnrolledError,
    QuotaError,
    UnreachableError,
    UsageError,
    VoiceUnavailableError,
)

USAGE: Final = 64
UNAVAILABLE: Final = 69
HELD: Final = 75
EXPIRED: Final = 76
DENIED: Final = 77

_BY_CLASS: Final[tuple[tuple[type[GovError], int], ...]] = (
    (IntentHeldError, HELD),
    (IntentExpiredError, EXPIRED),
    (UsageError, USAGE),
    (NoneEnrolledError, DENIED),
    (InvalidRequestError, USAGE),
    (UnreachableError, UNAVAILABLE),
    (HaltedError, UNAVAILABLE),
    (IntegrityError, UNAVAILABLE),
    (QuotaError, UNAVAILABLE),
    (VoiceUnavailableError, UNAVAILABLE),
)


def code_of(error: GovError) -> int:
    """64 usage, 69 no backend that decides, 75 held, 76 expired, 77 denied or refused."""
    for cls, code in _BY_CLASS:
        if isinstance(error, cls):
            return code
    return UNAVAILABLE if type(error) is GovError else DENIED
