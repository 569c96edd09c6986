"""Journal of arrived calls and applied changes, the ground truth for tests.

It contains no token and no secret value.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

from portal.sandbox.api import Request, parse_json_object
from portal.sandbox.store import Item

KEPT = 200_000


@dataclass
class Arrival:
    """Arrived call. `at`: epoch seconds; `status`: HTTP status of the answer, None if there is none."""

    seq: int
    at: float
    method: str
    path: str
    endpoint: str
    identifier: str
    attempt_id: str
    keys: list[str]
    body_sha256: str
    fault: str = ""
    status: int | None = None
    answered_at: float | None = None


@dataclass(frozen=True)
class Application:
    """Applied change. `order` counts all changes, `secret_order` those of the same secret.

    `values`: the fields of the call with their current values; the secret value only as SHA-256.
    """

    order: int
    secret_order: int
    seq: int
    at: float
    identifier: int
    attempt_id: str
    replay: bool
    values: dict[str, Any]
    client_secret_sha256: str


class Journal:
    """Arrivals and applications, oldest first, up to KEPT of each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Remove all entries and count from 1 again."""
        with self._lock:
            self._arrivals: deque[Arrival] = deque(maxlen=KEPT)
            self._applications: deque[Application] = deque(maxlen=KEPT)
            self._seq = itertools.count(1)
            self._order = itertools.count(1)
            self._per_secret: Counter[int] = Counter()

    def arrive(self, request: Request, endpoint: str, identifier: str, fault: str) -> Arrival:
        """Record a call before it is handled."""
        sent = {} if endpoint == "token" else parse_json_object(request.body) or {}
        with self._lock:
            arrival = Arrival(
                seq=next(self._seq), at=time.time(), method=request.method, path=request.path,
                endpoint=endpoint, identifier=identifier, attempt_id=request.headers.get("x-request-id", ""),
                keys=sorted(sent), fault=fault,
                body_sha256="" if endpoint == "token" else hashlib.sha256(request.body).hexdigest(),
            )  # fmt: skip
            self._arrivals.append(arrival)
        return arrival

    def answer(self, arrival: Arrival, status: int | None) -> None:
        """Record the status that is about to be sent; None if no answer is sent."""
        arrival.status, arrival.answered_at = status, time.time()

    def apply(self, arrival: Arrival, item: Item, *, replay: bool) -> None:
        """Record an applied change."""
        shown = item.shown()
        with self._lock:
            self._per_secret[item.identifier] += 1
            self._applications.append(
                Application(
                    order=next(self._order), secret_order=self._per_secret[item.identifier], seq=arrival.seq,
                    at=time.time(), identifier=item.identifier, attempt_id=arrival.attempt_id, replay=replay,
                    values={key: shown[key] for key in arrival.keys if key in shown},
                    client_secret_sha256=shown["client_secret_sha256"],
                )
            )  # fmt: skip

    def since(self, seq: int) -> dict[str, list[dict[str, Any]]]:
        """Return all entries of the calls after `seq`."""
        with self._lock:
            return {
                "arrivals": [asdict(each) for each in self._arrivals if each.seq > seq],
                "applications": [asdict(each) for each in self._applications if each.seq > seq],
            }
