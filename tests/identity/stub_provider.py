"""An OpenID provider of its own making: it answers whatever a test tells it to, also what no honest provider would."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.http import HttpResponse
from django.test import Client
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "countersign", "canary-of-a-client-secret"
MARIA = {"sub": "u-1", "preferred_username": "maria", "given_name": "Maria", "family_name": "Silva"}


class StubProvider:
    """`claims` are added to those of each ID token; `token` makes the token of them; `status` is that of answers."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
        self.claims: dict[str, Any] = {}
        self.discovery: dict[str, Any] = {}
        self.token: Callable[[dict[str, Any]], str] = self.sign
        self.status = 200
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.used: set[str] = set()
        self.nonce = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A duration in a claim is a time that far from now: names of tests must not depend on when they run."""
        now = int(time.time())
        claims = {
            name: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
            for name, value in claims.items()
        }
        return jwt.encode({"alg": "RS256", "kid": "k1", **header}, claims, self.key)

    def valid_claims(self) -> dict[str, Any]:
        now = int(time.time())
        times = {"iat": now, "exp": now + 300, "auth_time": now}
        return {"iss": self.issuer, "aud": CLIENT_ID, "nonce": self.nonce, **times, **MARIA}

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self.status != 200:
            return self.status, {}
        if path == "/.well-known/openid-configuration":
            places = {
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "end_session_endpoint": f"{self.issuer}/logout",
            }
            return 200, {"issuer": self.issuer, **places, **self.discovery}
        if path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        if form["code"] in self.used:
            return 400, {"error": "invalid_grant"}
        self.used.add(form["code"])
        claims = {name: value for name, value in {**self.valid_claims(), **self.claims}.items() if value is not None}
        return 200, {"access_token": secrets.token_hex(8), "token_type": "Bearer", "id_token": self.token(claims)}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                form = dict(parse_qsl(body))
                stub.requests.append((self.path, form))
                status, data = stub.answer(self.path, form)
                text = json.dumps(data).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    @contextmanager
    def running(self) -> Iterator[StubProvider]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def begin(client: Client, stub: StubProvider, **data: str) -> dict[str, str]:
    """Press "Continue with …"; the parameters that the browser takes to the provider."""
    return sent_to_provider(client.post("/identity/sign-in/", data), stub)


def sent_to_provider(answer: HttpResponse, stub: StubProvider) -> dict[str, str]:
    """The parameters of a redirect to the provider, which will put their nonce into its next ID token."""
    assert answer.status_code == 302, answer.content.decode()
    sent = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    stub.nonce = sent["nonce"]
    return sent


def come_back(client: Client, sent: dict[str, str], **query: str) -> HttpResponse:
    """Return from the provider as somebody who has signed in there."""
    return client.get("/identity/callback/", {"code": secrets.token_hex(8), "state": sent["state"], **query})


def sign_in(client: Client, stub: StubProvider, **claims: Any) -> HttpResponse:
    """The whole sign-in of Maria with these claims."""
    stub.claims = claims
    return come_back(client, begin(client, stub))
