"""A server of queue rows without a wire: keyset pages, rows by id, and a stream of what happened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from govconsole.client.row import Row
from govconsole.state.queue import KEYS, Wanted
from govconsole.state.window import Fetch, Page
from tests.govconsole.world import NOW

if TYPE_CHECKING:
    from collections.abc import Iterable


def row(name: str, risk: int = 10, minutes: int = 60) -> Row:
    return Row(
        id=name,
        agent=f"bot-{risk % 3}",
        title=name,
        state="held",
        risk=risk,
        intents=1,
        held=1,
        sums="",
        opened=NOW - timedelta(minutes=minutes),
        until=NOW + timedelta(minutes=minutes),
        advisory=False,
    )


@dataclass
class ModelServer:
    """Rows that are held, and the jobs that something happened to, in their order."""

    size: int = 5
    held: dict[str, Row] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    made: int = 0

    def add(self, risk: int, minutes: int = 60) -> str:
        self.made += 1
        name = f"j{self.made:06d}"
        self.held[name] = row(name, risk, minutes)
        self.events.append(name)
        return name

    def settle(self, job: str) -> None:
        del self.held[job]
        self.events.append(job)

    def change(self, job: str, risk: int) -> None:
        self.held[job] = replace(self.held[job], risk=risk)
        self.events.append(job)

    def listed(self, wanted: Wanted) -> list[Row]:
        return sorted(self.held.values(), key=KEYS[wanted.order])

    def rows(self, jobs: Iterable[str]) -> list[Row]:
        return [self.held[job] for job in jobs if job in self.held]

    def page(self, wanted: Wanted, fetch: Fetch) -> Page:
        """A page by key: its cursors name a key, so that rows that come and go shift nothing."""
        key = KEYS[wanted.order]
        rows = self.listed(wanted)
        if fetch.side == "after":
            start = sum(repr_key(key(one)) <= (fetch.cursor or "") for one in rows)
        elif fetch.side == "before":
            end = sum(repr_key(key(one)) < (fetch.cursor or "") for one in rows)
            start = max(end - self.size, 0)
            rows = rows[:end]
        else:
            start = 0 if fetch.side == "first" else max(len(rows) - self.size, 0)
        part = rows[start : start + self.size]
        everything = self.listed(wanted)
        first = repr_key(key(part[0])) if part else (fetch.cursor or "")
        last = repr_key(key(part[-1])) if part else (fetch.cursor or "")
        return Page(
            rows=tuple(part),
            previous=first if any(repr_key(key(one)) < first for one in everything) else None,
            next=last if any(repr_key(key(one)) > last for one in everything) else None,
            offset=start,
            total=len(everything),
        )


def repr_key(key: tuple[object, ...]) -> str:
    """A key as text that sorts as the key does."""
    return "|".join(f"{part + 1000:08.2f}" if isinstance(part, (int, float)) else str(part) for part in key)
