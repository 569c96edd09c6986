"""Gives the whole run one PostgreSQL and one Redis, before pytest-django reads the settings.

Loaded by `-p tests.rig.plugin` (pyproject.toml). With xdist the controller starts them and the workers inherit the
addresses; each worker has a Redis database of its own, and pytest-django gives it its own test database.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from portal.devserver.postgres_server import PostgresUnavailable
from tests.rig.postgres import throw_away_postgres
from tests.rig.redis import throw_away_redis
from tests.rig.rounds import LONG

# Chosen here, so that a test run is not at the mercy of the shell it is started from.
_FORGET = (
    "PORTAL_",
    "SEGURA_",
    "DELIVERY_",
    "SWEEP_",
    "CATALOG_",
    "CHANGE_",
    "APPROVALS_",
    "DATABASE_",
    "REDIS_",
    "AUDIT_",
    "SEAL_",
    "WORKER_",
    "EMAIL_",
    "OIDC_",
    "SECOND_FACTOR_",
    "RETAIN_",
)
_FORGET_EXACTLY = ("PORT", "ALLOWED_HOSTS")
_WORKERS_AT_MOST = 4
_IN_LONG_FORM = ("shows", "every_state", "long_form")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="DIR", help="Keep pictures of all pages there.")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """A wrapper, because those run before any other plugin's hook, pytest-django's included."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        _take_own_redis_database(os.environ["PYTEST_XDIST_WORKER"])
    else:
        stack = contextlib.ExitStack()
        early_config.add_cleanup(stack.close)
        try:
            _start(stack)
        except PostgresUnavailable as error:
            raise pytest.UsageError(str(error)) from None
    yield


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Static files once, before the workers start: pages are tested with the manifest they are served with."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        call_command("collectstatic", verbosity=0, interactive=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Select the tests of this form.

    The ordinary form leaves out what only the long form runs. The long form (`make faults`) runs that, and what it
    repeats more often, those with the longest time limit first, so that none of them ends last.
    """
    if LONG:
        chosen = [item for item in items if any(item.get_closest_marker(name) for name in _IN_LONG_FORM)]
        chosen.sort(key=_turn)
    else:
        chosen = [item for item in items if not item.get_closest_marker("long_form")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """As many as there are processors, and no more than the services are made for; of what mostly waits, twice."""
    return min(len(os.sched_getaffinity(0)) * (2 if LONG else 1), _WORKERS_AT_MOST)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the long tests counted, as they recorded it under "figures"."""
    if LONG:
        for report in terminalreporter.getreports("passed"):
            for name, text in report.user_properties:
                if name == "figures":
                    terminalreporter.write_line(str(text))


def _turn(item: pytest.Item) -> tuple[bool, float]:
    """Who drives a browser comes last: once Playwright runs in a process, Django takes it for an asynchronous one."""
    marker = item.get_closest_marker("timeout")
    return "browser" in getattr(item, "fixturenames", ()), -float(marker.args[0]) if marker else 0.0


def _start(stack: contextlib.ExitStack) -> None:
    """Start both and put what the settings need into the environment."""
    for name in list(os.environ):
        if name.startswith(_FORGET) or name in _FORGET_EXACTLY:
            del os.environ[name]
    state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-test-")))
    os.environ |= {
        "PORTAL_STATE_DIR": str(state),
        "PORTAL_SECRET_KEY": secrets.token_urlsafe(48),
        "SECOND_FACTOR_ROLES": "",  # the tests of the second factor switch it on
        "CHANGE_SUBMITS_PER_HOUR": "100000",  # a test has its people do in a minute what others do in a year
        "PORTAL_ENCRYPTION_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "PORTAL_APPROVAL_MAC_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "REDIS_URL": stack.enter_context(throw_away_redis(state)),
        "DATABASE_URL": stack.enter_context(throw_away_postgres()),
    }


def _take_own_redis_database(worker: str) -> None:
    number = int(worker.removeprefix("gw")) + 1
    url, _, query = os.environ["REDIS_URL"].partition("?")
    os.environ["REDIS_URL"] = f"{url}?db={number}" if query else f"{url.rpartition('/')[0]}/{number}"
