"""The demo's ledger: a small bank that books a transfer when its approval is redeemed, and only then.

Must never book an intent twice: the approval is spent once, and the intent is the book's own key.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import click
from pydantic import BaseModel, ConfigDict, StringConstraints

from govd.contract.actions import Decimal
from govdemo import counter

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOLS: Final = frozenset({"bank.transfer", "bank.refund"})
_Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS transfers (
    intent TEXT PRIMARY KEY, recipient TEXT NOT NULL, amount TEXT NOT NULL,
    currency TEXT NOT NULL, reference TEXT NOT NULL
)"""


class Transfer(BaseModel):
    """The arguments of a transfer. `amount`: a decimal in a string, in USD."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: _Text
    amount: Decimal
    currency: Literal["USD"]
    reference: Annotated[str, StringConstraints(max_length=200)] = ""


@dataclass(frozen=True)
class Ledger:
    """The book, a SQLite file."""

    path: Path

    def book(self, intent: str, transfer: Transfer) -> str:
        """Book a transfer; its receipt.

        Raises:
            UncertainError: nobody knows whether the disk has it.
        """
        row = (intent, transfer.to, transfer.amount, transfer.currency, transfer.reference)
        try:
            with sqlite3.connect(self.path) as book:
                book.execute(_TABLE)
                book.execute("INSERT INTO transfers VALUES (?, ?, ?, ?, ?)", row)
                number = book.execute("SELECT count(*) FROM transfers").fetchone()[0]
            book.close()
        except sqlite3.IntegrityError:
            raise ValueError("the book has this intent already") from None
        except sqlite3.Error as error:
            raise counter.UncertainError(f"the book: {type(error).__name__}") from None
        return f"entry {number}"


def entries(path: Path) -> Iterator[tuple[str, str, str]]:
    """(intent, recipient, amount) of every entry, in order."""
    if not path.exists():
        return
    book = sqlite3.connect(path)
    try:
        yield from book.execute("SELECT intent, recipient, amount FROM transfers ORDER BY rowid")
    except sqlite3.OperationalError:  # nothing was booked yet
        return
    finally:
        book.close()


@click.command()
@counter.options
@click.option("--book", type=click.Path(path_type=Path), required=True, help="The SQLite file.")
def main(*, agent: str, book: Path, **place: Any) -> None:  # noqa: ANN401 - the counter's options
    """Book transfers, each once, as they were approved."""
    counter.run(counter.Trade(agent, TOOLS, Transfer, Ledger(book).book), **place)


if __name__ == "__main__":
    main()
