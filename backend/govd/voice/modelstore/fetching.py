"""Brings one of NeMo's own models here: NeMo downloads it in a child, then it is taken in like any file."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from govd.contract.errors import ConflictError, InvalidRequestError, UnreachableError
from govd.voice.modelstore.importing import Imported, import_model
from govd.voice.modelstore.store import NEMO_EXTRA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from govd.voice.modelstore.store import ModelStore

_PROGRAM: Final = (sys.executable, "-I", "-m", "govd.voice.modelstore.fetch")
_TICK_S: Final = 0.5
_MAX_LINE: Final = 4096
_WITHOUT: Final = "govd voice model import FILE, with a file from a machine that has a network"


def fetch(
    store: ModelStore,
    model: str,
    *,
    name: str | None = None,
    sha256: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int | None], None] = lambda _so_far, _total: None,
    program: Sequence[str] = _PROGRAM,
) -> Imported:
    """Download one of NeMo's speaker models, check it, export it.

    Args:
        store: Where to.
        model: NeMo's name of it: `titanet_large`.
        name: The name here; None: NeMo's, with a dash.
        sha256: What the download must have; None: whatever it has is pinned and told.
        say: Told of each step.
        progress: Told of bytes so far and in all, while it downloads.
        program: What downloads: a seam for tests.

    Raises:
        ConflictError: NeMo is not installed, or the name is taken.
        UnreachableError: it could not be downloaded.
        InvalidRequestError: NeMo has no such model, or what came is refused.
    """
    if find_spec("nemo") is None:
        raise ConflictError(
            "NeMo, which downloads and converts its models, is not installed", hint=NEMO_EXTRA
        )
    wanted = store.free(name or model.replace("_", "-").lower())
    with tempfile.TemporaryDirectory(prefix="govd-fetch-") as folder:
        say(f"asking NeMo for {model}")
        file, url = _download(model, Path(folder), progress, program)
        return import_model(store, file, name=wanted, sha256=sha256, source=url, say=say)


def _download(
    model: str, folder: Path, progress: Callable[[int, int | None], None], program: Sequence[str]
) -> tuple[Path, str]:
    environment = os.environ | {"NEMO_CACHE_DIR": str(folder), "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = threading.Event()
    with subprocess.Popen(  # noqa: S603 - our own program by its path, no shell
        [*program, model, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        start_new_session=True,
    ) as process:
        answers: list[dict[str, Any]] = []
        watch = threading.Thread(target=_watch, args=(folder, answers, progress, done), daemon=True)
        watch.start()
        try:
            answers.extend(_answers(process))
        except BaseException:
            process.kill()
            raise
        finally:
            done.set()
            watch.join()
    last = answers[-1] if answers else {}
    if "unknown" in last:
        raise InvalidRequestError(str(last["unknown"]))
    if "file" not in last:
        why = str(last.get("why", f"the download ended with exit code {process.returncode}"))
        raise UnreachableError(f"{model} could not be downloaded: {why}", hint=_WITHOUT)
    return Path(str(last["file"])), str(last.get("url", ""))


def _answers(process: subprocess.Popen[bytes]) -> Any:  # noqa: ANN401 - an iterator of JSON objects
    if process.stdout is None:
        return
    while line := process.stdout.readline(_MAX_LINE):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield found


def _watch(
    folder: Path,
    answers: list[dict[str, Any]],
    progress: Callable[[int, int | None], None],
    done: threading.Event,
) -> None:
    """Tell how far the file in the folder has grown: NeMo's download tells nothing."""
    told = 0
    while not done.wait(_TICK_S):
        total = answers[0].get("size") if answers else None
        sizes = [0]
        for path in folder.rglob("*"):
            with contextlib.suppress(OSError):
                sizes.append(path.stat().st_size if path.is_file() else 0)
        if max(sizes) > told:
            told = max(sizes)
            progress(told, total if isinstance(total, int) else None)
