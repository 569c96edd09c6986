"""Who gets which page: every address of the resolver, every role, every method, against one table."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse

from portal.changes.models import Change
from portal.changes.workflow import submission
from tests.people import mirrored
from tests.web.addresses import Address, addresses
from tests.web.cast import NOWHERE, ROLES, Cast, undone

pytestmark = [pytest.mark.django_db, pytest.mark.shows("W05")]

# What an address answers where the method means something to it: 405 is the answer to every other one. `in` leads to
# signing in. What is sent is valid in all its parts, so that only the person decides; a 404 of the auditor's is a
# checkpoint that nobody has made yet, and the 302 of every reader's is a page that sends on.
MATRIX = """
                               anonymous owner other approver auditor operator disabled superuser
home                    GET    in  200 200 302 302 302 in  200
account_login           GET    200 302 302 302 302 302 200 302
account_login           POST   200 302 302 302 302 302 200 302
account_logout          GET    in  200 200 200 200 200 in  200
account_logout          POST   in  in  in  in  in  in  in  in
account_inactive        GET    200 200 200 200 200 200 200 200
account_reauthenticate  GET    in  200 200 200 200 200 in  200
account_reauthenticate  POST   in  200 200 200 200 200 in  200
account_change_password GET    in  200 200 200 200 200 in  200
account_change_password POST   in  200 200 200 200 200 in  200
mfa_index               GET    in  200 200 200 200 200 in  200
mfa_authenticate        GET    in  302 302 302 302 302 in  302
mfa_authenticate        POST   in  302 302 302 302 302 in  302
confirm_identity        GET    in  200 200 200 200 200 in  200
confirm_identity        POST   in  422 422 422 422 422 in  422
passkey_options         POST   200 200 200 200 200 200 200 200
mfa_login_webauthn      POST   in  302 302 302 302 302 in  302
mfa_add_webauthn        GET    in  302 302 302 302 302 in  302
mfa_add_webauthn        POST   in  302 302 302 302 302 in  302
mfa_activate_totp       GET    in  302 302 302 302 302 in  302
mfa_activate_totp       POST   in  302 302 302 302 302 in  302
remove_factor           POST   in  302 302 302 302 302 in  302
mfa_view_recovery_codes GET    in  302 302 302 302 302 in  302
mfa_generate_recovery_codes GET in 302 302 302 302 302 in  302
mfa_generate_recovery_codes POST in 302 302 302 302 302 in 302
set_theme      POST   302 302 302 302 302 302 302 302
sign_out_device         POST   in  302 302 302 302 302 in  302
carried_form            GET    in  302 302 302 302 302 in  302
set_language            POST   302 302 302 302 302 302 302 302
undo_deletion           POST   in  302 302 302 302 302 in  302
save_filter             POST   in  302 302 302 302 302 in  302
delete_filter           POST   in  404 404 404 302 404 in  404
catalog:secrets         GET    in  200 200 200 403 200 in  403
catalog:names           GET    in  200 200 403 403 403 in  403
catalog:sync            GET    in  200 200 200 403 200 in  403
catalog:synchronise     POST   in  302 302 403 403 302 in  403
changes:secret          GET    in  200 200 200 403 200 in  403
changes:propose         GET    in  200 200 403 403 403 in  403
changes:propose         POST   in  302 302 403 403 403 in  403
changes:discard         POST   in  302 302 403 403 403 in  403
changes:autosave        POST   in  400 400 403 403 403 in  403
changes:search          GET    in  200 200 200 200 200 in  200
changes:help            GET    in  200 200 200 200 200 in  200
changes:queue           GET    in  403 403 200 403 403 in  403
changes:queue_updates            GET    in  403 403 204 403 403 in  403
changes:next_change            GET    in  403 403 302 403 403 in  403
changes:decide          POST   in  403 403 200 403 403 in  403
changes:risk_rules      GET    in  200 200 200 200 200 in  200
changes:mine            GET    in  200 200 403 403 403 in  403
changes:all             GET    in  302 302 200 200 200 in  403
changes:change          GET    in  200 404 200 200 200 in  404
changes:status          GET    in  200 404 200 200 200 in  404
changes:base_check      GET    in  200 404 200 200 200 in  404
changes:check_base      POST   in  302 404 302 302 302 in  404
changes:history         GET    in  200 404 200 200 200 in  404
changes:new_comments           GET    in  204 404 204 204 204 in  404
changes:approve         POST   in  403 404 302 403 403 in  404
changes:reject          POST   in  403 404 302 403 403 in  404
changes:request_changes POST   in  403 404 302 403 403 in  404
changes:withdraw        POST   in  302 404 403 403 403 in  404
changes:mentionable     GET    in  200 404 200 200 200 in  404
changes:comment         POST   in  302 404 302 302 302 in  404
changes:resolve_thread  POST   in  302 404 302 403 403 in  404
changes:reopen_thread   POST   in  302 404 302 403 403 in  404
changes:retry           POST   in  302 404 403 403 302 in  404
changes:recheck         POST   in  403 404 403 403 302 in  404
changes:resolve           POST   in  403 404 403 403 302 in  404
changes:save_template   GET    in  200 404 403 403 200 in  403
changes:save_template   POST   in  302 404 403 403 302 in  403
changes:templates       GET    in  200 200 403 403 200 in  403
changes:delete_template POST   in  302 404 403 403 404 in  403
changes:revise          GET    in  200 404 403 403 403 in  403
changes:revise          POST   in  302 404 403 403 403 in  403
changes:revert          GET    in  200 404 403 403 403 in  403
changes:revert          POST   in  302 404 403 403 403 in  403
notifications:inbox           GET    in  200 200 200 200 200 in  200
notifications:count           GET    204 204 204 204 204 204 204 204
notifications:read            POST   in  302 302 302 302 302 in  302
notifications:subscribe       POST   in  302 404 302 302 302 in  404
notifications:preferences     GET    in  200 200 200 200 200 in  200
notifications:preferences     POST   in  302 302 302 302 302 in  302
identity:sign_in        POST   404 404 404 404 404 404 404 404
identity:confirm        POST   in  404 404 404 404 404 in  404
identity:confirmed      GET    in  200 200 200 200 200 in  200
identity:backchannel_logout POST 404 404 404 404 404 404 404 404
identity:callback       GET    404 404 404 404 404 404 404 404
changes:sign_vote       POST   in  403 403 200 403 403 in  403
changes:sign_bulk       POST   in  403 403 200 403 403 in  403
vote_keys:keys          GET    in  403 403 200 403 200 in  403
vote_keys:enrol_options POST   in  403 403 200 403 200 in  403
vote_keys:enrol         POST   in  403 403 422 403 422 in  403
vote_keys:confirm_options POST in  403 403 403 403 200 in  403
vote_keys:confirm       POST   in  403 403 403 403 409 in  403
vote_keys:revoke        POST   in  403 403 302 403 302 in  403
operations:delivery     GET    in  403 403 403 403 200 in  403
operations:pause         POST   in  403 403 403 403 302 in  403
operations:resume      POST   in  403 403 403 403 302 in  403
operations:connection   GET    in  403 403 403 403 200 in  403
operations:test_connection POST in  403 403 403 403 302 in  403
operations:users       GET    in  403 403 403 403 200 in  403
operations:add_user     GET    in  403 403 403 403 200 in  403
operations:add_user     POST   in  403 403 403 403 302 in  403
operations:send_link    POST   in  403 403 403 403 422 in  403
governance:choose_password GET 404 404 404 404 404 404 404 404
governance:choose_password POST 404 404 404 404 404 404 404 404
operations:user         GET    in  403 403 403 403 200 in  403
operations:give_roles   POST   in  403 403 403 403 302 in  403
operations:take_roles   POST   in  403 403 403 403 302 in  403
operations:disable_user POST   in  403 403 403 403 302 in  403
operations:enable_user  POST   in  403 403 403 403 302 in  403
operations:proposals    GET    in  403 403 403 403 200 in  403
operations:proposal     GET    in  403 403 403 403 200 in  403
operations:approve_proposal POST in 403 403 403 403 302 in 403
operations:reject_proposal POST in 403 403 403 403 302 in 403
operations:withdraw_proposal POST in 403 403 403 403 302 in 403
operations:adopt_proposal POST in 403 403 403 403 302 in 403
operations:keys         GET    in  403 403 403 403 200 in  403
audit:events            GET    in  403 403 403 200 403 in  403
audit:overview          GET    in  403 403 403 200 403 in  403
audit:find              GET    in  403 403 403 200 403 in  403
audit:person            GET    in  403 403 403 200 403 in  403
audit:secret            GET    in  403 403 403 200 403 in  403
audit:user_access       GET    in  403 403 403 200 403 in  403
audit:group_access      GET    in  403 403 403 200 403 in  403
audit:event             GET    in  403 403 403 200 403 in  403
audit:change_timeline   GET    in  403 403 403 200 403 in  403
audit:evidence          GET    in  403 403 403 302 403 in  403
audit:evidence_book     GET    in  403 403 403 302 403 in  403
audit:exports           GET    in  403 403 403 200 403 in  403
audit:export_csv        GET    in  403 403 403 200 403 in  403
audit:export_jsonl      GET    in  403 403 403 200 403 in  403
audit:sealed_log        GET    in  403 403 403 200 403 in  403
audit:checkpoint        GET    in  403 403 403 404 403 in  403
audit:key               GET    in  403 403 403 404 403 in  403
audit:verifier          GET    in  403 403 403 200 403 in  403
audit:verify            POST   in  403 403 403 302 403 in  403
devserver:demo_sign_in  POST   404 404 404 404 404 404 404 404
"""
_HEAD, *_ROWS = [line.split() for line in MATRIX.strip().splitlines()]
TABLE = {(name, method): dict(zip(_HEAD, answers, strict=True)) for name, method, *answers in _ROWS}
KNOWN = [address for address in addresses() if any(address.name == name for name, _method in TABLE)]
NUMBERED = [address for address in KNOWN if address.numbers]
OTHERS = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
WAYS: tuple[dict[str, str], ...] = ({}, {"HX-Request": "true"})
"""As a browser asks by itself, and as htmx does."""


def name_of(address: Address) -> str:
    return address.name


def answer(response: HttpResponse) -> str:
    where = response.headers.get("Location", "")
    return "in" if where.startswith("/accounts/login/") else str(response.status_code)


def test_every_address_is_in_the_table_and_the_table_names_no_other() -> None:
    assert tuple(_HEAD) == ROLES
    assert {address.name for address in addresses()} == {name for name, _method in TABLE}


@pytest.mark.parametrize("address", KNOWN, ids=name_of)
def test_each_role_gets_what_the_table_says(cast: Cast, address: Address) -> None:
    for method in ("GET", "POST"):
        wanted = TABLE.get((address.name, method), dict.fromkeys(ROLES, "405"))
        got = {}
        for role in ROLES:
            with undone():
                cast.prepare(address.name)
                data = cast.told(address.name, role) if method == "POST" else {}
                browser = cast.browser(role)
                got[role] = answer(browser.generic(method, *sent(address.path(**cast.numbers()), data)))
        assert got == wanted, f"{method} {address.name}"


def test_every_other_method_is_refused_whoever_asks(cast: Cast) -> None:
    for role in ("anonymous", "owner", "auditor"):
        browser = cast.browser(role)
        got = {
            (address.name, method): browser.generic(method, address.path(**cast.numbers())).status_code
            for address in KNOWN
            for method in OTHERS
        }
        assert {asked: code for asked, code in got.items() if code != 405} == {}, role


@pytest.mark.parametrize("address", NUMBERED, ids=name_of)
def test_numbers_do_not_tell_what_there_is(cast: Cast, address: Address) -> None:
    """Whoever may not see a thing reads, to the letter, what they would read of a number that is nothing's."""
    numbers = cast.numbers()
    nothing = dict.fromkeys(numbers, NOWHERE)
    for method in ("GET", "POST"):
        row = TABLE.get((address.name, method), {})
        for role in [role for role in ROLES if row.get(role) in ("in", "403", "404")]:
            if row[role] == "403" and sees_changes(cast, role, address):
                continue  # they may read it, and not do this with it
            with undone():
                cast.prepare(address.name)
                data = cast.told(address.name, role) if method == "POST" else {}
                there, not_there = (
                    told(cast.browser(role).generic(method, *sent(address.path(**which), data)), address, which)
                    for which in (numbers, nothing)
                )
            assert there == not_there, f"{method} {address.name} of {role}"


