"""Bad bodies get a clear error of a stable type, and cost nothing: no row, no entry, no booking."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govd.contract.errors import TYPE_PREFIX
from govd.contract.limits import (
    MAX_BODY_BYTES,
    MAX_DEPTH,
    MAX_LIST,
    MAX_NODES,
    MAX_PURPOSE,
    MAX_STRING,
)
from tests.security.house import ACTIONS, HASH, NOBODYS_ID, House, problem, submission

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = json.dumps(submission("tool_call")).encode()


def with_action(**arguments: Any) -> bytes:
    """A tool call with these arguments."""
    return json.dumps(
        {"kind": "tool_call", "action": {"tool": "email.send", "arguments": arguments}}
    ).encode()


def raw_argument(text: str) -> bytes:
    """A tool call with one argument in the sender's own spelling."""
    return b'{"kind":"tool_call","action":{"tool":"email.send","arguments":{"x":%s}}}' % text.encode()


BODIES: dict[str, tuple[bytes, int, str]] = {
    "no body": (b"", 400, "malformed-body"),
    "half a body": (GOOD[:-1], 400, "malformed-body"),
    "two bodies": (GOOD + GOOD, 400, "malformed-body"),
    "no JSON": (b"kind=tool_call", 400, "malformed-body"),
    "no UTF-8": (b'{"kind":"\xff"}', 400, "malformed-body"),
    "UTF-16": (GOOD.decode().encode("utf-16"), 400, "malformed-body"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, 400, "malformed-body"),
    "a raw control character": (raw_argument('"\x1b[2J"'), 400, "malformed-body"),
    "a raw NUL": (raw_argument('"\x00"'), 400, "malformed-body"),
    "NaN": (raw_argument("NaN"), 400, "malformed-body"),
    "Infinity": (raw_argument("-Infinity"), 400, "malformed-body"),
    "a key twice": (b'{"kind":"admin","kind":"tool_call","action":{}}', 400, "malformed-body"),
    "a key twice, far within": (raw_argument('{"a":1,"\\u0061":2}'), 400, "malformed-body"),
    "an array": (b"[]", 422, "invalid-request"),
    "a string": (b'"x"', 422, "invalid-request"),
    "null": (b"null", 422, "invalid-request"),
    "an escaped NUL": (raw_argument('"a\\u0000b"'), 422, "invalid-request"),
    "a NUL in a key": (raw_argument('{"\\u0000":1}'), 422, "invalid-request"),
    "a lone surrogate": (raw_argument('"\\ud800"'), 422, "invalid-request"),
    "surrogates in the wrong order": (raw_argument('"\\udc00\\ud800"'), 422, "invalid-request"),
    "a lone surrogate as a key": (raw_argument('{"\\udfff":1}'), 422, "invalid-request"),
    "2^300": (raw_argument(str(2**300)), 422, "invalid-request"),
    "-2^300": (raw_argument(str(-(2**300))), 422, "invalid-request"),
    "100,000 digits": (raw_argument("9" * 100_000), 422, "invalid-request"),
    "1e999": (raw_argument("1e999"), 422, "invalid-request"),
    "a fraction of 1,000 digits": (raw_argument("0." + "1" * 1_000), 422, "invalid-request"),
    "one level too deep": (raw_argument("[" * MAX_DEPTH + "]" * MAX_DEPTH), 422, "invalid-request"),
    "100,000 levels": (raw_argument("[" * 100_000 + "]" * 100_000), 422, "invalid-request"),
    "100,000 open brackets": (b"[" * 100_000, 422, "invalid-request"),
    "too many values": (raw_argument("[" + "0," * MAX_NODES + "0]"), 422, "invalid-request"),
    "a string that is too long": (with_action(x="x" * (MAX_STRING + 1)), 422, "invalid-request"),
    "a body that is too long": (GOOD + b" " * MAX_BODY_BYTES, 413, "body-too-large"),
    "10 MB": (b"x" * 10_000_000, 413, "body-too-large"),
    "no kind": (b'{"action":{}}', 422, "invalid-request"),
    "an unknown kind": (b'{"kind":"teleport","action":{}}', 422, "invalid-request"),
    "a kind that is a list": (b'{"kind":["tool_call"],"action":{}}', 422, "invalid-request"),
    "another kind's action": (
        json.dumps({"kind": "secret_read", "action": ACTIONS["tool_call"]}).encode(),
        422,
        "invalid-request",
    ),
    "no action": (b'{"kind":"tool_call"}', 422, "invalid-request"),
    "an action that is a string": (b'{"kind":"tool_call","action":"x"}', 422, "invalid-request"),
    "an unknown key": (json.dumps(submission("tool_call", agent="other")).encode(), 422, "invalid-request"),
    "an unknown key in the action": (
        json.dumps({"kind": "secret_read", "action": {"name": "x", "force": True}}).encode(),
        422,
        "invalid-request",
    ),
    "a number as text": (
        json.dumps({"kind": "model_call", "action": {"model": "m", "tokens": "5"}}).encode(),
        422,
        "invalid-request",
    ),
    "a truth for a number": (
        json.dumps({"kind": "model_call", "action": {"model": "m", "tokens": True}}).encode(),
        422,
        "invalid-request",
    ),
    "a list that is too long": (
        json.dumps(
            submission("tool_call", inputs=[{"path": "/x", "sha256": HASH}] * (MAX_LIST + 1))
        ).encode(),
        422,
        "invalid-request",
    ),
    "too many domains": (
        json.dumps(
            {"kind": "tool_call", "action": {"tool": "x", "domains": ["a"] * (MAX_LIST + 1)}}
        ).encode(),
        422,
        "invalid-request",
    ),
    "a capability twice": (
        json.dumps(submission("tool_call", declared_capabilities=["a", "a"])).encode(),
        422,
        "invalid-request",
    ),
    "a purpose that is too long": (
        json.dumps(submission("tool_call", purpose="x" * (MAX_PURPOSE + 1))).encode(),
        422,
        "invalid-request",
    ),
    "a negative size": (
        json.dumps({"kind": "file_write", "action": {"path": "/x", "sha256": HASH, "size": -1}}).encode(),
        422,
        "invalid-request",
    ),
    "a relative path": (
        json.dumps({"kind": "file_write", "action": {"path": "x", "sha256": HASH, "size": 1}}).encode(),
        422,
        "invalid-request",
    ),
    "a key with a blank": (
        json.dumps(submission("tool_call", idempotency_key="a b")).encode(),
        422,
        "invalid-request",
    ),
    "a job that is no id": (json.dumps(submission("tool_call", job="x")).encode(), 422, "invalid-request"),
    "a job that is not there": (
        json.dumps(submission("tool_call", job=NOBODYS_ID)).encode(),
        404,
        "not-found",
    ),
    "an origin that the token may not state": (
        json.dumps(submission("tool_call", origin="schedule")).encode(),
        403,
        "forbidden",
    ),
}


