"""schemathesis walks both OpenAPI documents against a running govd: neither document nor server may lie.

The documents are not served, so they come from the applications. The operators' door is a Unix socket, which
schemathesis' HTTP client cannot speak to by itself: it gets an adapter for one, so that here too the real
server answers.

Each operation is a test of its own, made when it runs: making all of them takes 20 s, and would be done by
each worker while it collects. It counts against the time that a test may take.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from requests.adapters import HTTPAdapter
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from govd.doors import agents_app, operators_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from tests.security.house import House

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    allow_header_conformance,
    unsupported_method,
]
ENDLESS = "GET /v1/events"
"""A stream that does not end by itself; its own tests are in test_bad_connections.py."""

SOAK = "GOV_SOAK_MINUTES" in os.environ

bounded = settings(
    max_examples=200 if SOAK else 25,
    deadline=None,
    derandomize=not SOAK,
    suppress_health_check=list(HealthCheck),
)

# A body may also be refused for its size alone, before anybody looks at what is wrong with it.
REFUSED = ["400", "401", "403", "404", "405", "409", "413", "422", "429"]


class Document:
    """What a door says of itself."""

    def __init__(self, door: Callable[[Any], FastAPI]) -> None:
        self._document = door(MagicMock()).openapi()
        paths = self._document["paths"].items()
        self._all = [f"{method.upper()} {path}" for path, methods in paths for method in methods]
        self.labels = [label for label in self._all if label != ENDLESS]

    def only(self, label: str) -> schemathesis.BaseSchema:
        """The whole document, of which one operation is tested: `GET /v1/me`."""
        # By their names: what is said of all but one would hold for the methods that a path has not got, too.
        others = [other for other in self._all if other != label]
        config = {
            "checks": {"negative_data_rejection": {"expected-statuses": REFUSED}},
            "operations": [{"include-name": others, "enabled": False}],
        }
        return schemathesis.openapi.from_dict(self._document, config=SchemathesisConfig.from_dict(config))


AGENTS, OPERATORS = Document(agents_app), Document(operators_app)


@pytest.fixture(params=AGENTS.labels)
def of_agents(request: pytest.FixtureRequest) -> schemathesis.BaseSchema:
    """The agents' document, with one operation."""
    return AGENTS.only(request.param)


@pytest.fixture(params=OPERATORS.labels)
def of_operators(request: pytest.FixtureRequest) -> schemathesis.BaseSchema:
    """The operators' document, with one operation."""
    return OPERATORS.only(request.param)


class _UnixConnection(HTTPConnection):
    """A connection whose other end is a Unix socket."""

    door = ""

    def _new_conn(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(30)
        sock.connect(self.door)
        return sock


class _UnixAdapter(HTTPAdapter):
    """Sends everything to one Unix socket."""

    def __init__(self, door: Path) -> None:
        self._pool = HTTPConnectionPool("operators")
        self._pool.ConnectionCls = type("Connection", (_UnixConnection,), {"door": str(door)})
        super().__init__()

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()


@pytest.fixture(scope="module")
def session(house: House) -> Iterator[requests.Session]:
    """A session for which `http://operators` is the operators' socket."""
    with requests.Session() as made:
        made.mount("http://operators", _UnixAdapter(house.govd.operators_socket))
        yield made


@pytest.mark.threat("T18")
@pytest.mark.timeout(1800)
@schemathesis.pytest.from_fixture("of_agents").parametrize()
@bounded
def test_the_agents_door_does_what_its_document_says(case: schemathesis.Case, house: House):
    """Requests made from the agents' document, good and bad, look for one that makes govd fail or lie."""
    executors = {
        "/v1/intents/{intent}/attestation",
        "/v1/intents/{intent}/evidence",
        "/v1/intents/{intent}/outcome",
        "/v1/attestations/redeem",
    }
    who = house.runner if case.operation.path in executors else house.bot
    case.call_and_validate(
        base_url=house.govd.url, headers={"Authorization": f"Bearer {who.token}"}, checks=CHECKS
    )


@pytest.mark.threat("T18")
@pytest.mark.timeout(1800)  # making what is sent to GET /v1/jobs takes 13 s of CPU
@schemathesis.pytest.from_fixture("of_operators").parametrize()
@bounded
def test_the_operators_door_does_what_its_document_says(
    case: schemathesis.Case, house: House, session: requests.Session
):
    """Requests made from the operators' document, good and bad, look for one that makes govd fail or lie."""
    headers = {"Authorization": house.ana.http.headers["Authorization"]}
    case.call_and_validate(base_url="http://operators", session=session, headers=headers, checks=CHECKS)


def test_govd_still_decides_after_all_that(house: House):
    overview = house.ana.get("/v1/overview")

    assert overview["halted"] is None
    assert house.bot.http.get("/v1/me").status_code == 200
    assert '"exception"' not in house.govd.log()
