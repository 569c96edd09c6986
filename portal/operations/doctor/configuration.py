"""Check of settings that a process accepts but a deployment should not have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings

from portal.common.env import is_loopback_url
from portal.operations.doctor.finding import CheckArea, Finding, runs_as

_AREA = CheckArea("settings")


def check_configuration() -> Iterator[Finding]:
    """Yield findings about the settings of this process: run the doctor with the environment of the process to check.

    PORTAL_PROCESS names that process, so that it gets no advice to set what only another process needs.
    """
    yield from _address()
    yield from _modes()
    yield from _left_out()
    if runs_as("worker"):
        yield _spool()


def _address() -> Iterator[Finding]:
    url, host = settings.BASE_URL, urlsplit(settings.BASE_URL).hostname or ""
    if not url.startswith("https://"):
        yield _AREA.advice(f"PORTAL_BASE_URL is {url}", "For people on other machines set the https address they use.")
    elif settings.TRUSTED_PROXIES < 1:
        yield _AREA.advice(
            "PORTAL_BASE_URL is https, and PORTAL_TRUSTED_PROXIES is 0",
            "Right where the web processes speak TLS themselves. Else set how many own proxies stand before them: "
            "without that every page is redirected for ever, and the log shows the proxy's address for everybody.",
        )
    else:
        yield _AREA.ok(f"people use {url}, behind {settings.TRUSTED_PROXIES} own proxies")
    if "*" in settings.ALLOWED_HOSTS:
        yield _AREA.problem("ALLOWED_HOSTS takes every name", "Name the hosts: mails and redirects follow that header.")
    elif not any(host == name or (name[:1] == "." and host.endswith(name)) for name in settings.ALLOWED_HOSTS):
        yield _AREA.problem(f"ALLOWED_HOSTS lacks {host}", "Add it: every page under PORTAL_BASE_URL is refused.")


def _modes() -> Iterator[Finding]:
    if settings.PORTAL_DEMO and not is_loopback_url(settings.BASE_URL):
        yield _AREA.problem("PORTAL_DEMO is on", "Switch it off: demo accounts may sign in.")
    if settings.DEBUG:
        yield _AREA.advice("PORTAL_DEBUG is on", "Switch it off where anybody but you looks at the pages.")


_OPTIONAL = (
    ("PORTAL_METRICS_TOKEN", "METRICS_TOKEN", {"web"}, "Set it, and let Prometheus show it: nobody is woken else."),
    (
        "PORTAL_FINGERPRINT_KEY",
        "FINGERPRINT_KEY",
        {"web", "worker"},
        "It is derived from PORTAL_SECRET_KEY: a change of that key makes every known value look new. Set it.",
    ),
    (
        "EMAIL_URL",
        "EMAIL_HOST",
        {"web", "worker", "sealer"},
        "Set it for web, workers and sealer: nobody is mailed, and auditors get no checkpoints.",
    ),
)


def _left_out() -> Iterator[Finding]:
    for name, attribute, processes, todo in _OPTIONAL:
        if runs_as(*processes):
            yield (
                _AREA.ok(f"{name} is set") if getattr(settings, attribute) else _AREA.advice(f"{name} is not set", todo)
            )


def _spool() -> Finding:
    folder = settings.DELIVERY_SPOOL_DIR
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if os.access(nearest, os.W_OK | os.X_OK) and nearest.is_dir():
        return _AREA.ok(f"answers can be kept in {folder} while the database is away")
    return _AREA.problem(
        f"DELIVERY_SPOOL_DIR {folder} cannot be written to",
        "Give the worker's account that folder, on a local disk: no worker starts without it.",
    )
