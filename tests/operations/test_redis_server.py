"""The portal's own Redis, and the one REDIS_URL that redis-py and Celery must read alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from celery import Celery
from django.conf import settings

from portal.devserver import redis_server
from tests.rig.redis import throw_away_redis


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A folder whose name is too long for a socket."""
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    return folder


def test_server_listens_on_a_private_socket_and_on_no_port(tmp_path: Path) -> None:
    with throw_away_redis(tmp_path) as url, redis.Redis.from_url(url) as client:
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert (tmp_path / "redis.sock").stat().st_mode & 0o777 == 0o600


def test_portal_keeps_its_queue_on_disk(tmp_path: Path) -> None:
    command = redis_server.plan_redis_server(tmp_path).command
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--dir") + 1] == str(tmp_path)


def test_long_path_gets_a_socket_elsewhere(deep: Path) -> None:
    with throw_away_redis(deep) as url, redis.Redis.from_url(url) as client:
        assert url.startswith("unix://")
        assert str(deep) not in url
        assert client.ping()


def test_without_sockets_a_loopback_port_with_a_password_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_server, "_takes_socket", lambda _path: False)
    with throw_away_redis(tmp_path) as url:
        with redis.Redis.from_url(url) as client:
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
        nameless = "redis://" + url.partition("@")[2]
        with redis.Redis.from_url(nameless) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    server = redis_server.plan_redis_server(tmp_path)
    assert server.url.split(":")[2].split("@")[0] not in " ".join(server.command)


def test_system_server_is_preferred_and_the_wheels_found_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "redis-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_server.find_redis_server() == str(own)
    own.unlink()
    wheel = Path(redis_server.find_redis_server())
    assert wheel.name == "redis-server"
    assert wheel.exists()


def test_celery_and_redis_py_mean_the_same_database() -> None:
    """Over the socket both URLs are spelt differently; a message must land where the other looks."""
    assert settings.REDIS_URL.startswith("unix://")
    app = Celery(broker=settings.CELERY_BROKER_URL)
    with redis.Redis.from_url(settings.REDIS_URL) as there:
        app.send_task("nobody.home", queue="test-of-the-address")
        assert there.llen("test-of-the-address") == 1
        there.delete("test-of-the-address")
    app.close()
