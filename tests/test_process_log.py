"""What strangers and refused people leave in the process log: one short line each, and no traceback."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django.fixtures import Settings

from portal.common.json_logging import JsonFormatter, OneLineRefusals
from portal.urls import handler400, handler500  # noqa: F401 - this module stands in for that one
from portal.urls import urlpatterns as portal_urls
from tests.people import person

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def fail(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a fault of the portal")


urlpatterns = [path("fail/", fail), *portal_urls]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The process log, as the handler of the settings writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(OneLineRefusals())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


ASKS = {
    "wrong host": lambda browser: browser.get("/", headers={"host": "evil.example"}),
    "host with markup and line ends": lambda browser: browser.get(
        "/", headers={"host": "a\nb<i>\x1b[31m" + "x" * 3000}
    ),
    "no right": lambda browser: browser.get("/audit/"),
    "forged form": lambda _browser: Client(enforce_csrf_checks=True).post("/accounts/login/"),
    "no such page": lambda browser: browser.get("/nowhere/" + "x" * 3000),
    "no such change": lambda browser: browser.get("/changes/987654321/"),
    "wrong method": lambda browser: browser.put("/changes/"),
    "upload": lambda browser: browser.post("/theme/", {"f": SimpleUploadedFile("x", b"0")}),
    "too large": lambda browser: browser.post("/theme/", {"theme": "x" * 3_000_000}),
    "too many fields": lambda browser: browser.post("/theme/", {f"f{n}": "" for n in range(6000)}),
    "damaged cursor": lambda browser: browser.get("/changes/mine/?at=damaged"),
    "bad theme": lambda browser: browser.post("/theme/", {"theme": "purple"}),
}


@pytest.mark.parametrize("what", ASKS)
def test_refused_request_is_one_short_warning(what: str, lines: io.StringIO) -> None:
    browser = Client(raise_request_exception=False)
    browser.force_login(person("maria"))
    assert 400 <= ASKS[what](browser).status_code < 500
    written = [line for line in map(json.loads, lines.getvalue().splitlines()) if line["logger"].startswith("django.")]
    assert len(written) <= 1
    for line in written:
        assert line["level"] == "WARNING"
        assert "error" not in line
        assert len(line["message"]) < 600
        assert line["message"].isprintable()


def test_failure_of_the_portal_keeps_its_traceback(lines: io.StringIO) -> None:
    assert Client(raise_request_exception=False).get("/fail/").status_code == 500
    (line,) = (line for line in map(json.loads, lines.getvalue().splitlines()) if line["level"] == "ERROR")
    assert line["level"] == "ERROR"
    assert "Traceback" in line["error"]


def test_settings_put_the_filter_before_every_line(settings: Settings) -> None:
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["refusals"]
    assert settings.LOGGING["filters"]["refusals"] == {"()": "portal.common.json_logging.OneLineRefusals"}
