"""Everybody at once, for the last of a cap and for one attestation: on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select

from govd.contract.money import MICRO
from govd.intents import store as intent_store
from govd.intents.store import Booked
from govd.storage import schema
from govd.storage.engine import make_engine, parse_url
from govd.storage.migrate import migrate
from tests.fault.books import Books, check_caps, check_history, check_log
from tests.fault.crowd import CLIENTS, at_once, side_by_side
from tests.fault.policies import body, mixed
from tests.support import postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.conftest import Database
    from tests.support.govd_process import GovdProcess

SEARCHES = 20
USD = 1_000
PRICE = "37.50"
FIT = 26
"""So many payments of 37.50 USD fit below 1,000."""


@pytest.fixture
def stored_at(govd_at: Callable[..., GovdProcess], database: Database) -> GovdProcess:
    """A govd on the kind of storage that the test runs on."""
    url = database.url if database.kind == "postgresql" else None
    return govd_at(policy=mixed(count_cap=SEARCHES, usd_cap=USD), database=url)


@pytest.fixture
def engine(stored_at: GovdProcess, database: Database) -> Iterator[Engine]:
    """A reader beside govd."""
    own = f"sqlite:///{stored_at.state / 'govd.db'}"
    engine = make_engine(parse_url(database.url if database.kind == "postgresql" else own), writer=False)
    yield engine
    engine.dispose()


def rounds() -> list[object]:
    """Once in `make test`; many times in `make soak`."""
    return [
        1,
        pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(0)]),
    ]


@pytest.mark.parametrize(
    ("tool", "amount", "fit"), [("search.web", None, SEARCHES), ("pay.rent", PRICE, FIT)]
)
def test_of_64_who_spend_from_one_cap_at_once_exactly_those_who_fit_are_approved(
    stored_at: GovdProcess, engine: Engine, tool: str, amount: str | None, fit: int
):
    agent = stored_at.agent()

    answers = at_once(
        stored_at.url, agent.token, [("/v1/intents", body(tool, amount)) for _ in range(CLIENTS)]
    )

    assert {answer.status_code for answer in answers} == {200}
    outcomes = Counter(answer.json()["decision"]["outcome"] for answer in answers)
    assert outcomes == {"APPROVED": fit, "PENDING": CLIENTS - fit}
    books = Books.read(engine)
    check_caps(books, {"searches-daily": SEARCHES, "payments-daily": USD * MICRO})
    check_history(books)
    check_log(stored_at.state / "audit", engine)


@pytest.mark.parametrize("rounds", rounds())
def test_of_64_who_redeem_one_attestation_at_once_exactly_one_may_act(
    stored_at: GovdProcess, engine: Engine, rounds: int
):
    agent, executor = stored_at.agent(), stored_at.executor()
    for _ in range(rounds):
        intent = agent.http.post("/v1/intents", json=body("search.web")).json()
        minted = executor.http.post(f"/v1/intents/{intent['id']}/attestation").json()
        spend = {"attestation": minted["attestation"], "intent_sha256": minted["claims"]["intent_sha256"]}

        answers = at_once(
            stored_at.url, executor.token, [("/v1/attestations/redeem", spend) for _ in range(CLIENTS)]
        )

        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: CLIENTS - 1}
        refused = {answer.json()["type"] for answer in answers if answer.status_code == 409}
        assert refused == {"urn:govconsole:error:already-redeemed"}
    check_history(Books.read(engine))
    check_log(stored_at.state / "audit", engine)


def test_of_64_who_send_one_idempotency_key_at_once_all_get_the_same_intent(
    stored_at: GovdProcess, engine: Engine
):
    agent = stored_at.agent()
    once = body("search.web", idempotency_key="once")

    answers = at_once(stored_at.url, agent.token, [("/v1/intents", once) for _ in range(CLIENTS)])

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(Books.read(engine).intents) == 1


# -- two nodes on one database -------------------------------------------------------------------------

CAP = 1_000
STEP = 7
KEY = ("cap", "all", "2026-11-21")


def spend(engine: Engine, start: threading.Barrier, cap: int) -> int:
    """Take steps from the cap until it refuses; how many it gave."""
    taken = 0
    start.wait(60)
    while True:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            booked = intent_store.add_to_total(
                connection, Booked("", *KEY, STEP, cap, "booked"), ceiling=cap, permitted=None
            )
            connection.exec_driver_sql("COMMIT")
        if not booked:
            return taken
        taken += 1


@pytest.fixture
def nodes(postgres_url: str, tmp_path: Path) -> Iterator[list[Engine]]:
    """Two writers on one PostgreSQL database."""
    url = parse_url(postgres.fresh_database(postgres_url, f"nodes{uuid.uuid4().hex}"))
    migrate(url, backups=tmp_path)
    engines = [make_engine(url, writer=True) for _ in range(2)]
    yield engines
    for engine in engines:
        engine.dispose()


def test_two_nodes_that_race_for_one_cap_cannot_both_have_the_last_of_it(nodes: list[Engine]):
    each = 4
    start = threading.Barrier(each * len(nodes))

    taken = side_by_side(lambda engine: spend(engine, start, CAP), nodes * each)

    assert sum(taken) == CAP // STEP
    with nodes[0].connect() as connection:
        assert connection.execute(select(schema.totals.c.total)).scalars().all() == [CAP // STEP * STEP]


def test_what_one_node_holds_uncommitted_another_waits_for_and_then_does_not_get(nodes: list[Engine]):
    first, second = nodes
    whole = Booked("", *KEY, CAP, CAP, "booked")
    with first.connect() as connection:
        connection.execute(
            insert(schema.totals), {"cap": KEY[0], "subject": KEY[1], "win": KEY[2], "total": 0}
        )
    start = threading.Barrier(1)
    with first.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        assert intent_store.add_to_total(connection, whole, ceiling=CAP, permitted=None)
        late = threading.Thread(target=lambda: results.append(spend(second, start, CAP)))
        results: list[int] = []
        late.start()
        late.join(0.3)
        assert late.is_alive(), "the second node did not wait for the first"
        connection.exec_driver_sql("COMMIT")
    late.join(60)

    assert results == [0]
