"""Supervisor of the portal's processes: starts them, restarts them, and leaves none behind.

Three mechanisms, because it can end in three ways: on a stop signal it ends its children's process groups itself; if
it is killed, the kernel kills each child (parent-death signal), and a guardian process, which sees its pipe close,
kills what the children had started.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import IO, Any

STOP_WITHIN_S = 4.0
_FOR_THE_LAST_S = 1.0
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 4.0)
LIVED_WELL_S = 20.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Reads lines of process groups; when the pipe closes, it kills those of the last line.
_GUARDIAN = 'while read -r line; do groups=$line; done; [ -z "$groups" ] || kill -s KILL -- $groups 2>/dev/null'
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)  # loaded before any fork: nothing may be imported or loaded between fork and exec


class Stopped(Exception):
    """The portal was asked to stop."""


class NotReady(Exception):
    """A process did not become ready in time; the exception's text names it."""


def die_with_parent() -> None:
    """Make the kernel kill this process when the thread that forked it ends; for Popen's preexec_fn."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class ChildProcess:
    """Program to keep running; it is ready once it has printed a line that contains `ready` (any case).

    That line stays in `announced`. `outlives`: the others need it until their end, so it is stopped after them.
    `account`: Popen's arguments for a program that runs as another user or in another folder.
    `once`: the program ends by itself and is not started again.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str]
    ready: str
    outlives: bool = False
    once: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    account: Mapping[str, Any] = field(default_factory=dict)
    announced: str = ""
    deaths: int = 0
    started_at: float = 0.0
    restart_at: float | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    unfinished: bytes = b""

    def heard(self, data: bytes) -> list[str]:
        """Return the complete lines of its output so far."""
        *lines, self.unfinished = (self.unfinished + data).split(b"\n")
        texts = [line.decode(errors="replace").rstrip("\r") for line in lines]
        self.announced = self.announced or next((text for text in texts if self.ready.lower() in text.lower()), "")
        return texts


