"""The outcome table: every row, every documented error, through the real client against the running stand-in."""

import dataclasses
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import get_args

import pytest

from portal.sandbox import Sandbox
from portal.vault import (
    AccessToken,
    Applied,
    AppliedUnverified,
    InDoubt,
    MemoryTokens,
    NotApplied,
    NotSent,
    Outcome,
    Refused,
    RefusedCheck,
    SecretStr,
    Share,
)
from portal.vault.outcomes import parse_retry_after
from tests.rig.portal import ROOT

PATCH = {"name": "GCP1", "client_secret": SecretStr("Zx9-new-value"), "users_allowed": (Share("alices", True),)}


@dataclass
class Row:
    """One kind of evidence and what must be made of it. `applied`: what the vault really did, if it matters."""

    name: str
    outcome: type
    status: int | None
    fault: str = ""
    step: dict = field(default_factory=dict)
    knobs: dict = field(default_factory=dict)
    identifier: int = 43
    number: int | None = None
    message: str = ""
    reason: str = ""
    alarm: bool = False
    applied: bool | None = None
    more: dict = field(default_factory=dict)


KONG_502 = "An invalid response was received from the upstream server"
KONG_503 = "The upstream server is currently unavailable"
KONG_504 = "The upstream server is timing out"
NO_ADDRESS = '{"message":"name resolution failed"}'
ENVELOPE_400 = '{"code":400,"response":{"status":400,"message":"Something","error":true}}'
NO_CODE = '{"response":{"status":200,"error":false},"api_entity":{"identifier":"43"}}'
UNFLAGGED_400 = '{"code":400,"response":{"status":400,"message":"1005: Api secret not found","error":false}}'
ROWS = [
    # applied
    Row("200 as the Portuguese page has it", Applied, 200, applied=True, message="Api secret updated successfully"),
    Row("201 as the English page has it", Applied, 201, knobs={"update_success_style": "201_registered"}, applied=True),
    Row("secret echoed masked", Applied, 200, knobs={"secret_echo": "masked_middle"},
        more={"unseen": ("client_secret",)}),
    Row("secret not echoed", Applied, 200, knobs={"secret_echo": "omitted"}, more={"unseen": ("client_secret",)}),
    Row("gateway without headers", Applied, 200, knobs={"kong_headers": False}),
    # applied, check
    Row("echo of the old values", AppliedUnverified, 201, knobs={"update_success_style": "201_stale_body"},
        applied=True,
        more={"differences": ("name", "users_allowed")}),
    Row("shares merged, not replaced", AppliedUnverified, 200, knobs={"share_semantics": "merge"},
        more={"differences": ("users_allowed",)}),
    # refused
    Row("1005", Refused, 400, identifier=9999, number=1005, message="1005: Api secret not found", applied=False),
    Row("1005, old dialect", Refused, 400, identifier=9999, number=1005, knobs={"error_dialect": "old"}),
    Row("1006", Refused, 400, identifier=48, number=1006, message="1006: User does not have access"),
    Row("1006, view only", Refused, 400, identifier=55, number=1006),
    Row("1009", Refused, 400, identifier=47, number=1009, knobs={"update_inactive": "1009"}),
    Row("1010", Refused, 400, "refuse:1010:Unexpected identifier type", number=1010),
    Row("a number nobody listed", Refused, 400, "refuse:1077:Surprise", number=1077, message="1077: Surprise"),
    # not applied
    Row("429", NotApplied, 429, "429:7", more={"retry_after_s": 7.0}, applied=False),
    Row("429 without Retry-After", NotApplied, 429, step={"status": 429, "body": "slow down", "apply": "never"}),
    Row("503 no peer", NotApplied, 503, "503_no_peer", applied=False),
    Row("503 no address", NotApplied, 503, step={"status": 503, "body": NO_ADDRESS, "apply": "never"}),
    # in doubt: statuses
    Row("500 Unexpected error", InDoubt, 500, "500_envelope", message="Unexpected error"),
    Row("500 of the gateway", InDoubt, 500, step={"status": 500, "body": '{"message":"An unexpected error"}'}),
    Row("502 invalid response", InDoubt, 502, "502", message=KONG_502),
    Row("502 as HTML", InDoubt, 502, "html_502"),
    Row("503 upstream unavailable", InDoubt, 503, "503", message=KONG_503, applied=False),
    Row("503, an earlier try applied", InDoubt, 503, "503_after_apply", message=KONG_503, applied=True),
    Row("503 of something else", InDoubt, 503, step={"status": 503, "body": "maintenance"}),
    Row("504 not applied", InDoubt, 504, "504_before_apply", message=KONG_504, applied=False),
    Row("504 applied", InDoubt, 504, "504_after_apply", message=KONG_504, applied=True),
    Row("504, applied twice", InDoubt, 504, "504_after_apply", knobs={"double_apply_on_504": True}),
    Row("408", InDoubt, 408, step={"status": 408, "body": "{}"}),
    Row("425", InDoubt, 425, step={"status": 425, "body": "{}"}),
    Row("418", InDoubt, 418, step={"status": 418, "body": "{}"}, reason="418 does not say"),
    Row("400 without envelope", RefusedCheck, 400, step={"status": 400, "body": '{"message":"Bad request"}'}),
    Row("400 without number", RefusedCheck, 400, step={"status": 400, "body": ENVELOPE_400}),
    Row("400 without error flag", RefusedCheck, 400, number=1005, step={"status": 400, "body": UNFLAGGED_400}),
    Row("403", RefusedCheck, 403, step={"status": 403, "body": '{"message":"Your IP address is not allowed"}'}),
    Row("404 of Segura", RefusedCheck, 404,
        step={"status": 404, "body": '{"response":{"message":"no Route matched"}}'}),
    Row("404 of something else", RefusedCheck, 404, step={"status": 404, "body": "Not here"}),
    Row("409", InDoubt, 409, step={"status": 409, "body": "{}"}),
    Row("202", InDoubt, 202, step={"status": 202}),
    Row("204", InDoubt, 204, step={"status": 204, "body": ""}),
    Row("599", InDoubt, 599, step={"status": 599, "body": "?"}),
    # a no that is read back
    *(Row(str(status), RefusedCheck, status, step={"status": status, "body": "{}", "apply": "never"})
      for status in (405, 406, 410, 411, 413, 414, 415, 422, 431)),
    Row("200 with a refusal", RefusedCheck, 200, "refuse:1005:Api secret not found", step={"status": 200}, number=1005),
    Row("200 with a number nobody listed", InDoubt, 200, "refuse:1077:Surprise", step={"status": 200}, number=1077),
    # in doubt: a success that contradicts itself
    Row("200 with error", InDoubt, 200, "error_true", reason="flagged", applied=True),
    Row("200 with erro", InDoubt, 200, "erro_true", reason="flagged"),
    Row("200, other code", InDoubt, 200, "wrong_code", reason="another code"),
    Row("200, no code", InDoubt, 200, step={"body": NO_CODE}, reason="another code"),
    Row("200, other identifier", InDoubt, 200, "other_identifier", reason="our identifier"),
    Row("200, broken JSON", InDoubt, 200, "broken_json", reason="without a JSON object"),
    Row("200, JSON bomb", InDoubt, 200, step={"body": "[" * 100_000}, reason="without a JSON object"),
    Row("200, a list", InDoubt, 200, step={"body": "[]"}, reason="without a JSON object"),
    Row("201 empty", InDoubt, 201, "empty_201"),
    Row("201 as HTML", InDoubt, 201, "html_201"),
    Row("10 MB", InDoubt, 200, "big_body:10", reason="longer than"),
    # in doubt: the way back
    Row("cut body", InDoubt, 200, "cut_body", reason="without a whole answer"),
    Row("cut status line", InDoubt, None, "cut_status_line", knobs={"update_success_style": "201_registered"},
        reason="without a whole answer"),
    Row("no answer in time", InDoubt, None, "slow:2", reason="no answer in time", applied=True),
    Row("dripping body", InDoubt, 200, "drip:0.05", reason="total deadline"),
    Row("dripping headers", InDoubt, 200, "drip_headers:0.02", reason="total deadline"),
    Row("closed without an answer", InDoubt, None, "drop", reason="closed without an answer", applied=True),
    Row("reset after reading", InDoubt, None, "reset", reason="reset", applied=True),
    Row("reset before reading", InDoubt, None, "reset_before", applied=False),
    # redirected
    *(Row(str(status), InDoubt, status, step={"status": status, "apply": "never", "body": ""}, alarm=True,
          reason="redirected") for status in (300, 301, 302, 303, 304, 307, 308)),
]  # fmt: skip


