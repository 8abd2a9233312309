"""A counter and its trades: what is no order is refused before anything is spent; nothing happens twice."""

from __future__ import annotations

import socket
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from govd.contract.errors import UnreachableError
from govdemo.counter import hand_over
from govdemo.ledger import Ledger, Transfer
from govdemo.mail_room import Mail, MailRoom

if TYPE_CHECKING:
    from pathlib import Path

TRANSFER = Transfer(to="paper.example.com", amount="12.50", currency="USD")


def test_the_ledger_books_an_intent_once_and_never_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "book.db")
    assert ledger.book("intent-1", TRANSFER) == "entry 1"
    with pytest.raises(ValueError, match="already"):
        ledger.book("intent-1", TRANSFER)
    with closing(sqlite3.connect(ledger.path)) as book:
        assert book.execute("SELECT intent, amount FROM transfers").fetchall() == [("intent-1", "12.50")]


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": "-1"},
        {"amount": "1e9"},
        {"amount": 12.5},
        {"currency": "EUR"},
        {"to": ""},
        {"memo": "an argument that nobody reads"},
    ],
)
def test_a_transfer_that_is_none_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Transfer.model_validate(TRANSFER.model_dump() | changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "hello\r\nBcc: everybody@example.net"},
        {"subject": "hello\nX: y"},
        {"to": "a@example.org, b@example.net"},
        {"to": "a@example.org\r\nBcc: b@example.net"},
        {"bcc": "b@example.net"},
    ],
)
def test_a_mail_cannot_bring_headers_or_recipients_that_were_not_shown(changed: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Mail.model_validate({"to": "a@example.org", "subject": "hello", "body": ""} | changed)


def test_a_mail_server_that_is_not_there_is_an_error_and_no_mail() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        room = MailRoom(unused.getsockname()[1])
        with pytest.raises(OSError, match="refused"):
            room.send("intent-1", Mail(to="a@example.org", subject="hello", body="text"))


def test_where_no_counter_is_the_agent_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="no counter answers"):
        hand_over(tmp_path / "none.sock", "intent-1", patience=0)


@pytest.mark.parametrize("answer", [b"", b"[]\n", b"nonsense\n", b'"receipt"\n'])
def test_an_answer_that_makes_no_sense_is_no_receipt(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(UnreachableError):
            hand_over(path, "intent-1")
        thread.join()
