"""finance-bot: wants to pay. It has no account: what policy or a person approves, the ledger books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from govdemo import bot, content
from govgate.sdk import Gate

if TYPE_CHECKING:
    from pathlib import Path

    from govdemo.content import Call

NAME: Final = "finance-bot"
_OPEN_AT_MOST: Final = 4


@click.command()
@bot.options
@bot.counter_option
def main(*, seed: int, pause: float, wait: float, once: bool, socket: Path) -> None:
    """Ask for payment after payment."""
    bot.leave_on_signals()
    habits = bot.Habits(content.OPENING_PAYMENTS, _OPEN_AT_MOST, pause, wait, once)
    with Gate() as gate:
        raise SystemExit(bot.Bot(NAME, gate, socket, habits, _done).run(content.payments(seed)))


def _done(call: Call, receipt: str) -> str:
    return f"{call.arguments['amount']} USD to {call.arguments['to']} are booked: {receipt}"


if __name__ == "__main__":
    main()
