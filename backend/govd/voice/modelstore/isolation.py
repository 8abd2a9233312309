"""Runs one look at a model file in a child of its own (threat T25), and reads its answer with suspicion."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from govd.contract.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

Step = Literal["onnx", "nemo", "convert"]
_SECONDS: Final[dict[Step, float]] = {"onnx": 180, "nemo": 180, "convert": 1800}
_MAX_ANSWER: Final = 4096
_NOBODY: Final = 65534


@dataclass(frozen=True)
class Seen:
    """What a child found.

    Attributes:
        dimension: Length of an embedding; None: this step does not run the model.
        network: Whether the child could not be cut off the network.
    """

    dimension: int | None
    network: bool


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that the child can write to also after it gave up root, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="govd-model-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, _NOBODY, _NOBODY)
        yield folder


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours: no token, no proxy, no switch that would let torch unpickle more than weights."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
    places = dict.fromkeys(
        ("HOME", "TMPDIR", "MPLCONFIGDIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"), str(folder)
    )
    return kept | places | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "2", "PATH": os.defpath}


def look(step: Step, file: Path, folder: Path) -> Seen:
    """Look at a file.

    Args:
        step: At what.
        file: Which; the child gets it opened, as its stdin.
        folder: From `scratch`.

    Raises:
        InvalidRequestError: the file is refused, or the child crashed, hung or ran out of memory over it.
    """
    with file.open("rb") as source:
        process = subprocess.Popen(  # noqa: S603 - our own program by its path, no shell
            [sys.executable, "-I", "-m", "govd.voice.modelstore.examine", step, str(folder)],
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(folder),
            cwd="/",
            start_new_session=True,
        )
    with process:
        try:
            out = _said(process, _SECONDS[step])
        finally:
            # Before its leader is reaped the group's number cannot be anyone else's; nothing of it stays.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    if out is None:
        raise InvalidRequestError(f"{file.name} is refused: no end within {_SECONDS[step]:g} s")
    return _believed(out, process.returncode, file.name)


def _said(process: subprocess.Popen[bytes], seconds: float) -> bytes | None:
    """What it says until its output ends, or there is too much of it; None: that took too long."""
    ends, said = time.monotonic() + seconds, bytearray()
    # Popen opened it: it was asked for.
    assert process.stdout is not None  # noqa: S101
    descriptor = process.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while len(said) <= _MAX_ANSWER:
            if not selector.select(max(0.0, ends - time.monotonic())):
                return None
            data = os.read(descriptor, _MAX_ANSWER)
            if not data:
                break
            said += data
    return bytes(said)


def _believed(out: bytes, code: int, name: str) -> Seen:
    try:
        answer: Any = json.loads(out[:_MAX_ANSWER])
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        raise InvalidRequestError(f"{name} is refused: the process that looked at it ended ({how})")
    if answer.get("good") is not True:
        raise InvalidRequestError(f"{name} is refused: {str(answer.get('why', ''))[:500]}")
    if answer.get("unprivileged") is not True:
        raise InvalidRequestError(f"{name} was not looked at: the child kept its privileges")
    dimension = answer.get("dimension")
    return Seen(dimension if isinstance(dimension, int) else None, answer.get("network") is not False)
