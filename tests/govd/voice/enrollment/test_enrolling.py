"""Enrolling in the console: consent, samples that agree, a fresh clip that matches, what is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.voice import DraftStart, Fault
from govd.voice import content, store
from tests.support.operator import answer
from tests.support.voices import MODEL, OTHER_MODEL, clip

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.voices import VoiceHouse

HOUR = 3600
START = {"name": "owner", "consent_version": "1", "consented": True}


def send(house: VoiceHouse, draft: str, data: bytes, what: str = "samples") -> Any:
    return answer(house.operator().send(f"/v1/voice/drafts/{draft}/{what}", data))


def status(house: VoiceHouse, method: str, path: str, **options: Any) -> int:
    return house.operator().ask(method, path, **options).status_code


def filled(house: VoiceHouse, samples: int = 5, **more: Any) -> str:
    draft = house.draft("owner")
    for take in range(samples):
        assert send(house, draft, clip("owner", take, **more))["kept"]
    return draft


def test_a_whole_enrollment_by_its_routes(house: VoiceHouse):
    draft = filled(house, 4)
    shown = answer(house.operator().ask("GET", f"/v1/voice/drafts/{draft}"))
    assert (shown["ready"], shown["net_seconds"], len(shown["matrix"])) == (False, 28.0, 4)
    assert house.save(draft).status_code == 409

    assert send(house, draft, clip("owner", "fifth"))["agreement"] > 0.8
    assert house.save(draft).status_code == 409
    assert send(house, draft, clip("owner", "check"), "check")["verified"]
    saved = answer(house.save(draft))

    assert (saved["samples"], saved["net_seconds"], saved["admin"], saved["stale"]) == (5, 35.0, True, False)
    assert status(house, "GET", f"/v1/voice/drafts/{draft}") == 404


def test_nobody_is_enrolled_without_consent_to_the_present_text(house: VoiceHouse):
    for change in (
        {"consented": False},
        {"consent_version": "0"},
        {"name": "../../x"},
        {"name": "Owner"},
        {"name": "unknown"},
    ):
        assert status(house, "POST", "/v1/voice/drafts", json=START | change) == 422


@pytest.mark.parametrize("fault", [Fault.TOO_SHORT, Fault.NOT_SPEECH, Fault.CLIPPED])
def test_a_sample_with_a_fault_is_shown_and_not_kept(house: VoiceHouse, fault: Fault):
    draft = house.draft("owner")

    sent = send(house, draft, clip("owner", faults=[fault]))

    assert (sent["kept"], sent["quality"]["faults"], sent["number"]) == (False, [fault.value], 1)
    assert answer(house.operator().ask("GET", f"/v1/voice/drafts/{draft}"))["net_seconds"] == 0


def test_a_sample_of_somebody_else_or_of_two_people_is_not_kept(house: VoiceHouse):
    draft = filled(house, 2)

    other = send(house, draft, clip("thief"))
    two = send(house, draft, clip("owner", "duet", second="thief"))

    assert (other["kept"], other["quality"]["faults"]) == (False, ["not-the-same-voice"])
    assert other["agreement"] < 0.6
    assert (two["kept"], two["quality"]["faults"]) == (False, ["several-voices"])


def test_a_sample_is_taken_once_also_across_enrollments(house: VoiceHouse):
    draft = filled(house)
    for what in ("samples", "check"):
        for data in (clip("owner", 0), clip("owner", "cut", like=0)):
            assert house.operator().send(f"/v1/voice/drafts/{draft}/{what}", data).status_code == 422
    house.enroll("guest")
    assert (
        house.operator().send(f"/v1/voice/drafts/{draft}/samples", clip("guest", "enroll-0")).status_code
        == 422
    )


def test_samples_that_change_ask_for_another_check(house: VoiceHouse):
    draft = filled(house, 6)
    assert send(house, draft, clip("owner", "check"), "check")["verified"]

    left = answer(house.operator().ask("DELETE", f"/v1/voice/drafts/{draft}/samples/6"))

    assert (left["verified"], left["ready"], len(left["samples"])) == (False, True, 5)
    assert status(house, "DELETE", f"/v1/voice/drafts/{draft}/samples/6") == 404
    assert not send(house, draft, clip("thief", "check"), "check")["verified"]
    assert house.save(draft).status_code == 409


def test_a_check_that_somebody_else_says_a_part_of_saves_nothing(house: VoiceHouse):
    draft = filled(house)

    sent = send(house, draft, clip("owner", "duet", second="stranger"), "check")

    assert (sent["verified"], sent["quality"]["faults"]) == (False, ["several-voices"])
    assert house.save(draft).status_code == 409


def test_thirty_seconds_of_speech_are_needed_and_ten_samples_are_enough(house: VoiceHouse):
    draft = filled(house, 9, net=3.0)
    assert house.operator().send(f"/v1/voice/drafts/{draft}/check", clip("owner", "c")).status_code == 409
    send(house, draft, clip("owner", "tenth", net=4.0))

    assert (
        house.operator().send(f"/v1/voice/drafts/{draft}/samples", clip("owner", "more")).status_code == 409
    )
    assert send(house, draft, clip("owner", "check"), "check")["verified"]


def test_a_draft_is_gone_after_an_hour_and_when_it_is_left(house: VoiceHouse):
    first, second = house.draft("owner"), house.draft("guest")

    assert status(house, "DELETE", f"/v1/voice/drafts/{first}") == 200
    assert status(house, "GET", f"/v1/voice/drafts/{first}") == 404
    house.times.go_on(HOUR)
    assert status(house, "GET", f"/v1/voice/drafts/{second}") == 404


def test_a_draft_does_not_outlive_its_model(house: VoiceHouse):
    draft = filled(house)
    send(house, draft, clip("owner", "check"), "check")
    house.encoder.model = OTHER_MODEL

    assert house.operator().send(f"/v1/voice/drafts/{draft}/samples", clip("owner", "x")).status_code == 409
    assert house.save(draft).status_code == 409
    house.encoder.model = None
    assert status(house, "POST", "/v1/voice/drafts", json=START) == 503


def test_an_operators_own_voice_steps_him_up_and_nobody_elses_does(house: VoiceHouse):
    operator = house.operator()
    house.enroll("owner")
    assert operator.send("/v1/voice/step-up", clip("ana", "early")).status_code == 409
    house.enroll("ana", mine=True)

    other = answer(operator.send("/v1/voice/step-up", clip("owner", "x")))
    assert (other["verified"], other["speaker"]) == (False, None)
    duet = answer(operator.send("/v1/voice/step-up", clip("ana", "duet", second="thief")))
    assert (duet["verified"], duet["quality"]["faults"]) == (False, ["several-voices"])
    assert "somebody else" in duet["message"].lower()
    found = answer(operator.send("/v1/voice/step-up", clip("ana", "now")))
    assert (found["verified"], found["speaker"]) == (True, "ana")
    assert answer(operator.ask("GET", "/v1/voice/step-up"))["state"] == "verified"
    assert house.govd.ledger.read(lambda c: house.govd.stepped_up(c, "ana"))

    again = answer(operator.send("/v1/voice/step-up", clip("ana", "now")))
    assert (again["verified"], "heard before" in again["message"]) == (False, True)
    house.times.go_on(2 * HOUR)
    assert answer(operator.ask("GET", "/v1/voice/step-up"))["state"] == "expired"


def test_step_ups_are_counted_apart_and_never_locked_for_good(house: VoiceHouse):
    house.enroll("ana", mine=True)
    operator = house.operator()
    for number in range(51):
        assert operator.send("/v1/voice/step-up", clip("thief", number)).is_success
        house.times.go_on(0 if number < 4 else 86_400)

    assert answer(house.verify(clip("ana", "chat")))["verified"]
    assert answer(operator.send("/v1/voice/step-up", clip("ana", "mine")))["verified"]


def test_a_template_is_sealed_and_knows_its_model_its_scale_and_its_consent(house: VoiceHouse):
    house.enroll("owner")

    row = house.govd.ledger.read(lambda c: store.speaker(c, "owner"))
    assert row is not None
    template = content.template(row, house.govd.state_key)
    assert (template.score_scale, template.model, template.model_sha256) == ("cosine", "fake", "a" * 64)
    assert template.consent["version"] == "1"
    assert "agrees" in template.consent["text"]
    assert len(template.samples) == 5
    for path in (house.root / "state").rglob("*"):
        if path.is_file():
            assert template.centroid not in path.read_bytes(), path.name


def backed_up(house: VoiceHouse) -> Path:
    """The database as it is, copied as a migration copies it."""
    folder = house.root / "state" / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / "govd.db-0004-20260101T000000"
    with (
        closing(sqlite3.connect(house.root / "state" / "govd.db")) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    return target


def test_nothing_of_a_deleted_speaker_can_be_opened_again(house: VoiceHouse):
    house.enroll("owner")
    row = house.govd.ledger.read(lambda c: store.speaker(c, "owner"))
    assert row is not None
    assert house.govd.ledger.empty_journal()
    database = house.root / "state" / "govd.db"
    assert bytes(row["wrapped_key"]) in database.read_bytes()
    backup = backed_up(house)
    assert bytes(row["wrapped_key"]) in backup.read_bytes()

    assert answer(house.delete("owner"))["message"] == ""

    for path in (house.root / "state").rglob("*"):
        if path.is_file():
            assert bytes(row["wrapped_key"]) not in path.read_bytes(), path.name
    with closing(sqlite3.connect(database)) as opened:
        assert opened.execute("select count(*) from speakers").fetchone() == (0,)


def key_left(house: VoiceHouse, key: bytes) -> bool:
    """Whether a forgotten key lies anywhere in the database's files."""
    return any(key in path.read_bytes() for path in (house.root / "state").glob("govd.db*"))


