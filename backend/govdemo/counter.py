"""A counter: takes intents over a Unix socket, spends their approval once, and does what was approved.

It is the executor of a tool or two. Must never do what it has not redeemed, nor take a word of the action
from whoever hands it over: what is done is what the backend and the attestation say was approved.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import click
from pydantic import BaseModel, ValidationError

from govd.contract.actions import ToolCall
from govd.contract.errors import (
    ForbiddenError,
    GovError,
    InvalidRequestError,
    RedeemRefusedError,
    UnreachableError,
)
from govd.contract.headmemory import HeadMemory
from govd.contract.intents import OutcomeReport
from govd.contract.text import visible
from govgate import calls
from govgate.client import Client
from govgate.journal import Journal
from govgate.protocol import refusal
from govgate.redemption import Redeemer
from govgate.settings import token_reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from govgate.redemption import Approval

Order = TypeVar("Order", bound=BaseModel)

_MAX_LINE: Final = 4096
_SECONDS: Final = 30.0
_PATIENCE: Final = 60.0
_PAUSE: Final = 0.1


class UncertainError(Exception):
    """The action was begun, and nobody knows whether it happened."""


@dataclass(frozen=True)
class Trade(Generic[Order]):
    """What a counter does.

    Attributes:
        agent: Whose approvals it spends.
        tools: What it does; the arguments are the same for each.
        order: Reads its arguments: what does not fit is refused before anything is spent.
        act: Does it; its receipt. Gets the intent's id, which is good for one act.
    """

    agent: str
    tools: frozenset[str]
    order: type[Order]
    act: Callable[[str, Order], str]


class Counter(Generic[Order]):
    """Spends approvals, one at a time."""

    def __init__(self, redeemer: Redeemer, trade: Trade[Order]) -> None:
        self._redeemer = redeemer
        self._trade = trade
        self._turn = threading.Lock()

    def serve(self, intent: str) -> str:
        """Do what was approved, once; the receipt.

        Raises:
            AlreadyRedeemedError: it was done before.
            GovError: it is not approved, or is nothing that this counter does.
        """
        with self._turn:
            approval = self._redeemer.approval(intent, self._trade.agent)
            order = self._order(approval)
            with self._redeemer.begin(approval) as begun:
                try:
                    receipt = self._trade.act(intent, order)
                except UncertainError:
                    begun.end(OutcomeReport(status="unknown"))
                    raise
                except BaseException:
                    begun.end(OutcomeReport(status="failed"))
                    raise
                begun.end(OutcomeReport(status="succeeded"))
        return receipt

    def _order(self, approval: Approval) -> Order:
        detail = approval.minted.intent
        if not approval.covers(detail.kind, detail.action, detail.inputs):
            raise RedeemRefusedError("what the backend shows is not what the attestation is for")
        action = detail.action
        if not isinstance(action, ToolCall) or action.tool not in self._trade.tools:
            raise ForbiddenError(f"this counter does {', '.join(sorted(self._trade.tools))} and nothing else")
        try:
            return self._trade.order.model_validate(action.arguments)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)[0]
            place = "/".join(str(part) for part in found["loc"])
            raise InvalidRequestError(f"arguments/{visible(place, 100)}: {found['msg']}") from None


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 32
    counter: Counter[Any]


class _Handler(socketserver.StreamRequestHandler):
    timeout = _SECONDS
    server: _Server

    def handle(self) -> None:
        """One line in, one line out."""
        try:
            asked = json.loads(self.rfile.readline(_MAX_LINE))
            answer: dict[str, object] = {"receipt": self.server.counter.serve(str(asked["intent"]))}
        except GovError as error:
            answer = refusal(error)
        except (ValueError, KeyError, TypeError):
            answer = refusal(InvalidRequestError("one line of JSON is expected, naming an intent"))
        except (OSError, UncertainError) as error:
            answer = refusal(GovError(f"it could not be done: {error}"))
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def run(trade: Trade[Any], *, url: str, token_file: Path, socket_path: Path, journal: Path) -> None:
    """Serve until SIGTERM; prints one JSON line when the socket listens."""
    with Client(url, token_reader(token_file), HeadMemory(journal.parent / "heads", url)) as client:
        name = client.send(calls.me()).name
        redeemer = Redeemer(client, name, Journal(journal))
        redeemer.recover()
        before = os.umask(0o177)
        try:
            server = _Server(str(socket_path), _Handler)
        finally:
            os.umask(before)
        server.counter = Counter(redeemer, trade)
        with server:
            # From another thread: a handler that ends the loop that it interrupts would wait for itself.
            signal.signal(
                signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start()
            )
            click.echo(visible(json.dumps({"ready": True, "counter": name, "tools": sorted(trade.tools)})))
            server.serve_forever(poll_interval=_PAUSE)


def hand_over(socket_path: Path, intent: str, patience: float = _PATIENCE) -> str:
    """Have a counter do what was approved; its receipt. Asked by the agent.

    Args:
        socket_path: The counter's.
        intent: The id of an approved intent.
        patience: Seconds to wait for a counter that is still starting.

    Raises:
        GovError: the counter's refusal, by its code; UnreachableError where none answers.
    """
    ends = time.monotonic() + patience
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS)
            try:
                connection.connect(str(socket_path))
            except OSError as error:
                if time.monotonic() > ends:
                    raise UnreachableError(f"no counter answers: {error.strerror}") from None
                time.sleep(_PAUSE)
                continue
            return _ask(connection, intent)


def _ask(connection: socket.socket, intent: str) -> str:
    try:
        connection.sendall(json.dumps({"intent": intent}).encode() + b"\n")
        with connection.makefile("rb") as lines:
            answer = json.loads(lines.readline(_MAX_LINE))
    except (OSError, ValueError):
        raise UnreachableError("the counter gave no answer: it may have been done") from None
    if not isinstance(answer, dict):
        raise UnreachableError("the counter gave no answer that makes sense")
    if "receipt" in answer:
        return visible(str(answer["receipt"]), 200)
    refused = answer.get("refused")
    raise calls.from_problem(refused if isinstance(refused, dict) else {})


def options(command: Any) -> Any:  # noqa: ANN401 - click's decorators are untyped here
    """The options that every counter has."""
    path = click.Path(path_type=Path)
    for option in (
        click.option("--url", required=True, help="The backend."),
        click.option("--token-file", type=path, required=True, help="The executor's own token, mode 0600."),
        click.option("--socket", "socket_path", type=path, required=True, help="Where to listen."),
        click.option("--journal", type=path, required=True, help="The folder of what was begun."),
        click.option("--agent", required=True, help="The agent whose approvals it spends."),
    ):
        command = option(command)
    return command
