"""Which speaker model was last in use: another one is written into the log, and ends what stood on it.

Must never let a session outlive the model, or the threshold, that it was opened by.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

from govd.audit.model import Entry, Known
from govd.contract.errors import HaltedError
from govd.storage import state
from govd.voice import sessions

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from govd.contract.voice import ModelView
    from govd.storage.ledger import Ledger, Transaction
    from govd.voice.model import Encoder

_KEY: Final = "voice_model"
_JUDGING: Final = ("sha256", "threshold")
"""What a session rests on: with another of these the same clip might not have matched."""
_MILLION: Final = 1_000_000
_MOST: Final = 100_000


def _essence(model: ModelView) -> dict[str, Any]:
    return model.model_dump(include={"id", "runtime", "sha256", "threshold", "low_confidence"}, mode="json")


def _known(connection: Connection) -> dict[str, Any] | None:
    found = state.get(connection, _KEY)
    return None if found is None else json.loads(found)


def look(ledger: Ledger, encoder: Encoder) -> None:
    """Note the model in use if it, or a figure of it, is another than was noted last; also after a start."""
    # A folder that cannot be read is no other model, and a halt is told by others: neither keeps govd from
    # starting, nor the clock from what else it asks for.
    with contextlib.suppress(OSError, HaltedError):
        model = encoder.model
        if model is not None and ledger.read(_known) != _essence(model):
            ledger.submit(lambda transaction: noted(transaction, encoder)).result()


def noted(transaction: Transaction, encoder: Encoder) -> ModelView | None:
    """The model in use, noted. Asked by the one writer, so that no earlier look overtakes a later one."""
    model = encoder.model
    if model is not None:
        _note(transaction, model)
    return model


def _note(transaction: Transaction, model: ModelView) -> None:
    """Remember the model in use. If it is another than before: an entry in the log.

    Sessions end where the weights or the threshold are others. Agents and operators show their voices again.
    """
    former, present = _known(transaction.connection), _essence(model)
    if former == present:
        return
    ended = 0
    if former is None or any(former.get(name) != present[name] for name in _JUDGING):
        ended = len(sessions.standing(transaction.connection, transaction.now, _MOST))
        sessions.end_of(transaction)
    state.put(transaction.connection, _KEY, json.dumps(present))
    transaction.record(
        Entry(
            type="voice.model",
            actor="govd",
            details={
                "model": Known.of(model.id),
                "former": None if former is None else Known.of(former["id"]),
                "runtime": model.runtime,
                "model_sha256": model.sha256,
                "threshold_millionths": round(model.threshold * _MILLION),
                "sessions_ended": ended,
            },
        )
    )