@pytest.mark.threat("T18")
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_cannot_be_is_refused_by_type_and_costs_nothing(house: House, name: str):
    """An agent sends a body that is malformed, huge, deep, doubled, or of the wrong shape."""
    body, status, code = BODIES[name]
    with house.unmoved():
        response = house.bot.http.post("/v1/intents", content=body)
        problem(response, status, code)


@pytest.mark.threat("T18")
def test_a_body_without_a_length_is_read_no_further_than_its_limit(house: House):
    """An agent streams 10 MB in chunks, and never says how long the body is."""
    with house.unmoved():
        response = house.bot.http.post("/v1/intents", content=(b"x" * 100_000 for _ in range(100)))
        problem(response, 413, "body-too-large")


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999999999", "0x10", " ", "5, 5"])
def test_a_length_that_is_no_length_is_refused(house: House, length: str):
    head = (
        f"POST /v1/intents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.bot.token}\r\n"
        f"Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    with house.unmoved():
        (reply,) = house.talk(head.encode() + b"hello")
        assert reply.status in {400, 413}
        assert reply.headers["content-type"] == "application/problem+json"


def leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of every string within a JSON value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    elif isinstance(value, str):
        yield path


def replaced(value: Any, path: tuple[str | int, ...], text: Any) -> Any:
    """The value with what is at one place replaced."""
    if not path:
        return text
    first, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {key: replaced(inner, rest, text) if key == first else inner for key, inner in value.items()}
    return [replaced(inner, rest, text) if index == first else inner for index, inner in enumerate(value)]


@pytest.mark.threat("T18")
@pytest.mark.parametrize("kind", ACTIONS)
def test_a_NUL_is_refused_in_every_string_of_every_kind(house: House, kind: str):  # noqa: N802 - its name
    """An agent hides a NUL in one string of an intent, where C code behind would stop reading."""
    whole = submission(kind, idempotency_key="k")
    with house.unmoved():
        for place in leaves(whole):
            found = problem(
                house.bot.http.post("/v1/intents", json=replaced(whole, place, "a\0b")),
                422,
                "invalid-request",
            )
            assert found["pointer"] == "/" + "/".join(str(part) for part in place)


@pytest.mark.threat("T17", "T18")
@pytest.mark.parametrize("kind", ACTIONS)
def test_an_ESC_is_refused_or_comes_back_escaped_in_every_string_of_every_kind(house: House, kind: str):  # noqa: N802 - its name
    """An agent puts terminal control sequences into every string of an intent in turn."""
    whole = submission(kind)
    for place in leaves(whole):
        body = replaced(whole, place, "/a\x1b]0;owned\x07\u202e")
        response = house.bot.http.post("/v1/intents", json=body)
        assert response.status_code in {200, 422}, (place, response.text)
        if response.status_code == 422:
            problem(response, 422, "invalid-request")
        assert not {"\x1b", "\x07"} & set(response.text)


JOBS: dict[str, tuple[bytes, int, str]] = {
    "no title": (b"{}", 422, "invalid-request"),
    "an empty title": (b'{"title":""}', 422, "invalid-request"),
    "a title that is too long": (json.dumps({"title": "x" * 201}).encode(), 422, "invalid-request"),
    "a title with NUL": (b'{"title":"a\\u0000"}', 422, "invalid-request"),
    "an unknown key": (b'{"title":"a","state":"delivered"}', 422, "invalid-request"),
    "a parent that is not there": (
        json.dumps({"title": "a", "parent": NOBODYS_ID}).encode(),
        404,
        "not-found",
    ),
    "no JSON": (b"title", 400, "malformed-body"),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_that_cannot_be_is_refused_and_costs_nothing(house: House, name: str):
    body, status, code = JOBS[name]
    with house.unmoved():
        problem(house.bot.http.post("/v1/jobs", content=body), status, code)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_a_body_that_is_not_sent_as_JSON_is_refused(house: House, content_type: str):  # noqa: N802 - its name
    with house.unmoved():
        response = house.bot.http.post("/v1/intents", content=GOOD, headers={"Content-Type": content_type})
        problem(response, 400, "malformed-body")


# -- anything at all ---------------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**300), 2**300)
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=("Cc", "Cf", "Cs", "Co", "Zl", "Zp")), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place within a JSON value, the whole included."""
    yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield from places(inner, (*path, key))


@st.composite
def nearly_good(draw: st.DrawFn) -> bytes:
    """A good submission of any kind, with something else in a few places of it, as bytes."""
    value: Any = submission(draw(st.sampled_from(sorted(ACTIONS))))
    for _ in range(draw(st.integers(0, 3))):
        value = replaced(value, draw(st.sampled_from(list(places(value)))), draw(JSON_VALUES))
    data = json.dumps(value).encode()
    cut = draw(st.none() | st.integers(0, len(data)))
    return data if cut is None else data[:cut] + draw(st.binary(max_size=4)) + data[cut:]


@pytest.mark.threat("T18")
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    body=nearly_good() | JSON_VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=64)
)
def test_whatever_is_declared_is_answered_and_never_an_internal_error(house: House, body: bytes):
    """An agent looks for a body that makes govd fail, or drop the connection."""
    response = house.bot.http.post("/v1/intents", content=body)
    assert response.status_code in {200, 400, 403, 404, 409, 413, 422, 429}, response.text
    if response.status_code != 200:
        problem(response, response.status_code, response.json()["type"].removeprefix(TYPE_PREFIX))


def test_nothing_of_all_this_was_an_unexpected_error(house: House):
    """The last of this file: the log of the whole house tells of no error that was not meant."""
    assert "unexpected error" not in house.govd.log()
    assert '"exception"' not in house.govd.log()