@pytest.mark.shows("D14", "D06", "D07")
@pytest.mark.parametrize("token", ["cached", "fetched first", "rejected once"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_kind_of_evidence_has_its_outcome(row, token, sandbox, connect):
    client = connect()
    if token != "fetched first":
        client.list_secrets()
    client.exchanges.clear()
    if token == "rejected once":
        sandbox.control.plan("no_route", endpoint="update")
    sandbox.control.knobs(**row.knobs)
    if row.fault or row.step:
        sandbox.control.plan(row.fault, endpoint="update", **row.step)

    begun = time.monotonic()
    outcome = client.update_secret(row.identifier, PATCH, attempt_id="attempt-7", correlation_id="change-3")
    assert time.monotonic() - begun < 1.0 + 1.0, "the total deadline did not hold"

    assert type(outcome) is row.outcome
    got = (outcome.status, outcome.number, outcome.alarm)
    assert got == (row.status, row.number, row.alarm)
    assert row.message in outcome.message
    assert row.reason in outcome.reason
    assert outcome.reason
    for name, value in row.more.items():
        assert getattr(outcome, name) == value
    puts = {"cached": ["PUT"], "fetched first": ["POST", "PUT"], "rejected once": ["PUT", "POST", "PUT"]}[token]
    assert [exchange.method for exchange in client.exchanges] == puts
    last = client.exchanges[-1]
    assert (last.status, last.attempt_id, last.correlation_id) == (row.status, "attempt-7", "change-3")
    assert last.path == f"/api/mysafe/secretapi/update/{row.identifier}"
    assert bool(last.reason) == (
        last.status is None or row.name in ("10 MB", "cut body", "dripping body", "dripping headers")
    )
    if row.applied is not None:
        journal = sandbox.control.journal()
        assert [each["attempt_id"] for each in journal["applications"]] == ["attempt-7"] * row.applied


_WEIGH = """
import resource, sys
from portal.vault import Client
client = Client.connect(url=sys.argv[1], client_id=sys.argv[2], client_secret=sys.argv[3])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(client.update_secret(43, {"notes": "x"}, attempt_id="a").code, peak())
print(client.update_secret(43, {"notes": "y"}, attempt_id="b").code, peak())
"""


@pytest.mark.shows("D06")
def test_a_huge_answer_does_not_fill_the_memory_of_the_worker(sandbox):
    """In a process of its own, for its peak: this one serves the answer as well."""
    sandbox.control.plan("502", endpoint="update")
    sandbox.control.plan("big_body:10", endpoint="update")
    command = [sys.executable, "-c", _WEIGH, sandbox.url, sandbox.client_id, sandbox.client_secret]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert told[::2] == ["in_doubt", "in_doubt"]
    assert int(told[3]) - int(told[1]) < 20 * 1024


def test_outcome_has_a_code_of_its_own_that_stays_when_its_class_is_renamed():
    codes = {outcome.code for outcome in get_args(Outcome)}
    assert codes == {
        "applied",
        "applied_unverified",
        "refused",
        "not_sent",
        "not_applied",
        "in_doubt",
        "refused_unverified",
    }
    assert len(codes) == len(get_args(Outcome))
    renamed = type("Confirmed", (Applied,), {})
    assert renamed(status=200).code == "applied"


UNTAKEN = {
    "no_route": (404, "no Route matched with those values"),
    "401": (401, "Unauthorized"),
}


@pytest.mark.parametrize("fault", UNTAKEN)
def test_token_not_taken_is_renewed_once_and_then_not_applied(fault, sandbox, client):
    sandbox.control.plan(fault, endpoint="update", times=None)
    outcome = client.update_secret(43, PATCH, attempt_id="a")
    status, message = UNTAKEN[fault]
    assert type(outcome) is NotApplied
    assert (outcome.status, outcome.message, outcome.alarm) == (status, message, True)
    assert ("PUT api/mysafe/secretapi/update/43" if status == 404 else "access key") in outcome.reason
    assert [exchange.method for exchange in client.exchanges] == ["POST", "PUT", "POST", "PUT"]
    assert sandbox.control.journal()["applications"] == []


@pytest.mark.parametrize("style", ["kong404", "envelope401", "league401"])
@pytest.mark.parametrize("kong", ["2.8", "3.4", "3.5+"])
def test_revoked_token_is_replaced_and_the_change_applied(style, kong, sandbox, client):
    client.list_secrets()
    sandbox.control.knobs(auth_failure_style=style, kong_version_style=kong)
    sandbox.control.revoke_tokens()
    assert type(client.update_secret(43, PATCH, attempt_id="a")) is Applied
    assert len(sandbox.control.journal()["applications"]) == 1


@pytest.mark.shows("D08")
@pytest.mark.parametrize("style", ["names", "objects", "message_strings"])
def test_failed_shares_are_shown_and_never_a_plain_success(style, sandbox, client):
    sandbox.control.knobs(shared_error_style=style)
    patch = {"users_allowed": (Share("alices"), Share("nobody.here"))}
    outcome = client.update_secret(43, patch, attempt_id="a")
    assert type(outcome) is AppliedUnverified
    assert outcome.differences == ("users_allowed",)
    assert "nobody.here" in " ".join(outcome.shared_error)


def test_failed_shares_are_found_by_the_echo_where_segura_keeps_silent(sandbox, client):
    sandbox.control.knobs(shared_error_style="always_empty")
    outcome = client.update_secret(43, {"groups_allowed": (Share("No such group"),)}, attempt_id="a")
    assert type(outcome) is AppliedUnverified
    assert outcome.differences == ("groups_allowed",)


def test_a_taken_identifier_code_is_refused_by_its_number(sandbox, client):
    outcome = client.update_secret(43, {"identifier_code": "trea51"}, attempt_id="a")
    assert type(outcome) is Refused
    assert (outcome.number, outcome.status) == (1001, 400)


class Given(MemoryTokens):
    """A store that has a token already, so that the update itself is what fails."""

    def get(self, _key):
        return AccessToken(SecretStr("given"), time.time() + 60, time.time() + 60)


@pytest.fixture
def full_listener() -> Iterator[str]:
    """An address whose queue is full: connecting there takes for ever."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        for each in waiting:
            each.close()


def _closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}/"


@pytest.mark.shows("D05")
@pytest.mark.parametrize("tokens", [Given, MemoryTokens], ids=["token cached", "token wanted"])
@pytest.mark.parametrize("hop", ["refused", "dns", "connect timeout", "not TLS", "closed in handshake"])
def test_what_fails_before_sending_is_not_sent(hop, tokens, connect, sandbox, full_listener, listener):
    url, reason = {
        "refused": (_closed_port(), "refused"),
        "dns": ("https://no-such-host.invalid/", "cannot be resolved"),
        "connect timeout": (full_listener, "no connection in time"),
        "not TLS": (sandbox.url.replace("http:", "https:"), "TLS"),
        "closed in handshake": (listener.url.replace("http:", "https:"), ""),
    }[hop]
    client = connect(url=url, tokens=tokens())
    outcome = client.update_secret(43, PATCH, attempt_id="a")
    assert type(outcome) is NotSent
    assert (outcome.status, outcome.alarm) == (None, False)
    assert reason in outcome.reason
    (exchange,) = client.exchanges
    assert (exchange.status, exchange.origin) == (None, "none")
    assert reason in exchange.reason


@pytest.mark.shows("D05")
def test_an_untrusted_certificate_is_not_sent_and_alarms(tls_files, connect):
    certificate, key, authority, _ = tls_files
    with Sandbox(tls=(certificate, key)) as secure:
        trusting = connect(url=secure.url, ca_bundle=authority)
        assert type(trusting.update_secret(43, PATCH, attempt_id="a")) is Applied
        secure.control.clear_journal()
        for url, options in (
            (secure.url, {}),
            (secure.url.replace("127.0.0.1", "localhost"), {"ca_bundle": authority}),
        ):
            outcome = connect(url=url, tokens=Given(), **options).update_secret(43, PATCH, attempt_id="a")
            assert type(outcome) is NotSent
            assert outcome.alarm
            assert "certificate" in outcome.reason
        assert secure.control.arrivals() == []


@pytest.mark.shows("D12")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_by_update_read_or_token(status, sandbox, connect, listener):
    client = connect()
    fault = f"redirect:{status}:{listener.url}"
    sandbox.control.plan(fault, times=None)
    token_redirected = client.update_secret(43, PATCH, attempt_id="a")
    assert type(token_redirected) is NotSent
    assert "SEGURA_TOKEN_URL" in token_redirected.reason
    sandbox.control.clear_faults()
    client.list_secrets()
    sandbox.control.plan(fault, times=None)
    outcome = client.update_secret(43, PATCH, attempt_id="a")
    assert type(outcome) is InDoubt
    assert outcome.alarm
    with pytest.raises(Exception, match=str(status)):
        client.read_secret(43)
    assert (listener.connections, listener.received) == (0, b"")


TOKEN_FAULTS = {
    "wrong secret": ({}, {}, "check SEGURA_CLIENT_ID and SEGURA_CLIENT_SECRET", 401),
    "null token": ({"oauth_error_style": "null_token"}, {}, "without a token", 200),
    "envelope": ({"oauth_error_style": "envelope"}, {}, "without a token", 200),
    "500": ({}, {"status": 500, "body": "{}"}, "answered 500", 500),
    "502": ({}, {"fault": "502"}, "answered 502", 502),
    "no route": ({}, {"fault": "no_route"}, "check SEGURA_TOKEN_URL", 404),
    "429": ({}, {"fault": "429:9"}, "answered 429", 429),
    "not JSON": ({}, {"status": 200, "body": "<html>"}, "without a token", 200),
    "a list": ({}, {"status": 200, "body": "[1]"}, "without a token", 200),
    "token with a line break": ({}, {"status": 200, "body": '{"access_token":"a\\r\\nX: y"}'}, "without a token", 200),
    "10 MB": ({}, {"fault": "big_body"}, "without a token", 200),
    "a token, but 500": ({}, {"status": 500, "body": '{"access_token":"a"}'}, "answered 500", 500),
}


@pytest.mark.parametrize("name", TOKEN_FAULTS)
def test_without_a_token_nothing_is_applied_and_the_reason_says_what_to_check(name, sandbox, connect):
    knobs, step, reason, status = TOKEN_FAULTS[name]
    sandbox.control.knobs(**knobs)
    if step:
        sandbox.control.plan(endpoint="token", times=None, **step)
    client = connect() if step else connect(client_secret=SecretStr("mistyped"))
    outcome = client.update_secret(43, PATCH, attempt_id="a")
    assert type(outcome) is NotSent
    assert outcome.status == status
    assert reason in outcome.reason
    assert outcome.retry_after_s == (9.0 if name == "429" else None)
    assert [exchange.origin for exchange in client.exchanges] == ["token"]
    assert sandbox.control.arrivals("update") == []


@pytest.mark.parametrize("fault", ["drop", "reset", "slow:2", "drip:0.05", "cut_status_line"])
def test_a_silent_token_endpoint_means_not_sent(fault, sandbox, client):
    sandbox.control.plan(fault, endpoint="token", times=None)
    outcome = client.update_secret(43, PATCH, attempt_id="a")
    assert type(outcome) is NotSent
    assert len(client.exchanges) == 1
    assert sandbox.control.arrivals("update") == []


def test_nothing_is_sent_once_the_caller_is_out_of_time(sandbox, client):
    outcome = client.update_secret(43, PATCH, attempt_id="a", send_before=time.monotonic() - 1)
    assert type(outcome) is NotSent
    assert "too late" in outcome.reason
    assert sandbox.control.arrivals("update") == []


def test_retry_after_is_read_as_seconds_or_date_and_capped():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    in_a_minute = format_datetime(now + timedelta(seconds=60), usegmt=True)
    read = {text: parse_retry_after(text, now) for text in ("5", in_a_minute, "999999999999", "-3", "soon", "", "٣")}
    assert list(read.values()) == [5.0, 60.0, 3600.0, None, None, None, None]
    assert parse_retry_after(format_datetime(now - timedelta(days=1), usegmt=True), now) == 0.0


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("9" * 5000, 3600.0),
        ("Fri, 31 Dec 9999 23:59:59 -1200", 3600.0),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan " + "9" * 5000 + " 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +" + "9" * 30, None),
        ("Mon, 01 Jan 2026 " + "9" * 30 + ":00:00 GMT", None),
        ("Mon, 01 Jan 0000 00:00:00 GMT", 0.0),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_absurd_retry_after_is_capped_or_ignored_and_never_raises(header, wait):
    assert parse_retry_after(header, datetime(2026, 1, 1, tzinfo=UTC)) == wait


def test_a_report_that_raises_leaves_only_after_the_exchange_is_over(sandbox, connect):
    client = connect()
    client.list_secrets()

    def full_disk(_exchange):
        raise OSError("no space left")

    client._report = full_disk
    with pytest.raises(OSError, match="no space left"):
        client.update_secret(43, PATCH, attempt_id="a")
    assert len(sandbox.control.journal()["applications"]) == 1


def test_a_token_call_that_cannot_be_reported_stops_the_update(sandbox, connect):
    client = connect()
    client._report = lambda _exchange: 1 / 0
    with pytest.raises(ZeroDivisionError):
        client.update_secret(43, PATCH, attempt_id="a")
    assert sandbox.control.arrivals("update") == []


def test_exchanges_tell_when_how_long_and_who_answered(sandbox, client):
    before = datetime.now(UTC)
    client.update_secret(43, PATCH, attempt_id="a")
    sandbox.control.plan("502", endpoint="update", delay_s=0.2)
    client.update_secret(43, PATCH, attempt_id="a")
    client.update_secret(9999, PATCH, attempt_id="a")
    token, good, gateway, refused = client.exchanges
    assert before <= token.started_at <= good.started_at <= datetime.now(UTC)
    assert token.started_at.tzinfo is UTC
    assert [each.origin for each in client.exchanges] == ["token", "segura", "gateway", "segura"]
    assert [each.code for each in client.exchanges] == [None, 200, None, 400]
    assert 200 <= gateway.duration_ms < 900
    assert (refused.number, refused.message) == (1005, "1005: Api secret not found")
    assert all(isinstance(value, str | int | datetime | None) for value in dataclasses.asdict(good).values())
