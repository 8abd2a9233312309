"""mail-bot: wants to send mails. It knows no mail server: what is approved, the mail room sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from govdemo import bot, content
from govgate.sdk import Gate

if TYPE_CHECKING:
    from pathlib import Path

    from govdemo.content import Call

NAME: Final = "mail-bot"
_OPENING: Final = 2
_OPEN_AT_MOST: Final = 4


@click.command()
@bot.options
@bot.counter_option
def main(*, seed: int, pause: float, wait: float, once: bool, socket: Path) -> None:
    """Ask for mail after mail."""
    bot.leave_on_signals()
    habits = bot.Habits(1 if once else _OPENING, _OPEN_AT_MOST, pause, wait, once)
    with Gate() as gate:
        raise SystemExit(bot.Bot(NAME, gate, socket, habits, _done).run(content.mails(seed)))


def _done(call: Call, receipt: str) -> str:
    return f"the mail to {call.arguments['to']} is out: {receipt}"


if __name__ == "__main__":
    main()
