"""The portal's own web process as a deployment has it: https outside, one proxy before it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from portal.devserver import processes
from portal.devserver.redis_server import free_port
from portal.devserver.supervisor import die_with_parent
from tests.rig.portal import ROOT
from tests.rig.visitor import wait_until
from tests.rig.workers import database_url

HOST = "portal.corp.example"


class Served:
    """What a proxy sees of it. `ask` passes a request on, over TLS unless told otherwise."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.session = requests.Session()
        self.session.trust_env = False

    def ask(self, method: str, path: str, *, scheme: str = "https", **options: object) -> requests.Response:
        """The answer to one request; redirects are shown, not followed."""
        given = options.pop("headers", {})
        assert isinstance(given, dict)
        headers = {"Host": HOST, "X-Forwarded-Proto": scheme, "X-Forwarded-For": "203.0.113.7", **given}
        return self.session.request(
            method,
            self.url + path,
            headers=headers,
            allow_redirects=False,
            timeout=20,
            **options,  # type: ignore[arg-type]
        )

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/accounts/login/").ok
        except requests.ConnectionError:
            return False


@contextmanager
def served(log: Path) -> Iterator[Served]:
    """On the test's own database; gone at the end."""
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "PORTAL_BASE_URL": f"https://{HOST}",
        "PORTAL_TRUSTED_PROXIES": "1",
        "ALLOWED_HOSTS": HOST,
        "PORT": str(port),
    }
    with log.open("ab") as printed:
        process = subprocess.Popen(
            processes.web_process(port, environment).command,
            cwd=ROOT,
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )
    try:
        portal = Served(port)
        wait_until(portal.answers, "the web process answers")
        yield portal
    finally:
        process.terminate()
        process.wait(10)
