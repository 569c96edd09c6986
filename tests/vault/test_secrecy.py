"""Canaries: a secret value, the access token and the client secret go through everything and come out nowhere."""

import base64
import http.client
import json
import logging
import signal
import traceback
from urllib.parse import quote

import pytest

from portal.vault import Client, InDoubt, SecretStr, Share, VaultError
from portal.vault.scrubbing import LONGEST, WITHHELD

CANARY = "Canary/Value+9f3b7c1e5a"
CLIENT_SECRET = "Canary&Client 77d1"
FAULTS = [
    "", "502", "504_after_apply", "500_envelope", "drop", "reset", "slow:2", "drip:0.05", "cut_status_line",
    "cut_body", "html_201", "empty_201", "429", "redirect:307:http://127.0.0.1:1/", "big_body", "other_identifier",
    "error_true", "broken_json", "no_route", "401", f"refuse:1005:{CANARY} is not allowed",
]  # fmt: skip
PATCH = {"client_secret": SecretStr(CANARY), "users_allowed": (Share("alices"),)}


def _spellings(value):
    raw = value.encode()
    return {value, quote(value, safe=""), raw.hex(), base64.b64encode(raw).decode(), quote(value)}


@pytest.fixture
def guarded(sandbox, connect):
    """A client whose every secret is a canary, and a check that none is in a text."""
    sandbox.grants.expect(CLIENT_SECRET)
    client = connect(client_secret=SecretStr(CLIENT_SECRET))

    def check(text):
        for value in (CANARY, CLIENT_SECRET, *sandbox.grants._ends):
            for spelling in _spellings(value):
                assert spelling not in text

    yield client, check
    sandbox.grants.expect(sandbox.client_secret)


@pytest.mark.shows("S03")
@pytest.mark.parametrize("fault", FAULTS)
def test_no_canary_in_logs_outcomes_exchanges_or_output(fault, guarded, sandbox, caplog, capfd, monkeypatch):
    client, check = guarded
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    caplog.set_level(logging.DEBUG)
    for name in ("requests_oauthlib", "oauthlib", "urllib3"):
        assert logging.getLogger(name).getEffectiveLevel() == logging.WARNING
    if fault:
        sandbox.control.plan(fault, method="PUT", times=2)
    outcome = client.update_secret(43, PATCH, attempt_id="a")
    sandbox.control.clear_faults()
    sandbox.control.edit(43, client_secret=CANARY)
    if fault:
        sandbox.control.plan(fault.replace(CANARY, "this"), method="GET", times=2)
    try:
        shown = repr(client.read_secret(43))
    except VaultError as error:
        shown = repr(error) + repr(vars(error))
    assert len(sandbox.grants._ends) >= 1
    assert capfd.readouterr() == ("", "")
    check(caplog.text + repr(outcome) + repr(client.exchanges) + shown)
    if fault.startswith("refuse"):
        assert outcome.message == WITHHELD


def _with_locals(error):
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def _deep(error):
    """Every local of every frame of an exception and of those behind it, one level of attributes deep."""
    texts, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        for frame, _ in traceback.walk_tb(error.__traceback__):
            for value in frame.f_locals.values():
                inner = {} if isinstance(value, type) else getattr(value, "__dict__", {})
                texts += [repr(value), *(repr(each) for each in inner.values())]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def _frames_below_the_test(error):
    """Only frames of the portal: the test's own locals hold the canaries by design."""
    tb = error.__traceback__
    while tb is not None and "portal" not in tb.tb_frame.f_code.co_filename:
        tb = tb.tb_next
    return error.with_traceback(tb)


@pytest.mark.shows("S02")
@pytest.mark.parametrize("fault", ["", "drop", "broken_json", "refuse:1005:no", "502"])
def test_no_canary_in_any_frame_when_the_report_raises(fault, guarded, sandbox):
    client, check = guarded
    client.list_secrets()

    def broken(_exchange):
        raise RuntimeError("the log is full")

    client._report = broken
    sandbox.control.edit(43, client_secret=CANARY)
    for order in (lambda: client.update_secret(43, PATCH, attempt_id="a"), lambda: client.read_secret(43)):
        if fault:
            sandbox.control.plan(fault)
        with pytest.raises(RuntimeError) as raised:
            order()
        error = _frames_below_the_test(raised.value)
        assert "_authorised" in _with_locals(error)
        check(_with_locals(error) + _deep(error))


@pytest.mark.parametrize("fault", ["drop", "broken_json", "other_identifier", "401", "slow:2", "refuse:1006:no", "502"])
def test_no_canary_in_any_frame_of_a_failed_read(fault, guarded, sandbox):
    client, check = guarded
    sandbox.control.edit(43, client_secret=CANARY)
    sandbox.control.plan(fault, endpoint="get", times=2)
    body = (
        '{"code":200,"response":{"error":false},"api_secret_entity":{"identifier":"43","client_secret":"%s","tags":[]}}'
    )
    if fault == "other_identifier":
        sandbox.control.clear_faults()
        sandbox.control.plan(endpoint="get", body=body % CANARY)
    with pytest.raises(VaultError) as raised:
        client.read_secret(43)
    assert raised.value.__context__ is None
    error = _frames_below_the_test(raised.value)
    check(_with_locals(error) + _deep(error) + repr(error))


class TimeIsUp(Exception):
    """What a task queue throws into whatever is running."""


def test_an_exception_thrown_into_the_call_becomes_doubt_and_is_reported(guarded, sandbox):
    client, check = guarded
    client.list_secrets()
    sandbox.control.plan("slow:2", endpoint="update")

    def interrupt(_number, _frame):
        raise TimeIsUp(CANARY)

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    outcome = client.update_secret(43, PATCH, attempt_id="a")
    assert type(outcome) is InDoubt
    assert outcome.reason == "TimeIsUp"
    assert client.exchanges[-1].reason == "TimeIsUp"
    check(repr(outcome) + repr(client.exchanges))


def test_a_message_that_quotes_the_value_shown_beside_it_is_withheld(sandbox, client):
    entity = {"identifier": "43", "client_secret": CANARY}
    document = {"response": {"error": False, "message": f"it is {CANARY}"}, "api_secret_entity": entity}
    sandbox.control.plan(endpoint="get", body=json.dumps(document))
    assert client.read_secret(43).client_secret == SecretStr(CANARY)
    assert client.exchanges[-1].message == WITHHELD


def test_a_hostile_message_is_cleaned_in_the_exchange(sandbox, client):
    body = '{"response":{"message":"<b>\\u0000evil\\ud800\\r\\n' + "y" * 9000 + '"}}'
    sandbox.control.plan(endpoint="update", status=500, body=body)
    outcome = client.update_secret(43, {"name": "x"}, attempt_id="a")
    for text in (outcome.message, client.exchanges[-1].message):
        assert len(text) <= LONGEST
        assert text.isprintable()
        text.encode()


def test_a_client_that_reports_to_nobody_works(sandbox):
    client = Client.connect(url=sandbox.url, client_id=sandbox.client_id, client_secret=sandbox.client_secret)
    assert client.list_secrets()
