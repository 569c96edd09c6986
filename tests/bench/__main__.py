"""How quick the portal is, beside the least code that honestly does the same: python -m tests.bench [NAMES].

A table for people, and with --json FILE a line for each row. Without names all is measured, which takes about an hour.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path

from tests.bench.engine import begin
from tests.bench.outcome import Row, table


def main() -> int:
    """Measure what was asked for; 1 when a goal was not met."""
    arguments = _arguments()
    rows: list[Row] = []
    with begin() as engine:
        import django

        django.setup()
        from tests.bench.bench import Bench, Options
        from tests.bench.catalogue import MEASURES
        from tests.bench.steadiness import say

        unknown = set(arguments.names) - set(MEASURES)
        if unknown:
            sys.stderr.write(f"There is no {', '.join(sorted(unknown))}. There are: {', '.join(MEASURES)}\n")
            return 2
        numbers = {name: [int(float(each)) for each in getattr(arguments, name).split(",")]
                   for name in ("changes", "events", "secrets")}  # fmt: skip
        bench = Bench(engine, Options(**numbers, rounds=arguments.rounds, seconds=arguments.seconds,
                                      tasks=arguments.tasks, beside=arguments.beside))  # fmt: skip
        for name in arguments.names or MEASURES:
            say(name)
            for row in MEASURES[name](bench):
                rows.append(row)
                say(*row.cells())
                if arguments.json:
                    with arguments.json.open("a") as file:
                        file.write(row.line() + "\n")
    sys.stdout.write(f"{_machine()}\n\n{table(rows)}\n")
    return int(any(row.met is False for row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="measurements; all of them where none is named")
    parser.add_argument("--changes", default="1e3,1e6", help="how many, in the shortest and in the longest past")
    parser.add_argument(
        "--events",
        default="1e6",
        help="how many in the longest past, where fewer than its changes have, those of the newest ones",
    )
    parser.add_argument("--secrets", default="1e2,1e5", help="how many, in the shortest and in the longest past")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--seconds", type=float, default=4, help="how long each round of a rate is")
    parser.add_argument("--tasks", type=int, default=2000, help="changes in each round of delivery")
    parser.add_argument("--beside", default="", help="folder with the peers' own benchmarks, to run in the same run")
    parser.add_argument("--json", type=Path, help="append a line for each row to this file")
    return parser.parse_args()


def _machine() -> str:
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "?")  # fmt: skip
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')} · {len(os.sched_getaffinity(0))} x {cpu} · Python"
        f" {platform.python_version()} · load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
