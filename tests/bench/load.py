"""A browser that costs next to nothing: bytes made beforehand, one connection kept."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlencode

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Visitor:
    """Somebody with cookies in front of a server on this machine."""

    def __init__(self, port: int, **cookies: str) -> None:
        self._port = port
        self._cookies = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self._socket: socket.socket | None = None

    def get(self, path: str, *statuses: int, **headers: str) -> bytes:
        """The body. Raises AssertionError for another status than these (200 where none are named)."""
        return self._call(self._request("GET", path, headers), statuses or (200,), path)

    def post(self, path: str, *statuses: int, **form: str) -> bytes:
        """Send a form; 302 is what is expected where no statuses are named."""
        body = urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        return self._call(self._request("POST", path, headers) + body, statuses or (302,), path)

    def _request(self, method: str, path: str, headers: dict[str, str]) -> bytes:
        told = {"Host": f"127.0.0.1:{self._port}", "Cookie": self._cookies, **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()

    def _call(self, request: bytes, statuses: Sequence[int], path: str) -> bytes:
        try:
            status, body = self._exchange(request)
        except OSError:  # an idle connection that the server closed
            self._socket = None
            status, body = self._exchange(request)
        if status not in statuses:
            raise AssertionError(f"{path}: {status} {body[:300].decode(errors='replace')}")
        return body

    def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=120)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._received()
        head, _, body = data.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        parts, missing = [body], (int(found[1]) if found else 0) - len(body)
        while missing > 0:
            parts.append(self._received())
            missing -= len(parts[-1])
        return int(head[9:12]), b"".join(parts)

    def _received(self) -> bytes:
        assert self._socket is not None
        data = self._socket.recv(262_144)
        if not data:
            raise ConnectionResetError
        return data


def timed(act: Callable[[], object], times: int, seconds: float = 20.0) -> list[float]:
    """Seconds of each, one after the other; fewer where they take longer than `seconds` together."""
    act(), act()
    taken: list[float] = []
    ends = time.monotonic() + seconds
    while len(taken) < times and (time.monotonic() < ends or len(taken) < 5):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return taken


def together(acts: Sequence[Callable[[], object]], seconds: float) -> float:
    """Acts a second, each of `acts` repeated by somebody of their own."""
    return _race([_until(act, seconds) for act in acts])


def shared(doers: Sequence[Callable[[object], object]], jobs: Iterable[object]) -> float:
    """Jobs a second, all of them done by these between them."""
    left, lock = iter(list(jobs)), threading.Lock()

    def work(do: Callable[[object], object]) -> Callable[[], int]:
        def run() -> int:
            done = 0
            while True:
                with lock:
                    job = next(left, None)
                if job is None:
                    return done
                do(job)
                done += 1

        return run

    return _race([work(do) for do in doers])


def _until(act: Callable[[], object], seconds: float) -> Callable[[], int]:
    def run() -> int:
        done, ends = 0, time.monotonic() + seconds
        while time.monotonic() < ends:
            act()
            done += 1
        return done

    return run


def _race(runs: list[Callable[[], int]]) -> float:
    done: list[int] = []
    failed: list[BaseException] = []

    def guarded(run: Callable[[], int]) -> None:
        try:
            done.append(run())
        except BaseException as error:  # noqa: BLE001 - raised again where it is seen
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(run,)) for run in runs]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(done) / (time.perf_counter() - began)