def test_a_deletion_that_a_reader_keeps_from_its_end_is_owed_and_done_later(house: VoiceHouse):
    house.enroll("owner")
    row = house.govd.ledger.read(lambda c: store.speaker(c, "owner"))
    assert row is not None
    with closing(sqlite3.connect(house.root / "state" / "govd.db", isolation_level=None)) as reader:
        reader.execute("begin")
        assert reader.execute("select count(*) from speakers").fetchone() == (1,)

        said = answer(house.delete("owner"))
        house.govd.tick()

        assert "journal" in said["message"]
        assert house.picture()["tidying"]
        assert key_left(house, bytes(row["wrapped_key"]))
        reader.execute("rollback")

    house.govd.tick()
    assert not house.picture()["tidying"]
    assert not key_left(house, bytes(row["wrapped_key"]))


def test_a_backup_keeps_all_but_who_was_forgotten_and_what_is_open_is_owed(house: VoiceHouse):
    for who in ("owner", "guest"):
        house.enroll(who)
    row = house.govd.ledger.read(lambda c: store.speaker(c, "guest"))
    assert row is not None
    backup = backed_up(house)
    (backup.parent / "of-another-kind.dump").write_bytes(b"PGDMP")
    with closing(sqlite3.connect(backup, isolation_level=None)) as opened:
        opened.execute("begin immediate")
        assert "backup" in answer(house.delete("guest"))["message"]
        house.govd.tick()
        assert house.picture()["tidying"]
        opened.execute("rollback")

    house.govd.tick()

    assert not house.picture()["tidying"]
    assert bytes(row["wrapped_key"]) not in backup.read_bytes()
    with closing(sqlite3.connect(backup)) as opened:
        assert opened.execute("select name from speakers").fetchall() == [("owner",)]
        assert opened.execute("select count(*) from audit").fetchone()[0] > 0
        assert opened.execute("pragma integrity_check").fetchone() == ("ok",)
    assert sorted(path.name for path in backup.parent.iterdir()) == [backup.name, "of-another-kind.dump"]


