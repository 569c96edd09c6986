"""A running stand-in, a client that keeps what it reports, and listeners that count what reaches them."""

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.sandbox import Sandbox
from portal.vault import Client, Exchange, MemoryTokens, SecretStr, SeguraConfig, TokenStore

from .authority import make_tls

FAST = {"connect_timeout_s": 0.5, "read_timeout_s": 0.8, "deadline_s": 1.0}


class Watched(Client):
    """A client whose exchanges can be looked at."""

    exchanges: list[Exchange]


@pytest.fixture
def connect(sandbox: Sandbox) -> Callable[..., Watched]:
    def make(*, tokens: TokenStore | None = None, url: str = "", **options: object) -> Watched:
        settings = {
            "url": url or sandbox.url,
            "client_id": sandbox.client_id,
            "client_secret": SecretStr(sandbox.client_secret),
            **FAST,
            **options,
        }
        exchanges: list[Exchange] = []
        client = Watched(SeguraConfig(**settings), tokens=tokens or MemoryTokens(), report=exchanges.append)
        client.exchanges = exchanges
        return client

    return make


@pytest.fixture
def client(connect: Callable[..., Watched]) -> Watched:
    return connect()


class Listener:
    """Accepts and counts; answers nothing."""

    def __init__(self) -> None:
        self.connections, self.received = 0, b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                self.received += connection.recv(65536)


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.socket.shutdown(socket.SHUT_RDWR)
    listener.socket.close()


class RedisServer:
    """A throw-away Redis on a socket of its own."""

    def __init__(self) -> None:
        beside = Path(sys.executable).with_name("redis-server")
        self.binary = str(beside) if beside.exists() else str(shutil.which("redis-server"))
        self.folder = Path(tempfile.mkdtemp(prefix="rd"))
        self.path = str(self.folder / "s")

    def start(self) -> None:
        arguments = [self.binary, "--port", "0", "--unixsocket", self.path, "--dir", str(self.folder), "--save", ""]
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        ends = time.monotonic() + 10
        while True:
            try:
                self.client().ping()
                return
            except redis.RedisError:
                assert time.monotonic() < ends, "Redis did not start"
                time.sleep(0.02)

    def client(self) -> redis.Redis:
        patience = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "retry": Retry(NoBackoff(), 0)}
        return redis.Redis(unix_socket_path=self.path, **patience)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str, str]:
    """A server certificate for 127.0.0.1 alone, its key, the throw-away authority behind it, its folder."""
    return make_tls(tmp_path_factory.mktemp("tls"))
