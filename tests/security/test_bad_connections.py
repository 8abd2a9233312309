"""Headers, streams and bytes that are no HTTP: refused in the one shape, cut off where they have no end."""

from __future__ import annotations

import contextlib
import json
import socket

import pytest

from govd.contract.errors import TYPE_PREFIX
from govd.contract.heads import HEADER
from govd.contract.limits import MAX_STREAMS_PER_IDENTITY
from tests.security.house import House, problem, submission

GOOD = json.dumps(submission("tool_call")).encode()


@pytest.mark.parametrize(
    "last", ["x", "-1", "1.5", "1e3", "9" * 19, "9" * 5_000, "\u0661".encode().decode("latin-1")]
)
def test_a_last_event_id_that_is_no_number_is_refused(house: House, last: str):
    with house.unmoved():
        headers = {"Last-Event-ID": last.encode("latin-1")}
        for client in (house.bot.http, house.ana.http):
            problem(client.get("/v1/events", headers=headers), 422, "invalid-request")  # type: ignore[arg-type]  # bytes


@pytest.mark.threat("T13", "T18")
@pytest.mark.parametrize(
    "head",
    [
        "",
        "x",
        "a.b.c.d.e",
        "log.1.1.x.!!!!",
        "l.1.1." + "a" * 500 + ".x",
        "....",
        "l.\xb2.1.d.e",
        "l.1.1.d.AA",
    ],
)
def test_a_head_that_somebody_made_up_stops_nothing(house: House, head: str):
    """An agent sends a remembered head that govd never signed, to make it stop deciding."""
    with house.unmoved():
        response = house.bot.http.get("/v1/me", headers={HEADER: head.encode("latin-1")})  # type: ignore[dict-item]  # bytes
        if response.status_code != 200:
            problem(response, 422, "invalid-request")


@pytest.mark.threat("T13")
def test_a_head_of_ours_with_a_larger_number_and_an_old_signature_stops_nothing(house: House):
    """An agent takes a signed head and raises its entry number, so that govd should seem to lack it."""
    log, epoch, seq, digest, signature = house.bot.http.get("/health").headers[HEADER].split(".")
    with house.unmoved():
        for forged in (
            f"{log}.{epoch}.{int(seq) + 9}.{digest}.{signature}",
            f"{log}.{int(epoch) + 1}.{seq}.{digest}.{signature}",
            f"{log}.{epoch}.{seq}.{'f' * 64}.{signature}",
        ):
            assert house.bot.http.get("/v1/me", headers={HEADER: forged}).status_code == 200
        assert house.ana.get("/v1/overview")["halted"] is None


def request_line(house: House, line: str, *headers: str) -> bytes:
    """A request of the bot's, with these further headers."""
    return "\r\n".join(
        [f"{line} HTTP/1.1", "Host: x", f"Authorization: Bearer {house.bot.token}", *headers, "", ""]
    ).encode("latin-1")


@pytest.mark.threat("T18")
def test_an_identity_holds_no_more_streams_open_than_it_may(house: House):
    """An agent opens streams until nobody else is served."""
    with house.unmoved(), contextlib.ExitStack() as stack:
        for _ in range(MAX_STREAMS_PER_IDENTITY):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", house.govd.port), 30))
            sock.sendall(request_line(house, "GET /v1/events"))
            received = b""
            while b": govd" not in received:
                received += sock.recv(4096)
        response = house.bot.http.get("/v1/events")
        assert problem(response, 429, "quota")["retry_after"] == int(response.headers["Retry-After"])
        assert house.other.http.get("/v1/me").status_code == 200


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_whoever_sends_all_of_a_body_that_is_too_long_before_he_reads_gets_the_answer(
    house: House, version: str
):
    head = request_line(house, "POST /v1/intents", "Content-Length: 10000000", "Connection: close").replace(
        b"HTTP/1.1", f"HTTP/{version}".encode()
    )
    with house.unmoved():
        (reply,) = house.talk(head + b"x" * 10_000_000)
        assert (reply.status, json.loads(reply.body)["type"]) == (413, f"{TYPE_PREFIX}body-too-large")


@pytest.mark.threat("T18")
def test_behind_a_body_that_ended_the_connection_no_request_is_read(house: House):
    """An agent hides a second request behind a refused body, on a connection that was to end with it."""
    hidden = request_line(house, "POST /v1/jobs", "Content-Length: 13") + b'{"title":"x"}'
    head = request_line(
        house, "POST /v1/intents", "Content-Length: 1000000", "Connection: keep-alive"
    ).replace(b"HTTP/1.1", b"HTTP/1.0")
    with house.unmoved():
        assert [reply.status for reply in house.talk(head + b"x" * 1_000_000 + hidden)] == [413]


