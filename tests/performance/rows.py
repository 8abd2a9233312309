"""What a measurement is: a figure beside its baseline and its target, and how figures are printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Row:
    """One figure. `ratio` is value over baseline; `better` says on which side of the target is good.

    A value of None was not measured; `note` says why, or on what a figure stands.
    """

    value: float | None
    unit: str
    baseline: float | None = None
    target: float | None = None
    better: Literal["lower", "higher"] = "lower"
    note: str = ""

    def as_json(self) -> dict[str, object]:
        """The row as build/bench.json has it."""
        ok = None
        if self.target is not None and self.value is not None:
            ok = self.value <= self.target if self.better == "lower" else self.value >= self.target
        return {
            "value": None if self.value is None else round(self.value, 4),
            "unit": self.unit,
            "baseline": None if self.baseline is None else round(self.baseline, 4),
            "ratio": round(self.value / self.baseline, 4)
            if self.baseline and self.value is not None
            else None,
            "target": self.target,
            "ok": ok,
            **({"note": self.note} if self.note else {}),
        }


def p(values: Sequence[float], percent: int) -> float:
    """A percentile, by rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def scratch() -> Path:
    """A folder on a real disk, beside other build results: /tmp may be memory, where a sync costs nothing."""
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    return folder


HEADINGS: Final = f"{'row':36} {'value':>10} {'':5} {'baseline':>10} {'ratio':>7} {'target':>7}\n"


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The rows for people, below `HEADINGS`."""
    lines = []
    for name, row in rows.items():
        cells = [
            f"{row[key]:.2f}" if row[key] is not None else ""
            for key in ("value", "baseline", "ratio", "target")
        ]
        word = {None: "", True: "ok", False: "MISSED"}[row["ok"]]
        lines.append(
            f"{name:36} {cells[0]:>10} {row['unit']:5} {cells[1]:>10} {cells[2]:>7} {cells[3]:>7} {word:6} "
            f"{row.get('note', '')}".rstrip()
        )
    return "\n".join(lines) + "\n"
