"""What was said in a clip, as somebody else's program heard it.

Must never send a file as it came, nor believe, show or keep a word of the answer: it is compared, and that is
all. Without an upstream, and where it fails, nothing was said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.connecting import system_resolve
from govd.contract.errors import ClipRefusedError, GovError, VoiceUnavailableError
from govd.voice.audio import wav
from govd.voice.lanes import leave_lane
from govd.voice.model import SAMPLE_RATE
from govd.voice.transcription.turns import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from govd.connecting import Resolve
    from govd.voice.model import Party
    from govd.voice.transcription.turns import Turns
    from govd.voice.transcription.upstream import Upstream

MOST_SECONDS: Final = 30.0
"""Speech in a clip that has a phrase."""

_BYTES_A_SECOND: Final = 4 * SAMPLE_RATE


class Transcriber:
    """Asks the upstream.

    Args:
        upstream: What is set, asked at each use; None: there is none.
        turns: Whose turn it is there.
        resolve: All addresses of a name; a seam for tests.
    """

    def __init__(
        self, upstream: Callable[[], Upstream | None], turns: Turns, resolve: Resolve = system_resolve
    ) -> None:
        self._upstream, self._turns, self._resolve = upstream, turns, resolve

    @property
    def available(self) -> bool:
        """Whether one is set."""
        return self._upstream() is not None

    def need(self) -> Upstream:
        """The upstream.

        Raises:
            VoiceUnavailableError: none is set.
        """
        found = self._upstream()
        if found is None:
            raise VoiceUnavailableError(
                "no phrase can be checked: no transcription upstream is set",
                hint="set transcription_url in govd.toml, then govd reload",
            )
        return found

    def transcribe(self, party: Party, pcm: bytes) -> str:
        """What the upstream says was said. Blocks, for the upstream's timeout at most, and outside the lane.

        Args:
            party: Who has sent it.
            pcm: After the intake: little-endian float32, mono, 16 kHz, speech alone: what the encoder heard,
                and so the voice that was matched.

        Raises:
            QuotaError: it is not this party's turn.
            VoiceUnavailableError: no answer that counts. It says nothing about the clip.
        """
        upstream = self.need()
        with self._turns.take(party, upstream):
            leave_lane()
            return _called(upstream, pcm, self._resolve, self._turns.ending)


def short_enough(pcm: bytes) -> None:
    """Refuse what no phrase is as long as. Before anybody asks whose voice it is: a refusal tells nothing.

    Raises:
        ClipRefusedError: it is longer than any phrase.
    """
    if len(pcm) > MOST_SECONDS * _BYTES_A_SECOND:
        raise ClipRefusedError(f"a phrase takes no {MOST_SECONDS:.0f} s: say it, and nothing else")


def probe(upstream: Upstream) -> str:
    """What is wrong with an upstream, by half a second of silence; empty: it answers. Blocks."""
    try:
        _called(upstream, bytes(_BYTES_A_SECOND // 2), system_resolve, Ending())
    except GovError as error:
        return error.detail
    return ""


def _called(upstream: Upstream, pcm: bytes, resolve: Resolve, ending: Ending) -> str:
    from govd.voice.transcription.calling import call  # httpx costs a start a tenth of a second

    return call(upstream, wav(pcm), resolve, ending)
