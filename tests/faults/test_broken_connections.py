"""The proxy that breaks connections does what it says: the other fault tests lean on it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.rig.postgres import throw_away_postgres
from tests.rig.proxy import Proxy, through, upstream_of
from tests.rig.redis import throw_away_redis


@pytest.fixture
def echo() -> Iterator[Proxy]:
    """A proxy in front of a server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(client,), daemon=True).start()

        def answer(client: socket.socket) -> None:
            with client:
                try:
                    while data := client.recv(1024):
                        client.sendall(data)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        with Proxy(server.getsockname()) as proxy:
            yield proxy
        server.shutdown(socket.SHUT_RDWR)


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), 5)


def said(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(1024)


def test_whole_proxy_is_not_noticed(echo: Proxy) -> None:
    with connect(echo) as one, connect(echo) as two:
        assert (said(one, b"one"), said(two, b"two")) == (b"one", b"two")


def test_refused_connections_get_in_again_after_a_thaw_and_old_ones_stay(echo: Proxy) -> None:
    with connect(echo) as old:
        said(old, b"x")
        echo.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(echo)
        assert said(old, b"still") == b"still"
        echo.thaw()
        with connect(echo) as new:
            assert said(new, b"again") == b"again"


def test_reset_connections_end_with_a_reset_and_new_ones_get_in(echo: Proxy) -> None:
    with connect(echo) as old:
        said(old, b"x")
        echo.reset()
        with pytest.raises(ConnectionResetError):
            old.recv(1024)
    with connect(echo) as new:
        assert said(new, b"again") == b"again"


def test_frozen_connections_answer_nothing_and_lose_nothing(echo: Proxy) -> None:
    with connect(echo) as old:
        said(old, b"x")
        echo.freeze()
        old.settimeout(0.2)
        old.sendall(b"held back")
        with connect(echo) as new:
            new.settimeout(0.2)
            with pytest.raises(TimeoutError):
                said(new, b"nobody there?")
        with pytest.raises(TimeoutError):
            old.recv(1024)
        echo.thaw()
        old.settimeout(5)
        assert old.recv(1024) == b"held back"


def test_cut_connection_passes_exactly_so_many_bytes_and_nobody_gets_in(echo: Proxy) -> None:
    with connect(echo) as old:
        said(old, b"x")
        echo.cut_after(5)
        old.sendall(b"0123456789")
        got = b""
        try:
            while data := old.recv(1024):
                got += data
        except ConnectionResetError:
            pass
        assert got == b"01234"
        with pytest.raises(ConnectionRefusedError):
            connect(echo)
    echo.thaw()
    with connect(echo) as new:
        assert said(new, b"again") == b"again"


def test_redis_and_postgresql_are_reached_through_it(tmp_path: Path) -> None:
    with throw_away_redis(tmp_path) as url, Proxy(upstream_of(url)) as proxy:
        client = redis.Redis.from_url(through(proxy, url))
        assert client.ping()
        proxy.down()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        client.close()
    with throw_away_postgres() as url, Proxy(upstream_of(url)) as proxy:
        with psycopg.connect(through(proxy, url)) as server:
            assert server.execute("SELECT 1").fetchone() == (1,)
            proxy.down()
            with pytest.raises(psycopg.OperationalError):
                server.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(through(proxy, url))