@pytest.fixture
def of_another(cast: Cast) -> Change:
    """A change of somebody else's that waits in the queue, of another secret."""
    secret = mirrored(44, "Payroll")
    proposal = replace(cast.build(identifier=secret.pk), reason="The payroll provider moves")
    return submission.submit_change(proposal, by=cast.people["other"])


@pytest.mark.parametrize("address", KNOWN, ids=name_of)
def test_no_answer_holds_a_change_that_is_not_ones_own(cast: Cast, address: Address, of_another: Change) -> None:
    """Neither a page nor a part of one, wherever it says that it was asked from."""
    traces = ["payroll provider", of_another.get_current_revision().digest]
    if address.name != "catalog:secrets":  # the list of secrets names the open change of each, by its number alone
        traces.append(of_another.reference)
    for role in ("anonymous", "owner", "disabled", "superuser"):
        for method in ("GET", "POST"):
            for headers in WAYS:
                with undone():
                    cast.prepare(address.name)
                    data = {**cast.told(address.name, role), "from": "queue"} if method == "POST" else {}
                    path = sent(address.path(**cast.numbers()), data)
                    response = cast.browser(role).generic(method, *path, headers=headers)
                    body = b"" if response.streaming else response.content
                assert [trace for trace in traces if trace.encode() in body] == [], f"{method} {role} {headers}"


