"""Control server: JSON over HTTP on a port of its own, for tests and demos.

GET PUT /knobs · GET POST DELETE /faults · GET DELETE /journal · POST /release · DELETE /tokens
GET /secrets · GET POST /secrets/<identifier> · POST /reset · GET /health
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from portal.sandbox.connection import LONGEST_BODY, GateLike, Stage
from portal.sandbox.faults import FaultStep
from portal.sandbox.store import SecretStore
from portal.sandbox.tokens import TokenIssuer


class ControlledGate(GateLike, Protocol):
    """Queue of delayed answers, as the control server uses it."""

    @property
    def held(self) -> int:
        """Number of waiting answers."""

    def release(self, count: int | None = None) -> int:
        """Release waiting answers."""


class Controlled(Stage, Protocol):
    """Parts of the sandbox that the control server uses."""

    items: SecretStore
    grants: TokenIssuer

    @property
    def gate(self) -> ControlledGate:
        """Queue of delayed answers."""

    def reset(self) -> None:
        """Restore the initial state."""


def control_handler(stage: Controlled) -> type[BaseHTTPRequestHandler]:
    """Return the handler class of the control port."""

    class Handler(ControlHandler):
        pass

    Handler.stage = stage
    return Handler


class ControlHandler(BaseHTTPRequestHandler):
    """Handler that answers 200 with JSON, 400 or 403 with {"error": ...}, or 404."""

    stage: Controlled
    protocol_version = "HTTP/1.1"
    timeout = 90
    disable_nagle_algorithm = True

    def serve(self) -> None:
        """Execute one control request."""
        if self.headers.get("Origin"):  # pages in a browser must not control the sandbox
            self._answer(403, {"error": "not for browsers"})
            return
        length = self.headers.get("Content-Length", "0")
        try:
            sent = json.loads(self.rfile.read(min(int(length), LONGEST_BODY)) or b"{}")
            if not isinstance(sent, dict):
                raise ValueError("a JSON object is expected")
            self._answer(200, self._obey(sent))
        except KeyError:
            self._answer(404, {"error": "there is no such thing"})
        except (ValueError, TypeError) as error:
            self._answer(400, {"error": str(error)})

    do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815 - the names http.server calls

    def log_message(self, *_args: Any) -> None:
        """Log nothing."""

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _obey(self, sent: dict[str, Any]) -> object:
        parts = urlsplit(self.path)
        orders: dict[tuple[str, str], Callable[[], object]] = {
            ("GET", "/health"): lambda: {"ok": True},
            ("GET", "/knobs"): lambda: self.stage.api.knobs.as_dict(),
            ("PUT", "/knobs"): lambda: self._turn(sent),
            ("GET", "/faults"): lambda: {"steps": self.stage.plan.pending()},
            ("POST", "/faults"): lambda: self._add(sent),
            ("DELETE", "/faults"): lambda: self._done(self.stage.plan.clear),
            ("GET", "/journal"): lambda: self._journal(parts.query),
            ("DELETE", "/journal"): lambda: self._done(self.stage.journal.clear),
            ("POST", "/release"): lambda: {"released": self.stage.gate.release(sent.get("count"))},
            ("DELETE", "/tokens"): lambda: self._done(self.stage.grants.revoke_all),
            ("GET", "/secrets"): lambda: {"secrets": [item.shown() for item in self.stage.items.all()]},
            ("POST", "/reset"): lambda: self._done(self.stage.reset),
        }
        if parts.path.startswith("/secrets/"):
            return self._secret(int(parts.path.removeprefix("/secrets/")), sent)
        return orders[self.command, parts.path]()

    def _turn(self, sent: dict[str, Any]) -> dict[str, Any]:
        self.stage.api.knobs = self.stage.api.knobs.changed(sent)
        return self.stage.api.knobs.as_dict()

    def _add(self, sent: dict[str, Any]) -> dict[str, Any]:
        self.stage.plan.add(FaultStep.of(sent))
        return {"steps": self.stage.plan.pending()}

    def _journal(self, query: str) -> dict[str, Any]:
        since = int(parse_qs(query).get("since", ["0"])[0])
        more = {"held": self.stage.gate.held, "tokens_issued": self.stage.grants.issued}
        return {**self.stage.journal.since(since), **more}

    def _secret(self, identifier: int, sent: dict[str, Any]) -> dict[str, Any]:
        if self.command == "POST":
            return self.stage.items.edit(identifier, sent).shown()
        item = self.stage.items.get(identifier)
        if item is None:
            raise KeyError(identifier)
        return item.shown()

    @staticmethod
    def _done(act: Callable[[], None]) -> dict[str, bool]:
        act()
        return {"ok": True}
