"""Drives a stand-in from outside, through its control address. Standard library only."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

PATIENCE_S = 10.0
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Control:
    """The control address of a running stand-in.

    control = Control("http://127.0.0.1:9444/")
    control.plan("504_after_apply", endpoint="update", replays=[1.5])
    control.journal()["applications"]
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def knobs(self, **changes: Any) -> dict[str, Any]:
        """Turns knobs, if any are given, and gives all of them."""
        return self._call("PUT", "/knobs", changes) if changes else self._call("GET", "/knobs")

    def plan(self, fault: str = "", **step: Any) -> None:
        """Adds a step to the fault plan (see portal.sandbox.faults)."""
        self._call("POST", "/faults", {"fault": fault, **step})

    def faults(self) -> list[dict[str, Any]]:
        """The steps still to come."""
        return self._call("GET", "/faults")["steps"]  # type: ignore[no-any-return]

    def clear_faults(self) -> None:
        """Nothing goes wrong any more."""
        self._call("DELETE", "/faults")

    def journal(self, since: int = 0) -> dict[str, Any]:
        """`arrivals` and `applications` after call number `since`, `held` answers, `tokens_issued`."""
        return self._call("GET", f"/journal?since={since}")

    def clear_journal(self) -> None:
        """Starts a new journal."""
        self._call("DELETE", "/journal")

    def arrivals(self, endpoint: str = "") -> list[dict[str, Any]]:
        """What arrived, of one endpoint if named."""
        return [each for each in self.journal()["arrivals"] if not endpoint or each["endpoint"] == endpoint]

    def release(self, count: int | None = None) -> int:
        """Lets held answers go, oldest first; how many went."""
        return int(self._call("POST", "/release", {"count": count})["released"])

    def revoke_tokens(self) -> None:
        """Makes every token issued so far worthless."""
        self._call("DELETE", "/tokens")

    def secrets(self) -> list[dict[str, Any]]:
        """All secrets as they are, their values as SHA-256 only."""
        return self._call("GET", "/secrets")["secrets"]  # type: ignore[no-any-return]

    def secret(self, identifier: int) -> dict[str, Any]:
        """One secret as it is."""
        return self._call("GET", f"/secrets/{identifier}")

    def edit(self, identifier: int, **values: Any) -> dict[str, Any]:
        """Changes a secret behind everybody's back."""
        return self._call("POST", f"/secrets/{identifier}", values)

    def reset(self) -> None:
        """Seed, knobs, faults, journal, tokens: all as at the start."""
        self._call("POST", "/reset", {})

    def wait(self, condition: Callable[[dict[str, Any]], Any], timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """The journal as soon as `condition(journal)` holds. Raises TimeoutError."""
        ends = time.monotonic() + timeout_s
        while True:
            journal = self.journal()
            if condition(journal):
                return journal
            if time.monotonic() > ends:
                raise TimeoutError("the journal never came to what was waited for")
            time.sleep(0.02)

    def _call(self, method: str, path: str, document: object = None) -> dict[str, Any]:
        data = None if document is None else json.dumps(document).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - our own
        try:
            with _direct.open(request, timeout=PATIENCE_S) as answer:
                obeyed: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(json.load(error).get("error", "")) from None
        return obeyed
