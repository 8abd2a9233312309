"""The steps of an enrollment in words. Must never show a consent that is not the backend's own text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.client.document import Document, Line, Span, blank, field_line, line, quoted
from govconsole.client.voicewords import (
    DEMO,
    WHAT_VOICE_IS,
    cosine,
    faults_words,
    quality_words,
    verdict_span,
)
from govconsole.state.enrollment import STEPS, Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from govconsole.state.enrollment import Enrollment
    from govd.contract.voice import DraftSample, ModelView

NAMES: Final = {
    Step.CONSENT: "Consent",
    Step.SOURCE: "Source",
    Step.RECORD: "Samples",
    Step.AGREEMENT: "Agreement",
    Step.CHECK: "Check",
    Step.SAVED: "Saved",
}
ELSEWHERE: Final = (
    ("a file", "any clip that lies here: wav, flac, mp3, ogg"),
    ("a page of a browser", "on govd's machine, or through a forwarded port"),
)
"""What there is beside the microphones: it is always there."""


def steps_spans(enrollment: Enrollment) -> list[Span]:
    """Where the wizard is, on one row."""
    here = STEPS.index(enrollment.step)
    found: list[Span] = []
    for place, step in enumerate(STEPS):
        if place < here or enrollment.step is Step.SAVED:
            one = Span(f"✓ {NAMES[step]}", "good")
        elif place == here:
            one = Span(f"● {NAMES[step]}", "title")
        else:
            one = Span(f"○ {NAMES[step]}", "dim")
        found += [one, Span("   ")]
    return found[:-1]


def enrollment_document(enrollment: Enrollment, keys: Mapping[str, str]) -> Document:
    """The step that it is on. `keys`: what is printed on the keys, by action."""
    made = {
        Step.CONSENT: _consent,
        Step.SOURCE: _source,
        Step.RECORD: _record,
        Step.AGREEMENT: _agreement,
        Step.CHECK: _check,
        Step.SAVED: _saved,
    }[enrollment.step]
    return [*_warning(enrollment.voices.model), *made(enrollment, keys)]


def _warning(model: ModelView | None) -> Document:
    return [line(Span("⚠ ", "warn"), Span(DEMO, "warn"), hang=2), blank()] if model and model.demo else []


def _key(keys: Mapping[str, str], action: str) -> Span:
    return Span(keys.get(action, "?"), "key")


def _consent(enrollment: Enrollment, keys: Mapping[str, str]) -> Document:
    voices = enrollment.voices
    box = "☑" if enrollment.mine else "☐"
    return [
        line(Span("Whose voice is it, and does that person want this?", "title")),
        *_replaced(enrollment),
        blank(),
        *(line(part, indent=2) for part in voices.consent_text.split("\n")),
        blank(),
        line(Span(f"version {voices.consent_version}", "dim"), indent=2),
        blank(),
        line(_key(keys, "mine"), f"  {box} it is my own voice: it steps up my votes", indent=2),
        blank(),
        line(
            _key(keys, "accept"),
            "  the person whose voice it is has read this, and accepts it",
            indent=2,
        ),
        line(Span(f"{keys.get('leave', '')}  leaves; nothing is kept", "dim"), indent=2),
    ]


def _replaced(enrollment: Enrollment) -> Document:
    if all(one.name != enrollment.name for one in enrollment.voices.speakers):
        return []
    told = f"{enrollment.name} is enrolled already: saving takes the place of that voice."
    return [line(Span("⚠ ", "warn"), Span(told, "warn"), hang=2)]


def sources_rows(names: Sequence[str], chosen: int) -> Document:
    """The sources, with a bar beside the chosen one."""
    listed = [(name, "space listens") for name in names] + list(ELSEWHERE)
    return [
        line(
            Span("▌ " if place == chosen else "  ", "accent"),
            Span(name, "title" if place == chosen else "plain"),
            Span(f"  {note}", "dim"),
            hang=4,
        )
        for place, (name, note) in enumerate(listed)
    ]


def _source(enrollment: Enrollment, keys: Mapping[str, str]) -> Document:
    taking = enrollment.taking
    found = [
        line(Span("Where does the voice come from?", "title")),
        blank(),
        *sources_rows(taking.sources, taking.chosen),
    ]
    if not taking.sources and not taking.busy:
        found += [blank(), line(Span("no microphone was found on this machine", "dim"), indent=2)]
    found += [
        blank(),
        line(Span("From another machine, over SSH:", "dim"), indent=2),
        line(
            Span(
                "arecord -f S16_LE -r 16000 -c 1 | ssh HOST govconsole enroll - "
                f"--name {enrollment.name} --consent {enrollment.voices.consent_version} "
                "--passphrase-file FILE",
                "dim",
            ),
            indent=2,
            hang=2,
        ),
        blank(),
    ]
    if taking.microphone:
        found.append(
            line(
                _key(keys, "record"), " listens: speak, and watch the level. Nothing of it is kept.", indent=2
            )
        )
    found.append(line(_key(keys, "next"), " goes on with what is chosen.", indent=2))
    return found


def _ask(enrollment: Enrollment, keys: Mapping[str, str]) -> Document:
    """What to say, and with which key."""
    taking = enrollment.taking
    found: Document = [blank(), *quoted(enrollment.prompt), blank()]
    if taking.page:
        return [
            *found,
            line(Span("Open this page, record there, and it goes on here:", "plain"), indent=2),
            line(Span(taking.page, "accent"), indent=2),
        ]
    if taking.microphone:
        other = "ends it" if taking.recording else "begins, and ends it"
        found.append(line(_key(keys, "record"), f" {other}.", indent=2))
    if not taking.recording:
        found.append(
            line(_key(keys, "file"), " takes a file  ", _key(keys, "page"), " a browser's page", indent=2)
        )
    return found


def _record(enrollment: Enrollment, keys: Mapping[str, str]) -> Document:
    voices, draft = enrollment.voices, enrollment.draft
    net = draft.net_seconds if draft else 0.0
    count = len(enrollment.kept)
    head = f"Sample {count + 1} of {voices.minimum_samples} to {voices.maximum_samples}"
    found: Document = [
        line(
            Span(f"{count} samples are there" if not enrollment.missing else head, "title"),
            Span(f"   {net:.0f} of {voices.minimum_net_seconds:.0f} s of speech", "dim"),
        )
    ]
    if not enrollment.full:
        found += _ask(enrollment, keys)
    if not enrollment.missing:
        found.append(
            line(_key(keys, "next"), " goes on: that is enough. More samples make it firmer.", indent=2)
        )
    found.append(blank())
    if enrollment.last is not None and not enrollment.last.kept:
        said = faults_words(enrollment.last.quality, enrollment.last.agreement)
        found.append(line(verdict_span(good=False, words=f"left out  {said}"), indent=2, hang=4))
    found += [sample_line(one, here=one.number == enrollment.at) for one in enrollment.kept]
    return found


def sample_line(one: DraftSample, *, here: bool) -> Line:
    """A sample that was kept, with its numbers."""
    agrees = f"  agrees {cosine(one.agreement)}" if one.agreement is not None else ""
    return line(
        Span("▌ " if here else "  ", "accent"),
        Span(f"{one.number:>2}  "),
        Span("✓ ", "good"),
        Span(quality_words(one.quality)),
        Span(agrees, "dim"),
        hang=6,
    )


def matrix_lines(numbers: Sequence[int], matrix: Sequence[Sequence[float]], at: int) -> Document:
    """Who agrees with whom: cosines, with the lowest marked."""
    pairs = [
        matrix[row][column]
        for row in range(len(matrix))
        for column in range(row)
        if column < len(matrix[row])
    ]
    lowest = min(pairs, default=1.0)
    found: Document = [
        line(Span("      " + "".join(f"{number:>6}" for number in numbers), "dim")),
    ]
    for row, number in enumerate(numbers[: len(matrix)]):
        spans = [Span("▌ " if number == at else "  ", "accent"), Span(f"{number:>3} ", "dim")]
        for column, value in enumerate(matrix[row]):
            if row == column:
                spans.append(Span("     ·", "dim"))
            else:
                spans.append(Span(f"{cosine(value):>6}", "warn" if value == lowest else "plain"))
        found.append(line(*spans))
    if pairs:
        found += [
            blank(),
            line(Span(f"⚠ {cosine(lowest)}", "warn"), " is the pair that agrees least.", indent=2),
        ]
    return found


def _agreement(enrollment: Enrollment, keys: Mapping[str, str]) -> Document:
    draft = enrollment.draft
    numbers = [one.number for one in enrollment.kept]
    return [
        line(Span("Do the samples agree?", "title"), Span("   cosines, each sample with each", "dim")),
        blank(),
        *matrix_lines(numbers, draft.matrix if draft else [], enrollment.at),
        blank(),
        line(_key(keys, "drop"), " takes the sample with the bar out.", indent=2),
        line(_key(keys, "next"), " goes on to a check with a fresh sample.", indent=2),
    ]


def _check(enrollment: Enrollment, keys: Mapping[str, str]) -> Document:
    checked = enrollment.checked
    found: Document = [line(Span("One more, which is not kept: is it recognised?", "title"))]
    if checked is not None and checked.verified:
        words = f"recognised  {cosine(checked.confidence)}, {cosine(checked.threshold)} is enough"
        return [
            *found,
            blank(),
            line(verdict_span(good=True, words=words), indent=2),
            blank(),
            line(_key(keys, "next"), f" saves the voice of {enrollment.name}, on your signature.", indent=2),
        ]
    found += _ask(enrollment, keys)
    if checked is not None:
        said = f"not recognised  {cosine(checked.confidence)}, {cosine(checked.threshold)} is needed"
        if checked.quality.faults:
            said = f"not taken  {faults_words(checked.quality)}"
        found += [blank(), line(verdict_span(good=False, words=said), indent=2, hang=4)]
    return found


def _saved(enrollment: Enrollment, keys: Mapping[str, str]) -> Document:
    speaker = enrollment.speaker
    if speaker is None:
        return [line(Span("Saving …", "dim"))]
    return [
        line(verdict_span(good=True, words=f"{speaker.name} is enrolled"), hang=2),
        blank(),
        field_line("samples", str(speaker.samples), width=12),
        field_line("speech", f"{speaker.net_seconds:.0f} s", width=12),
        field_line("agreement", cosine(speaker.agreement), width=12),
        field_line("model", speaker.model, width=12),
        field_line("consent", f"version {speaker.consent_version}", width=12),
        blank(),
        line(Span("The samples' sound is not kept: only what the model made of them, encrypted.", "dim")),
        line(Span(WHAT_VOICE_IS, "dim")),
        blank(),
        line(_key(keys, "leave"), " goes back to the voices.", indent=2),
    ]
