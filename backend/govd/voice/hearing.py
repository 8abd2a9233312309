"""From bytes that somebody sent to an embedding: intake, then encoder.

Must never embed a clip that has a fault.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from govd.contract.errors import ClipRefusedError, VoiceUnavailableError
from govd.contract.voice import Fault
from govd.voice.model import SAMPLE_RATE, Heard
from govd.voice.parts import HALVES_FROM_SECONDS, all_of, embedded, halves, together, two_voices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.contract.voice import ModelView, Quality
    from govd.sealing import StateKey
    from govd.voice.model import Clip, Encoder, Intake


class Hearing:
    """Intake and encoder as one.

    Args:
        intake: Decodes and measures.
        encoder: Embeds.
        state_key: Keys the hashes by which clips are recognised.
    """

    def __init__(self, intake: Intake, encoder: Encoder, state_key: StateKey) -> None:
        self._intake, self._encoder, self._state_key = intake, encoder, state_key

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
        parts = embedded(clip.pcm, SAMPLE_RATE, self._encoder.embed)
        long = clip.quality.net_seconds >= HALVES_FROM_SECONDS
        if one_voice and long and two_voices(self._several(clip.pcm, parts), model.threshold):
            return self._heard(replace(clip, quality=_with_several(clip.quality), pcm=b""), (), None, sent)
        if self.model().sha256 != model.sha256:
            raise VoiceUnavailableError("the model was changed meanwhile", hint="send the clip again")
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
        parts = self._several(heard.pcm, heard.parts)
        if not all_of(parts, heard.quality.net_seconds / len(parts), centroid, model.threshold):
            return replace(heard, quality=_with_several(heard.quality))
        if self.model().sha256 != model.sha256:
            raise VoiceUnavailableError("the model was changed meanwhile", hint="send the clip again")
        return heard

    def close(self) -> None:
        """End the decoders."""
        self._intake.close()

    def _several(self, pcm: bytes, parts: Sequence[bytes]) -> Sequence[bytes]:
        """Those parts; the halves of a clip that is so short that it has none."""
        return parts if len(parts) > 1 else [self._encoder.embed(half) for half in halves(pcm)]

    def _heard(self, clip: Clip, parts: Sequence[bytes], model: ModelView | None, sent: str) -> Heard:
        embedding = together(parts) if parts else b""
        return Heard(
            clip.quality, embedding, model, self._keyed(clip), clip.fingerprint, clip.pcm, sent, tuple(parts)
        )

    def _keyed(self, clip: Clip) -> str:
        return self._state_key.mac(b"voice-clip\n" + clip.sha256.encode())


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
