"""Machines of their own for processes: network namespaces on a bridge, each with a cable that can be pulled. Root only.

with network(2, ports=(8001,)) as (one, two), Proxy(upstream, at=HUB, port=8001):
    subprocess.run([*one.inside, "curl", "http://127.0.0.1:8001"])   # reaches upstream
    one.cut()                                                        # as if the cable were out
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from portal.devserver.supervisor import die_with_parent
from tests.rig.portal import ROOT
from tests.rig.proxy import Proxy

_NET = "10.177.0"
HUB = f"{_NET}.1"
"""Where the test itself is, as the machines see it."""


def missing() -> str:
    """Why there can be no machines here; '' where there can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "needs root and ip(8)"
    made = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return "" if made.returncode == 0 else "this kernel or container allows no network namespaces"


@dataclass(frozen=True)
class Machine:
    """One of them. `inside` goes before a command that is to run there; `address` is where others reach it."""

    name: str
    address: str

    @property
    def inside(self) -> list[str]:
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Nothing goes in or out any more, and nobody is told: no connection is ended."""
        _ip("link", "set", f"{self.name}-hub", "down")

    def mend(self) -> None:
        _ip("link", "set", f"{self.name}-hub", "up")


@contextmanager
def network(count: int, ports: tuple[int, ...]) -> Iterator[list[Machine]]:
    """So many machines, gone at the end. On each of them 127.0.0.1:PORT leads to the hub's, for each of these ports."""
    run = f"cs{os.getpid() % 10000}"
    with ExitStack() as stack:
        _ip("link", "add", run, "type", "bridge")
        stack.callback(_ip, "link", "del", run)
        _ip("address", "add", f"{HUB}/24", "dev", run)
        _ip("link", "set", run, "up")
        machines = [Machine(f"{run}-{number}", f"{_NET}.{10 + number}") for number in range(count)]
        for machine in machines:
            stack.enter_context(_machine(machine, run))
            stack.enter_context(_relay(machine, ports))
        yield machines


@contextmanager
def _machine(machine: Machine, bridge: str) -> Iterator[None]:
    name, cable = machine.name, f"{machine.name}-hub"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", cable, "master", bridge, "up")
        for command in (("address", "add", f"{machine.address}/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
            _ip("-n", name, *command)
        _ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        _ip("netns", "del", name)


@contextmanager
def _relay(machine: Machine, ports: tuple[int, ...]) -> Iterator[None]:
    command = [*machine.inside, sys.executable, "-m", "tests.rig.network", *map(str, ports)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, preexec_fn=die_with_parent) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.kill()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def main(ports: list[str]) -> None:
    """What a machine runs so that its own loopback leads to the hub."""
    with ExitStack() as stack:
        for port in map(int, ports):
            stack.enter_context(Proxy((HUB, port), port=port))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main(sys.argv[1:])
