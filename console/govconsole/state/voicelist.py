"""The Voices screen in words: the list on its left, and what the cursor is on, on its right.

Must never leave out that a model verifies nobody, that a voice is stale, or that a sample was not heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govconsole.client.amounts import age, calm_left
from govconsole.client.document import Document, Line, Span, blank, cell_len, field_line, heading, line
from govconsole.client.standing import short_left
from govconsole.client.voicewords import (
    DEMO,
    UNHEARD,
    WHAT_VOICE_IS,
    bound_to,
    cosine,
    enroll_again,
    model_line,
    share_words,
)
from govconsole.state.voices import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from govconsole.state.voices import VoiceList
    from govd.contract.voice import (
        Draft,
        LockView,
        ModelView,
        SessionView,
        SpeakerView,
        Voices,
        WaitingSample,
    )

_NAME = 14
Row = tuple[Entry | None, Line]


def list_rows(list_: VoiceList, now: datetime) -> list[Row]:
    """The list: each line with what it stands for, or None for a heading."""
    voices = list_.voices
    if voices is None:
        why = list_.unknown or "Nothing is known yet: the backend has not answered."
        return [(None, line(Span(why, "dim")))]
    rows: list[Row] = []
    rows += _section(
        "Under way", "", [(Entry("draft", one.id), _draft_cells(one, now)) for one in voices.drafts]
    )
    speakers: list[Row] = [(Entry("speaker", one.name), _speaker_cells(one, now)) for one in voices.speakers]
    rows += _section("Speakers", str(len(speakers)), speakers, "nobody is enrolled")
    rows += _section(
        "Samples that agents sent",
        str(len(voices.waiting)),
        [(Entry("waiting", one.id), _waiting_cells(one, now)) for one in voices.waiting],
    )
    rows += _section(
        "Verified now",
        str(len(voices.sessions)),
        [(Entry("session", one.id), _session_cells(one, now)) for one in voices.sessions],
    )
    rows += _section(
        "Locked out",
        str(len(voices.locks)),
        [(Entry("lock", f"{one.agent} {one.chat}"), _lock_cells(one, now)) for one in voices.locks],
    )
    rows += _section("Model", "", [(Entry("model", "model"), _model_cells(voices))])
    return rows[:-1]


def _section(title: str, note: str, rows: Sequence[Row], none: str = "") -> list[Row]:
    if not rows and not none:
        return []
    empty: list[Row] = [(None, line(Span(none, "dim"), indent=2))]
    return [(None, heading(title, note)), *(rows or empty), (None, blank())]


def _cut(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    return text[: width - 1] + "…"


def _speaker_cells(one: SpeakerView, now: datetime) -> Line:
    seen = f"{age(one.last_verified_at, now)} ago" if one.last_verified_at else "never"
    state = Span("⚠ stale", "warn") if one.stale else Span(seen, "dim")
    marks = [Span("  ○ not heard", "warn")] if one.unheard else []
    marks += [Span("  ◆ admin", "accent")] if one.admin else []
    marks += [Span("  yours" if not marks else " · yours", "accent")] if one.operator else []
    return line(
        Span(_cut(one.name, _NAME)),
        Span(f" {one.samples:>2} samples  ", "dim"),
        Span(cosine(one.agreement)),
        "  ",
        state,
        *marks,
    )


def _draft_cells(one: Draft, now: datetime) -> Line:
    return line(
        Span(_cut(one.name, _NAME)),
        Span(f" {_kept(one)}, {calm_left(one.expires_at, now)} left  ", "dim"),
        Span("n goes on", "accent"),
    )


def _kept(one: Draft) -> str:
    count = sum(item.kept for item in one.samples)
    return f"{count} sample{'s' * (count != 1)}"


def _waiting_cells(one: WaitingSample, now: datetime) -> Line:
    heard = Span("✓ heard", "good") if one.heard else Span("○ not heard", "warn")
    return line(
        Span(_cut(one.speaker, _NAME)),
        Span(f" {one.seconds:4.1f} s  ", "dim"),
        heard,
        Span(f"  {one.agent}, {calm_left(one.expires_at, now)}", "dim"),
    )


def _session_cells(one: SessionView, now: datetime) -> Line:
    left = short_left(one.expires_at, now) or "over"
    return line(Span(_cut(one.speaker, _NAME)), Span(f" {left:>6}  ", "accent"), Span(bound_to(one), "dim"))


def _lock_cells(one: LockView, now: datetime) -> Line:
    state = Span("⚠ misses", "warn")
    if one.locked:
        state = Span("✗ locked", "bad")
    elif one.until is not None:
        state = Span(f"⚠ waits {calm_left(one.until, now)}", "warn")
    return line(
        Span(_cut(one.agent, _NAME)),
        Span(f" {one.failures:>3} misses  ", "dim"),
        state,
        Span(f"  {one.chat or 'its own session'}", "dim"),
    )


def _model_cells(voices: Voices) -> Line:
    model = voices.model
    if model is None:
        return line(Span("⚠ none", "bad"))
    mark = [Span("  ⚠ demo", "warn")] if model.demo else []
    return line(Span(_cut(model.id, _NAME)), Span(f" {model.runtime}", "dim"), *mark)


def detail_document(list_: VoiceList, now: datetime) -> Document:
    """What the cursor is on."""
    voices = list_.voices
    if voices is None:
        return []
    if (speaker := list_.speaker) is not None:
        found = _speaker(speaker, voices.model, now)
    elif (waiting := list_.waiting) is not None:
        found = _waiting(waiting, now)
    elif (session := list_.session) is not None:
        found = _session(session, now)
    elif (lock := list_.lock) is not None:
        found = _lock(lock, now)
    elif (draft := list_.draft) is not None:
        found = _draft(draft, now)
    else:
        found = _model(voices)
    return found


def _draft(one: Draft, now: datetime) -> Document:
    found: Document = [
        line(Span(one.name, "title"), Span("  enrollment under way", "warn")),
        blank(),
        line("You can go on with it here, whichever console began it, until its hour is over."),
        line("What came of its samples waits in govd's memory alone."),
        line("Left for good (Q in the wizard), nothing of it is kept."),
        blank(),
        field_line(
            "samples", f"{sum(item.kept for item in one.samples)}",
            Span(f"  {one.net_seconds:.0f} s of speech", "dim"), width=15,
        ),
        field_line("left", calm_left(one.expires_at, now), width=15),
    ]  # fmt: skip
    return [*found, field_line("voice of", Span("you", "accent"), width=15)] if one.mine else found


def _times(label: str, at: datetime, now: datetime) -> Line:
    return field_line(
        label, at.strftime("%Y-%m-%d %H:%M UTC"), Span(f"  {age(at, now)} ago", "dim"), width=15
    )


def _speaker(one: SpeakerView, model: ModelView | None, now: datetime) -> Document:
    marks = [Span("  ◆ has admin scope", "accent")] if one.admin else []
    found: Document = [line(Span(one.name, "title"), *marks), blank()]
    if one.stale:
        now_used = f" {model.id} is in use now." if model else ""
        found += [
            line(
                Span("⚠ stale  ", "warn"),
                f"made with {one.model}.{now_used} Enroll again: scores of two models say nothing together.",
                hang=9,
            ),
            blank(),
        ]
    if one.unheard:
        found += [
            line(Span("○ not heard  ", "warn"), f"{UNHEARD}.", hang=13),
            field_line("mend", Span(enroll_again(one.name), "accent"), width=15),
            blank(),
        ]
    found += [
        field_line(
            "samples", f"{one.samples}", Span(f"  {one.net_seconds:.0f} s of speech", "dim"), width=15
        ),
        field_line(
            "agreement",
            cosine(one.agreement),
            Span("  of the sample that fits least", "dim"),
            width=15,
        ),
        field_line("model", one.model, width=15),
        _times("enrolled", one.enrolled_at, now),
        _times("consent", one.consent_at, now),
        field_line("", Span(f"to version {one.consent_version} of the text", "dim"), width=15),
    ]
    if one.last_verified_at is not None:
        found.append(_times("last verified", one.last_verified_at, now))
    else:
        found.append(field_line("last verified", Span("never", "dim"), width=15))
    if one.operator is not None:
        found.append(field_line("voice of", one.operator, Span("  steps up votes", "dim"), width=15))
    return [*found, blank(), line(Span(WHAT_VOICE_IS, "dim"))]


def _waiting(one: WaitingSample, now: datetime) -> Document:
    heard = Span("✓ you have heard it", "good") if one.heard else Span("○ you have not heard it", "warn")
    return [
        line(Span(one.speaker, "title"), "  ", heard),
        blank(),
        line(
            Span(one.agent, "accent"),
            " wants this voice enrolled under that name. Play it: only you can say whose voice it is. The"
            " job in the Queue settles it.",
        ),
        blank(),
        field_line(
            "length", f"{one.seconds:.1f} s", Span(f"  {one.net_seconds:.1f} s of speech", "dim"), width=15
        ),
        field_line("job", Span(f"…{one.job[-4:]}", "dim"), width=15),
        field_line("kept for", calm_left(one.expires_at, now), width=15),
    ]


def _session(one: SessionView, now: datetime) -> Document:
    return [
        line(Span(one.speaker, "title"), Span("  ✓ verified", "good")),
        blank(),
        field_line("for", bound_to(one), width=15),
        _times("since", one.verified_at, now),
        field_line("left", short_left(one.expires_at, now) or "over", width=15),
        blank(),
        line(Span("Whether it still stands is asked at each use: revoked, it ends at once.", "dim")),
    ]


def _lock(one: LockView, now: datetime) -> Document:
    found: Document = [
        line(Span(one.agent, "title"), Span(f"  {one.chat or 'its own session'}", "dim")),
        blank(),
        line(f"{one.failures} clips in a row matched nobody."),
    ]
    if one.locked:
        found.append(line(Span("✗ locked  ", "bad"), "It stays so until an operator unlocks it.", hang=10))
    elif one.until is not None:
        found.append(
            line(Span("⚠ waits  ", "warn"), f"The next one is taken in {calm_left(one.until, now)}.", hang=9)
        )
    return [*found, blank(), line(Span("Only this chat is kept out; the speaker is not.", "dim"))]


def _model(voices: Voices) -> Document:
    model = voices.model
    if model is None:
        return [
            line(Span("No speaker model", "title")),
            blank(),
            line(Span(voices.degraded or "Nobody can be verified.", "bad")),
            *([field_line("mend", Span(voices.mend, "accent"), width=15)] if voices.mend else []),
        ]
    found: Document = [line(Span(model_line(model), "title")), blank()]
    if model.demo:
        found += [line(Span("⚠ ", "warn"), Span(f"{DEMO}.", "warn"), hang=2), blank()]
    found += [
        field_line("threshold", cosine(model.threshold), Span("  a match from here on", "dim"), width=15),
        field_line("weak below", cosine(model.low_confidence), width=15),
        field_line("errors", share_words("EER", model.eer, model.trials), width=15),
        field_line("", share_words("FMR", model.fmr, model.trials), width=15),
        field_line("", share_words("FNMR", model.fnmr, model.trials), width=15),
        field_line("sha256", Span(model.sha256, "dim"), width=15),
        blank(),
    ]
    if voices.degraded:
        found += [
            line(Span("⚠ ", "bad"), Span(voices.degraded, "bad"), hang=2),
            *([field_line("mend", Span(voices.mend, "accent"), width=15)] if voices.mend else []),
            blank(),
        ]
    return [*found, line(Span(WHAT_VOICE_IS, "dim"))]
