"""A running stand-in and the plainest of clients, so that no shared mistake can hide."""

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from portal.sandbox import Control, Sandbox


class Answer:
    """What http.client saw."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Speaks plain HTTP with a token of its own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.token = sandbox, ""

    def __call__(
        self, method: str, path: str, document: Any = None, raw: bytes | None = None, **headers: str
    ) -> Answer:
        body = raw if raw is not None else json.dumps(document).encode() if document is not None else None
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(str(urlsplit(self.sandbox.url).netloc), timeout=5)
        try:
            connection.request(method, path, body, sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def ask_token(self, path: str = "/api/oauth2/token", method: str = "POST", **form: str) -> Answer:
        given = {
            "grant_type": "client_credentials",
            "client_id": self.sandbox.client_id,
            "client_secret": self.sandbox.client_secret,
            **form,
        }
        body = urlencode({name: value for name, value in given.items() if value}).encode()
        return self(method, path, raw=body, Content_Type="application/x-www-form-urlencoded")

    def sign_in(self) -> "Caller":
        self.token = self.ask_token().json["access_token"]
        return self


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    return sandbox.control


@pytest.fixture
def anonymous(sandbox: Sandbox) -> Caller:
    return Caller(sandbox)


@pytest.fixture
def call(anonymous: Caller) -> Caller:
    return anonymous.sign_in()


@pytest.fixture
def put(call: Caller) -> Callable[..., Answer]:
    def update(document: Any, identifier: int = 43, attempt: str = "at") -> Answer:
        return call("PUT", f"/api/mysafe/secretapi/update/{identifier}", document, X_Request_ID=attempt)

    return update
