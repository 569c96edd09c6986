"""Form posts over raw sockets whose last byte is held back, and then let go all at once."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPResponse
from urllib.parse import urlencode

_TOKEN = "t" * 32
_PATIENCE_S = 60


@dataclass(frozen=True)
class Answer:
    """What came back to one of them."""

    status: int
    location: str
    body: str


@dataclass
class Volley:
    """Requests that stand before the portal at `port`, complete but for a byte."""

    port: int
    _held: list[tuple[socket.socket, bytes]] = field(default_factory=list)

    def load(self, path: str, form: Mapping[str, object], session: str) -> None:
        """One more: this form, sent by whoever has this session."""
        body = urlencode({**form, "csrfmiddlewaretoken": _TOKEN}).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n"
            f"Cookie: session={session}; csrf={_TOKEN}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head + body[:-1])
        self._held.append((connection, body[-1:]))

    def fire(self) -> list[Answer]:
        """Let all of them go, in any order; the answers in the order of loading."""
        for connection, last in random.sample(self._held, len(self._held)):
            connection.send(last)
        answers = [_read(connection) for connection, _ in self._held]
        self._held.clear()
        return answers


def _read(connection: socket.socket) -> Answer:
    with connection, HTTPResponse(connection, method="POST") as response:
        response.begin()
        body = response.read().decode()
        return Answer(response.status, response.headers.get("Location", ""), body)
