"""Fault plan: a queue of steps, each consumed by the calls that it matches.

A step: `{"fault": "504_after_apply", "endpoint": "update", "times": 1, "delay_s": 0, "apply": "", "replays": []}`.

Faults by origin, and whether the change is applied unless `apply` says otherwise:

- the gateway or an early refusal, change not applied: 502, 503, 503_no_peer (found before the first try),
  504_before_apply, html_502, 429, no_route, 401, 500_envelope, redirect:<code>:<location>,
  refuse:<number>:<message>, drop_before, reset_before (unread body);
- the answer on its way back, change applied: 503_after_apply (an earlier try arrived, then a retry found no peer: the
  text of 503), 504_after_apply, drop (closed without an answer), reset, hold (until released), slow:<s>,
  drip[:<s per byte>], drip_headers[:<s>], cut_status_line, cut_body, empty_201, html_201, big_body[:<MB>],
  other_identifier, error_true, erro_true, wrong_code, broken_json, cut_headers, many_headers[:<n>], long_header[:<kB>],
  interim[:<codes with commas>], latin1 (the body in an 8-bit encoding).

`status`, `body` and `headers` replace those of the answer, whatever the answer is.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from portal.sandbox import replies
from portal.sandbox.options import Options
from portal.sandbox.replies import Reply

Apply = Literal["", "before", "after", "never"]
_NEVER = frozenset(
    {"502", "503", "503_no_peer", "504_before_apply", "html_502", "429", "no_route", "401", "500_envelope",
     "redirect", "refuse", "drop_before", "reset_before"}
)  # fmt: skip
_WAY_BACK = frozenset(
    {"503_after_apply", "504_after_apply", "drop", "reset", "hold", "slow", "drip", "drip_headers",
     "cut_status_line", "cut_headers", "cut_body", "interim", "many_headers", "long_header", "latin1",
     "empty_201", "html_201", "big_body", "other_identifier", "error_true",
     "erro_true", "wrong_code", "broken_json"}
)  # fmt: skip


@dataclass
class FaultStep:
    """Step of the fault plan. With `times` None the step applies until the plan is cleared.

    `replays`: seconds until each late copy of the change is applied; a negative number means until it is released.
    """

    fault: str = ""
    endpoint: str = ""
    method: str = ""
    identifier: str = ""
    times: int | None = 1
    delay_s: float = 0.0
    apply: Apply = ""
    status: int | None = None
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    replays: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.fault and self.name not in _NEVER | _WAY_BACK:
            raise ValueError(f"there is no fault {self.fault}")
        if self.apply not in ("", "before", "after", "never"):
            raise ValueError("apply is before, after or never")
        self.identifier = str(self.identifier)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> FaultStep:
        """Return a step from JSON. Raises ValueError that names the mistake."""
        unknown = set(values) - {each.name for each in fields(cls)}
        if unknown:
            raise ValueError(f"a step has no {', '.join(sorted(unknown))}")
        return cls(**values)

    @property
    def name(self) -> str:
        """Fault without its arguments."""
        return self.fault.partition(":")[0]

    def number(self, default: float) -> float:
        """Return the fault's argument as a number."""
        _, _, argument = self.fault.partition(":")
        return float(argument) if argument else default

    @property
    def when(self) -> str:
        """Time at which the change is applied: before the answer, after it, or never."""
        return self.apply or ("never" if self.name in _NEVER else "before")

    def matches(self, method: str, endpoint: str, identifier: str) -> bool:
        """Return whether the step applies to this call; an empty filter matches all."""
        wanted = ((self.method, method), (self.endpoint, endpoint), (self.identifier, identifier))
        return all(not want or want == got for want, got in wanted)


NOTHING = FaultStep()


