"""Reading a form with one file: streamed, bounded in every part, into memory and nowhere else.

Must never use a name that was sent as a path, nor keep a field that nobody asked for.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING, Any, Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from govd.contract.errors import BodyTooLargeError, InvalidRequestError, MalformedBodyError
from govd.contract.text import visible
from govd.contract.voice_limits import MAX_CLIP_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

FILE: Final = "file"
"""The field that holds the file."""

MAX_FIELD_BYTES: Final = 1024
_MAX_HEADERS: Final = 4096
_MAX_PARTS: Final = 8
_OVERHEAD: Final = 16 * 1024
"""What boundaries, headers and the other fields may take beside the file."""

_MAX_BOUNDARY: Final = 200

_HEADER_FAULTS: Final = (AttributeError, IndexError, LookupError, TypeError, ValueError)
"""What the standard library's header parser raises over parameters that contradict themselves (RFC 2231)."""

# It warns of every form that it cannot read: whoever sends many would fill the log.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Form:
    """What was sent. `name`: the file's own name as its sender has it, a hint and nothing else."""

    data: bytes = field(repr=False)
    name: str
    values: Mapping[str, str]


class _Reader:
    """Gathers parts while they come."""

    def __init__(self, fields: frozenset[str], limit: int) -> None:
        self._fields, self._limit = fields, limit
        self.file = bytearray()
        self.file_name = ""
        self.values: dict[str, bytearray] = {}
        self.seen: set[str] = set()
        self.ended = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._key, self._value, self._header_bytes = bytearray(), bytearray(), 0
        self._name = ""

    def callbacks(self) -> Any:  # noqa: ANN401 - the parser's own mapping
        """What the parser calls."""
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        if len(self.seen) >= _MAX_PARTS:
            raise InvalidRequestError(f"a form has at most {_MAX_PARTS} parts here")
        self._headers, self._header_bytes, self._name = [], 0, ""

    def _grow(self, target: bytearray, data: bytes) -> None:
        self._header_bytes += len(data)
        if self._header_bytes > _MAX_HEADERS:
            raise InvalidRequestError(f"the headers of a part have at most {_MAX_HEADERS} bytes")
        target += data

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._key, data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._value, data[start:end])

    def _header_end(self) -> None:
        self._headers.append((bytes(self._key).lower(), bytes(self._value)))
        self._key, self._value = bytearray(), bytearray()

    def _headers_finished(self) -> None:
        try:
            name, file_name = self._disposition()
        except _HEADER_FAULTS:
            raise MalformedBodyError("the headers of a part cannot be read") from None
        if name is None:
            raise MalformedBodyError("each part of a form names its field")
        if name != FILE and name not in self._fields:
            raise InvalidRequestError(f"no field {visible(name, 64)} is known here")
        if name in self.seen:
            raise InvalidRequestError(f"the field {name} stands twice")
        self.seen.add(name)
        self._name = name
        if name == FILE:
            self.file_name = file_name
        else:
            self.values[name] = bytearray()

    def _disposition(self) -> tuple[str | None, str]:
        """The field that a part is, None where it names none, and the file's own name."""
        shown = Message()
        for key, value in self._headers:
            if key == b"content-disposition":
                shown["content-disposition"] = value.decode("utf-8", "replace")
        name = shown.get_param("name", header="content-disposition")
        if shown.get_content_disposition() != "form-data" or not isinstance(name, str):
            return None, ""
        return name, str(shown.get_filename("") or "")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE:
            if len(self.file) + end - start > self._limit:
                raise BodyTooLargeError(f"a file has at most {self._limit} bytes here")
            self.file += data[start:end]
        else:
            value = self.values[self._name]
            if len(value) + end - start > MAX_FIELD_BYTES:
                raise InvalidRequestError(
                    f"a field has at most {MAX_FIELD_BYTES} bytes", pointer="/" + self._name
                )
            value += data[start:end]

    def _end(self) -> None:
        self.ended = True


def is_form(request: Request) -> bool:
    """Whether the body says that it is a form with files."""
    return _kind(request).get_content_type() == "multipart/form-data"


def _kind(request: Request) -> Message:
    found = Message()
    found["content-type"] = request.headers.get("content-type", "application/octet-stream")
    return found


def _boundary(request: Request) -> object:
    try:
        return _kind(request).get_param("boundary")
    except _HEADER_FAULTS:
        return None


async def read_form(request: Request, *fields: str, limit: int = MAX_CLIP_BYTES) -> Form:
    """The form of a request: one file, and these fields where they were sent.

    Args:
        request: Whose body is read, no further than its limit.
        fields: Names of the other fields.
        limit: Of the file, in bytes.

    Raises:
        BodyTooLargeError: the file, or all of it, is longer.
        MalformedBodyError: it is no form.
        InvalidRequestError: a field that is not known, stands twice, or is missing.
    """
    boundary = _boundary(request)
    if not is_form(request) or not isinstance(boundary, str) or not 0 < len(boundary) <= _MAX_BOUNDARY:
        raise MalformedBodyError("the body is to be multipart/form-data")
    most = limit + _OVERHEAD
    declared = request.headers.get("content-length")
    if declared is not None and (not declared.isdecimal() or int(declared[:20]) > most):
        raise BodyTooLargeError(f"a file has at most {limit} bytes here")
    reader = _Reader(frozenset(fields), limit)
    size = 0
    try:
        parser = MultipartParser(boundary.encode("latin-1", "replace"), reader.callbacks())
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise BodyTooLargeError(f"a file has at most {limit} bytes here")
            parser.write(part)
        parser.finalize()
    except MultipartParseError:
        raise MalformedBodyError("the form cannot be read") from None
    if not reader.ended:
        raise MalformedBodyError("the form ends before its last boundary")
    if FILE not in reader.seen:
        raise InvalidRequestError("the form has no file", pointer="/" + FILE)
    return Form(bytes(reader.file), reader.file_name[:_MAX_BOUNDARY], _texts(reader.values))


def _texts(values: Mapping[str, bytearray]) -> dict[str, str]:
    found = {}
    for name, value in values.items():
        try:
            found[name] = value.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidRequestError("a field is to be UTF-8", pointer="/" + name) from None
    return found


def documented_form(properties: Mapping[str, Any] | None = None, *required: str) -> dict[str, Any]:
    """What to pass as `openapi_extra` for a route that reads a form itself.

    Args:
        properties: JSON Schemas of the other fields, by name.
        required: Which of them must be there.
    """
    schema = {
        "type": "object",
        "properties": {FILE: {"type": "string", "format": "binary"}, **(properties or {})},
        "required": [FILE, *required],
        "additionalProperties": False,
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
