"""What a measurement came to: one row of the table, and one line for machines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """One goal. `ours` and `floor` in `unit`, measured in the same run; `figure` is what `goal` bounds.

    `get_integer` tells on which side of the goal it has to be; without a goal it is told for the record.
    """

    name: str
    what: str
    unit: str
    ours: float
    floor: float | None = None
    figure: float | None = None
    goal: float | None = None
    at_least: bool = True
    against: str = ""
    stolen: float = 0.0
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is; None where there is none."""
        if self.goal is None or self.figure is None:
            return None
        return self.figure >= self.goal if self.at_least else self.figure <= self.goal

    def line(self) -> str:
        """As JSON."""
        return json.dumps({**asdict(self), "met": self.met})

    def cells(self) -> list[str]:
        """As people read it."""
        goal = "" if self.goal is None else f"{'≥' if self.at_least else '≤'} {_number(self.goal)}"
        met = {True: "met", False: "SHORT", None: ""}[self.met]
        return [
            self.name, self.what, f"{_number(self.ours)} {self.unit}",
            "" if self.floor is None else f"{_number(self.floor)} ({self.against})",
            "" if self.figure is None else _number(self.figure), goal, met, f"{self.stolen:.0%}",
        ]  # fmt: skip


HEAD = ["", "what", "ours", "beside it", "ratio", "goal", "", "stolen"]


def rate(name: str, what: str, unit: str, ours: float, floor: float, goal: float, against: str, **more: object) -> Row:
    """More is better: ours over the floor's."""
    return Row(name, what, unit, ours, floor, ours / floor, goal, True, against, **more)  # type: ignore[arg-type]


def cost(name: str, what: str, unit: str, ours: float, floor: float, goal: float, against: str, **more: object) -> Row:
    """Less is better: ours over the floor's."""
    return Row(name, what, unit, ours, floor, ours / floor, goal, False, against, **more)  # type: ignore[arg-type]


def bound(name: str, what: str, unit: str, ours: float, goal: float, **more: object) -> Row:
    """No more than that."""
    return Row(name, what, unit, ours, figure=ours, goal=goal, at_least=False, **more)  # type: ignore[arg-type]


def table(rows: list[Row], head: list[str] = HEAD) -> str:
    """All of them, in columns."""
    lines = [head, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    told = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
    notes = [f"{row.name}: {row.note}" for row in rows if row.note]
    return "\n".join([*told, "", *notes])


def _number(value: float) -> str:
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
