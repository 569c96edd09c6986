"""Which address a request is taken to come from."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from portal.accounts.request_origin import get_client_address


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "2001:DB8::1", "2001:db8::1"),
        (1, "<b>admin</b>", "10.0.0.1"),
        (1, 'fe80::1%a"b<i>x', "10.0.0.1"),
        (1, "fe80::1%eth0", "10.0.0.1"),
        (1, "fe80::1%", "10.0.0.1"),
        (1, "::ffff:1.2.3.4%x", "10.0.0.1"),
        (2, "fe80::1%x, 10.0.0.2", "10.0.0.1"),
        (1, "fe80::1", "fe80::1"),
        (1, "203.0.113.9, unknown", "10.0.0.1"),
        (1, "", "10.0.0.1"),
    ],
)
def test_address_is_what_the_outermost_own_proxy_saw_and_always_an_address(
    rf: RequestFactory, settings: Settings, proxies: int, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": forwarded})
    assert get_client_address(request) == address
