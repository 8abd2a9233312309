"""How the supervisor and its worker speak: a kind, a length, so many bytes.

Must never be pickle, nor anything else that does more than carry bytes.
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import BinaryIO

HEAD: Final = struct.Struct("<cI")
MAX_REQUEST: Final = 120 * 16_000 * 4
"""120 s of float32 at 16 kHz, in bytes: what the intake lets through."""
MAX_REPLY: Final = 64 * 1024


class Kind(Enum):
    """What a frame is. `REFUSED`: this clip cannot be embedded. `FAILED`: the model cannot be loaded."""

    EMBED = b"E"
    READY = b"R"
    VECTOR = b"V"
    REFUSED = b"N"
    FAILED = b"F"


def pack(kind: Kind, body: bytes) -> bytes:
    """A frame."""
    return HEAD.pack(kind.value, len(body)) + body


def read(stream: BinaryIO, most: int) -> tuple[Kind, bytes] | None:
    """The next frame of a blocking stream; None: it has ended.

    Raises:
        ValueError: it is cut off, of no known kind, or longer than `most`.
    """
    head = stream.read(HEAD.size)
    if not head:
        return None
    kind, size = unpack(head, most)
    body = stream.read(size)
    if len(body) != size:
        raise ValueError("a frame was cut off")
    return kind, body


def unpack(head: bytes, most: int) -> tuple[Kind, int]:
    """Kind and length from a frame's head.

    Raises:
        ValueError: it is cut off, of no known kind, or longer than `most`.
    """
    if len(head) != HEAD.size:
        raise ValueError("a frame was cut off")
    mark, size = HEAD.unpack(head)
    if size > most:
        raise ValueError("a frame is too long")
    return Kind(mark), size
