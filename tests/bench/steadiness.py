"""What the machine does meanwhile: CPU time by process, time that the host takes away, and moments quiet enough."""

from __future__ import annotations

import contextlib
import hashlib
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

_TICK = os.sysconf("SC_CLK_TCK")
_PATIENCE_S = float(os.environ.get("BENCH_PATIENCE_S", "60"))
_STOLEN_AT_MOST = 0.2


def say(*words: object) -> None:
    """A line of progress."""
    sys.stderr.write(f"   {time.strftime('%H:%M:%S')} {' '.join(map(str, words))}\n")


def percentile(values: Iterable[float], share: float) -> float:
    """`share` of the values are not above it."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    low, high = ordered[int(place)], ordered[min(int(place) + 1, len(ordered) - 1)]
    return low + (high - low) * (place - int(place))


def machine_times() -> tuple[int, int, int]:
    """Busy, idle and stolen ticks of all processors."""
    user, nice, system, idle, waiting, irq, soft, stolen = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    return user + nice + system + irq + soft, idle + waiting, stolen


class Watch:
    """Measures a stretch: seconds, the share of wanted CPU time that was stolen, CPU seconds of named processes."""

    def __init__(self, **pids: int) -> None:
        self._pids = pids
        self.seconds = self.stolen = 0.0
        self.cpu: dict[str, float] = {}

    def __enter__(self) -> Watch:
        self._cpu = {name: cpu_seconds(pid) for name, pid in self._pids.items()}
        self._machine, self._began = machine_times(), time.perf_counter()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self.seconds = time.perf_counter() - self._began
        busy, _idle, stolen = (now - then for now, then in zip(machine_times(), self._machine, strict=True))
        self.stolen = stolen / max(1, busy + stolen)
        self.cpu = {name: cpu_seconds(pid) - self._cpu[name] for name, pid in self._pids.items()}


def cpu_seconds(pid: int) -> float:
    """Used so far by a process and all below it, those that have ended included."""
    return sum(sum(ticks) for _pid, _rss, ticks in _family(pid)) / _TICK


def memory_mb(pid: int) -> float:
    """What a process and all below it hold for themselves, shared pages by their share."""
    total = 0
    for member, _rss, _ticks in _family(pid):
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{member}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


def _family(pid: int) -> list[tuple[int, int, list[int]]]:
    known: dict[int, tuple[int, int, list[int]]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                known[int(entry.name)] = (int(fields[1]), int(fields[21]), [int(each) for each in fields[11:15]])
    wanted = [pid]
    for member in wanted:
        wanted += [child for child, (parent, _rss, _ticks) in known.items() if parent == member]
    return [(member, known[member][1], known[member][2]) for member in wanted if member in known]


def stolen_now(seconds: float = 0.4) -> float:
    """The share of CPU time the host takes away, found by wanting all of it for a moment."""
    block, ends = b"x" * 2**20, time.perf_counter() + seconds

    def spin() -> None:
        while time.perf_counter() < ends:
            hashlib.sha256(block).digest()

    threads = [threading.Thread(target=spin) for _ in range(len(os.sched_getaffinity(0)))]
    with Watch() as watch:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return watch.stolen


def wait_for_quiet() -> None:
    """Until other work here, and the host's, has died down; gives up after a minute and says so."""
    ends = time.monotonic() + _PATIENCE_S
    while True:
        before = machine_times()
        time.sleep(1)
        busy, idle, _stolen = (now - then for now, then in zip(machine_times(), before, strict=True))
        others, stolen = busy / max(1, busy + idle) * len(os.sched_getaffinity(0)), stolen_now()
        if others <= 0.6 and stolen <= 0.15:
            return
        if time.monotonic() > ends:
            say(f"not quiet: {others:.1f} processors busy with other work, {stolen:.0%} of the time stolen by the host")
            return


class Rounds:
    """A figure measured several times: the median of the rounds the host disturbed least. `stolen`: the worst kept."""

    def __init__(self, measure: Callable[[], float], rounds: int) -> None:
        kept: list[tuple[float, float]] = []
        for _ in range(3 * rounds):
            with Watch() as watch:
                figure = measure()
            kept.append((watch.stolen, figure))
            if sum(stolen <= _STOLEN_AT_MOST for stolen, _figure in kept) >= rounds:
                break
        kept = sorted(kept)[:rounds]
        self.figure = statistics.median(figure for _stolen, figure in kept)
        self.stolen = max(stolen for stolen, _figure in kept)