class Plan:
    """Queue of the remaining steps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: list[FaultStep] = []

    def add(self, step: FaultStep) -> None:
        """Add a step at the end."""
        with self._lock:
            self._steps.append(step)

    def clear(self) -> None:
        """Remove all steps."""
        with self._lock:
            self._steps.clear()

    def pending(self) -> list[dict[str, Any]]:
        """Return the remaining steps as JSON."""
        with self._lock:
            return [asdict(step) for step in self._steps]

    def take(self, method: str, endpoint: str, identifier: str) -> FaultStep:
        """Return the first step that matches the call and count it down; NOTHING if no step matches."""
        with self._lock:
            for step in self._steps:
                if step.matches(method, endpoint, identifier):
                    if step.times is not None:
                        step.times -= 1
                        if step.times <= 0:
                            self._steps.remove(step)
                    return step
        return NOTHING


def apply_fault(step: FaultStep, due: Reply, knobs: Options) -> Reply:
    """Return the answer as the step changes it; faults of the connection are left to the server."""
    reply = _gateway(step, knobs) or _edited(step, due)
    if step.status is not None or step.body is not None or step.headers:
        body = reply.body if step.body is None else step.body.encode("utf-8", "surrogatepass")
        reply = Reply(step.status or reply.status, body, {**reply.headers, **step.headers})
    return reply


def _gateway(step: FaultStep, knobs: Options) -> Reply | None:
    name = step.name
    if name in ("502", "503", "401"):
        return replies.gateway_reply(int(name), knobs)
    if name == "503_no_peer":
        return replies.gateway_reply(503, knobs, text="failure to get a peer from the ring-balancer")
    if name in ("503_after_apply", "504_before_apply", "504_after_apply"):
        return replies.gateway_reply(int(name[:3]), knobs)
    if name == "429":
        return replies.gateway_reply(429, knobs, {"Retry-After": f"{step.number(1):.0f}"})
    if name == "no_route":
        return replies.gateway_reply(404, knobs)
    if name == "html_502":
        return Reply(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", {"Content-Type": "text/html"})
    if name == "500_envelope":
        return replies.through_gateway(replies.error_reply(500, "Unexpected error", 400, knobs), knobs)
    if name == "redirect":
        _, status, location = step.fault.split(":", 2)
        return Reply(int(status), b"", {"Location": location})
    if name == "refuse":
        _, number, text = step.fault.split(":", 2)
        return replies.through_gateway(replies.error_reply(400, f"{number}: {text}", int(number), knobs), knobs)
    return None


def _edited(step: FaultStep, due: Reply) -> Reply:
    name = step.name
    if name in ("many_headers", "long_header"):
        return Reply(due.status, due.body, {**due.headers, **_filler(step)})
    if name == "empty_201":
        return Reply(201, b"", due.headers)
    if name == "html_201":
        return Reply(201, b"<html><body>Created</body></html>", {"Content-Type": "text/html"})
    if name == "big_body":
        return Reply(due.status, b'{"filler":"' + b"x" * int(step.number(10) * 1024 * 1024) + b'"}', due.headers)
    if name == "latin1":
        return Reply(due.status, due.body.decode().encode("latin-1", "replace"), due.headers)
    if name == "broken_json":
        return Reply(due.status, due.body[:-2] + b",,", due.headers)
    if name in ("other_identifier", "error_true", "erro_true", "wrong_code"):
        return Reply(due.status, _lied(name, due.body), due.headers)
    return due


def _filler(step: FaultStep) -> dict[str, str]:
    """Return more or longer headers than HTTP clients commonly accept."""
    if step.name == "long_header":
        return {"X-Filler": "x" * int(step.number(70) * 1024)}
    return {f"X-Filler-{count}": "x" for count in range(int(step.number(150)))}


def _lied(name: str, body: bytes) -> bytes:
    document = json.loads(body)
    if name == "wrong_code":
        document["code"] = 400
    elif name == "other_identifier":
        document.setdefault("api_entity", {})["identifier"] = "999999"
    else:
        document["response"]["error" if name == "error_true" else "erro"] = True
    return json.dumps(document).encode()
