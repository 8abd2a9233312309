"""Ten thousand speakers: matched at once, listed, and told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert

from govd.ids import new_id
from govd.storage.schema import speakers
from govd.times import micros
from govd.voice import content
from govd.voice.content import Sample, Template
from tests.support.operator import answer
from tests.support.voices import MODEL, clip

if TYPE_CHECKING:
    from govd.storage.ledger import Transaction
    from tests.support.voices import VoiceHouse

MANY = 10_000


def crowd(house: VoiceHouse, count: int) -> None:
    """So many speakers, written in one go."""
    import numpy as np

    random = np.random.default_rng(7)
    vectors = random.normal(size=(count, MODEL.dimension)).astype("<f4")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def work(transaction: Transaction) -> None:
        agreed = content.consent("1", "yes", transaction.now, "operator:ana")
        rest = {
            "samples": 5,
            "net_ms": 35_000,
            "operator": None,
            "consent_version": "1",
            "enrolled_by": "ana",
            "last_verified_at": None,
        } | dict.fromkeys(("consent_at", "enrolled_at", "changed_at"), micros(transaction.now))
        for number in range(count):
            sample = Sample(vectors[number].tobytes(), 7000, "operator:ana")
            made = Template(sample.embedding, (sample,), "cosine", MODEL.id, MODEL.sha256, agreed)
            row = content.row(f"s{number}", new_id(), made, house.govd.state_key)
            transaction.connection.execute(insert(speakers).values(row | rest))

    house.govd.ledger.submit(work).result()


def test_one_voice_is_found_among_ten_thousand(house: VoiceHouse):
    house.enroll("owner")
    crowd(house, MANY)

    assert answer(house.verify(clip("owner")))["speaker"] == "owner"
    found = answer(house.verify(clip("stranger"), "x"))
    assert (found["verified"], found["scores"]) == (False, {})
    assert len(house.agent().ask("GET", "/speakers").json()["speakers"]) == MANY + 1
    assert len(house.picture()["speakers"]) == MANY + 1
    assert house.agent().ask("GET", "/health").json()["speakers_enrolled"] == MANY + 1


def test_what_changes_is_read_again_and_nothing_else(house: VoiceHouse):
    house.enroll("owner")
    house.enroll("guest")
    assert answer(house.verify(clip("guest", 1)))["speaker"] == "guest"

    answer(house.delete("guest"))
    assert answer(house.verify(clip("guest", 2), "a"))["verified"] is False
    assert answer(house.verify(clip("owner", 1), "a"))["speaker"] == "owner"
