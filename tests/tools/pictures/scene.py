"""What a picture is, and the hands at the keyboard of the app that it is taken of."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual.widgets import Input

from tests.govconsole.driver import screen_text
from tests.support.govd_process import PASSPHRASE
from tests.tools.pictures import cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot

    from govconsole.app import ConsoleApp
    from govconsole.settings import ThemeName
    from tests.tools.pictures.stage import Stage
    from tests.tools.pictures.voicestage import VoiceStage

PATIENCE_S: Final = 30.0
SIZES: Final = ((120, 36), (80, 24))
OTHER_THEMES: Final[tuple[ThemeName, ...]] = ("light", "high-contrast", "colour-blind")


@dataclass
class Scene:
    """A running app on a stage, and the hands at its keyboard."""

    app: ConsoleApp
    pilot: Pilot[None]
    stage: Stage | VoiceStage

    async def shows(self, *texts: str) -> None:
        """Let the app run until every text is on its screen."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not all(text in screen_text(self.app) for text in texts):
                    await self.pilot.pause(0.02)
        except TimeoutError:
            said = self.stage.govd.log()[-2000:]
            raise AssertionError(f"never came: {texts}\n{screen_text(self.app)}\n{said}") from None

    async def press(self, *keys: str) -> None:
        """Press keys, each when the one before has been dealt with."""
        for key in keys:
            # A dialog is deaf at first; whoever sits here reads before he presses.
            self.stage.clock.pass_by(1.0)
            await self.pilot.press(key)
            await self.pilot.pause()

    async def write(self, text: str) -> None:
        """Type a text into what has the focus."""
        await self.pilot.press(*("space" if char == " " else char for char in text))
        await self.pilot.pause()

    async def select(self, title: str) -> None:
        """Put the cursor on a job, and wait until it is open."""
        await self.shows(cast.PAYMENTS[:12])
        await self.press("home")
        for _ in range(len(self.stage.jobs)):
            if any(row.startswith("▌") and title[:12] in row for row in screen_text(self.app).split("\n")):
                break
            await self.press("j")
        job = next(id_ for name, id_ in self.stage.jobs.items() if name.startswith(title[:12]))
        await self.shows(f"…{job[-4:]}")

    def unlock(self) -> None:
        """The vote key, as after a first vote."""
        self.app.shell.session.keys.unlock(PASSPHRASE.decode())

    async def settle(self) -> None:
        """Let it run until nothing changes any more."""
        for one in self.app.screen.query(Input):
            one.cursor_blink = False
        before, same = "", 0
        async with asyncio.timeout(PATIENCE_S):
            while same < 6:
                await self.pilot.pause(0.02)
                now = screen_text(self.app)
                same = same + 1 if now == before else 0
                before = now


@dataclass(frozen=True)
class Picture:
    """One picture.

    Args:
        name: Its file's name.
        title: What it shows, for a reader who does not see it.
        screen: The class of the screen that is in front.
        play: Brings it there.
        alone: It changes what govd holds.
        empty: Nobody has asked for anything yet.
        theme: In which colours.
        tour: The demo guides whoever looks.
        opening: The backend lets the console wait.
        voices: On a stage of their own, where voices are made up and nobody speaks.
        sizes: Of the terminal, columns and rows.
    """

    name: str
    title: str
    screen: str
    play: Callable[[Scene], Awaitable[None]]
    alone: bool = False
    empty: bool = False
    theme: ThemeName = "dark"
    tour: bool = False
    opening: bool = False
    voices: bool = False
    sizes: tuple[tuple[int, int], ...] = SIZES
