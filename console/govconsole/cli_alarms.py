"""`govconsole alarms`: what needs an operator, and saying that one has seen it.

Must never mark an alarm that it did not print: what was raised meanwhile stays unseen.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Final, Protocol

import click

from govconsole import completing
from govconsole.cli_options import json_option
from govd.contract.errors import NotFoundError, UsageError
from govd.contract.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from govconsole.session import Session
    from govd.contract.system import Alarm

_PIPE_WIDTH: Final = 100


class HasSession(Protocol):
    """What the commands need of this invocation."""

    def run(self, work: Callable[[Session], Awaitable[str]]) -> str:
        """One piece of work with a session of its own."""
        ...


def group(say: Callable[[str], None], data: Callable[[str], None]) -> click.Group:
    """The commands of `govconsole alarms`. `say`: takes messages; `data`: takes what was asked for."""

    @click.group(cls=Verbs)
    def alarms() -> None:
        """What does not go away by itself, and the commands that mend it."""

    @alarms.command("list")
    @json_option
    @click.pass_obj
    def list_(places: HasSession, *, as_json: bool) -> None:
        """List the alarms that stand, each with its id, who has seen it, and what mends it."""
        from govconsole.headless import machine

        async def work(session: Session) -> str:
            standing = await session.backend.alarms()
            if as_json:
                return machine({"alarms": [one.model_dump(mode="json") for one in standing]})
            return _listed(standing, session)

        if found := places.run(work):
            data(found)
        else:
            say("no alarm stands")

    _seeing(alarms, say, data)
    return alarms


def _seeing(alarms: click.Group, say: Callable[[str], None], data: Callable[[str], None]) -> None:
    @alarms.command()
    @click.argument(
        "alarm",
        required=False,
        help="The alarm's id or its kind, from `alarms list`.",
        shell_complete=completing.alarms,
    )
    @click.option("--all", "every", is_flag=True, help="All that stand now and that nobody has seen.")
    @click.pass_obj
    def seen(places: HasSession, alarm: str | None, *, every: bool) -> None:
        """Say that you have seen an alarm. Of some kinds it ends by that; the others stay until mended.

        What it is about is printed. After a step of the clock, approvals count again from then on.
        """
        if (alarm is None) != every:
            raise UsageError("name one alarm, or say --all", hint="govconsole alarms list")

        async def work(session: Session) -> str:
            marked = _chosen(await session.backend.alarms(), alarm)
            # Printed before it is marked: nobody has seen what he was not shown.
            if marked:
                data(_listed(marked, session))
            for one in marked:
                await session.backend.alarm_seen(one.id)
            return f"seen: {len(marked)}" if marked else "no alarm stands that nobody has seen"

        say(places.run(work))


def _chosen(standing: Sequence[Alarm], alarm: str | None) -> list[Alarm]:
    if alarm is None:
        return [one for one in standing if not one.seen_by]
    found = [one for one in standing if alarm in (one.id, one.kind)]
    if not found:
        raise NotFoundError("no alarm of that id or kind stands", hint="govconsole alarms list")
    return found


def _listed(alarms: Sequence[Alarm], session: Session) -> str:
    from govconsole.client.alarmview import alarm_document
    from govconsole.client.document import blank, line, plain, wrap

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE_WIDTH
    now = session.clock.now()
    found = [row for one in alarms for row in (line(one.id), *alarm_document(one, now), blank())]
    return plain(wrap(found[:-1], width))
