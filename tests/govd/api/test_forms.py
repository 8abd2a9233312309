"""Forms with a file: what is taken, what is refused, and that nothing costs more than its limit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from govd.api.forms import MAX_FIELD_BYTES, Form, read_form
from govd.contract.errors import (
    BodyTooLargeError,
    GovError,
    InvalidRequestError,
    MalformedBodyError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Message

LIMIT = 1000


def part(name: str, data: bytes, extra: str = "") -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'
    return head.encode() + data + b"\r\n"


def file(data: bytes = b"sound", name: str = "note.ogg") -> bytes:
    return part("file", data, f'; filename="{name}"')


def read(
    body: bytes, *, pieces: int = 7, kind: str = "multipart/form-data; boundary=b", length: str | None = None
) -> Form:
    """The form of a body that comes in small pieces."""
    chunks = [body[start : start + pieces] for start in range(0, len(body), pieces)] or [b""]
    headers = [(b"content-type", kind.encode("latin-1"))]
    headers += [] if length is None else [(b"content-length", length.encode())]
    left = list(chunks)

    async def receive() -> Message:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    request = Request({"type": "http", "method": "POST", "headers": headers, "path": "/"}, receive)
    return asyncio.run(read_form(request, "name", "chat", limit=LIMIT))


END = b"--b--\r\n"


@pytest.mark.parametrize("pieces", [1, 3, 64, 100_000])
def test_a_file_and_fields_arrive_however_they_are_cut(pieces: int):
    data = b"so\r\n--und --b\r\r\n\x00\xff-"

    found = read(part("name", b"owner") + file(data) + part("chat", b"") + END, pieces=pieces)

    assert (found.data, found.name) == (data, "note.ogg")
    assert dict(found.values) == {"name": "owner", "chat": ""}


def test_the_files_own_name_is_a_hint_and_is_cut():
    assert read(file(name="../../etc/passwd") + END).name == "../../etc/passwd"
    assert len(read(file(name="x" * 900) + END).name) == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        END,
        file(),
        file()[:-3],
        b"no form at all",
        part("name", b"x") + END,
        b"--b\r\nContent-Disposition: attachment; name=file\r\n\r\nx\r\n" + END,
        b"--b\r\nX-None: 1\r\n\r\nx\r\n" + END,
        file() + file() + END,
        file() + part("name", b"a") + part("name", b"b") + END,
        file() + part("threshold", b"0.1") + END,
        file() + part("name", b"\xff") + END,
        file() + part("name", b"x" * (MAX_FIELD_BYTES + 1)) + END,
        part("file", b"x", f'; filename="{"y" * 5000}"') + END,
        file() + part("file\r\nx", b"") + END,
    ],
)
def test_what_is_no_such_form_is_refused(body: bytes):
    with pytest.raises(InvalidRequestError):
        read(body)


@pytest.mark.parametrize(
    "parameters",
    [
        "; filename*0=a; filename*=UTF-8''x",
        "; filename*=idna''%ff",
        "; filename*=punycode''%ff%ff",
        "; filename*=\x00''a",
        "; filename*1=a; filename*0*=x'y'z",
        "; name*0=a; name*=b",
    ],
)
def test_headers_that_contradict_themselves_are_refused_or_read(parameters: str):
    try:
        found = read(part("file", b"x", parameters) + END)
    except MalformedBodyError:
        return
    assert found.data == b"x"


def test_a_form_that_cannot_be_read_is_not_worth_a_line_in_the_log(caplog: pytest.LogCaptureFixture):
    for body in (b"no form at all", file()[:40] + b"\x00\r\n\r\n", b"--b\r\n\x00: x\r\n\r\n"):
        with pytest.raises(InvalidRequestError):
            read(body)

    assert caplog.records == []


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data; boundary*0=b; boundary*=UTF-8''b",
        "multipart/form-data; boundary*=idna''%ff",
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=b",
        f"multipart/form-data; boundary={'b' * 300}",
        "",
        "\xff\xfe",
    ],
)
def test_another_type_of_body_is_refused(kind: str):
    with pytest.raises(MalformedBodyError):
        read(file() + END, kind=kind)


def test_a_file_is_as_long_as_its_limit_and_no_longer():
    assert len(read(file(b"x" * LIMIT) + END).data) == LIMIT
    for size in (LIMIT + 1, 100 * LIMIT):
        with pytest.raises(BodyTooLargeError):
            read(file(b"x" * size) + END, pieces=512)
    for length in ("1000000", "9" * 400, "-1", "x"):
        with pytest.raises(BodyTooLargeError):
            read(file() + END, length=length)


def test_many_parts_are_refused_before_they_are_read():
    with pytest.raises(InvalidRequestError):
        read(b"".join(part(f"f{n}", b"") for n in range(100)) + END)


_PIECES = (b"--b", b"\r\n", b"--", b"file", b'name="', b'"', b":", b";", b"\x00", b"x", END, file())


@given(st.lists(st.sampled_from(_PIECES), max_size=30), st.integers(1, 50))
def test_no_body_makes_the_reader_fail(parts: Sequence[bytes], pieces: int):
    try:
        read(b"".join(parts), pieces=pieces)
    except GovError as refused:
        status = refused.status
    else:
        status = 200
    assert status in {200, 400, 413, 422}


_PARAMETERS = st.tuples(
    st.sampled_from(("filename", "name", "x")),
    st.sampled_from(("", "*", "*0", "*1", "*0*", "*1*", "*9999999999", "**")),
    st.sampled_from(
        ("a", '"', '"a"', "UTF-8''x", "idna''%ff", "''", "'", "utf-7''%ff", "rot13''a", "%", "\\")
    ),
)


@given(st.lists(_PARAMETERS, max_size=6), st.text(max_size=20), st.sampled_from(("; name=file", "")))
def test_no_header_of_a_part_makes_the_reader_fail(
    parameters: Sequence[tuple[str, str, str]],
    words: str,
    named: str,
):
    line = "".join(f"; {name}{star}={value}" for name, star, value in parameters)
    head = (
        f"--b\r\nContent-Disposition: form-data{'; name=file' if named else ''}{line}; {words}\r\n\r\nx\r\n"
    )
    try:
        read(head.encode("utf-8", "surrogatepass") + END)
    except GovError as refused:
        status = refused.status
    else:
        status = 200
    assert status in {200, 400, 413, 422}
