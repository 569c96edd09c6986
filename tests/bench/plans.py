"""How PostgreSQL answers what the pages ask: the plan of every SELECT, and what in it grows with the history."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.bench.tables import Tables
from tests.rig.queries import growing

GROWING = frozenset(Tables.names())
MOST_ROWS = 3000
"""A page touches no more rows than that, whatever there is: some hundreds of each of its lists, with room."""
_A_FEW = 100
_TOLD = (
    "Plan Rows", "Actual Rows", "Actual Loops", "Rows Removed by Filter", "Rows Removed by Index Recheck", "Index Cond",
    "Filter",
)  # fmt: skip
_BY_A_PART_OF_THE_NAME = '"folded"::text LIKE '
"""Secrets, of which there are as many as Segura has, are searched through: some 20 ms for 100,000 of them."""
_COUNT_UP_TO = re.compile(r"SELECT COUNT\(.* LIMIT (\d+)\) subquery", re.DOTALL)


@dataclass
class Plan:
    """One statement and how it was answered. `touched`: rows it read, those it threw away included.

    `lines`: the plan as text, one line for each of its nodes.
    """

    sql: str
    lines: list[str] = field(default_factory=list)
    seq_scans: list[str] = field(default_factory=list)
    spilled: list[str] = field(default_factory=list)
    touched: int = 0

    def complaints(self, most_rows: int, *, counts: bool) -> Iterator[str]:
        """What in it costs more the longer the history is. What counts may sort what it counts on disk."""
        yield from (f"sequential scan of {table}" for table in self.seq_scans)
        yield from (f"a sort on disk ({what})" for what in self.spilled if not counts)
        if self.touched > most_rows:
            yield f"{self.touched} rows read"


def complaints(act: Callable[[], object], most_rows: int = MOST_ROWS, *, counts: bool = False) -> list[str]:
    """What is wrong with the questions `act` asks, each with its statement and plan.

    A count up to a limit may read as many rows more.
    `counts`: it may, within a period.
    """
    with CaptureQueriesContext(connection) as asked:
        act()
    statements = [query["sql"] for query in asked if query["sql"].startswith("SELECT")]
    unlimited = [] if counts else growing({"sql": sql} for sql in statements)
    found = [f"COUNT or OFFSET without a limit: {sql}" for sql in unlimited]
    for sql in dict.fromkeys(statements):
        plan = explain(sql)
        counted = _COUNT_UP_TO.fullmatch(sql)
        most = most_rows + int(counted[1]) if counted else most_rows
        found += ["\n".join([f"{wrong}: {sql}", *plan.lines]) for wrong in plan.complaints(most, counts=counts)]
    return found


def report(found: Mapping[str, list[str]]) -> str:
    """All that is wrong, as text: by page the complaint, the statement and its plan."""
    return "\n\n".join(f"{name}: {complaint}" for name, complaints in found.items() for complaint in complaints)


def explain(sql: str) -> Plan:
    """Run it and look."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + sql.replace("%", "%%"), [])
        answer = cursor.fetchone()[0]
    plan = Plan(sql)
    for depth, node in _nodes((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]):
        table = str(node.get("Relation Name"))
        plan.lines.append("  " * depth + _line(node))
        if table in GROWING and _BY_A_PART_OF_THE_NAME not in sql:
            removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            touched = round((node["Actual Rows"] + removed) * node["Actual Loops"])
            plan.touched += touched
            if node["Node Type"] == "Seq Scan" and touched > _A_FEW:
                plan.seq_scans.append(table)
        if node.get("Sort Space Type") == "Disk" or node.get("Disk Usage"):
            plan.spilled.append(node["Node Type"])
    return plan


def _nodes(plan: dict[str, Any], depth: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
    yield depth, plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part, depth + 1)


def _line(node: dict[str, Any]) -> str:
    """A node as people read it: what it went by, what was expected and what came."""
    went_by = [f"{word} {node[key]}" for word, key in (("on", "Relation Name"), ("by", "Index Name")) if key in node]
    told = [f"{key.lower()} {node[key]}" for key in _TOLD if key in node]
    return f"{' '.join([node['Node Type'], *went_by])} ({', '.join(told)})"


def forget_statistics() -> None:
    """Let the planner know of the filled tables what it knows after a bulk load: how long their files are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relname = ANY(%s) OR oid IN"
            " (SELECT indexrelid FROM pg_index JOIN pg_class t ON t.oid = indrelid WHERE t.relname = ANY(%s))",
            [Tables.names(), Tables.names()],
        )
        cursor.execute("DELETE FROM pg_statistic WHERE starelid = ANY(%s::regclass[])", [Tables.names()])


def pretend(times: int) -> None:
    """Let the planner take the filled tables and their indexes for so many times as long."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_class SET reltuples = reltuples * %s WHERE reltuples > 0 AND (relname = ANY(%s) OR oid IN"
            " (SELECT indexrelid FROM pg_index JOIN pg_class t ON t.oid = indrelid WHERE t.relname = ANY(%s)))",
            [times, Tables.names(), Tables.names()],
        )
