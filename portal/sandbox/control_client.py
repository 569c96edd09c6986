"""Client of a sandbox's control server. Standard library only."""

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
    """Client of the control server of a running sandbox.

    control = Control("http://127.0.0.1:9444/")
    control.plan("504_after_apply", endpoint="update", replays=[1.5])
    control.journal()["applications"]
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def knobs(self, **changes: Any) -> dict[str, Any]:
        """Change options, if any are given, and return all of them."""
        return self._call("PUT", "/knobs", changes) if changes else self._call("GET", "/knobs")

    def plan(self, fault: str = "", **step: Any) -> None:
        """Add a step to the fault plan (see portal.sandbox.faults)."""
        self._call("POST", "/faults", {"fault": fault, **step})

    def faults(self) -> list[dict[str, Any]]:
        """Return the remaining steps."""
        return self._call("GET", "/faults")["steps"]  # type: ignore[no-any-return]

    def clear_faults(self) -> None:
        """Remove all steps from the fault plan."""
        self._call("DELETE", "/faults")

    def journal(self, since: int = 0) -> dict[str, Any]:
        """Return `arrivals` and `applications` after call number `since`, and the counts `held` and `tokens_issued`."""
        return self._call("GET", f"/journal?since={since}")

    def clear_journal(self) -> None:
        """Empty the journal."""
        self._call("DELETE", "/journal")

    def arrivals(self, endpoint: str = "") -> list[dict[str, Any]]:
        """Return the arrived calls, of one endpoint if named."""
        return [each for each in self.journal()["arrivals"] if not endpoint or each["endpoint"] == endpoint]

    def release(self, count: int | None = None) -> int:
        """Release waiting answers, oldest first; return how many were released."""
        return int(self._call("POST", "/release", {"count": count})["released"])

    def revoke_tokens(self) -> None:
        """Invalidate every token issued so far."""
        self._call("DELETE", "/tokens")

    def secrets(self) -> list[dict[str, Any]]:
        """Return all secrets, their values only as SHA-256."""
        return self._call("GET", "/secrets")["secrets"]  # type: ignore[no-any-return]

    def secret(self, identifier: int) -> dict[str, Any]:
        """Return one secret, its value only as SHA-256."""
        return self._call("GET", f"/secrets/{identifier}")

    def edit(self, identifier: int, **values: Any) -> dict[str, Any]:
        """Change a secret outside the API, as an edit in Segura's own pages would."""
        return self._call("POST", f"/secrets/{identifier}", values)

    def reset(self) -> None:
        """Restore the initial seed, options, faults, journal and tokens."""
        self._call("POST", "/reset", {})

    def wait(self, condition: Callable[[dict[str, Any]], Any], timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """Return the journal as soon as `condition(journal)` is true. Raises TimeoutError."""
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
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - our own URL
        try:
            with _direct.open(request, timeout=PATIENCE_S) as answer:
                obeyed: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(json.load(error).get("error", "")) from None
        return obeyed
