"""The guided first minute of the demo: which key comes next, and what the stage has to say.

It goes on by what the operator does, in whatever order he does it. Must never stand in his way: it takes no
key but the one that ends it. Imports no Textual.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from govconsole.client.document import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from govconsole.actions.model import Situation

_KEY: Final = "{"
_DONE: Final = "✓"
_KEPT: Final = 30


@dataclass(frozen=True)
class Step:
    """One thing to try.

    Attributes:
        words: What to say; `{scope.action}` stands for that action's key.
        deeds: What brings it to its end: full names of actions, or `job`, `picked`, `vote.VERDICT`.
        instead: What to say while an approval is blocked until the actions were read.
    """

    words: str
    deeds: frozenset[str]
    instead: str = ""


STEPS: Final[tuple[Step, ...]] = (
    Step(
        "Three agents are starting. In a moment one asks for what it may not do by itself.",
        frozenset({"job"}),
    ),
    Step(
        "New jobs wait below the list until {queue.show_new} shows them: what you look at never moves by "
        "itself.",
        frozenset({"queue.show_new"}),
    ),
    Step(
        "Each row is something that an agent may not do by itself. {queue.down} and {queue.up} go through "
        "them.",
        frozenset({"queue.down", "queue.up", "queue.page_down", "queue.bottom", "picked"}),
    ),
    Step(
        "Beside it: the agent's words, what it would do, why it is held. {queue.zoom} brings it in front, "
        "{queue.clear} leads back.",
        frozenset({"queue.zoom", "queue.pane", "queue.open"}),
    ),
    Step(
        "Let one run: {queue.approve} shows what you would sign, {vote.confirm} signs it. "
        "The executor spends that once.",
        frozenset({"vote.approve"}),
        instead="It cannot be undone: read it to its end ({queue.zoom}, {pane.page_down}), then "
        "{queue.approve} approves.",
    ),
    Step(
        "It runs now, and never twice. Stop another: {queue.deny} denies and asks for your reason, "
        "{queue.guide} tells the agent what to do instead.",
        frozenset({"vote.deny", "vote.deny_with_guidance"}),
    ),
    Step(
        "That is all it takes. {app.help} has every key, {app.command} every command, {queue.filter} "
        "filters, {app.quit} ends the demo and takes everything away.",
        frozenset({"app.help", "app.command", "app.palette", "queue.filter"}),
    ),
)


OPENING: Final = (
    "A demo is being set up in a temporary directory: a backend, three agents, a mail room, a ledger, a "
    "repository. Everything in it is real, and all of it is gone when you leave. q leaves, at any time."
)


@dataclass
class Tour:
    """Where the operator is.

    Attributes:
        at: The number of the step; beyond the last one it is over.
        news: What the stage has to say, whether the tour goes on or not.
        said: What an agent said last of something that was done, or was not.
        opening: What to say until the backend is there.
        errands: What the agents have said so, the last of it: told once more when the demo is over.
    """

    at: int = 0
    news: str = ""
    said: str = ""
    opening: str = OPENING
    errands: list[str] = field(default_factory=list)
    steps: tuple[Step, ...] = field(default=STEPS)

    @property
    def on(self) -> bool:
        """Whether there is still something to try."""
        return self.at < len(self.steps)

    def did(self, deed: str) -> None:
        """The operator did something: whoever does a later thing needs no word about the earlier ones."""
        for number in range(len(self.steps) - 1, self.at - 1, -1):
            if deed in self.steps[number].deeds:
                self.at = number + 1
                return

    def tell(self, news: str) -> None:
        """The stage says something; nothing: it has nothing to say any more."""
        self.news = news

    def heard(self, words: str) -> None:
        """An agent says that something was done, or was not."""
        self.said = words
        self.errands = [*self.errands[1 - _KEPT :], words]

    def end(self) -> None:
        """The operator has seen enough."""
        self.at = len(self.steps)

    def begin(self) -> None:
        """Once more, from the start."""
        self.at = 0

    def rows(self, now: Situation, key: Callable[[str, str], str]) -> list[list[Span]]:
        """What stands on the strip: nothing when there is nothing to say.

        Args:
            now: Decides between the words of a step.
            key: The key of an action, by scope and id.
        """
        found: list[list[Span]] = []
        if self.on:
            step = self.steps[self.at]
            words = step.instead if step.instead and now.unread else step.words
            leave = (Span("   "), Span(key("queue", "clear"), "key"), Span(" ends the tour", "dim"))
            number = Span(f"▸ {self.at + 1}/{len(self.steps)}  ", "accent")
            found.append([number, *_with_keys(words, key), *leave])
        if self.news:
            found.append([Span(f"⋯ {self.news}", "dim")])
        elif self.on and self.said:
            found.append([Span(self.said, "good" if _DONE in self.said else "dim")])
        return found


def _with_keys(words: str, key: Callable[[str, str], str]) -> list[Span]:
    """The words with the operator's own keys in the places of `{scope.action}`."""
    found: list[Span] = []
    for number, part in enumerate(words.split(_KEY)):
        if number:
            name, _, part = part.partition("}")  # noqa: PLW2901 - what follows the key
            found.append(Span(key(*name.split(".", 1)), "key"))
        found.append(Span(part))
    return found
