"""The app: a thin shell around the screens. Must never hold what the state or a screen holds.

Its first frame is painted before the screens are loaded: models, HTTP and signatures come after it.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import App

from govconsole.actions.everywhere import THEMES
from govconsole.actions.registry import find
from govconsole.binding import bindings
from govconsole.crash import crash
from govconsole.screens.opening import Opening
from govconsole.settings import Settings
from govconsole.themes import PREFIX, theme
from govd.contract.errors import GovError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.binding import BindingType
    from textual.filter import LineFilter
    from textual.message import Message

    from govconsole.live import Live
    from govconsole.screens.view import View
    from govconsole.session import Session
    from govconsole.shell import Shell
    from govconsole.state import commandline
    from govconsole.state.tour import Tour

_EVEN_NOW = frozenset({"quit", "quit_now"})
"""What can be done before the screens are loaded."""

_HANDS = (events.Key, events.Paste, events.MouseDown, events.MouseUp, events.Click)


class ConsoleApp(App[None]):
    """The operator's terminal.

    Args:
        session: With which backend, and as whom; or what opens it, called once the first frame is painted.
        notice: What the operator has to know first.
        settings: His own; those that hold without a file when left out.
        tour: Guides him, in the demo.
    """

    TITLE = "govconsole"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - Textual declares it so
        (0, "-narrow"),
        (100, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = bindings("app", act=True)

    def __init__(
        self,
        session: Session | Callable[[], Session],
        *,
        notice: str = "",
        settings: Settings | None = None,
        tour: Tour | None = None,
    ) -> None:
        super().__init__()
        # Nothing slides: over SSH each step is a frame, and what flies past was not read.
        self.animation_level = "none"
        self.failed: GovError | None = None
        """Why the session could not be opened: the app has ended by itself."""
        self._notice = notice
        self._settings = settings or Settings()
        self._tour = tour
        self._session: Session | None = None
        self._open_session: Callable[[], Session] | None = None
        self._show_theme(self._settings.theme)
        if callable(session):
            self._open_session = session
        else:
            self._take(session)

    def _take(self, session: Session) -> None:
        from govconsole.live import Live
        from govconsole.shell import Shell

        self._session = session
        self.live: Live = Live(session.backend, session.clock, self._tell)
        self.shell: Shell = Shell(session, self.live, self._settings, tour=self._tour)
        session.keys.idle = self._settings.passphrase_minutes * 60.0
        self.set_keymap(self._settings.keymap.textual())

    def get_line_filters(self) -> Sequence[LineFilter]:
        """With NO_COLOR no colour at all: Textual's own answer to it is grey, which is a colour too."""
        found = list(super().get_line_filters())
        if self.no_color:
            from textual.filter import Monochrome, NoColor

            found = [*(one for one in found if not isinstance(one, Monochrome)), NoColor()]
        return found

    @property
    def view(self) -> View | None:
        """The view in front, below any dialog; None until the screens are loaded."""
        if self._session is None:
            return None
        from govconsole.screens.view import View

        return next((one for one in reversed(self.screen_stack) if isinstance(one, View)), None)

    async def on_mount(self) -> None:
        """Open the first view, at once or behind a first frame."""
        if self._open_session is None:
            await self._open()
            return
        await self.push_screen(Opening(self._tour.opening if self._tour is not None else ""))
        # The first frame stands: what takes long to load is loaded beside it, not before it.
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self._load(), group="opening")

    async def _load(self) -> None:
        if self._open_session is None:
            return
        try:
            session = await asyncio.to_thread(_loaded, self._open_session)
        except GovError as error:
            self.failed = error
            self.exit()
            return
        self._take(session)
        await self._open()

    async def _open(self) -> None:
        """Open the first view; say what the operator has to know first; listen to the backend."""
        from govconsole.screens.registry import VIEWS

        for view in VIEWS:
            self.install_screen(view(self.shell), view.spec.id)
        show = self.switch_screen if isinstance(self.screen, Opening) else self.push_screen
        await show(VIEWS[0].spec.id)
        if self._notice:
            self.notify(visible(self._notice), timeout=10, markup=False)
        self.set_interval(1.0, self._tick)
        self.run_worker(self.live.run(), group="live")

    async def on_unmount(self) -> None:
        """Close the connections; the backend goes on."""
        self.workers.cancel_all()
        if self._session is not None:
            await self._session.backend.aclose()

    async def on_event(self, event: events.Event) -> None:
        """Keys keep the vote key open, and never reach a dialog that had only just appeared."""
        if isinstance(event, events.Key) and self._session is not None:
            self._session.keys.touch()
        if isinstance(event, _HANDS):
            # By when it was pressed, not by when its turn comes: how far those are apart, an agent decides.
            ignores = getattr(self.screen, "ignores", None)
            if ignores is not None and ignores(event.time):
                return
        await super().on_event(event)

    def _fatal_error(self) -> None:
        """What ended the app, without the values that Textual would print: a passphrase may be among them."""
        self.bell()
        self.panic(crash(sys.exc_info()[1] or self._exception))

    def _tell(self, message: Message) -> None:
        if (view := self.view) is not None:
            view.post_message(message)
            if self.screen is not view and hasattr(self.screen, "redraw"):
                self.call_next(self.screen.redraw)

    def _tick(self) -> None:
        if (view := self.view) is not None:
            view.draw_chrome()

    def _show_theme(self, name: str) -> None:
        if PREFIX + name not in self.available_themes:
            self.register_theme(theme(name))
        self.theme = PREFIX + name

    def _warn(self, words: str) -> None:
        self.notify(visible(words), severity="warning", markup=False)

    # Acting

    def action_act(self, name: str, argument: str = "") -> None:
        """Run an action that every screen has, or say why it does not work now."""
        view, action = self.view, find("app", name)
        if view is None and name not in _EVEN_NOW:
            return
        why = action.blocked(view.now()) if view is not None else None
        if why is not None:
            self._warn(f"{action.label}: {why}")
        elif name.startswith("go_"):
            self.open_view(name.removeprefix("go_"))
        else:
            do = getattr(self, f"do_{name}")
            do(argument) if argument else do()
            if self._session is not None:
                self.shell.did(f"app.{name}")

    def open_view(self, name: str) -> None:
        """Bring a view to the front."""
        view = self.view
        if view is None or view.spec.id == name or self.screen is not view:
            return
        self.shell.previous = view.spec.id
        self.switch_screen(name)

    def do_back(self) -> None:
        """The view that was open before."""
        self.open_view(self.shell.previous)

    def do_command(self) -> None:
        """Type a command."""
        from govconsole.screens.line import LineScreen

        view = self.view
        if view is not None and self.screen is view:
            line = LineScreen(":", offers=self._offers, history=self.shell.commands)
            self.push_screen(line, self._entered)

    def _offers(self, line: str) -> list[commandline.Offer]:
        from govconsole.state import commandline

        view = cast("View", self.view)

        def arguments(command: commandline.Command, typed: str) -> Sequence[str]:
            if command.scope != "app":
                return view.complete(command.action.id, typed)
            return commandline.beginning(command.action.choices, typed)

        return commandline.offers(line, commandline.commands(view.spec.id), arguments)

    def _entered(self, line: str | None) -> None:
        from govconsole.state import commandline

        view = self.view
        if view is None or not (line or "").strip():
            return
        try:
            command, argument = commandline.parse(line or "", commandline.commands(view.spec.id))
        except GovError as error:
            self._warn(error.detail)
            return
        where = self if command.scope == "app" else view
        try:
            where.action_act(command.action.id, argument)
        except GovError as error:
            view.say(error)

    def do_tour(self, word: str = "") -> None:
        """End the demo's tour, or begin it again."""
        if (tour := self.shell.tour) is not None:
            if word == "off" or (not word and tour.on):
                tour.end()
            else:
                tour.begin()
            self._tick()

    def do_palette(self) -> None:
        """Find an action by a few letters."""
        from govconsole.screens.palette import Palette

        if self.screen is self.view:
            self.push_screen(Palette())

    def do_help(self) -> None:
        """The keys of what is focused."""
        from govconsole.screens.help import help_document
        from govconsole.screens.reader import Reader
        from govconsole.widgets.pane import DocumentPane

        if (view := self.view) is not None:
            focused = ("pane",) if isinstance(view.focused, DocumentPane) else ()
            document = help_document((*focused, view.spec.id, "app"), self.shell.keymap, view.now())
            self.push_screen(Reader(f"Keys ▸ {view.spec.title}", document))

    def do_alarms(self) -> None:
        """List the alarms."""
        from govconsole.screens.alarms import AlarmsScreen

        self.push_screen(AlarmsScreen(lambda ids: self.run_worker(self._see(ids), group="verbs")))

    async def _see(self, alarms: Iterable[str]) -> None:
        from govconsole.messages import Refused

        try:
            for alarm in alarms:
                await self.shell.session.backend.alarm_seen(alarm)
        except GovError as error:
            self._tell(Refused("", error))
        self.live.refresh()

    def do_copy(self) -> None:
        """Copy what is focused."""
        if (view := self.view) is not None:
            view.copy()

    def do_capture(self) -> None:
        """Save a picture of the screen."""
        from govconsole.screens.pictures import save

        save(self, self.shell)

    def do_theme(self, name: str = "") -> None:
        """The theme of that name, or the next one."""
        now = self.theme.removeprefix(PREFIX)
        chosen = name or THEMES[(THEMES.index(now) + 1) % len(THEMES)]
        if chosen not in THEMES:
            self._warn(f"there is no theme {chosen}: there are {', '.join(THEMES)}")
            return
        self._show_theme(chosen)
        self.notify(visible(f'theme {chosen}; to keep it: theme = "{chosen}" in console.toml'), markup=False)

    def do_lock(self) -> None:
        """Forget the vote key."""
        self.shell.session.keys.lock()
        self._tick()

    def do_quit(self) -> None:
        """Leave."""
        self.exit()

    def do_quit_now(self) -> None:
        """Leave, whatever is open."""
        self.exit()


def _loaded(open_session: Callable[[], Session]) -> Session:
    """The session, and with it everything that the screens need: off the loop, as it takes a while."""
    import govconsole.screens.registry  # noqa: F401 - it is there when the loop asks for it

    return open_session()
