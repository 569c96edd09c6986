"""The supervisor on real processes, children and grandchildren."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.processes


class Family:
    """tests.operations.family as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.pids_file = folder / "pids.json"
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.operations.family", str(self.pids_file)],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        within(15, lambda: "family  | is up" in self.printed())

    def printed(self) -> str:
        return self.log.read_text()

    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = json.loads(self.pids_file.read_text())
        return pids

    def everyone(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def within(seconds: float, holds: Callable[[], object]) -> float:
    """Wait for a fact; the seconds it took. Fails when it does not come true in time."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    family = Family(tmp_path)
    yield family
    end(family)


def end(family: Family) -> None:
    if family.process.poll() is None:
        for process in [*family.everyone(), psutil.Process(family.process.pid)]:
            process.kill()
    family.process.wait()


def gone(processes: list[psutil.Process]) -> Callable[[], bool]:
    return lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def test_killed_child_is_restarted_and_its_own_children_do_not_outlive_it(family: Family) -> None:
    before = family.pids()
    children_of_one = psutil.Process(before["one"]).children()
    os.kill(before["one"], signal.SIGKILL)
    within(5, lambda: family.pids().get("one", before["one"]) != before["one"])
    within(2, gone(children_of_one))
    assert family.pids()["two"] == before["two"]
    assert "ended after" in family.printed()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stop_signal_ends_everybody_within_five_seconds(family: Family, number: signal.Signals) -> None:
    everyone = family.everyone()
    assert len(everyone) >= 5  # two children, two grandchildren, the guardian
    family.process.send_signal(number)
    assert family.process.wait(5) == 0
    assert gone(everyone)()
    assert "family  | is down" in family.printed()
    assert re.findall(r"(one|two) +\| told", family.printed()) == ["two", "one"], "what others speak to goes last"


def test_children_deaf_to_sigterm_are_ended_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "deaf").touch()
    family = Family(tmp_path)
    everyone = family.everyone()
    try:
        family.process.terminate()
        assert family.process.wait(5) == 0
        assert gone(everyone)()
    finally:
        end(family)


def test_killed_supervisor_leaves_no_orphan(family: Family) -> None:
    everyone = family.everyone()
    assert len(everyone) >= 5
    family.process.kill()
    within(3, gone(everyone))


def test_killed_supervisor_leaves_no_orphan_even_where_its_guardian_died_first(family: Family) -> None:
    everyone = family.everyone()
    guardian = next(one for one in everyone if one.name() in {"sh", "dash"})
    children = [psutil.Process(pid) for pid in family.pids().values()]
    guardian.kill()
    family.process.kill()
    within(3, gone(children))
    for process in everyone:  # the price of losing both is the grandchildren; ours must not stay either
        if process.is_running():
            process.kill()
