"""What the page's door takes: which hosts, which sites, which users, which bytes.

Must never be wider than one browser on this machine that shows one operator's page.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "media-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(self)",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""In every answer of the application, errors included."""

_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
_RATE: Final = struct.Struct("<I")
_PCM: Final = 1
_SAMPLE_BYTES: Final = 2
RATES: Final = (8_000, 192_000)
"""Sample rates that an audio context has, in Hz: the lowest and the highest."""


def hosts(port: int) -> frozenset[str]:
    """What a browser on this machine, or behind a forwarded port of the same number, names as host.

    Any other name was made to point here (DNS rebinding).
    """
    return frozenset({f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"})


def foreign(method: str, headers: Mapping[str, str], port: int) -> str | None:
    """Why a request comes from nowhere that it may come from; None: it may.

    A page of another site can neither frame this one nor send to it, and not lead to it by a link either:
    it would choose whose ticket a voice is recorded for. Another port of the same host is another site here,
    though cookies take it for the same.

    Args:
        method: GET or POST.
        headers: By lower-case name.
        port: Of the door.
    """
    host = headers.get("host", "")
    if host not in hosts(port):
        return "this door answers to 127.0.0.1 and localhost alone, at its own port"
    site = headers.get("sec-fetch-site")
    if site not in ({None, "same-origin", "none"} if method == "GET" else {None, "same-origin"}):
        return "the request comes from another site: type or paste the address instead of following a link"
    if method != "GET" and headers.get("origin") != f"http://{host}":
        return "only the page of this door sends here"
    return None


def stranger(uid: int | None, asker: int | None, agents: Collection[int | None]) -> bool:
    """Whether the browser's Unix user is not the one who may show this ticket's page.

    Args:
        uid: The browser's, as the kernel tells it; None: it does not tell.
        asker: The user whose console asked for the ticket. Root may look with another user's browser, and
            with root's own at anything: it could anyway.
        agents: The users of agents; one of them is let in nowhere but where it asked itself.
    """
    if uid is None or asker is None or uid == asker:
        return False
    return uid in agents or 0 not in {uid, asker}


def wav_seconds(data: bytes, longest: float) -> float | None:
    """How long a clip is, in seconds, if it is exactly what the page makes; None: it is not.

    That is RIFF/WAVE with one `fmt ` chunk (PCM, mono, 16 bits) and one `data` chunk, nothing before, between
    or behind. No decoder has to look at anything else that came through this door.
    """
    if len(data) < _HEADER.size:
        return None
    rate, length = _RATE.unpack_from(data, 24)[0], len(data) - _HEADER.size
    speed = _SAMPLE_BYTES * rate
    expected = (b"RIFF", len(data) - 8, b"WAVE", b"fmt ", 16, _PCM, 1, rate, speed, 2, 16, b"data", length)
    if not RATES[0] <= rate <= RATES[1] or length % _SAMPLE_BYTES or _HEADER.unpack_from(data) != expected:
        return None
    seconds = length / speed
    return seconds if 0 < seconds <= longest else None
