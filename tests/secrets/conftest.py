"""Sealing keys that tests may turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytest_django.fixtures import Settings

from portal.common import keyring

OLD, NEW = f"old:{'11' * 32}", f"new:{'22' * 32}"


@pytest.fixture
def turn(settings: Settings) -> Iterator[Callable[..., None]]:
    """`turn(NEW, OLD)`: from now on this process has these keys, as after a restart."""

    def have(*keys: str) -> None:
        settings.ENCRYPTION_KEYS = ",".join(keys)
        keyring.get_keyring.cache_clear()

    yield have
    keyring.get_keyring.cache_clear()
