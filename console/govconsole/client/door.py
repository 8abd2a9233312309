"""Whose the operators' door is: looked at on each connection, before a byte of a request is on it.

Must never let the operator's token go to a socket that another user keeps, or could put there.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import stat
import struct
from typing import TYPE_CHECKING, Any, Final

from govd.contract.errors import ForbiddenError

if TYPE_CHECKING:
    from pathlib import Path

_CREDENTIALS: Final = struct.Struct("3i")
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_CONNECTING: Final = "connection.connect_unix_socket.started"
_CONNECTED: Final = "connection.connect_unix_socket.complete"
_SENDING: Final = "http11.send_request_headers.started"


class Door:
    """A socket, and who may keep it: this user, root, and the owner of the state that it belongs to.

    Args:
        path: The socket, or a link to it.
        state: The state directory of the backend, where the operator named that and not the socket.
    """

    def __init__(self, path: Path, state: Path | None = None) -> None:
        self._path = path
        self._state = state
        self._met = False

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Follow a request over its connection, as httpx's extension `trace` tells of it.

        Raises:
            ForbiddenError: the door is not one that the token may go to; nothing was sent.
        """
        if event == _CONNECTING:
            self.look()
        elif event == _CONNECTED:
            stream = info["return_value"]
            try:
                self.meet(stream.get_extra_info("socket"))
            except ForbiddenError:
                await stream.aclose()
                raise
        elif event == _SENDING and not self._met:
            raise ForbiddenError("nobody looked at whose the operators' door is: no token is sent")

    def look(self) -> None:
        """See that nobody else could have put the socket there; one that is not there is left to the caller.

        Raises:
            ForbiddenError: another user keeps it, or may write the folder that it lies in.
        """
        keepers = self._keepers()
        try:
            for path in dict.fromkeys((self._path, self._path.resolve(strict=True))):
                # Also in a folder as /tmp is: where there is no socket yet, anybody may make one there.
                folder = path.parent.stat()
                if folder.st_uid not in keepers or folder.st_mode & _OTHERS:
                    raise ForbiddenError(
                        f"others may write {path.parent}: your token is not sent to a socket in there",
                        hint="put it into a folder of your own: mkdir -m 700 DIR",
                    )
                self._check(path.lstat().st_uid, keepers)
        except OSError:
            return

    def meet(self, connection: socket.socket) -> None:
        """See who listens at the other end: of a connection that stands, the kernel says that for certain.

        Raises:
            ForbiddenError: another user does.
        """
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        self._check(_CREDENTIALS.unpack(raw)[1], self._keepers())
        self._met = True

    def _keepers(self) -> frozenset[int]:
        own = {0, os.geteuid()}
        if self._state is not None:
            with contextlib.suppress(OSError):
                own.add(self._state.stat().st_uid)
        return frozenset(own)

    def _check(self, uid: int, keepers: frozenset[int]) -> None:
        if uid in keepers:
            return
        raise ForbiddenError(
            f"{_name(uid)} keeps the socket {self._path}, not you: your token is not sent there",
            hint="forward it as yourself (ssh -N -L …); a backend of this machine: govconsole --state DIR",
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
