"""The control of a stand-in that runs in this very process: the same orders, without a connection for each."""

from __future__ import annotations

import json
from typing import Any

from portal.sandbox import Control, Sandbox
from portal.sandbox.control_server import control_handler


class AtHand(Control):
    """For tests that ask thousands of times. What comes back has been JSON, as it is from outside."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox.control_url)
        self._handler = control_handler(sandbox)

    def _call(self, method: str, path: str, document: object = None) -> dict[str, Any]:
        order = self._handler.__new__(self._handler)  # without the connection that its constructor would serve
        order.command, order.path = method, path
        obeyed: dict[str, Any] = json.loads(json.dumps(order._obey(document or {})))  # type: ignore[arg-type]
        return obeyed
