"""Draw screenshots/*.svg: the real app on a real backend, with jobs that a few agents really declared.

.venv/bin/python -m tests.tools.screenshots          all of them
.venv/bin/python -m tests.tools.screenshots queue    one
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from govconsole.app import ConsoleApp
from govconsole.paths import Operator
from govconsole.session import Session
from tests.support.govd_process import OPERATOR, GovdProcess

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "screenshots"
SIZE: Final = (120, 36)
PATIENCE_S: Final = 20.0

JOBS: Final = (
    (
        "treasury-bot",
        "Pay the November invoices",
        "three suppliers, due on Monday",
        "bank.transfer",
        "48200.00",
    ),
    ("release-bot", "Announce release 1.2", "the changelog is in the body", "email.send", None),
    ("helper", "Clean the build folder", "old artefacts, nothing tracked", "fs.clean", None),
)


def declare(govd: GovdProcess) -> None:
    """The agents' side: each opens a job and declares what the default policy holds."""
    for agent, title, purpose, tool, amount in JOBS:
        client = govd.agent(agent).http
        job = (
            client.post("/v1/jobs", json={"title": title, "purpose": purpose}).raise_for_status().json()["id"]
        )
        for number in range(3 if amount else 1):
            arguments = {"to": f"supplier-{number + 1}"} | (
                {"amount": amount, "currency": "USD"} if amount else {}
            )
            action = {"tool": tool, "arguments": arguments}
            body = {"kind": "tool_call", "action": action, "job": job, "purpose": purpose}
            client.post("/v1/intents", json=body).raise_for_status()


async def _shows(pilot: Pilot[None], text: str) -> None:
    """Let the app run until the text is on its screen."""
    async with asyncio.timeout(PATIENCE_S):
        while text not in pilot.app.export_screenshot().replace("&#160;", " "):
            await pilot.pause(0.05)
    await pilot.pause()


async def queue(pilot: Pilot[None]) -> None:
    """The queue with a job opened beside it."""
    await _shows(pilot, JOBS[0][1])
    await pilot.press("j", "k")
    await _shows(pilot, "treasury-bot")


SCREENS: Final[dict[str, Callable[[Pilot[None]], Awaitable[None]]]] = {"queue": queue}


async def draw(name: str, govd: GovdProcess) -> None:
    """Run the app until the screen stands, and write its picture."""
    session = Session.open(Operator(OPERATOR, govd.operator_dir), govd.state)
    app = ConsoleApp(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await SCREENS[name](pilot)
        (FOLDER / f"{name}.svg").write_text(app.export_screenshot(title="govconsole"), encoding="utf-8")


def main() -> int:
    """Draw what was named, or everything."""
    named = sys.argv[1:] or list(SCREENS)
    unknown = [name for name in named if name not in SCREENS]
    if unknown:
        sys.stderr.write(f"no such screen: {', '.join(unknown)}; there are {', '.join(SCREENS)}\n")
        return 2
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gov-screens-") as folder, GovdProcess(Path(folder)) as govd:
        declare(govd)
        for name in named:
            asyncio.run(draw(name, govd))
            sys.stdout.write(f"screenshots/{name}.svg\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
