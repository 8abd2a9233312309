"""A clip held against those who are enrolled, whole and in parts: one voice, and no other beside it.

Must never call a match what somebody else says a part of, as far as the parts tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from govd.contract.voice import ModelView
    from govd.storage.ledger import Ledger
    from govd.voice.hearing import Hearing
    from govd.voice.matching import Gallery, Known, Match
    from govd.voice.model import Heard
    from govd.voice.replays import Replays

SEVERAL: Final = "several-voices"


@dataclass(frozen=True)
class Compared:
    """What came of it.

    Attributes:
        heard: The clip, with a fault where a match's parts are not all of that voice.
        match: The best match; None: nobody can be matched.
        known: Whether the recording was heard before.
        after: Up to which row that was asked.
        hit: Whether it is a match that counts.
    """

    heard: Heard
    match: Match | None
    known: bool
    after: int
    hit: bool

    @property
    def several(self) -> bool:
        """Whether it would be a match, were it not for a voice beside it."""
        return bool(self.heard.quality.faults)

    def code(self, *, replay: bool, hit: bool) -> str:
        """How the log calls what is no match. `hit`: it was one, and the phrase was not said."""
        return "replay" if replay else "phrase" if hit else SEVERAL if self.several else "no-match"


class Comparing:
    """Holds clips against the gallery.

    Args:
        ledger: Where to look.
        gallery: Who is enrolled.
        replays: What was heard before.
    """

    def __init__(self, ledger: Ledger, gallery: Gallery, replays: Replays) -> None:
        self._ledger, self._gallery, self._replays = ledger, gallery, replays

    def compare(
        self,
        hearing: Hearing,
        heard: Heard,
        model: ModelView,
        among: Callable[[Known], bool] | None = None,
        *,
        again: bool = False,
    ) -> Compared:
        """The best match, and what it is worth. The parts are looked at where all else is well. Blocks.

        Args:
            hearing: What embeds the parts.
            heard: A clip without faults.
            model: What made its embedding.
            among: Restricts the search.
            again: What was heard before counts too: no session follows.

        Raises:
            VoiceUnavailableError: the model was changed meanwhile, or its worker failed.
        """

        def query(connection: Connection) -> tuple[Match | None, bool, int]:
            match = self._gallery.best(connection, heard.embedding, model.sha256, among)
            return (match, *self._replays.known(connection, heard))

        match, known, after = self._ledger.read(query)
        hit = match is not None and match.score >= model.threshold and (again or not known)
        if match is not None and hit:
            heard = hearing.of_one_voice(heard, match.centroid)
        return Compared(heard, match, known, after, hit and not heard.quality.faults)
