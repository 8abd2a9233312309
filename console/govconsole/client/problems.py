"""From a problem document of the backend to the error that it stands for.

The backend's sentences carry agents' words now and then: they are made visible here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from govd.contract.errors import TYPE_PREFIX, GovError, error_classes
from govd.contract.text import visible

if TYPE_CHECKING:
    import httpx

_BY_CODE = {cls.code: cls for cls in error_classes()}
_MAX_SENTENCE = 2000


def error_of(response: httpx.Response) -> GovError:
    """The error that an answer with a status of 400 and above stands for."""
    try:
        body = json.loads(response.content)
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    code = str(body.get("type", "")).removeprefix(TYPE_PREFIX)
    detail = body.get("detail") or body.get("title") or f"the backend answered {response.status_code}"
    hint = body.get("hint")
    return _BY_CODE.get(code, GovError)(
        visible(str(detail), _MAX_SENTENCE),
        hint=visible(str(hint), _MAX_SENTENCE) if hint is not None else None,
    )
