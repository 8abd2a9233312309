"""Real decoders: one pool for a file of tests, since starting one takes longer than most tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from govd.voice.intake.pool import ClipIntake
from tests.support.speech import TEXTS, speak

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def intake() -> Iterator[ClipIntake]:
    """The intake as govd has it."""
    pool = ClipIntake(at_once=1)
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def clip() -> bytes:
    """Four seconds of speech."""
    return speak("us-m3", TEXTS[1], seconds=4)
