"""The risks of a new URL: another host is named, and one that reader and program may take for different ones too."""

from __future__ import annotations

import pytest

from portal.changes.domain import risks
from portal.changes.domain.patch import FieldChange

PLAIN = [
    "https://gcp.example/",
    "https://gcp.example:8443/a/b?c=d%20e&user=a@b.example#f",
    "https://sub-domain.a_b.gcp.example/",
    "https://10.0.0.7/",
    "https://[2001:db8::1]:8443/x",
    "https://GCP.example/ação",
    "http://localhost",
    "",
]
MISREAD = {
    "https://evil.example\\@gcp.example/": "backslash",
    "https:\\\\evil.example/": "backslash",
    "https://gcp.example\t.evil.example/": "invisible",
    "https://gcp.example /": "space",
    " https://evil.example/": "space",
    "https://gcp.example\u200b/": "invisible",
    "https://gcp.example/\u202emoc.live": "invisible",
    "https://gcp.example\u00a0@evil.example": "space",
    "https://gcp.example@evil.example/": "an @ before its host",
    "https://gcp.example:443@evil.example/": "an @ before its host",
    "https://g\u0441p.example/": "xn--gp-",
    "https://\u0430\u0440\u0440\u04cf\u0435.example/": "xn--80ak6aa92e.example",
    "https://xn--80ak6aa92e.example/": "xn--80ak6aa92e.example",
    "https://gcp。example/": "it is gcp.example",
    "https://gcp%2eexample/": "not written as host names are",
    "https://2130706433/": "not written as host names are",
    "https://0x7f.1/": "not written as host names are",
    "https://127.1/": "not written as host names are",
    "https:evil.example": "not written as host names are",
    "https:///evil.example": "not written as host names are",
    "https://gcp.example:99999/": "not written as host names are",
    "https://gcp.example:x/": "not written as host names are",
    "https://[gcp.example/": "not written as host names are",
    "https://gcp.example℀/": "not written as host names are",
    "https://gcp.example./": "not written as host names are",
    "https://10.0.0.7./": "not written as host names are",
    "https://.gcp.example/": "not written as host names are",
    "https://" + "ü" * 80 + ".example/": "Written out",
}


def of(new: str, old: str = "https://gcp.example") -> dict[str, risks.Risk]:
    return {risk.kind: risk for risk in risks.find_risks([FieldChange("url", old=old, new=new)], base_known=True)}


@pytest.mark.parametrize("url", PLAIN)
def test_a_plain_address_is_not_unclear(url: str) -> None:
    assert "unclear" not in of(url)


@pytest.mark.parametrize("url", MISREAD, ids=ascii)
def test_a_host_that_can_be_misread_is_a_grave_risk(url: str) -> None:
    risk = of(url)["unclear"]
    assert risk.is_high
    assert risk.word == "Host unclear"
    assert MISREAD[url] in risk.sentence


def test_all_that_makes_a_host_unclear_is_one_risk_and_stands_first() -> None:
    found = risks.find_risks(
        [FieldChange("url", old="http://gcp.example", new="http://gcp.example\\@gcp%2e.evil.example")], base_known=True
    )
    assert [risk.kind for risk in found] == ["unclear", "host"]
    assert all(word in found[0].sentence for word in ("backslash", "an @", "host names"))


def test_another_host_or_no_https_is_a_grave_risk_and_another_path_is_none() -> None:
    assert of("https://gcp.example/other") == {}
    other = of("https://other.example/")
    assert list(other) == ["host"]
    assert other["host"].is_high
    assert "from gcp.example to other.example" in other["host"].sentence
    assert list(of("http://gcp.example")) == ["scheme"]
    assert list(of("nowhere")) == ["host", "scheme"]
