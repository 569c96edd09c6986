"""Bodies and headers of Segura, its gateway and its token endpoint (contract 3, 4, 8)."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.sandbox.options import Options
from portal.sandbox.store import SHARES, TEXTS, Item

JSON_TYPE = "application/json; charset=utf-8"
KONG_TEXTS = {
    404: "no Route matched with those values",
    502: "An invalid response was received from the upstream server",
    503: "The upstream server is currently unavailable",
    504: "The upstream server is timing out",
    500: "An unexpected error occurred",
    429: "API rate limit exceeded",
    403: "Your IP address is not allowed",
    401: "Unauthorized",
}


@dataclass(frozen=True)
class Reply:
    """HTTP answer, ready to be written."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(status: int, document: object, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a JSON answer."""
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Reply(status, body, {"Content-Type": JSON_TYPE, **(headers or {})})


def gateway_reply(status: int, knobs: Options, headers: Mapping[str, str] | None = None, text: str = "") -> Reply:
    """Return an answer of the gateway itself, in the format of the configured version."""
    text = text or KONG_TEXTS[status]
    request_id = secrets.token_hex(16)
    if knobs.kong_version_style == "2.8" and status == 404:
        body = f'{{"message":"{text}"}}'
    elif knobs.kong_version_style == "3.5+":
        body = f'{{\n  "message":"{text}",\n  "request_id":"{request_id}"\n}}'
    else:
        body = f'{{\n  "message":"{text}"\n}}'
    all_headers = {"Content-Type": JSON_TYPE, **(headers or {})}
    if knobs.kong_headers:
        all_headers |= {"Server": _server(knobs), "X-Kong-Response-Latency": "0"}
        if knobs.kong_version_style == "3.5+":
            all_headers["X-Kong-Request-Id"] = request_id
    return Reply(status, body.encode(), all_headers)


def through_gateway(reply: Reply, knobs: Options) -> Reply:
    """Return an answer of the application with the headers that the gateway adds."""
    if not knobs.kong_headers:
        return reply
    extra = {"Via": _server(knobs), "X-Kong-Upstream-Latency": "3", "X-Kong-Proxy-Latency": "1"}
    return Reply(reply.status, reply.body, {**reply.headers, **extra})


def _server(knobs: Options) -> str:
    return {"2.8": "kong/2.8.0", "3.4": "kong/3.4.0", "3.5+": "kong/3.5.0"}[knobs.kong_version_style]


def success_reply(status: int, message: str, extra: Mapping[str, Any] | None = None) -> Reply:
    """Return Segura's envelope of a success."""
    return as_json(status, {"code": status, "response": _inner(status, message, error=False), **(extra or {})})


def error_reply(status: int, message: str, number: int | None, knobs: Options, *, error_code: int = 1) -> Reply:
    """Return Segura's envelope of a failure; with `number` None it has no `exception`."""
    old = knobs.error_dialect == "old"
    inner = _inner(status, message, error=True, error_code=0 if old else error_code)
    document: dict[str, Any] = {"code": status, "response": inner}
    if old:
        del document["code"], inner["detail"]
    if number is not None:
        document["exception"] = {"code": number, "message": message, "detail": "" if old else None}
    return as_json(status, document)


def _inner(status: int, message: str, *, error: bool, error_code: int = 0) -> dict[str, Any]:
    return {
        "status": status, "message": message, "error": error, "error_code": error_code, "detail": "",
        "mensagem": message, "erro": error, "cod_erro": error_code,
    }  # fmt: skip


def entity_json(item: Item, knobs: Options, *, written: bool) -> dict[str, Any]:
    """Return an item as create and update (`written`) or read show it: the share formats differ (contract 1)."""
    document: dict[str, Any] = {"identifier": str(item.identifier)}
    document |= {name: getattr(item, name) for name in TEXTS}
    for name, key in SHARES.items():
        document[name] = [
            {key if written else "name": holder, "can_edit": may} for holder, may in getattr(item, name).items()
        ]
    echo = knobs.secret_echo
    if echo == "omitted":
        del document["client_secret"]
    elif echo == "masked_middle":
        value = item.client_secret
        document["client_secret"] = value[:6] + "*" * 10 + value[-4:] if len(value) > 10 else "*" * 10
    elif echo == "encrypted":  # RSA-OAEP is randomised, so random bytes look the same
        document["client_secret"] = base64.b64encode(secrets.token_bytes(256)).decode()
    return document


def shared_error(failed: list[str], knobs: Options) -> list[Any]:
    """Return `shared_error` for names that cannot be shared with; its real format is unknown (contract 6)."""
    if knobs.shared_error_style == "objects":
        return [{"name": name, "message": "not found"} for name in failed]
    if knobs.shared_error_style == "message_strings":
        return [f"1005: {name} not found" for name in failed]
    return [] if knobs.shared_error_style == "always_empty" else list(failed)


def oauth_error_reply(
    status: int, error: str, description: str, hint: str = "", headers: Mapping[str, str] | None = None
) -> Reply:
    """Return a failure of the token endpoint, in the format of PHP league/oauth2-server."""
    document = {"error": error, "error_description": description}
    if hint:
        document["hint"] = hint
    return as_json(status, {**document, "message": description}, headers)
