"""Puts figures into docs/performance.md: python -m tests.bench.report FIGURES... (what --json wrote, of several runs).

Of each row the run in the middle counts. What a company needs is computed from the same figures.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.rig.portal import ROOT

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- {}: made by tests.bench.report -->\n", "<!-- end of {} -->\n"
EVENTS_OF_A_CHANGE = 9.4
"""Nine for one that is applied, and the pages that its approvers and auditors open leave some."""
VIEWS_OF_A_CHANGE = 8
Figures = list[dict[str, Any]]


def main(files: list[str]) -> int:
    """Write the page anew between its marks."""
    rows = medians([json.loads(line) for file in files for line in Path(file).read_text().splitlines()])
    page = PAGE.read_text(encoding="utf-8")
    for name, text in (("figures", table(rows)), ("reach", reach(rows))):
        before, _, rest = page.partition(BEGIN.format(name))
        after = rest.partition(END.format(name))[2]
        page = f"{before}{BEGIN.format(name)}{text}{END.format(name)}{after}"
    PAGE.write_text(page, encoding="utf-8")
    return 0


def medians(rows: Figures) -> Figures:
    """One of each row: the one in the middle of its runs, in the order of the first."""
    runs: dict[tuple[str, str, str], Figures] = defaultdict(list)
    for row in rows:
        runs[row["name"], row["what"], row["against"]].append(row)
    middle = []
    for told in runs.values():
        ordered = sorted(told, key=lambda row: row["figure"] if row["figure"] is not None else row["ours"])
        middle.append(ordered[len(ordered) // 2] | {"runs": len(told)})
    return middle


def table(rows: Figures) -> str:
    """Each row with its ratio and goal."""
    lines = ["| | what | ours | beside it | ratio | goal | | stolen, runs |", "| --- " * 8 + "|"]
    for row in rows:
        goal = "" if row["goal"] is None else f"{'≥' if row['at_least'] else '≤'} {number(row['goal'])}"
        beside = "" if row["floor"] is None else f"{number(row['floor'])} ({row['against']})"
        ratio = "" if row["figure"] is None else number(row["figure"])
        met = {True: "met", False: "**short**", None: ""}[row["met"]]
        ours = f"{number(row['ours'])} {row['unit']}".strip()
        what = row["what"] + (f" ({row['note']})" if row["note"] else "")
        lines.append(f"| {row['name']} | {what} | {ours} | {beside} | {ratio} | {goal} | {met} | {row['stolen']:.0%},"
                     f" {row['runs']} |")  # fmt: skip
    short = [f"{row['name']} ({row['what']})" for row in rows if row["met"] is False]
    told = f"Short of their goals: {'; '.join(short)}." if short else "All goals are met."
    return "\n".join([*lines, "", told, ""])


def reach(rows: Figures) -> str:
    """Changes a day, events a year, bytes, processes: from what each costs."""
    known = {(row["name"], row["what"].partition(",")[0]): row["ours"] for row in rows}
    by_name = {row["name"]: row for row in rows}
    if not {"A3", "C1", "storage", "B1", "approve", "submit"} <= by_name.keys():
        return "Not all of what this is computed from was measured.\n"
    worker = next(row["ours"] for row in rows if row["name"] == "A3" and "100 ms" in row["what"])
    event, change = known["storage", "an event"], known["storage", "a change without its events"]
    view = statistics.mean(row["ours"] for row in rows if row["name"] in ("B1", "size") and row["unit"] == "ms")
    act = known["approve", "one approval"] + known["submit", "one submission"]
    web_ms = VIEWS_OF_A_CHANGE * view + act
    appends = min(row["ours"] for row in rows if row["name"] == "C1")
    each = change + EVENTS_OF_A_CHANGE * event
    lines = ["| changes a day | events a year | database a year | worker processes, vault 100 ms, all within 2 hours |"
             " web processes, all within 8 hours |", "| --- " * 5 + "|"]  # fmt: skip
    lines += [
        f"| {day:,} | {day * 365 * EVENTS_OF_A_CHANGE:,.0f} | {day * 365 * each / 1e9:,.1f} GB |"
        f" {max(1, -(-day // int(worker / 4 * 7200)))} | {max(1, -int(-day * web_ms // (8 * 3_600_000)))} |"
        for day in (100, 1_000, 10_000, 100_000)
    ]
    limits = [
        f"- Delivery: a worker of four processes carries out {number(worker)} a second at 100 ms,"
        f" {worker * 86_400:,.0f} a day.",
        f"- Pages: a change costs about {number(web_ms)} ms of one web process ({VIEWS_OF_A_CHANGE} pages, a"
        f" submission, an approval): {3_600_000 / web_ms:,.0f} an hour.",
        f"- The log: {number(appends)} appends a second, the fewer of four and sixteen clients:"
        f" {appends / EVENTS_OF_A_CHANGE:,.0f} changes.",
        f"- Disk: {number(each)} bytes a change with its events and all indexes; a million changes are"
        f" {each * 1e6 / 1e9:.1f} GB.",
    ]
    return "\n".join([*lines, "", *limits, ""])


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value == 0 or abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
