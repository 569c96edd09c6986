"""A mail server that keeps what it gets, and a portal that is told of it."""

from __future__ import annotations

import email
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default

import pytest
from pytest_django import Settings

REFUSED = "gone@example.com"


class Post(socketserver.ThreadingTCPServer):
    """A mail server that takes everything but what is for REFUSED."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.box: list[EmailMessage] = []

    @property
    def url(self) -> str:
        """As EMAIL_URL names it."""
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Conversation(socketserver.StreamRequestHandler):
    server: Post

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline().strip():
            if line.upper() == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                message = b"".join(one.removeprefix(b".") for one in lines)
                self.server.box.append(email.message_from_bytes(message, policy=default))
            self.wfile.write(b"550 nobody\r\n" if REFUSED.encode() in line else b"250 ok\r\n")


@contextmanager
def receiving() -> Iterator[Post]:
    """A mail server at work."""
    with Post() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def post(settings: Settings) -> Iterator[Post]:
    """A mail server, and a portal that is told of it."""
    with receiving() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        yield server
