"""Everybody who can be matched, in memory: one product of a matrix and a clip, however many there are.

Must never compare across models, nor match a speaker who has too few samples or was deleted.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from govd.voice import content, store
from govd.voice.rules import SCORE_SCALE, complete

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from govd.sealing import StateKey


@dataclass(frozen=True)
class Known:
    """One speaker as the matrix knows him."""

    name: str
    enrolment: str
    changed_at: int
    operator: str | None
    heard: bool
    model_sha256: str
    complete: bool
    centroid: bytes = field(repr=False)


@dataclass(frozen=True)
class Match:
    """The best match: whose, which enrollment of his, and how well. Nobody is enrolled: no match.

    Attributes:
        heard: Whether a person knows every sample that he is recognised by: without it no admin scope.
        centroid: What it was held against, little-endian float32 of length 1.
    """

    name: str
    enrolment: str
    score: float
    heard: bool
    centroid: bytes = field(repr=False)


@dataclass(frozen=True)
class _Board:
    """Those whom one model can match, and their centroids as one matrix (speakers x dimension)."""

    people: tuple[Known, ...]
    matrix: Any = field(repr=False)


class Gallery:
    """The centroids of all speakers. Reads from the tables what has changed since it last looked.

    Args:
        state_key: Opens the speakers' keys.
    """

    def __init__(self, state_key: StateKey) -> None:
        self._state_key = state_key
        self._lock = threading.Lock()
        self._read = False
        self._revision: str | None = None
        self._stamps: dict[str, tuple[str, int]] = {}
        self._people: dict[str, Known] = {}
        self._boards: dict[str, _Board] = {}

    def best(
        self,
        connection: Connection,
        embedding: bytes,
        model_sha256: str,
        among: Callable[[Known], bool] | None = None,
    ) -> Match | None:
        """The speaker whose centroid is nearest; None: nobody can be matched by this model.

        Args:
            connection: To see what has changed.
            embedding: Little-endian float32 of length 1.
            model_sha256: Of the weights that made it: only templates of the same are compared.
            among: Restricts the search.
        """
        import numpy as np

        board = self._board(connection, model_sha256)
        vector = np.frombuffer(embedding, dtype="<f4")
        if not board.people or board.matrix.shape[1] != vector.shape[0]:
            return None
        scores = board.matrix @ vector
        if among is not None:
            allowed = np.fromiter((among(one) for one in board.people), bool, len(board.people))
            if not allowed.any():
                return None
            scores = np.where(allowed, scores, -2.0)
        place = int(scores.argmax())
        found = board.people[place]
        score = max(-1.0, min(1.0, float(scores[place])))
        return Match(found.name, found.enrolment, score, found.heard, found.centroid)

    def usable(self, connection: Connection, model_sha256: str) -> int:
        """How many speakers this model can match."""
        return len(self._board(connection, model_sha256).people)

    def _board(self, connection: Connection, model_sha256: str) -> _Board:
        with self._lock:
            if self._refresh(connection):
                self._boards.clear()
            board = self._boards.get(model_sha256)
            if board is None:
                board = self._boards[model_sha256] = self._made(model_sha256)
            return board

    def _refresh(self, connection: Connection) -> bool:
        """Take in what has changed; whether anything had."""
        # Asked before the rows: what changes in between is read again next time.
        revision = store.revision(connection)
        if self._read and revision == self._revision:
            return False
        stamps = store.stamps(connection)
        for name in self._stamps.keys() - stamps.keys():
            self._people.pop(name, None)
        fresh = [name for name, stamp in stamps.items() if self._stamps.get(name) != stamp]
        for row in store.speakers_named(connection, fresh):
            template = content.template(row, self._state_key)
            usable = complete(row["samples"], row["net_ms"] / 1000) and template.score_scale == SCORE_SCALE
            self._people[row["name"]] = Known(
                row["name"],
                row["enrolment"],
                row["changed_at"],
                row["operator"],
                bool(row["heard"]),
                template.model_sha256,
                usable,
                template.centroid,
            )
        self._stamps, self._revision, self._read = stamps, revision, True
        return True

    def _made(self, model_sha256: str) -> _Board:
        import numpy as np

        people = tuple(
            one for one in self._people.values() if one.complete and one.model_sha256 == model_sha256
        )
        width = max((len(one.centroid) for one in people), default=0)
        people = tuple(one for one in people if len(one.centroid) == width)
        joined = b"".join(one.centroid for one in people)
        rows = np.frombuffer(joined, dtype="<f4").reshape(len(people), width // 4)
        return _Board(people, rows)
