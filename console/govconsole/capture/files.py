"""A clip that lies in a file. It is read as it is and sent so: this process decodes nothing.

Must never read more than a clip may have, nor anything but a file.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from govconsole.client.voices import Take
from govd.contract.errors import InvalidRequestError
from govd.contract.text import visible
from govd.contract.voice_limits import MAX_CLIP_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 200
_MIB = 1024 * 1024
ENDINGS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".webm", ".amr")


def read_take(path: str | Path) -> Take:
    """The clip in that file.

    Raises:
        InvalidRequestError: it is no file, cannot be read, or is too large; says which.
    """
    shown = visible(str(path), _SHOWN)
    try:
        # Not to be held up by a pipe that nobody writes to.
        descriptor = os.open(Path(path).expanduser(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InvalidRequestError(f"{shown} is no file")
            data = file.read(MAX_CLIP_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or "there is no such file"
        raise InvalidRequestError(f"{shown} cannot be read: {why}") from None
    if len(data) > MAX_CLIP_BYTES:
        raise InvalidRequestError(f"{shown} has more than {MAX_CLIP_BYTES // _MIB} MiB")
    return Take(audio=data)


def listed(typed: str, most: int = 40) -> Sequence[str]:
    """Folders and sound files that a path which is being typed may become."""
    folder, _, begin = typed.rpartition("/")
    try:
        place = Path(f"{folder}/" if folder or typed.startswith("/") else ".").expanduser()
        found = sorted(place.iterdir())
    except (OSError, RuntimeError, ValueError):
        return []
    start = f"{folder}/" if "/" in typed else ""
    names = [
        (one.name, one.is_dir())
        for one in found
        if one.name.startswith(begin) and (begin.startswith(".") or not one.name.startswith("."))
    ]
    return [
        f"{start}{name}{'/' * folder_}"
        for name, folder_ in names
        if folder_ or name.lower().endswith(ENDINGS)
    ][:most]
