"""From bytes that somebody sent to an embedding: intake, then encoder.

Must never embed a clip that has a fault.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from govd.contract.errors import ClipRefusedError, VoiceUnavailableError
from govd.contract.voice import Fault
from govd.voice.model import SAMPLE_RATE, Heard
from govd.voice.parts import PARTED_FROM_SECONDS, all_of, embedded, halves, together, two_voices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from govd.contract.voice import ModelView, Quality
    from govd.sealing import StateKey
    from govd.voice.model import Clip, Encoder, Intake

PATIENCE_S: Final = 30.0
"""So long after the first part of a clip, whose time has the model's loading in it, no other one is begun:
with each part's own deadline that bounds how long a clip keeps a slot of its lane."""


class Hearing:
    """Intake and encoder as one.

    Args:
        intake: Decodes and measures.
        encoder: Embeds.
        state_key: Keys the hashes by which clips are recognised.
        now: Seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        intake: Intake,
        encoder: Encoder,
        state_key: StateKey,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._intake, self._encoder, self._state_key, self._now = intake, encoder, state_key, now

    def model(self) -> ModelView:
        """The model in use.

        Raises:
            VoiceUnavailableError: there is none, or it does not run.
        """
        degraded, model = self._encoder.degraded, self._encoder.model
        if degraded is not None or model is None:
            why, mend = degraded or ("no model is in use", "govd voice model list")
            raise VoiceUnavailableError(why, hint=mend)
        return model

    def listen(self, data: bytes, name: str = "", *, one_voice: bool = False) -> Heard:
        """Decode, measure and embed. Blocks: called in a lane.

        Args:
            data: As it was sent.
            name: A hint at the format at most.
            one_voice: Also hold the halves of a long clip against one another (enrolling).

        Returns:
            A clip with its faults, and without an embedding where it has any.

        Raises:
            ClipRefusedError: it cannot be decoded within the caps.
            VoiceUnavailableError: no model, no worker, or no decoder.
        """
        self._encoder.warm()
        clip = self._intake.take(data, name=name)
        model = self.model()
        sent = hashlib.sha256(data).hexdigest()
        if clip.quality.faults:
            return self._heard(clip, (), None, sent)
        embed, seconds = self._patiently(), clip.quality.net_seconds
        parts = embedded(clip.pcm, SAMPLE_RATE, embed)
        looked_at = one_voice and seconds >= PARTED_FROM_SECONDS
        compared = _several(parts, clip.pcm, embed) if looked_at else ()
        self._still(model)
        if looked_at and two_voices(compared, seconds, model.threshold):
            return self._heard(replace(clip, quality=_with_several(clip.quality), pcm=b""), (), None, sent)
        return self._heard(clip, parts, model, sent)

    def of_one_voice(self, heard: Heard, centroid: bytes) -> Heard:
        """The same clip; with a fault where a part of it does not sound like whom the whole of it matched.

        Args:
            heard: A clip without faults.
            centroid: Of whom it matched.

        Raises:
            VoiceUnavailableError: no worker, or the model was changed meanwhile.
        """
        model = heard.model
        if model is None:
            return heard
        parts = _several(heard.parts, heard.pcm, self._patiently())
        self._still(model)
        if not all_of(parts, heard.quality.net_seconds, centroid, model.threshold):
            return replace(heard, quality=_with_several(heard.quality))
        return heard

    def close(self) -> None:
        """End the decoders."""
        self._intake.close()

    def _still(self, model: ModelView) -> None:
        """Nothing is compared with what another model made."""
        if self.model().sha256 != model.sha256:
            raise VoiceUnavailableError("the model was changed meanwhile", hint="send the clip again")

    def _patiently(self) -> Callable[[bytes], bytes]:
        """The encoder for the parts of one clip, which have `PATIENCE_S` together once the first is done."""
        since: float | None = None

        def embed(part: bytes) -> bytes:
            nonlocal since
            if since is not None and self._now() - since > PATIENCE_S:
                raise VoiceUnavailableError(
                    f"the encoder needed more than {PATIENCE_S:.0f} s for one clip", hint="send a shorter one"
                )
            found = self._encoder.embed(part)
            since = self._now() if since is None else since
            return found

        return embed

    def _heard(self, clip: Clip, parts: Sequence[bytes], model: ModelView | None, sent: str) -> Heard:
        embedding = together(parts) if parts else b""
        return Heard(
            clip.quality, embedding, model, self._keyed(clip), clip.fingerprint, clip.pcm, sent, tuple(parts)
        )

    def _keyed(self, clip: Clip) -> str:
        return self._state_key.mac(b"voice-clip\n" + clip.sha256.encode())


def _several(parts: tuple[bytes, ...], pcm: bytes, embed: Callable[[bytes], bytes]) -> tuple[bytes, ...]:
    """Those parts; the halves of a clip that is so short that it has none."""
    return parts if len(parts) > 1 else tuple(map(embed, halves(pcm)))


def _with_several(quality: Quality) -> Quality:
    return quality.model_copy(update={"faults": [*quality.faults, Fault.SEVERAL_VOICES]})


def faulty(heard: Heard) -> ClipRefusedError:
    """The refusal of a sample that is not good enough, with what was measured."""
    faults = [fault.value for fault in heard.quality.faults]
    return ClipRefusedError(
        f"the sample is not good enough: {', '.join(faults)}", quality=heard.quality.model_dump(mode="json")
    )


def replayed() -> ClipRefusedError:
    """The refusal of a recording that was heard before."""
    return ClipRefusedError("this recording, or one all but the same, was heard before: record a fresh one")