class Supervisor:
    """Runner of child processes, in the main thread. `say` gets a child's name and line, `changed` pids by name."""

    def __init__(self, say: Callable[[str, str], None], changed: Callable[[dict[str, int]], None]) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("The parent-death signal follows a thread: supervise from the main thread.")
        self._say, self._changed = say, changed
        self._children: list[ChildProcess] = []
        self._selector = selectors.DefaultSelector()
        self._asked_to_stop = self._may_interrupt = False
        self._wake_out, self._wake_in = os.pipe()
        for end in (self._wake_out, self._wake_in):
            os.set_blocking(end, False)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        for_guardian, self._to_guardian = os.pipe()
        self._guardian = subprocess.Popen(["/bin/sh", "-c", _GUARDIAN], stdin=for_guardian, start_new_session=True)
        os.close(for_guardian)

    def __enter__(self) -> Supervisor:
        signal.set_wakeup_fd(self._wake_in, warn_on_full_buffer=False)
        for number in _STOP_SIGNALS:
            signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True
        if self._may_interrupt:
            raise Stopped

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a stop signal raise Stopped at once, for the supervisor's own work between waits."""
        self._may_interrupt = True
        try:
            if self._asked_to_stop:
                raise Stopped
            yield
        finally:
            self._may_interrupt = False

    def start(self, child: ChildProcess) -> None:
        """Start a child and keep it running."""
        self._children.append(child)
        self._spawn(child)

    def wait(self, done: Callable[[], object], within: float, name: str) -> None:
        """Supervise the children until `done()` is true. Raises NotReady after `within` seconds, Stopped if asked."""
        give_up_at = time.monotonic() + within
        while not done():
            if time.monotonic() > give_up_at:
                raise NotReady(name)
            ask_again_at = time.monotonic() + 0.1
            while (pause := ask_again_at - time.monotonic()) > 0:
                self._tick(pause)

    def wait_ready(self, *children: ChildProcess, within: float = 30.0) -> None:
        """Supervise the children until each of these is ready. Raises NotReady and Stopped as `wait` does."""
        for child in children:
            self.wait(partial(getattr, child, "announced"), within, child.name)

    def forever(self) -> None:
        """Supervise the children until a stop signal, which raises Stopped."""
        while True:
            self._tick(1.0)

    def _tick(self, timeout: float) -> None:
        """Pass on output and restart ended children. Raises Stopped."""
        due = [child.restart_at - time.monotonic() for child in self._children if child.restart_at is not None]
        self._listen(max(0.0, min([timeout, *due])))
        if self._asked_to_stop:
            raise Stopped
        for child in self._children:
            if child.restart_at is None:
                self._bury_if_dead(child)
            elif time.monotonic() >= child.restart_at:
                self._spawn(child)

    def _listen(self, timeout: float) -> None:
        for key, _events in self._selector.select(timeout):
            if key.data is None:
                os.read(self._wake_out, 4096)
            else:
                self._hear(key.data)

    def _hear(self, child: ChildProcess) -> bool:
        """Pass on new output of the child; return False if there was none."""
        stream = child.process and child.process.stdout
        if not stream:
            return False
        try:
            data = os.read(stream.fileno(), 65536)
        except BlockingIOError:
            return False
        if not data:
            self._forget(stream)
        for line in child.heard(data):
            self._say(child.name, line)
        return bool(data)

    def _spawn(self, child: ChildProcess) -> None:
        supervisor = os.getpid()

        def in_child() -> None:
            die_with_parent()
            if os.getppid() != supervisor:  # the supervisor ended before the line above took effect
                os._exit(1)

        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        child.process = subprocess.Popen(
            child.command,
            env=dict(child.environment),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=in_child,
            **child.account,
        )
        child.process.stdout = os.fdopen(reading, "rb", buffering=0)
        os.close(writing)
        child.started_at, child.restart_at, child.unfinished = time.monotonic(), None, b""
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)
        self._tell()

    def _bury_if_dead(self, child: ChildProcess) -> None:
        """If the child has ended, kill what it had started and schedule its restart."""
        process = child.process
        if process is None or _alive(process):
            return
        _kill_group(process)  # before wait(): until then no other process can get its pid
        code = process.wait()
        while self._hear(child):
            pass
        self._close(child)
        if not child.once:
            self._schedule_restart(child, code)
        self._tell()

    def _schedule_restart(self, child: ChildProcess, code: int) -> None:
        lived = time.monotonic() - child.started_at
        child.deaths = 0 if lived > LIVED_WELL_S else child.deaths + 1
        pause = _BACKOFF_S[min(child.deaths, len(_BACKOFF_S) - 1)]
        child.restart_at = time.monotonic() + pause
        self._say(child.name, f"ended after {lived:.1f} s with code {code}; starting again in {pause:g} s")

    def _close(self, child: ChildProcess) -> None:
        if child.process and child.process.stdout:
            self._forget(child.process.stdout)
            child.process.stdout.close()
        child.process = None

    def _forget(self, stream: IO[bytes]) -> None:
        """Stop listening to the stream; its end may be seen twice, by select and after the child's end."""
        if stream in self._selector.get_map():
            self._selector.unregister(stream)

    def _tell(self) -> None:
        """Send the current pids to the guardian and to the `changed` callback."""
        pids = {child.name: child.process.pid for child in self._children if child.process}
        with contextlib.suppress(BrokenPipeError):
            os.write(self._to_guardian, (" ".join(f"-{pid}" for pid in pids.values()) + "\n").encode())
        self._changed(pids)

    def _stop(self) -> None:
        """Send each child its stop signal, and SIGKILL to the rest of their groups after STOP_WITHIN_S.

        Children with `outlives` get the signal when the others have ended.
        """
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        running = [(child, child.process) for child in self._children if child.process]
        give_up_at = time.monotonic() + STOP_WITHIN_S
        for last, until in ((False, give_up_at - _FOR_THE_LAST_S), (True, give_up_at)):
            asked = [(child, process) for child, process in running if child.outlives is last]
            for child, process in asked:
                process.send_signal(child.stop_signal)
            told = [process for _, process in asked]
            while time.monotonic() < until and any(map(_alive, told)):
                with contextlib.suppress(Stopped):
                    self._listen(0.05)
        for child, process in running:
            _kill_group(process)
            process.wait()
            self._close(child)
        self._tell()
        os.close(self._to_guardian)
        self._guardian.wait()
        self._selector.close()
        os.close(self._wake_in)
        os.close(self._wake_out)


def _alive(process: subprocess.Popen[bytes]) -> bool:
    """Return whether the process runs, without reaping it, so that its pid is not reused."""
    return process.returncode is None and None is os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all it has started; only valid before it is reaped."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def print_line(name: str, line: str) -> None:
    """Print `web     | line`. Raises Stopped if the reader of the output is gone."""
    try:
        sys.stdout.write(f"{name:<8}| {line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise Stopped from None
