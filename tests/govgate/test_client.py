"""The agents' door from outside: addresses, errors, what is sent again and what never is."""

from __future__ import annotations

import asyncio
import json
import socket
import threading

import pytest

from govd.contract.errors import (
    ForbiddenError,
    GovError,
    HaltedError,
    IdempotencyConflictError,
    IntegrityError,
    QuotaError,
    UnreachableError,
    UsageError,
    error_classes,
)
from govd.contract.headmemory import HeadMemory
from govd.contract.jobs import JobSubmission
from govgate import calls
from govgate.client import AsyncClient, Client, address
from govgate.settings import Settings, token_reader
from tests.govgate.fake_govd import AGENT_TOKEN
from tests.support.ports import Port


@pytest.mark.parametrize("cls", [cls for cls in error_classes() if cls is not GovError])
def test_each_problem_becomes_its_error_again(cls):
    error = calls.error_of(cls.status, json.dumps(cls("why", hint="what to do").problem()).encode())

    assert type(error) is cls
    assert (error.detail, error.hint) == ("why", "what to do")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"type": 7}', b"\xff", b"[" * 100_000])
def test_an_answer_that_is_no_problem_document_is_still_an_error(content):
    error = calls.error_of(502, content)

    assert type(error) is GovError
    assert "502" in error.detail


@pytest.mark.threat("T17")
def test_what_the_backend_says_is_made_visible():
    """Words of an agent that come back in an error carry an escape sequence for the terminal."""
    error = calls.error_of(422, json.dumps({"detail": "\x1b]0;x\x07 \u202eevil", "hint": "\x9b2J"}).encode())

    assert "\x1b" not in error.detail
    assert "\u202e" not in error.detail
    assert "\x9b" not in (error.hint or "")


def test_an_answer_of_another_shape_is_an_error():
    with pytest.raises(IntegrityError, match="no Me"):
        calls.me().taken(200, b'{"name": "bot", "surprise": 1}')


def test_a_retry_after_is_kept():
    problem = QuotaError("too many", retry_after=7).problem()

    assert calls.error_of(429, json.dumps(problem).encode()).retry_after == 7


def test_a_lost_answer_is_asked_for_again_where_that_changes_nothing(bench, work):
    bench.govd.lose_answer = {"intents"}
    with pytest.raises(UnreachableError):
        bench.declared("true", cwd=work)
    posts = [path for method, path, _ in bench.govd.requests if (method, path) == ("POST", "/v1/intents")]

    assert len(posts) == 5
    assert len(bench.govd.intents) == 1


def test_a_program_that_is_ending_asks_once(bench, work):
    bench.govd.lose_answer = {"intents"}
    bench.client.hurry()
    with pytest.raises(UnreachableError):
        bench.declared("true", cwd=work)

    assert [path for method, path, _ in bench.govd.requests if method == "POST"] == ["/v1/intents"]


def test_what_could_act_twice_is_sent_once(bench):
    bench.govd.lose_answer = {"redeem", "token", "jobs"}
    for call in (calls.redeem("x", "0" * 64), calls.renew(), calls.open_job(JobSubmission(title="t"))):
        before = len(bench.govd.requests)
        with pytest.raises(UnreachableError, match="may have arrived"):
            bench.executor.send(call)
        assert len(bench.govd.requests) == before + 1


def test_a_backend_that_is_not_there_is_tried_with_growing_pauses(tmp_path):
    pauses, port = list[float](), Port()
    with (
        Client(
            f"http://127.0.0.1:{port.number}", lambda: "t", HeadMemory(tmp_path), sleep=pauses.append
        ) as client,
        pytest.raises(UnreachableError, match="ConnectError"),
    ):
        client.send(calls.redeem("x", "0" * 64))  # never sent: it may be tried again

    assert pauses == sorted(pauses)
    assert len(pauses) == 4


def test_a_unix_socket_is_an_address(tmp_path):
    path = tmp_path / "door.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                body = b'{"keys": []}'
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

        thread = threading.Thread(target=answer)
        thread.start()
        with Client(f"unix:{path}", None, HeadMemory(tmp_path / "heads")) as client:
            assert client.send(calls.jwks()).root == {"keys": []}
        thread.join()


@pytest.mark.parametrize("url", ["", "ftp://x", "unix:relative", "127.0.0.1:8200", "\x1b[2J"])
def test_another_address_is_refused(url):
    with pytest.raises(UsageError):
        address(url)


def test_the_async_client_says_the_same(bench, tmp_path):
    async def ask():
        async with AsyncClient(bench.govd.url, lambda: AGENT_TOKEN, HeadMemory(tmp_path / "h")) as client:
            name = (await client.send(calls.me())).name
            bench.govd.refuse = {"me": HaltedError("stopped")}
            with pytest.raises(HaltedError):
                await client.send(calls.me())
            return name

    assert asyncio.run(ask()) == "bot"


def test_an_idempotency_conflict_is_told_apart(bench, work):
    bench.govd.refuse = {"intents": IdempotencyConflictError("another body")}

    with pytest.raises(IdempotencyConflictError):
        bench.declared("true", cwd=work)


@pytest.mark.threat("T3")
def test_a_token_that_others_may_read_is_not_used(tmp_path):
    """A token lies in a file that another user of the machine can read."""
    path = tmp_path / "token"
    path.write_text("secret")
    path.chmod(0o644)

    with pytest.raises(ForbiddenError, match="read by others"):
        token_reader(path)()
    path.chmod(0o600)
    assert token_reader(path)() == "secret"


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe", b"\n"])
def test_a_file_without_a_token_is_refused(tmp_path, content):
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_bytes(content)

    with pytest.raises(UsageError, match="no token"):
        token_reader(path)()


def test_a_token_file_is_named_or_asked_for(tmp_path):
    with pytest.raises(UsageError, match="no token file"):
        Settings("http://127.0.0.1:1", None).client()
    with pytest.raises(UsageError, match="there is no token file"):
        token_reader(tmp_path / "missing")()
