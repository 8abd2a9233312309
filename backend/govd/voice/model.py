"""What the rooms of voice hand to one another, and the seams between them.

Must never import numpy, a model runtime or a decoder: clips and embeddings travel as bytes, and whoever
computes with them runs elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from govd.contract.voice import ModelView, Quality

SAMPLE_RATE: Final = 16_000
"""Hz, mono: what every encoder here takes."""


@dataclass(frozen=True)
class Clip:
    """A clip after the intake.

    Attributes:
        pcm: Little-endian float32, mono, 16 kHz, the speech alone (silence cut out), DC removed.
        quality: What was measured, faults included.
        fingerprint: 1 to 60 prints of 32 bytes; `intake.rules.distance` says how near two clips are.
        sha256: Of the decoded 16 kHz audio, before silence was cut.
    """

    pcm: bytes = field(repr=False)
    quality: Quality
    fingerprint: bytes = field(repr=False)
    sha256: str


class Intake(Protocol):
    """Turns a file that somebody sent into a clip; a killable process does the dangerous part."""

    def take(self, data: bytes, *, name: str = "") -> Clip:
        """Decode and measure. Blocks; called from a thread. `name` is a hint at most, and never a path.

        Raises:
            ClipRefusedError: it cannot be decoded within the caps. A poor clip is returned with its faults.
            VoiceUnavailableError: the decoder cannot run.
        """

    def close(self) -> None:
        """End every process."""


class Encoder(Protocol):
    """The speaker encoder behind its own process."""

    @property
    def model(self) -> ModelView | None:
        """The model in use; None: there is none."""

    @property
    def degraded(self) -> tuple[str, str] | None:
        """Why nobody can be verified and the command that mends it; None: all is well."""

    def warm(self) -> None:
        """Let the worker start while the intake works on a clip that has come; returns at once."""

    def embed(self, pcm: bytes) -> bytes:
        """The embedding, little-endian float32 of length 1 (L2-normalised). Blocks; called from a thread.

        Args:
            pcm: Little-endian float32, mono, 16 kHz.

        Raises:
            ClipRefusedError: shorter than two frames, or samples that are no numbers.
            VoiceUnavailableError: no model, or the worker failed twice over this clip.
        """

    def close(self) -> None:
        """End the worker."""


class Captures(Protocol):
    """The clips that capture pages recorded."""

    def take(self, ticket: str, operator: str) -> bytes:
        """The clip of this operator's ticket, a WAV file, once.

        Raises:
            NotFoundError: there is no such ticket of his.
            ConflictError: nothing was recorded yet, or it was taken before.
        """


@dataclass(frozen=True)
class Party:
    """Whose session, and whose misses: an agent's chat, or an operator in the console.

    What does not apply is empty, so that each party has one row in each table.
    """

    agent: str = ""
    chat: str = ""
    operator: str = ""


@dataclass(frozen=True)
class Heard:
    """A clip after intake and encoder.

    Attributes:
        quality: What was measured; `faults` say why it must not be used.
        embedding: Little-endian float32 of length 1; empty where a fault kept it from the encoder.
        model: What made it; None with no embedding.
        clip: A keyed hash of the decoded audio.
        fingerprint: See `Clip`.
        pcm: See `Clip`.
        sent_sha256: Of the file as it was sent: what its sender can compute too.
        parts: The embeddings of its parts, whose mean the embedding is; of a short clip that one alone.
    """

    quality: Quality
    embedding: bytes = field(repr=False)
    model: ModelView | None
    clip: str
    fingerprint: bytes = field(repr=False)
    pcm: bytes = field(repr=False)
    sent_sha256: str = ""
    parts: tuple[bytes, ...] = field(default=(), repr=False)
