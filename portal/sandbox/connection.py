"""Handler for one connection to Segura's port: reads a call, follows the fault plan, writes or corrupts the answer."""

from __future__ import annotations

import os
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from portal.sandbox.api import Api, Effect, Request, parse_route
from portal.sandbox.faults import FaultStep, Plan, apply_fault
from portal.sandbox.journal import Arrival, Journal
from portal.sandbox.replies import Reply

if TYPE_CHECKING:
    from portal.sandbox.store import Item

LONGEST_BODY = 8 * 1024 * 1024
RESETS = ("reset", "reset_before")
SILENT = (*RESETS, "drop", "drop_before", "cut_status_line")


class GateLike(Protocol):
    """Queue of delayed answers."""

    def hold(self) -> bool:
        """Wait for the release; return False if the waiting was cancelled instead."""


class Stage(Protocol):
    """Parts of the sandbox that a connection uses."""

    api: Api
    plan: Plan
    journal: Journal
    stopping: threading.Event

    @property
    def gate(self) -> GateLike:
        """Queue of delayed answers."""


def vault_handler(stage: Stage) -> type[BaseHTTPRequestHandler]:
    """Return the handler class of Segura's port."""

    class Handler(VaultHandler):
        pass

    Handler.stage = stage
    return Handler


class VaultHandler(BaseHTTPRequestHandler):
    """Segura and its gateway on one connection, kept alive between calls."""

    stage: Stage
    protocol_version = "HTTP/1.1"
    timeout = 90
    disable_nagle_algorithm = True

    def serve(self) -> None:
        """Handle one call, from its body to the last byte of the answer."""
        stage = self.stage
        parts = urlsplit(self.path)
        endpoint, identifier = parse_route(self.command, parts.path)
        step = stage.plan.take(self.command, endpoint, identifier)
        if step.name == "reset_before":
            request = self._request(parts.path, parts.query, b"")
        else:
            request = self._request(parts.path, parts.query, self._body())
        arrival = stage.journal.arrive(request, endpoint, identifier, step.fault)
        if step.name == "reset_before":
            self._reset()
            return
        prepared = stage.api.prepare(request)
        reply = apply_fault(step, prepared.reply, stage.api.knobs)
        self._change(step, arrival, prepared.effect)
        stage.stopping.wait(step.delay_s + (step.number(1) if step.name == "slow" else 0))
        if step.name == "hold":
            stage.gate.hold()
        if stage.stopping.is_set():  # a stopping server answers no call
            self.close_connection = True
            return
        stage.journal.answer(arrival, None if step.name in SILENT else reply.status)
        self._write(step, reply)
        if step.when == "after" and prepared.effect is not None:
            self._apply(arrival, prepared.effect, replay=False)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = serve  # noqa: N815 - the names http.server calls

    def log_message(self, *_args: Any) -> None:
        """Log nothing; the journal records every call."""

    def _request(self, path: str, query: str, body: bytes) -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, path, query, headers, body, self.client_address[0])

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LONGEST_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return b""
        return self.rfile.read(int(length))

    def _change(self, step: FaultStep, arrival: Arrival, effect: Effect | None) -> None:
        """Apply the change if it is due before the answer, and schedule its late copies."""
        if effect is None:
            return
        if step.when == "before":
            self._apply(arrival, effect, replay=False)
        again = [0.0] if self.stage.api.knobs.double_apply_on_504 and step.fault == "504_after_apply" else []
        for delay in (*again, *step.replays):
            late = threading.Thread(target=self._replay, args=(delay, arrival, effect), daemon=True)
            late.start()

    def _replay(self, delay: float, arrival: Arrival, effect: Effect) -> None:
        if self.stage.gate.hold() if delay < 0 else not self.stage.stopping.wait(delay):
            self._apply(arrival, effect, replay=True)

    def _apply(self, arrival: Arrival, effect: Effect, *, replay: bool) -> None:
        item: Item = effect()
        self.stage.journal.apply(arrival, item, replay=replay)

    def _write(self, step: FaultStep, reply: Reply) -> None:
        name = step.name
        if name in RESETS:
            self._reset()
        elif name in ("drop", "drop_before"):
            self.close_connection = True
        elif name == "cut_status_line":
            self._end(f"HTTP/1.1 {reply.status} Cre".encode())
        else:
            self._answer(name, step, reply)

    def _answer(self, name: str, step: FaultStep, reply: Reply) -> None:
        head, body = self._head(reply), b"" if self.command == "HEAD" else reply.body
        if name == "interim":
            self._send_interim(step)
        if name == "cut_headers":
            self._end(head[: head.index(b"\r\n") + 12])
        elif name == "cut_body":
            self._end(head + body[: len(body) // 2])
        elif name == "drip_headers":
            self._drip(head, step.number(0.5))
            self.wfile.write(body)
        elif name == "drip":
            self.wfile.write(head)
            self._drip(body, step.number(0.5))
        else:
            self.wfile.write(head + body)

    def _send_interim(self, step: FaultStep) -> None:
        """Send interim responses before the answer, each with its own header."""
        for code in (step.fault.partition(":")[2] or "100,103").split(","):
            self.wfile.write(f"HTTP/1.1 {code} Interim\r\nLink: </style.css>; rel=preload\r\n\r\n".encode())

    def _head(self, reply: Reply) -> bytes:
        headers = {**reply.headers, "Content-Length": str(len(reply.body))}
        if self.close_connection:
            headers["Connection"] = "close"
        phrase = self.responses.get(reply.status, ("",))[0]
        lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _drip(self, data: bytes, every_s: float) -> None:
        for byte in data:
            self.wfile.write(bytes((byte,)))
            if self.stage.stopping.wait(every_s):
                break

    def _end(self, data: bytes) -> None:
        self.wfile.write(data)
        self.close_connection = True

    def _reset(self) -> None:
        """End the connection with RST instead of FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
