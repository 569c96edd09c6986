"""Servers of the sandbox: Segura's port with its fault plan and journal, and the control port."""

from __future__ import annotations

import contextlib
import ssl
import threading
from pathlib import Path
from typing import Any

from portal.sandbox import seed as demo
from portal.sandbox.api import Api
from portal.sandbox.connection import vault_handler
from portal.sandbox.control_client import Control
from portal.sandbox.control_server import control_handler
from portal.sandbox.faults import Plan
from portal.sandbox.http_server import WebServer
from portal.sandbox.journal import Journal
from portal.sandbox.options import Options
from portal.sandbox.store import Item, Known, SecretStore
from portal.sandbox.tokens import TokenIssuer

SAVE_EVERY_S = 0.2


class Gate:
    """Queue of delayed answers that wait until they are released, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[threading.Event] = []
        self._dropped: set[threading.Event] = set()

    @property
    def held(self) -> int:
        """Number of waiting answers."""
        return len(self._waiting)

    def hold(self) -> bool:
        """Wait for the release; return False if the waiting was cancelled instead."""
        event = threading.Event()
        with self._lock:
            self._waiting.append(event)
        event.wait()
        with self._lock:
            given_up = event in self._dropped
            self._dropped.discard(event)
        return not given_up

    def release(self, count: int | None = None) -> int:
        """Release `count` answers, or all; return how many were released."""
        with self._lock:
            going = self._waiting[:count]
            self._waiting = self._waiting[len(going) :]
        for event in going:
            event.set()
        return len(going)

    def drop(self) -> None:
        """Cancel all waiting: answers are sent, late copies of changes are not applied."""
        with self._lock:
            self._dropped |= set(self._waiting)
        self.release()


class Sandbox:
    """Running Segura sandbox with two ports, Segura's and the control port. Usable as a context manager.

    `state` is a file that keeps the secrets over restarts; `tls` is (certificate file, key file). `start` after `stop`
    uses the same ports again.
    """

    def __init__(
        self,
        *,
        knobs: Options | None = None,
        seed: list[Item] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        control_host: str = "127.0.0.1",
        control_port: int = 0,
        client_id: str = "portal",
        client_secret: str = "sandbox-secret",  # noqa: S107 - value for the demo, documented
        scim_client_id: str = "portal-scim",
        scim_client_secret: str = "sandbox-scim-secret",  # noqa: S107
        known: Known = demo.KNOWN,
        state: Path | None = None,
        tls: tuple[str, str] | None = None,
    ) -> None:
        self.client_id, self.client_secret = client_id, client_secret
        self.scim_client_id, self.scim_client_secret = scim_client_id, scim_client_secret
        self.items = SecretStore(demo.seed_items() if seed is None else seed, state)
        self.grants = TokenIssuer({client_id: client_secret, scim_client_id: scim_client_secret})
        self.api = Api(self.items, self.grants, known)
        self.first_knobs = self.api.knobs = knobs or Options()
        self.plan, self.journal, self.gate = Plan(), Journal(), Gate()
        self.stopping = threading.Event()
        self._host, self._port = host, port
        self._control_host, self._control_port = control_host, control_port
        self._tls = _tls(tls)
        self._servers: list[WebServer] = []

    def start(self) -> Sandbox:
        """Listen on both ports. Raises OSError if one is taken."""
        self.stopping.clear()
        vault = WebServer((self._host, self._port), vault_handler(self), self._tls)
        try:
            control = WebServer((self._control_host, self._control_port), control_handler(self))
        except OSError:
            vault.server_close()
            raise
        self._servers = [vault, control]
        self._port, self._control_port = vault.port, control.port
        for server in self._servers:
            server.run()
        threading.Thread(target=self._keep, daemon=True).start()
        return self

    def stop(self) -> None:
        """End every connection at once and save the secrets."""
        self.stopping.set()
        self.gate.drop()
        for server in self._servers:
            server.stop()
        self._servers = []
        self.items.save()

    def reset(self) -> None:
        """Restore the initial seed, options, faults, journal and tokens; release waiting answers."""
        self.plan.clear()
        self.gate.drop()
        self.api.knobs = self.first_knobs
        self.items.reset()
        self.grants.revoke_all()
        self.grants.issued = 0
        self.journal.clear()

    @property
    def url(self) -> str:
        """Segura's base URL, with a slash at the end."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}/"

    @property
    def token_url(self) -> str:
        """URL of the token endpoint."""
        return self.url + "api/oauth2/token"

    @property
    def control_url(self) -> str:
        """URL of the control port, with a slash at the end."""
        return f"http://{self._control_host}:{self._control_port}/"

    @property
    def control(self) -> Control:
        """Client of the control port."""
        return Control(self.control_url)

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *_exc: Any) -> None:
        self.stop()

    def _keep(self) -> None:
        while not self.stopping.wait(SAVE_EVERY_S):
            with contextlib.suppress(OSError):  # a full disk must not stop the demo; the next round tries again
                self.items.save()


def _tls(files: tuple[str, str] | None) -> ssl.SSLContext | None:
    if files is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context
