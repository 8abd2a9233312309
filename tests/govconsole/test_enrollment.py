"""The enrollment's state: no step is skipped, and what does not work says why."""

from __future__ import annotations

from datetime import timedelta

from govconsole.actions.registry import SCOPES
from govconsole.state.enrollment import STEPS, Enrollment, Step
from govd.contract.voice import Draft, DraftCheck, DraftSample, Voices
from tests.govconsole import fake_voices
from tests.govconsole.world import NOW, new_id


def voices() -> Voices:
    return Voices(
        model=fake_voices.model(), speakers=[], consent_version="1", consent_text="text",
        prompts=["one", "two"], minimum_samples=5, maximum_samples=6, minimum_net_seconds=30.0,
    )  # fmt: skip


def draft(count: int, *, net: float = 7.0, ready: bool | None = None) -> Draft:
    samples = [
        DraftSample(
            number=number,
            quality=fake_voices.quality(net_seconds=net),
            kept=True,
            clip_sha256=fake_voices.digest(f"clip {number}"),
            print_sha256=fake_voices.digest(f"print {number}"),
        )
        for number in range(1, count + 1)
    ]
    return Draft(
        id=new_id(), name="anna", mine=False, samples=samples, net_seconds=net * count, matrix=[],
        model_sha256=fake_voices.digest("model"),
        ready=count >= 5 and net * count >= 30 if ready is None else ready,
        expires_at=NOW + timedelta(hours=1),
    )  # fmt: skip


def working(enrollment: Enrollment) -> set[str]:
    return {action for action, why in enrollment.can().items() if not why}


def test_every_action_of_the_wizard_has_an_answer_in_every_step() -> None:
    enrollment = Enrollment("anna", voices())
    ids = {action.id for action in SCOPES["enroll"].actions}
    for step in STEPS:
        enrollment.step = step
        assert set(enrollment.can()) == ids


def test_nothing_is_recorded_before_the_consent() -> None:
    assert not working(Enrollment("anna", voices())) & {"record", "file", "page", "next", "drop", "abandon"}


def test_samples_have_to_be_enough_and_to_agree_before_it_goes_on() -> None:
    enrollment = Enrollment("anna", voices(), step=Step.RECORD)
    for made, why in (
        (draft(3), "2 more samples first"),
        (draft(4), "1 more sample first"),
        (draft(5, net=3.0), "15 s more of speech first"),
        (draft(5, ready=False), "samples that agree first"),
        (draft(5), ""),
    ):
        enrollment.drafted(made)
        assert enrollment.can()["next"] == why


def test_no_more_samples_are_taken_than_the_backend_keeps() -> None:
    enrollment = Enrollment("anna", voices(), step=Step.RECORD)
    enrollment.drafted(draft(6))
    assert enrollment.can()["file"] == "6 samples are enough"


def test_nothing_is_saved_without_a_fresh_sample_that_matched() -> None:
    enrollment = Enrollment("anna", voices(), step=Step.CHECK)
    enrollment.drafted(draft(5))
    assert "fresh sample" in enrollment.can()["next"]
    for verified in (False, True):
        enrollment.checked = DraftCheck(
            verified=verified,
            clip_sha256=fake_voices.digest("check"),
            confidence=0.5,
            threshold=0.6,
            quality=fake_voices.quality(),
        )
        assert bool(enrollment.can()["next"]) is not verified


def test_a_sample_that_is_taken_out_leads_back_to_the_samples() -> None:
    enrollment = Enrollment("anna", voices(), step=Step.AGREEMENT)
    enrollment.drafted(draft(5))
    enrollment.at = 5
    enrollment.drafted(draft(4))
    assert (enrollment.step, enrollment.at) == (Step.RECORD, 4)


def test_while_something_is_under_way_only_leaving_works() -> None:
    enrollment = Enrollment("anna", voices(), step=Step.RECORD)
    enrollment.drafted(draft(5))
    enrollment.taking.doing = "the sample is being measured"
    assert working(enrollment) == {"leave", "help"}
    enrollment.taking.doing, enrollment.taking.recording = "", True
    enrollment.taking.sources = ("desk",)
    assert working(enrollment) == {"leave", "help", "record"}


def test_what_is_done_and_the_look_for_microphones_are_waited_for_each_by_itself() -> None:
    enrollment = Enrollment("anna", voices(), step=Step.SOURCE)
    enrollment.taking.sources = ("desk",)
    for doing, looking in (("asking where it stands", True), ("asking where it stands", False), ("", True)):
        enrollment.taking.doing, enrollment.taking.looking = doing, looking
        assert working(enrollment) == {"leave", "help"}
        assert enrollment.can()["record"] == (doing or "microphones are looked for")
    enrollment.taking.looking = False
    assert "record" in working(enrollment)