def test_a_deletion_that_an_agent_asked_for_leaves_the_journal_too(house: VoiceHouse):
    house.enroll("guest")
    row = house.govd.ledger.read(lambda c: store.speaker(c, "guest"))
    assert row is not None
    job = house.agent().ask("DELETE", "/speakers/guest").json()["job"]

    answer(house.vote(job))
    house.govd.tick()

    assert not house.picture()["tidying"]
    assert not key_left(house, bytes(row["wrapped_key"]))


def test_what_is_owed_is_remembered_beyond_a_crash(house: VoiceHouse):
    house.restart()
    assert house.picture()["tidying"]

    house.govd.tick()

    assert not house.picture()["tidying"]


def test_an_enrollment_in_place_of_another_forgets_the_old_key(house: VoiceHouse):
    house.enroll("owner")
    old = house.govd.ledger.read(lambda c: store.speaker(c, "owner"))
    assert old is not None
    answer(house.verify(clip("owner", 1)))

    house.enroll("somebody", name="owner")

    assert bytes(old["wrapped_key"]) not in (house.root / "state" / "govd.db").read_bytes()
    assert not answer(house.verify(clip("owner", 2)))["verified"]
    assert answer(house.verify(clip("somebody", 2)))["verified"]
    assert house.events("voice.enrolled")[1]["details"]["replaced"] is True


