"""A TCP proxy that breaks connections on purpose, in front of Redis or PostgreSQL. Its words are toxiproxy's.

with Proxy(upstream) as proxy:   # what connects to proxy.address reaches upstream
    proxy.refuse()               # nobody gets in any more; `reset` and `freeze` are for those inside
    proxy.thaw()                 # as if nothing had been
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Address = tuple[str, int] | str
"""Host and port, or the path of a Unix socket."""
Direction = Literal["up", "down"]
"""To the server; to the client."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CHUNK = 64 * 1024


class _Connection:
    """A client and its server. Whoever ends it ends both sides."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server

    def end(self, *, reset: bool) -> None:
        for side in (self.client, self.server):
            with contextlib.suppress(OSError):
                if reset and side.family == socket.AF_INET:
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                # Either wakes who reads from it, without which close() does nothing yet; RDWR would say goodbye.
                side.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
        for side in (self.client, self.server):
            side.close()


class Proxy:
    """Listens on a port of its own. Methods may be called from any thread; each holds until `thaw`."""

    def __init__(self, upstream: Address, *, at: str = "127.0.0.1", port: int = 0) -> None:
        self.upstream, self._at = upstream, at
        self._listener = self._listen(port)
        self.port: int = self._listener.getsockname()[1]
        self._guard = threading.Condition()
        self._frozen = self._closing = False
        self._left: dict[Direction, int | None] = {"up": None, "down": None}
        self._connections: set[_Connection] = set()
        self._threads: list[threading.Thread] = []
        self.accepted = 0

    def __enter__(self) -> Proxy:
        self._start(self._accept, self._listener)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        with self._guard:
            self._closing, self._frozen = True, False
            self._guard.notify_all()
        self.refuse()
        self._end_all(reset=False)
        for thread in self._threads:
            thread.join(5)

    def refuse(self) -> None:
        """New connections are refused, as by a server that is down. Those there are stay."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept
        self._listener.close()

    def reset(self) -> None:
        """Every connection there is ends with a reset. New ones get in."""
        self._end_all(reset=True)

    def down(self) -> None:
        """As a server that was killed: all connections end, and nobody gets in."""
        self.refuse()
        self.reset()

    def freeze(self) -> None:
        """Nothing moves in either direction; connections stay open and new ones are taken. As SIGSTOP does it."""
        with self._guard:
            self._frozen = True

    def cut_after(self, count: int, direction: Direction = "down") -> None:
        """After so many further bytes in this direction, of all connections together, they all end and none gets in."""
        with self._guard:
            self._left[direction] = count

    def thaw(self) -> None:
        """Whole again: what was refused gets in, what was held back arrives."""
        with self._guard:
            self._frozen = False
            self._left = {"up": None, "down": None}
            self._guard.notify_all()
        if self._listener.fileno() == -1:
            self._listener = self._listen(self.port)
            self._start(self._accept, self._listener)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self._at, port))
        listener.listen(128)
        return listener

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                server = self._connect()
            except OSError:
                _Connection(client, client).end(reset=True)
                continue
            connection = _Connection(client, server)
            with self._guard:
                self._connections.add(connection)
            self._start(self._carry, connection, client, server, "up")
            self._start(self._carry, connection, server, client, "down")

    def _connect(self) -> socket.socket:
        if isinstance(self.upstream, tuple):
            server = socket.create_connection(self.upstream, 5)
            server.settimeout(None)  # who waits for a message is silent for as long as there is none
            return server
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.upstream)
        return server

    def _carry(self, connection: _Connection, source: socket.socket, sink: socket.socket, way: Direction) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                data, cut = self._pass(data, way)
                sink.sendall(data)
                if cut:
                    self.down()
                    return
        self._end({connection}, reset=False)

    def _pass(self, data: bytes, way: Direction) -> tuple[bytes, bool]:
        """What may go on of it, once it may, and whether that was the last."""
        with self._guard:
            self._guard.wait_for(lambda: not self._frozen)
            left = self._left[way]
            if left is None:
                return data, False
            self._left[way] = max(0, left - len(data))
            return data[:left], len(data) >= left

    def _end_all(self, *, reset: bool) -> None:
        with self._guard:
            ending = set(self._connections)
        self._end(ending, reset=reset)

    def _end(self, ending: set[_Connection], *, reset: bool) -> None:
        with self._guard:
            ending = ending & self._connections  # whoever comes first says how it ends
            self._connections -= ending
        for connection in ending:
            connection.end(reset=reset)


def upstream_of(url: str) -> Address:
    """Where a redis://, unix:// or postgresql:// URL leads to."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    folder = parse_qs(parts.query).get("host")
    if folder:
        return f"{folder[0]}/.s.PGSQL.5432"
    return parts.hostname or "127.0.0.1", parts.port or 5432


def through(proxy: Proxy, url: str) -> str:
    """The same database of the same server, by way of the proxy."""
    return by_port(url, proxy.port)


def by_port(url: str, port: int) -> str:
    """The same database, by way of whatever listens on this port of loopback."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        number = parse_qs(parts.query).get("db", ["0"])[0]
        return f"redis://127.0.0.1:{port}/{number}"
    account, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{account}{at}127.0.0.1:{port}", query="").geturl()
