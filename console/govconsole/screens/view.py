"""What every screen of the console shares: header, banner, body, footer, and acting through the registry.

Must never run an action that the registry blocks: it says why instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen

from govconsole.actions.registry import SCOPES
from govconsole.client.document import plain
from govconsole.screens.clipboard import copy
from govconsole.screens.line import LineScreen
from govconsole.state.commandline import beginning
from govconsole.state.status import banner, header
from govconsole.widgets.chrome import Banner, Bar, FooterBar, HeaderBar
from govconsole.widgets.pane import DocumentPane
from govconsole.widgets.strip import Strip
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.app import ComposeResult
    from textual.message import Message
    from textual.widget import Widget

    from govconsole.actions.model import Action, Situation
    from govconsole.actions.registry import Scope
    from govconsole.messages import Lost, Refreshed
    from govconsole.shell import Shell
    from govconsole.state.commandline import Offer
    from govconsole.state.status import Status
    from govd.contract.errors import GovError


class View(Screen[None]):
    """A screen of the console.

    A view names its scope of the registry in `spec`, puts its body together in `compose_body`, tells its
    `situation`, and has a `do_<id>` for each of its actions. With `copyable` and `complete` it says what the
    shell cannot know.
    """

    spec: ClassVar[Scope]

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.shell = shell

    @property
    def status(self) -> Status:
        """The backend, as it last answered."""
        return self.shell.live.status

    def compose(self) -> ComposeResult:
        """Header, what is wrong, the body, the keys."""
        yield HeaderBar()
        yield Banner()
        yield Strip()
        yield from self.compose_body()
        yield FooterBar()

    def compose_body(self) -> Iterable[Widget]:
        """What stands between header and footer."""
        raise NotImplementedError

    def situation(self) -> Situation:
        """What decides which keys work, as far as the view knows it; the shell adds what it knows."""
        raise NotImplementedError

    def now(self) -> Situation:
        """What decides which keys work."""
        status, tour = self.status, self.shell.tour
        return replace(
            self.situation(),
            connected=status.connected,
            alarms=len(status.overview.alarm_list) if status.overview else 0,
            unlocked=self.shell.session.keys.unlocked,
            back=bool(self.shell.previous),
            guided=tour is not None,
            touring=tour is not None and tour.on,
        )

    def copyable(self) -> tuple[str, str] | None:
        """What `copy` takes: what it is, and the text. The text pane's text where that is focused."""
        if isinstance(self.focused, DocumentPane):
            return "the text", plain(self.focused.document)
        job = self.situation().job
        return ("the id", job) if job is not None else None

    def complete(self, action: str, typed: str) -> Sequence[str]:
        """What the argument of an action's command can be."""
        found = next(one for one in self.spec.actions if one.id == action)
        return beginning(found.choices, typed)

    async def fetch(self) -> Message | None:
        """What this view wants with each refresh of the backend's state."""
        return None

    def on_screen_resume(self) -> None:
        """It is in front: what it shows is kept fresh."""
        self.shell.live.watch(self.fetch)

    def on_resize(self) -> None:
        """Header and footer are laid out to the width."""
        self.call_after_refresh(self.redraw)

    def on_refreshed(self, message: Refreshed) -> None:
        """The backend answered."""
        del message
        self.redraw()

    def on_lost(self, message: Lost) -> None:
        """The backend is lost: what is shown stays, greyed, and nothing can be done to it."""
        del message
        self.redraw()

    def redraw(self) -> None:
        """Draw everything from the state."""
        self.set_class(not self.status.connected, "-lost")
        self.draw_chrome()

    def draw_chrome(self) -> None:
        """Header, banner and footer; the clock in them ticks."""
        if not all(self.query(part) for part in (HeaderBar, Banner, Strip, FooterBar)):
            return  # It is being taken apart: the clock ticked once more.
        now, keymap = self.shell.session.clock.now(), self.shell.keymap
        unlocked = self.shell.session.keys.left
        self.query_one(HeaderBar).show(header(self.status, self.spec.title, unlocked=unlocked, now=now))
        self.query_one(Banner).show(banner(self.status, now, keymap.first("app", "alarms")))
        situation = self.now()
        if situation.job is not None:
            self.shell.did("job")
        self.query_one(Strip).show(self.shell.tour.rows(situation, keymap.first) if self.shell.tour else [])
        scopes = (self.spec, SCOPES["app"])
        listed = [(scope.id, action) for scope in scopes for action in scope.actions]
        self.query_one(FooterBar).show(listed, situation, keymap)

    async def on_bar_picked(self, message: Bar.Picked) -> None:
        """Something in header, banner or footer was clicked."""
        scope, _, action = message.name.partition(".")
        await self.run_action(f"app.act({action!r})" if scope == "app" else f"act({action!r})")

    def action_act(self, name: str, argument: str = "") -> None:
        """Run an action of the registry, or say why it does not work now."""
        if self.app.screen is not self:
            return
        action = next(one for one in self.spec.actions if one.id == name)
        if (why := action.blocked(self.now())) is not None:
            self.refuse(action, why)
            return
        do = getattr(self, f"do_{name}")
        do(argument) if argument else do()
        self.shell.did(f"{self.spec.id}.{name}")
        self.draw_chrome()

    def refuse(self, action: Action, why: str) -> None:
        """An action was asked for that does not work now: say why."""
        self.notify(visible(f"{action.label}: {why}"), severity="warning", markup=False)

    def ask_line(
        self,
        prompt: str,
        text: str,
        done: Callable[[str | None], None],
        *,
        offers: Callable[[str], Sequence[Offer]] | None = None,
        changed: Callable[[str], str | None] | None = None,
    ) -> None:
        """Ask for one line at the foot of the screen.

        Args:
            prompt: The sign before it, as `/`.
            text: What stands there at first.
            done: Takes the line, or None when it was left.
            offers: What it can be completed to.
            changed: Called with the line as it is typed; returns what is wrong with it, to be shown.
        """
        self.app.push_screen(LineScreen(prompt, text, offers=offers, changed=changed), done)

    def copy(self) -> None:
        """Copy what is focused."""
        found = self.copyable()
        if found is None:
            self.notify("there is nothing here to copy", severity="warning", markup=False)
        else:
            copy(self.app, *found)

    def say(self, error: GovError) -> None:
        """Tell an error, with its hint."""
        hint = f" ({error.hint})" if error.hint else ""
        self.notify(visible(f"{error.detail}{hint}"), severity="error", timeout=10, markup=False)