def smuggled(house: House) -> dict[str, bytes]:
    """Requests about whose end two readers could disagree, with a second one hidden in their bodies."""
    hidden = request_line(house, "POST /v1/jobs", "Content-Length: 13") + b'{"title":"x"}'
    chunked = b"0\r\n\r\n" + hidden
    return {
        "length and chunks": request_line(
            house, "POST /v1/intents", f"Content-Length: {len(chunked)}", "Transfer-Encoding: chunked"
        )
        + chunked,
        "two lengths": request_line(house, "POST /v1/intents", "Content-Length: 0", "Content-Length: 999")
        + hidden,
        "an unknown coding": request_line(house, "POST /v1/intents", "Transfer-Encoding: xchunked") + chunked,
        "chunked twice": request_line(
            house, "POST /v1/intents", "Transfer-Encoding: chunked", "Transfer-Encoding: identity"
        )
        + chunked,
        "a blank before the colon": request_line(house, "POST /v1/intents", "Content-Length : 999") + hidden,
        "a bare line feed": b"POST /v1/intents HTTP/1.1\nHost: x\nContent-Length: 3\n\nabc" + hidden,
        "a folded header": request_line(house, "POST /v1/intents", "Content-Length:", " 999") + hidden,
        "a chunk size that is none": request_line(house, "POST /v1/intents", "Transfer-Encoding: chunked")
        + b"zz\r\n"
        + hidden,
        "a NUL in a header": request_line(house, "POST /v1/intents", "X-A: a\0b") + hidden,
        "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden,
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
        "words": b"let me in\r\n\r\n" + hidden,
    }


@pytest.mark.threat("T18")
@pytest.mark.parametrize("trick", [
    "length and chunks", "two lengths", "an unknown coding", "chunked twice", "a blank before the colon",
    "a bare line feed", "a folded header", "a chunk size that is none", "a NUL in a header",
    "another protocol", "TLS", "words",
])  # fmt: skip
def test_a_request_whose_end_is_in_doubt_is_refused_and_nothing_behind_it_is_read(house: House, trick: str):
    """An agent hides a second request in a body whose length two readers would disagree about."""
    with house.unmoved():
        replies = house.talk(smuggled(house)[trick])
        assert replies
        assert replies[-1].status in {400, 413, 422}
        assert all(400 <= reply.status < 500 for reply in replies)
        problem(
            replies[-1], replies[-1].status, json.loads(replies[-1].body)["type"].removeprefix(TYPE_PREFIX)
        )


@pytest.mark.threat("T18")
@pytest.mark.parametrize("shape", ["one header", "many headers", "a long path", "a trailer"])
def test_headers_without_an_end_are_cut_off(house: House, shape: str):
    """Somebody without a token sends headers for ever, and govd keeps them all in memory."""
    endless = {
        "one header": b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2_000_000,
        "many headers": b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X: aaaaaaaaaaaaaaaa\r\n" * 100_000,
        "a long path": b"GET /" + b"a" * 2_000_000,
        "a trailer": b"POST /v1/intents HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        + b"X: aaaaaaaaaaaaaaaa\r\n" * 100_000,
    }[shape]
    with house.unmoved():
        try:
            replies = house.talk(endless)
        except (BrokenPipeError, ConnectionResetError):
            return  # it closed while we were still talking
        if replies:
            assert replies[-1].status in {400, 401, 431}


def test_requests_in_a_pipeline_are_answered_in_their_order(house: House):
    bad = request_line(house, "POST /v1/intents", "Content-Length: 3") + b"abc"
    good = request_line(house, "GET /v1/me")
    last = request_line(house, "GET /health", "Connection: close")
    with house.unmoved():
        replies = house.talk(good + bad + good + bad + last)
        assert [reply.status for reply in replies] == [200, 400, 200, 400, 200]


def test_a_client_that_leaves_in_the_middle_of_its_body_costs_nothing(house: House):
    with house.unmoved():
        with socket.create_connection(("127.0.0.1", house.govd.port), 30) as sock:
            sock.sendall(request_line(house, "POST /v1/intents", "Content-Length: 900") + GOOD[:20])
        assert house.bot.http.get("/v1/me").status_code == 200
    assert "unexpected error" not in house.govd.log()


def test_a_request_for_an_upgrade_is_answered_as_an_ordinary_one(house: House):
    with house.unmoved():
        (reply,) = house.talk(
            request_line(house, "GET /v1/me", "Connection: Upgrade, close", "Upgrade: websocket")
        )
        assert reply.status == 200


def test_nothing_of_all_this_was_an_unexpected_error(house: House):
    """The last of this file: the log of the whole house tells of no error that was not meant."""
    assert "unexpected error" not in house.govd.log()
    assert '"exception"' not in house.govd.log()
