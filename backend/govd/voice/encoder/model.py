"""What the rooms around the encoder hand to one another. Must never import numpy or a runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from govd.contract.voice import ModelView


class Runtime(Protocol):
    """A loaded model, inside the worker."""

    @property
    def dimension(self) -> int:
        """Length of an embedding."""

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The embedding of one clip (mono, 16 kHz, shape `(samples,)`), of length 1; shape `(dimension,)`.

        Raises:
            ValueError: the clip is too short, or its samples are no numbers.
            RuntimeError: the model cannot be run, or its answer is no direction.
        """


@dataclass(frozen=True)
class Choice:
    """The model that is to be used.

    Attributes:
        view: What is told of it.
        weights: The file that its runtime loads.
        sha256: Of that file; the worker loads nothing else.
    """

    view: ModelView
    weights: Path
    sha256: str


class Chooser(Protocol):
    """Says which model is to be used; asked at each use, so that a change needs no restart."""

    def __call__(self) -> Choice:
        """The choice.

        Raises:
            VoiceUnavailableError: there is none; the hint is the command that mends it.
        """


class Timers(Protocol):
    """Calls something later."""

    def after(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` once in so many seconds; what is returned calls it off."""