@pytest.mark.parametrize("verdict", ["approve", "reject", "request_changes"])
def test_a_vote_from_the_queue_shows_it_to_nobody_who_may_not_open_it(
    cast: Cast, verdict: str, of_another: Change
) -> None:
    for role in (role for role in ROLES if role != "approver"):
        wanted = TABLE[f"changes:{verdict}", "POST"][role]
        for reason in ("Seen", ""):
            with undone():
                data = {**cast.told(f"changes:{verdict}", role), "from": "queue"}
                data[f"reason-{data['digest']}"] = reason
                path = f"/changes/{cast.change.pk}/{verdict.replace('_', '-')}/"
                response = cast.browser(role).generic("POST", *sent(path, data), headers=WAYS[1])
            assert "HX-Redirect" in response.headers if wanted == "in" else answer(response) == wanted, role
            assert of_another.reference not in response.content.decode(), role


def sees_changes(cast: Cast, role: str, address: Address) -> bool:
    return "change_id" in address.numbers and TABLE["changes:change", "GET"][role] == "200"


def told(response: HttpResponse, address: Address, numbers: dict[str, int]) -> tuple[str, str]:
    """Everything it says, but for what it repeats of the address, and for ids and tokens, which are never the same."""
    page = response.content.decode().replace(address.path(**numbers), "<path>")
    page = page.replace(response.headers["X-Request-ID"], "<request>")
    page = re.sub(r'(name="csrfmiddlewaretoken" value="|"x-csrftoken": ")\w+', "", page)
    return answer(response), page


def sent(path: str, data: dict[str, object]) -> tuple[str, bytes, str]:
    """Address, body and its type, as a form would send it."""
    return path, urlencode(data).encode(), "application/x-www-form-urlencoded"
