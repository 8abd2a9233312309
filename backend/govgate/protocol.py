"""What a gate and its executor say to each other over the Unix socket: one JSON object a line.

The first line comes with descriptors: stdin, stdout, stderr, and for a git push the pack (for evidence the
pack alone). Must never read more than its limits, nor keep a descriptor that it did not ask for.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
import struct
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from govd.contract.actions import EnvName, GitPush
from govd.contract.canonical import parse_json
from govd.contract.errors import (
    ForbiddenError,
    GovError,
    InvalidRequestError,
    MalformedBodyError,
    UnreachableError,
)
from govd.contract.limits import MAX_BODY_BYTES, MAX_LIST
from govd.contract.wire import Id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MAX_REQUEST_BYTES: Final = MAX_BODY_BYTES
"""The first line, in bytes."""

MAX_LINE_BYTES: Final = 64 * 1024
"""Each later line, in bytes."""

STDIO: Final = 3
MAX_FDS: Final = 8
_CHUNK: Final = 65_536
_CONNECT_SECONDS: Final = 5.0


class RunRequest(BaseModel):
    """The first line, from the gate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    intent_id: Id
    argv: list[str] = Field(min_length=1, max_length=1024)
    cwd: str = Field(pattern=r"^/", max_length=4096)
    env: dict[EnvName, str] = Field(default_factory=dict, max_length=MAX_LIST)
    git: GitPush | None = None


class EvidenceRequest(BaseModel):
    """The first line of a gate that hands the objects of a held push over, for evidence alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    evidence: Id
    git: GitPush


FirstLine = RunRequest | EvidenceRequest


def connect(path: Path) -> socket.socket:
    """A connection to an executor. The caller closes it.

    Raises:
        ForbiddenError: its socket is not for this user.
        UnreachableError: nobody listens there.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_CONNECT_SECONDS)
    try:
        connection.connect(str(path))
    except PermissionError:
        connection.close()
        raise ForbiddenError(f"the executor's socket {path} is not for this user") from None
    except OSError as error:
        connection.close()
        raise UnreachableError(
            f"no executor answers at {path}: {error.strerror}", hint="govgate executor …"
        ) from None
    return connection


def send_line(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one line."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def send_request(connection: socket.socket, request: FirstLine, fds: Sequence[int]) -> None:
    """Send the first line with its descriptors. A refusal that came before it is there to be read."""
    data = json.dumps(request.model_dump(mode="json")).encode() + b"\n"
    if len(data) > MAX_REQUEST_BYTES:
        raise InvalidRequestError(f"the command with its variables is more than {MAX_REQUEST_BYTES} bytes")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        sent = socket.send_fds(connection, [data], list(fds))
        connection.sendall(data[sent:])


def receive_request(connection: socket.socket) -> tuple[FirstLine, list[int], bytes]:
    """The first line, its descriptors (the caller closes them), and what came after the line.

    Raises:
        InvalidRequestError: it is too long, none of ours, or comes without its descriptors.
        TimeoutError: it did not come in time.
    """
    fds: list[int] = []
    try:
        request, rest = _receive_line(connection, fds)
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise
    return request, fds, rest


def _receive_line(connection: socket.socket, fds: list[int]) -> tuple[FirstLine, bytes]:
    data = b""
    while b"\n" not in data:
        chunk, found, flags = _receive(connection)
        fds += found
        if not chunk:
            raise MalformedBodyError("the request ended before its line did")
        data += chunk
        if flags & socket.MSG_CTRUNC or len(fds) > MAX_FDS:
            raise InvalidRequestError("too many descriptors")
        if len(data) > MAX_REQUEST_BYTES:
            raise InvalidRequestError(f"a request of more than {MAX_REQUEST_BYTES} bytes")
    line, _, rest = data.partition(b"\n")
    request = _parsed(line)
    wanted = 1 if isinstance(request, EvidenceRequest) else STDIO + (request.git is not None)
    if len(fds) != wanted:
        raise InvalidRequestError(f"{len(fds)} descriptors came along, not {wanted}")
    return request, rest


def _parsed(line: bytes) -> FirstLine:
    found = parse_json(line)
    asks = EvidenceRequest if isinstance(found, dict) and "evidence" in found else RunRequest
    try:
        return asks.model_validate(found)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        place = "/".join(str(part) for part in wrong["loc"])
        raise InvalidRequestError(f"{place}: {wrong['msg']}") from None


def _receive(connection: socket.socket) -> tuple[bytes, list[int], int]:
    size = array.array("i").itemsize
    chunk, ancillary, flags, _ = connection.recvmsg(
        _CHUNK, socket.CMSG_SPACE(MAX_FDS * size), socket.MSG_CMSG_CLOEXEC
    )
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % size])
    return chunk, list(fds), flags


class Lines:
    """Takes bytes as they come and gives whole lines as objects."""

    def __init__(self, rest: bytes = b"") -> None:
        self._data = rest

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The lines that are whole now.

        Raises:
            MalformedBodyError: a line is too long or no JSON object.
        """
        self._data += data
        while b"\n" in self._data:
            line, _, self._data = self._data.partition(b"\n")
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                raise MalformedBodyError("a line that is no JSON") from None
            if not isinstance(message, dict):
                raise MalformedBodyError("a line that is no JSON object")
            yield message
        if len(self._data) > MAX_LINE_BYTES:
            raise MalformedBodyError(f"a line of more than {MAX_LINE_BYTES} bytes")


def peer(connection: socket.socket) -> tuple[int, int]:
    """The process id and the user id at the other end, as the kernel knows them."""
    size = struct.calcsize("3i")
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, uid, _ = struct.unpack("3i", found)
    return pid, uid & 0xFFFFFFFF


def refusal(error: GovError) -> dict[str, Any]:
    """The line that says that nothing was run."""
    return {"refused": error.problem()}
