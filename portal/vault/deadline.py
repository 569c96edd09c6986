"""Connections that keep a total deadline and know whether anything was sent.

A read timeout counts from byte to byte, so a dripping answer outlives it; and requests' one ConnectionError
covers both "refused" and "reset after sending". Here every wait on the socket is cut to what is left of the
exchange, and `Pace.sent` turns true right before the first byte of the request leaves.
"""

from __future__ import annotations

import http
import http.client
import io
import socket
import time
from functools import partial
from typing import Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection

_CHUNK = 16 * 1024


class Deadline:
    """The clock of one exchange: seconds by the monotonic clock."""

    def __init__(self, deadline_s: float, read_timeout_s: float) -> None:
        self._ends = time.monotonic() + deadline_s
        self._read_timeout_s = read_timeout_s
        self.sent = False
        self.unread_headers: Exception | None = None
        """Why the headers of an answer could not be read, although its status line was."""

    def left(self) -> float:
        """Seconds until the deadline. Raises TimeoutError once it has passed."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        return left

    @property
    def over(self) -> bool:
        """Whether the total deadline has passed."""
        return time.monotonic() >= self._ends

    def patience(self) -> float:
        """How long the next wait on the socket may last. Raises TimeoutError past the deadline."""
        return min(self.left(), self._read_timeout_s)


class _PacedStream(io.RawIOBase):
    """The socket's bytes, each wait cut to what the pace allows; remembers whether the end was seen."""

    def __init__(self, sock: socket.socket, pace: Deadline) -> None:
        self._sock, self._pace = sock, pace
        self._raw = sock.makefile("rb", buffering=0)
        self.ended = False
        self.has_line = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._pace.patience())
        count = self._raw.readinto(buffer)
        self.ended = count == 0
        self.has_line = self.has_line or b"\n" in bytes(memoryview(buffer)[: count or 0])
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Opened:
    """What http.client asks of a socket to read an answer: `makefile`."""

    def __init__(self, stream: _PacedStream) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._stream)


class _PacedResponse(http.client.HTTPResponse):
    """An answer whose status line must arrive whole: `HTTP/1.1 201 Cre` is no 201.

    All interim responses are skipped; http.client skips `100 Continue` alone. Of an answer whose headers cannot be
    read the status stays, and `Pace.unread_headers` says why there is no more of it.
    """

    def __init__(self, sock: socket.socket, *args: Any, pace: Deadline, **kwargs: Any) -> None:
        self._pace = pace
        self._stream = _PacedStream(sock, pace)
        super().__init__(cast(socket.socket, _Opened(self._stream)), *args, **kwargs)

    def begin(self) -> None:
        self._begin_whole()
        while 100 <= self.status < 200 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = self.msg = cast(http.client.HTTPMessage, None)  # what tells begin() to read another one
            self.status = cast(int, None)
            self._begin_whole()

    def _begin_whole(self) -> None:
        try:
            super().begin()
            if self._stream.ended:
                raise http.client.BadStatusLine("cut")
        except (http.client.HTTPException, OSError) as error:
            if not isinstance(self.status, int) or not self._stream.has_line:
                raise
            self._pace.unread_headers = error
            self.headers = self.msg = http.client.HTTPMessage()
            self.chunked, self.length, self.will_close = False, 0, True


class _Paced:
    """Mixed into urllib3's connections. Sends in pieces under the deadline; never prints (`debuglevel`)."""

    debuglevel = 0

    def __init__(self, *args: Any, pace: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pace = pace
        cast(Any, self).response_class = partial(_PacedResponse, pace=pace)

    def send(self, data: Any) -> None:
        connection = cast(HTTPConnection, self)
        if connection.sock is None:
            connection.connect()
        view = memoryview(data if isinstance(data, bytes | bytearray) else data.encode())
        for start in range(0, len(view), _CHUNK):
            connection.sock.settimeout(self._pace.patience())
            self._pace.sent = True
            connection.sock.sendall(view[start : start + _CHUNK])


class PacedHTTPConnection(_Paced, HTTPConnection):
    """Plain HTTP, for loopback addresses."""


class PacedHTTPSConnection(_Paced, HTTPSConnection):
    """HTTP over TLS."""