def test_a_clip_of_the_capture_page_counts_like_a_file(house: VoiceHouse):
    draft = house.draft("owner")
    issued = house.govd.captures.issue("ana", 0)
    opened = house.govd.captures.open(issued.id, issued.token, "")
    house.govd.captures.begin(issued.id, opened.cookie or "")
    house.govd.captures.end(issued.id, clip("owner"), 8.0)

    path = f"/v1/voice/drafts/{draft}/samples"
    assert answer(house.operator().ask("POST", path, json={"capture": issued.id}))["kept"]
    assert status(house, "POST", path, json={"capture": issued.id}) == 409
    assert status(house, "POST", path, json={"capture": draft}) == 404
    assert status(house, "POST", path, json={"captured": draft}) == 422


def test_what_is_saved_is_what_stood_when_it_was_asked(house: VoiceHouse):
    draft = filled(house, 6)
    send(house, draft, clip("owner", "check"), "check")

    drafts = house.govd.voices.drafts
    finished = drafts.finished(draft, "ana")
    drafts.drop(draft, "ana", 6)

    assert len(finished.samples) == 6
    assert house.save(draft).status_code == 409


def test_an_operator_sees_his_own_enrollments_under_way_and_nobody_elses(house: VoiceHouse):
    draft = filled(house, 2)
    house.govd.voices.drafts.begin("ben", DraftStart.model_validate(START), MODEL)

    (shown,) = house.picture()["drafts"]
    assert (shown["id"], shown["name"], len(shown["samples"])) == (draft, "owner", 2)

    for name in ("b", "c", "d", "e"):
        house.draft(name)
    assert [one["name"] for one in house.picture()["drafts"]] == ["b", "c", "d", "e"], "four, the latest"
    house.times.go_on(HOUR)
    assert house.picture()["drafts"] == []


def alarmed(house: VoiceHouse) -> list[str]:
    return [item.subject for item in house.govd.alarms.standing if item.kind == "own-voice-replaced"]


def test_no_voice_that_counts_is_changed_without_an_alarm(house: VoiceHouse):
    for who, mine in (("owner", False), ("guest", False), ("ana", True)):
        house.enroll(who, mine=mine)
    house.enroll("guest", prefix="again")
    answer(house.delete("guest"))
    assert alarmed(house) == []

    house.enroll("thief", name="ana", mine=True)
    house.enroll("second", mine=True)
    answer(house.delete("owner"))

    assert set(alarmed(house)) == {"speaker:ana", "speaker:second", "speaker:owner"}
    assert house.events("voice.deleted")[-1]["details"]["own_voice"] is False
    for item in house.govd.alarms.standing:
        house.govd.alarms.seen(item.id, "ana")
    assert alarmed(house) == []
