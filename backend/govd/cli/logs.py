"""Diagnostics: one JSON object a line on stderr, sanitised, without agent text."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from govd.contract.text import visible

_OWN: Final = frozenset({"govd", "govgate"})
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}


class JsonFormatter(logging.Formatter):
    """Time, level, logger, message and the codes logged with it; of an exception its class alone."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        # Libraries may put a request into their messages: of theirs only the template is kept.
        own = record.name.partition(".")[0] in _OWN
        body: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": visible(record.getMessage() if own else str(record.msg), 300),
        }
        if record.exc_info and record.exc_info[0] is not None:
            body["exception"] = record.exc_info[0].__name__
            body["at"] = _place(record)
        body.update({key: _plain(value) for key, value in record.__dict__.items() if key not in _STANDARD})
        return json.dumps(body, ensure_ascii=True)


def _plain(value: object) -> object:
    if isinstance(value, str):
        return visible(value, 300)
    return value if isinstance(value, int | float | bool | None) else visible(str(value), 300)


def _place(record: logging.LogRecord) -> str:
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"


def set_up_logging() -> None:
    """Everything to stderr as JSON; libraries from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("govd").setLevel(logging.INFO)
    # Left at NOTSET, uvicorn takes it for its trace level and formats a peer that is no address.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
