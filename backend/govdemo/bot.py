"""What the demo's agents that call tools share: declare errands in order, wait, hand over what is approved.

An agent has its own token and the socket of a counter, and nothing that would let it act by itself.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from govd.contract.errors import GovError
from govd.contract.intents import IntentState
from govd.contract.jobs import JobSubmission
from govd.contract.text import visible
from govdemo import counter
from govgate import calls
from govgate.exits import DENIED, EXPIRED, HELD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from govd.contract.intents import IntentView
    from govd.contract.jobs import JobView
    from govdemo.content import Call, Errand
    from govgate.sdk import Gate

DAY: Final = 86_400.0
DONE, LEFT = "✓", "✗"
"""Before what an agent says of something that was done, or was not."""

_OPENING_PAUSE: Final = 0.2
_ENDS: Final = {
    IntentState.DENIED: DENIED,
    IntentState.EXPIRED: EXPIRED,
    IntentState.HELD: HELD,
}
_SAID: Final = {
    IntentState.DENIED: "denied",
    IntentState.EXPIRED: "nobody decided in time",
    IntentState.HELD: "still held; I leave it",
}


@dataclass(frozen=True)
class Habits:
    """How an agent goes about it.

    Attributes:
        opening: Errands that come at once, one after another.
        open_at_most: Errands that may wait for a person at the same time.
        pause: Seconds between two errands after the opening.
        wait: Seconds to wait for a decision.
        once: End after the opening.
    """

    opening: int
    open_at_most: int
    pause: float
    wait: float = DAY
    once: bool = False


@dataclass(frozen=True)
class Declared:
    """An errand on its way: its job, and what was answered to each of its calls."""

    errand: Errand
    job: JobView
    views: list[tuple[Call, IntentView]]


class Bot:
    """An agent that asks for tool calls.

    Args:
        name: As it is known to the backend.
        gate: With the agent's token.
        socket: The counter that does what is approved.
        habits: How it goes about it.
        done: What it says of a call that was done, from the counter's receipt.
    """

    def __init__(
        self, name: str, gate: Gate, socket: Path, habits: Habits, done: Callable[[Call, str], str]
    ) -> None:
        self._name = name
        self._gate = gate
        self._socket = socket
        self._habits = habits
        self._done = done
        self._places = threading.BoundedSemaphore(habits.open_at_most)
        self._codes: list[int] = []

    def run(self, errands: Iterator[Errand]) -> int:
        """Declare errand after errand; with `once` the exit code of the worst end.

        Declared in one thread and so in one order, whatever becomes of them meanwhile.
        """
        followers: list[threading.Thread] = []
        for number, errand in enumerate(errands):
            if number >= self._habits.opening:
                if self._habits.once:
                    break
                time.sleep(self._habits.pause)
            elif number:
                time.sleep(_OPENING_PAUSE)
            self._places.acquire()
            declared = self._until_declared(errand)
            follower = threading.Thread(target=self._follow, args=(declared,), daemon=True)
            follower.start()
            followers = [*(one for one in followers if one.is_alive()), follower]
        for one in followers:
            one.join()
        return max(self._codes, default=0)

    def _until_declared(self, errand: Errand) -> Declared:
        while True:
            try:
                return self._declare(errand)
            except GovError as error:
                self.tell(f"{errand.title}: {error.detail}")
                time.sleep(error.retry_after or self._habits.pause or 1)

    def _declare(self, errand: Errand) -> Declared:
        self.tell(f"{errand.title}: asking")
        body = JobSubmission(title=errand.title, purpose=errand.purpose)
        job = self._gate.client.send(calls.open_job(body))
        views = [
            (
                call,
                self._gate.submit(
                    "tool_call",
                    {"tool": call.tool, "arguments": call.arguments},
                    errand.purpose,
                    job=job.id,
                ),
            )
            for call in errand.calls
        ]
        return Declared(errand, job, views)

    def _follow(self, declared: Declared) -> None:
        try:
            # Daemon threads die with the process: whatever goes wrong here ends with a sentence.
            for call, view in declared.views:
                self._settle(call, view)
            with contextlib.suppress(GovError):  # it was denied, or has ended by itself
                self._gate.client.send(calls.deliver(declared.job.id))
        except GovError as error:
            self.tell(f"{declared.errand.title}: {error.detail}")
            self._codes.append(1)
        finally:
            self._places.release()

    def _settle(self, call: Call, view: IntentView) -> None:
        """Wait for the decision on one call, and have it done where it is approved."""
        waited = view.state is IntentState.HELD
        if waited:
            view = self._gate.wait(view.id, self._habits.wait)
        if view.state is IntentState.APPROVED:
            self.tell(f"{DONE} {self._done(call, counter.hand_over(self._socket, view.id))}")
            return
        words = _SAID.get(view.state, view.state.value)
        guidance = f" ({view.guidance})" if view.guidance else ""
        self.tell(f"{LEFT} {call.tool}: {words}{guidance}; not done")
        if waited:  # what policy alone denies is the demo's own plan, and no failure of it
            self._codes.append(_ENDS.get(view.state, 1))

    def tell(self, words: str) -> None:
        """A line for whoever watches."""
        tell(self._name, words)


def tell(name: str, words: str) -> None:
    """A line for whoever watches: whoever wrote its words, no terminal obeys them."""
    click.echo(f"{visible(name)}: {visible(words, 400)}")
    sys.stdout.flush()


def leave_on_signals() -> None:
    """Told to end, end at once: with an exit, so that what was started is ended too."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)


def _leave(number: int, _: object) -> None:
    sys.exit(128 + number)


def options(command: Any) -> Any:  # noqa: ANN401 - click's decorators are untyped here
    """The options that every agent of the demo has."""
    for option in (
        click.option("--seed", type=int, default=1, help="What it asks for is made up from this."),
        click.option("--pause", type=float, default=20.0, help="Seconds between two errands."),
        click.option("--wait", type=float, default=DAY, help="Seconds to wait for a decision."),
        click.option("--once", is_flag=True, help="End after the first errands, with the worst exit code."),
    ):
        command = option(command)
    return command


def counter_option(command: Any) -> Any:  # noqa: ANN401 - as above
    """Where what is approved is handed over."""
    path = click.Path(path_type=Path)
    return click.option("--counter", "socket", type=path, required=True, help="The counter's socket.")(
        command
    )
