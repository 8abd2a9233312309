"""The agent's token renewed in its file, and JSON that any terminal can show."""

from __future__ import annotations

import json
import os
import tempfile
from typing import TYPE_CHECKING

from govd.contract.errors import UsageError
from govd.contract.wire import iso
from govgate import calls

if TYPE_CHECKING:
    from pydantic import BaseModel

    from govd.contract.errors import GovError
    from govgate.settings import Settings


def ascii_json(model: BaseModel) -> str:
    """The model as JSON in ASCII: DEL and whatever is not ASCII stand as escapes."""
    return json.dumps(model.model_dump(mode="json", by_alias=True), indent=2).replace("\x7f", "\\u007f")


def ascii_problem(error: GovError, said: str) -> str:
    """A refusal as JSON in ASCII: its code, and what to say."""
    found = {"verified": False, "error": error.code, "message": said}
    return json.dumps(found, indent=2).replace("\x7f", "\\u007f")


def renew(settings: Settings) -> str:
    """Ask for a fresh token and put it into the file's place, 0600; until when it is good.

    Raises:
        UsageError: the file cannot be replaced; asked before the token is.
        GovError: the backend refused.
    """
    with settings.client() as client:
        if settings.token_file is None:
            raise UsageError("no token file is named")
        target = settings.token_file.resolve()
        try:
            descriptor, partial = tempfile.mkstemp(prefix=".token-", dir=target.parent)
        except OSError as error:
            raise UsageError(f"the token's file cannot be replaced: {error.strerror}") from None
        try:
            fresh = client.send(calls.renew())
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(fresh.token + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, target)  # noqa: PTH105 - tempfile names it by a string
        except BaseException:
            os.unlink(partial)  # noqa: PTH108 - as above
            raise
    return iso(fresh.token_expires_at)
