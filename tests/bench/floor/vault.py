"""A vault that answers at once, or after so many milliseconds: raw ASGI, so that it is never what limits.

It speaks as much of Segura's contract as a delivery asks for, and counts. Settings and figures by POST /_set (JSON of
update_ms, read_ms, notes: what the notes of each secret begin with) and GET /_figures (?times: each answer's instant).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

_TOKEN = "bench-token"
_JSON = [(b"content-type", b"application/json")]
_UPDATED, _READ = "Api secret updated successfully", "Success"


class _State:
    """What it has seen since the last /_set."""

    def __init__(self, update_ms: float = 0, read_ms: float = 0, bases: dict[str, Any] | None = None) -> None:
        self.update_s, self.read_s = update_ms / 1000, read_ms / 1000
        self.secrets: dict[str, dict[str, Any]] = dict(bases or {})
        self.attempts: dict[str, int] = {}
        self.puts = self.reads = self.refused = 0
        self.first = self.last = 0.0
        self.times: list[tuple[str, float]] = []


_state = _State()


async def app(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]) -> None:
    if scope["type"] != "http":
        return
    path, body = scope["path"], await _body(receive)
    if path.endswith("/token"):
        await _answer(send, {"token_type": "Bearer", "expires_in": 86400, "access_token": _TOKEN})
    elif path == "/_set":
        globals()["_state"] = _State(**json.loads(body))
        await _answer(send, {})
    elif path == "/_figures":
        await _answer(send, _figures(times=b"times" in scope["query_string"]))
    else:
        headers = dict(scope["headers"])
        if headers.get(b"authorization") != f"Bearer {_TOKEN}".encode():
            _state.refused += 1
            await _answer(send, {"message": "Unauthorized"}, 401)
        elif scope["method"] == "PUT":
            await _update(send, path.rpartition("/")[2], headers.get(b"x-request-id", b"").decode(), json.loads(body))
        else:
            await _read(send, path.rpartition("/")[2])


async def _update(send: Callable[[Any], Any], secret: str, attempt: str, sent: dict[str, Any]) -> None:
    state = _state
    await asyncio.sleep(state.update_s)
    held = state.secrets.setdefault(secret, {})
    held |= sent
    await _answer(send, {**_said(_UPDATED), "api_entity": {"identifier": secret, **held, "shared_error": []}})
    now = time.time()
    state.puts += 1
    mark = attempt or f"{secret}:{state.puts}"
    state.attempts[mark] = state.attempts.get(mark, 0) + 1
    state.first, state.last = state.first or now, now
    state.times.append((secret, now))


async def _read(send: Callable[[Any], Any], secret: str) -> None:
    state = _state
    state.reads += 1
    await asyncio.sleep(state.read_s)
    await _answer(send, {**_said(_READ), "api_secret_entity": {"identifier": secret, **state.secrets.get(secret, {})}})


def _said(message: str) -> dict[str, Any]:
    inner = {"status": 200, "message": message, "error": False, "error_code": 0, "detail": ""}
    return {"code": 200, "response": inner}


def _figures(*, times: bool) -> dict[str, Any]:
    repeated = sum(number - 1 for number in _state.attempts.values())
    told = {"puts": _state.puts, "attempts": len(_state.attempts), "repeated": repeated, "reads": _state.reads,
            "refused": _state.refused, "first": _state.first, "last": _state.last}  # fmt: skip
    return {**told, "times": _state.times} if times else told


async def _body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    data = b""
    while True:
        message = await receive()
        data += message.get("body", b"")
        if not message.get("more_body"):
            return data


async def _answer(send: Callable[[Any], Any], document: dict[str, Any], status: int = 200) -> None:
    body = json.dumps(document).encode()
    headers = [*_JSON, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
