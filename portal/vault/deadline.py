"""HTTP connections with a total deadline that record whether any byte of the request was sent.

A read timeout counts from one byte to the next, so an answer that arrives byte by byte outlives it; and the
ConnectionError of requests covers both "refused" and "reset after sending". Here every wait on the socket is limited to
the time left for the exchange, and `Deadline.sent` becomes true right before the first byte of the request is sent.
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
    """Deadline and state of one exchange, in seconds of the monotonic clock."""

    def __init__(self, deadline_s: float, read_timeout_s: float) -> None:
        self._ends = time.monotonic() + deadline_s
        self._read_timeout_s = read_timeout_s
        self.sent = False
        self.unread_headers: Exception | None = None
        """Exception raised while reading the headers of an answer whose status line was read."""

    def left(self) -> float:
        """Return the seconds until the deadline. Raises TimeoutError once it has passed."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        return left

    @property
    def over(self) -> bool:
        """Whether the total deadline has passed."""
        return time.monotonic() >= self._ends

    def patience(self) -> float:
        """Return the seconds that the next wait on the socket may last. Raises TimeoutError after the deadline."""
        return min(self.left(), self._read_timeout_s)


class _PacedStream(io.RawIOBase):
    """Bytes of a socket, each wait limited by the deadline; records whether a whole line and the end were read."""

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
    """Minimal socket for http.client, which needs only `makefile` to read an answer."""

    def __init__(self, stream: _PacedStream) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._stream)


class _PacedResponse(http.client.HTTPResponse):
    """HTTP response whose status line must arrive whole: `HTTP/1.1 201 Cre` is not accepted as a 201.

    All interim responses are skipped; http.client skips only `100 Continue`. If the headers cannot be read, the status
    is kept and `Deadline.unread_headers` holds the reason.
    """

    def __init__(self, sock: socket.socket, *args: Any, pace: Deadline, **kwargs: Any) -> None:
        self._pace = pace
        self._stream = _PacedStream(sock, pace)
        super().__init__(cast(socket.socket, _Opened(self._stream)), *args, **kwargs)

    def begin(self) -> None:
        self._begin_whole()
        while 100 <= self.status < 200 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            # begin() reads another response only if the headers are None
            self.headers = self.msg = cast(http.client.HTTPMessage, None)
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
    """Mixin for urllib3's connections that sends in chunks under the deadline and never prints (`debuglevel`)."""

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
    """Plain HTTP connection, for loopback addresses."""


class PacedHTTPSConnection(_Paced, HTTPSConnection):
    """HTTP connection over TLS."""
