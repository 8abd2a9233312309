"""The dialog before a vote: what exactly will be signed, the words to it, Cancel under the cursor.

Must never sign anything but the review that it shows: it holds that review, not the job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Label

from govconsole.client.amounts import amount
from govconsole.client.describe import describe
from govconsole.client.document import Document, Line, Span, blank, field_line, line
from govconsole.client.review import Prepared, Words, crossings
from govconsole.screens.dialog import Dialog
from govconsole.widgets.paint import words
from govconsole.widgets.pane import DocumentPane
from govd.contract.text import visible

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from govconsole.client.document import Role
    from govconsole.clock import Clock
    from govd.contract.votes import Verdict

_WORDS: dict[str, tuple[str, Role]] = {
    "approve": ("Approve", "good"),
    "deny": ("Deny", "bad"),
    "deny_with_guidance": ("Deny with guidance", "bad"),
}
_MAX = 4000


def signed_document(prepared: Prepared, verdict: Verdict, operator: str) -> Document:
    """What a vote says, member by member, as it will be signed."""
    hold, detail = prepared.hold, prepared.detail
    word, role = _WORDS[verdict]
    found: Document = [
        line(Span(f"{word}: ", role), Span(detail.title, "title"), hang=2),
        line(Span(f"{detail.agent} asks. You sign this with your vote key, as {operator}:", "dim")),
        blank(),
    ]
    if verdict == "approve":
        found += _permits(prepared)
    if detail.assurance == "advisory":
        found.append(_field("ADVISORY", Span("the agent could act without asking", "warn")))
    for number, (intent, item) in enumerate(zip(hold.intents, prepared.review.intents, strict=True), 1):
        found += [*describe(number, intent), line(Span(f"sha256 {item.intent_sha256}", "dim"), indent=1)]
    return [
        *found,
        blank(),
        _field("job", detail.id),
        line(Span("token ", "dim"), prepared.token, indent=1),
        _field("quorum", str(hold.quorum)),
        _field("expires", hold.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC")),
    ]


def _permits(prepared: Prepared) -> Document:
    """The totals that an approval would let stand, each beside its cap."""
    gauges = [gauge for _, (gauge, _) in sorted(crossings(prepared.hold.intents).items())]
    found: Document = []
    for permit, gauge in zip(prepared.permits, gauges, strict=True):
        highest, limit = amount(permit.highest, gauge.metric), amount(gauge.limit, gauge.metric)
        told = f"{permit.cap} ({permit.subject}, {permit.window}) may reach {highest}; its cap is {limit}"
        found.append(_field("permits", Span(told, "warn")))
    return found


def _field(name: str, value: str | Span) -> Line:
    return field_line(name, value, indent=1)


class VoteDialog(Dialog[Words]):
    """Asks for the words and the confirmation."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "confirm", "Sign"),
        Binding("ctrl+y", "confirm", "Sign"),
    ]
    DEFAULT_CSS = "VoteDialog #what { height: auto; max-height: 50vh; margin: 0 0 1 0; }"

    def __init__(self, prepared: Prepared, verdict: Verdict, operator: str, clock: Clock) -> None:
        super().__init__(clock)
        self.prepared = prepared
        self.verdict = verdict
        self._document = signed_document(prepared, verdict, operator)

    def compose(self) -> ComposeResult:
        """The statement, the words, and the two ways out."""
        refuses = self.verdict != "approve"
        with Vertical(id="box"):
            yield DocumentPane(self._document, id="what")
            if self.verdict == "deny_with_guidance":
                yield Label("Guidance: what the agent reads", classes="label", markup=False)
                yield Input(id="guidance", max_length=_MAX, compact=True)
            need = " (needed)" if refuses else ""
            yield Label(f"Reason{need}: sealed, its commitment is signed", classes="label", markup=False)
            yield Input(id="reason", max_length=_MAX, compact=True)
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="cancel")
                word = _WORDS[self.verdict][0]
                yield Button(
                    words(f"y  Sign: {word}"), id="confirm", variant="error" if refuses else "success"
                )

    def on_mount(self) -> None:
        """Cancel is under the cursor."""
        super().on_mount()
        self.query_one("#cancel", Button).focus()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_leave()

    @on(Button.Pressed, "#confirm")
    def _confirmed(self) -> None:
        self.action_confirm()

    @on(Input.Submitted)
    def _next(self) -> None:
        self.focus_next()

    def action_confirm(self) -> None:
        """Take the words, when those that are needed are there."""
        if self.deaf:
            return
        reason = self.query_one("#reason", Input).value.strip()
        guidance = self.query_one("#guidance", Input).value.strip() if self.query("#guidance") else ""
        if self.verdict == "deny_with_guidance" and not guidance:
            self._miss("#guidance", "Say what the agent should do instead.")
        elif self.verdict != "approve" and not reason:
            self._miss("#reason", "A refusal needs a reason.")
        else:
            self.dismiss(Words(reason=reason, guidance=guidance))

    def _miss(self, field: str, why: str) -> None:
        self.query_one(field, Input).focus()
        self.notify(visible(why), severity="warning", markup=False)
