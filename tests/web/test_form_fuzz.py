"""Anything at all in any field of any form: an answer that says what is wrong with it, never a failure of the portal.

The fields are read off the pages themselves. There are no JSON endpoints that a schema could describe.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.accounts.models import User
from tests.changes.paper import read_form
from tests.rig.rounds import rounds
from tests.web.addresses import Address
from tests.web.cast import Cast, stands, undone
from tests.web.test_forgery import TAKING_POSTS, able
from tests.web.test_permission_matrix import KNOWN, TABLE, name_of

pytestmark = [pytest.mark.django_db, pytest.mark.shows("W16"), pytest.mark.timeout(rounds(120, 3600))]

FORM = "application/x-www-form-urlencoded"
FILTERED = {
    "changes:queue": ("q", "open", "at"),
    "changes:all": ("q", "status", "requester", "risk", "days", "at"),
    "changes:mine": ("q", "status", "open_at", "at"),
    "changes:status": ("seen",),
    "changes:secret": ("at",),
    "catalog:secrets": ("q", "show", "at"),
    "catalog:sync": ("phase",),
    "audit:events": ("person", "secret", "change", "kind", "code", "since", "until", "at"),
    "audit:change_timeline": ("at",),
    "audit:export_csv": ("person", "secret", "change", "kind", "code", "since", "until"),
    "account_login": ("next",),
    "account_reauthenticate": ("next",),
}
PROTECTED = {
    "state": "applied",
    "status": "applied",
    "decider": "{other}",
    "decider_id": "{other}",
    "requester": "{other}",
    "requester_id": "{other}",
    "voter": "{other}",
    "editor": "{other}",
    "by": "other",
    "user": "{other}",
    "verdict": "approve",
    "policy": '{"required": 0}',
    "required": "0",
    "fence": "99",
    "approved_at": "2026-01-01T00:00:00Z",
    "replay_window_until": "",
    "id": "1",
    "pk": "1",
    "change": "1",
    "number": "7",
    "secret": "44",
    "identifier": "44",
    "patch": '{"url": "https://elsewhere.example"}',
    "is_superuser": "1",
    "is_active": "1",
    "groups": "1",
    "username": "other",
    "digest_checked": "1",
}
"""What no form has: every one of them is a column, a word for one, or a decision."""

_ODD_BYTES = st.sampled_from([
    b"", b"\0", b"\xed\xa0\x80", b"\xff\xfe", b"\xc0\x80", b"%00", b"'\"--;", b"{{7*7}}{%debug%}", b"\xe2\x80\xae",
    b"-1", b"9" * 40, b"1e309", b"NaN", b"0x1f", b"2026-02-30T25:61",
    b"../../etc/passwd", b"\r\nX-A: b", b"a" * 30_000, b"1",
])  # fmt: skip
_VALUES = st.one_of(
    _ODD_BYTES,
    st.binary(max_size=40),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.integers().map(lambda number: str(number).encode()),
)
Fields = list[tuple[str, bytes]]


def body(fields: Fields) -> str:
    """As a form would send it, whatever its bytes mean."""
    return "&".join(f"{quote_from_bytes(name.encode())}={quote_from_bytes(value)}" for name, value in fields)


def page_with_form(name: str, cast: Cast) -> str:
    """Where the form that posts to this address is shown."""
    act = name.rpartition(":")[2]
    if act in ("approve", "reject", "withdraw", "retry", "recheck", "resolve"):
        return f"/changes/{cast.change.pk}/"
    return "/secrets/" if act == "synchronise" else ""


def known_fields(address: Address, cast: Cast, browser: Client) -> Fields:
    """What the form holds as it stands, and what the form's other buttons would send."""
    path = page_with_form(address.name, cast) or address.path(**cast.numbers())
    answer = browser.get(path)
    found = read_form(answer) if answer.status_code == 200 else {}
    told = cast.told(address.name, able(address))
    return [(name, str(value).encode()) for name, value in {**found, **told}.items()]


def altered(data: st.DataObject, fields: Fields) -> Fields:
    """Some values replaced, some fields twice or gone, some that no form has."""
    names = [name for name, _value in fields] or ["act"]
    changed = dict(data.draw(st.lists(st.tuples(st.sampled_from(names), _VALUES), max_size=4)))
    kept = [(name, changed.get(name, value)) for name, value in fields]
    gone = set(data.draw(st.lists(st.sampled_from(names), max_size=2)))
    more = data.draw(
        st.lists(st.tuples(st.sampled_from([*names, *PROTECTED, "act", "from", "next"]), _VALUES), max_size=3)
    )
    return [(name, value) for name, value in kept if name not in gone] + more


def fuzz(short: int) -> settings:
    return settings(
        max_examples=rounds(short, 300), suppress_health_check=list(HealthCheck), print_blob=True, database=None
    )


@pytest.mark.parametrize("address", TAKING_POSTS, ids=name_of)
@fuzz(10)
@given(data=st.data())
def test_no_post_is_the_portals_own_failure(cast: Cast, address: Address, data: st.DataObject) -> None:
    with undone():
        cast.prepare(address.name)
        browser = cast.browser(able(address))
        sent = body(altered(data, known_fields(address, cast, browser)))
        htmx = {"HX-Request": "true"} if data.draw(st.booleans()) else {}
        answer = browser.post(address.path(**cast.numbers()), sent, FORM, headers=htmx)
        assert answer.status_code < 500, sent
        made = set(cast.named()) - set(cast.people)
        assert set(cast.people) <= set(cast.named()), "somebody was renamed or removed"
        assert len(made) <= (address.name == "operations:add_user"), "somebody was made"
        assert not User.objects.filter(username__in=made, groups__isnull=False).exists(), "somebody has a role at once"


@pytest.mark.parametrize("address", [known for known in KNOWN if known.name in FILTERED], ids=name_of)
@fuzz(25)
@given(data=st.data())
def test_no_question_is_the_portals_own_failure(cast: Cast, address: Address, data: st.DataObject) -> None:
    row = TABLE[address.name, "GET"]
    role = next(role for role in ("approver", "auditor", "owner", "anonymous") if row[role] == "200")
    asked = data.draw(st.lists(st.tuples(st.sampled_from(FILTERED[address.name]), _VALUES), max_size=4))
    with undone():
        answer = cast.browser(role).get(f"{address.path(**cast.numbers())}?{body(asked)}")
        b"".join(answer)  # type: ignore[arg-type]
        assert answer.status_code < 500, asked


SAYS_NOTHING = (
    *("audit:person", "audit:secret", "audit:user_access", "audit:group_access", "changes:discard"),
    "remove_factor",
)
"""Any name or number may be asked for: what nobody knows has an empty page, and no draft. The last one asks for a
confirmation first, whatever the number."""


@pytest.mark.parametrize(
    "address", [known for known in KNOWN if known.numbers and known.name not in SAYS_NOTHING], ids=name_of
)
def test_number_that_no_database_holds_is_nothing(cast: Cast, address: Address) -> None:
    for number in (0, 2**31, 2**63 - 1, 2**63, 2**70, 10**40):
        path = address.path(**dict.fromkeys(address.numbers, number))
        for role in ("owner", "approver", "auditor", "operator"):
            browser = cast.browser(role)
            for method in (method for name, method in TABLE if name == address.name):
                answer = browser.generic(method, path, urlencode(cast.told(address.name, role)), FORM)
                assert answer.status_code in (403, 404), f"{method} {path} of {role}"


@pytest.mark.parametrize("address", TAKING_POSTS, ids=name_of)
def test_field_that_no_form_has_changes_nothing(cast: Cast, address: Address) -> None:
    """The act comes to the very same, with them and without."""
    others = {name: value.replace("{other}", str(cast.people["other"].pk)) for name, value in PROTECTED.items()}
    told = cast.told(address.name, able(address))
    outcomes = []
    for more in ({}, {name: value for name, value in others.items() if name not in told}):
        with undone():
            cast.prepare(address.name)
            browser = cast.browser(able(address))
            same_id = {"X-Request-ID": "one-and-the-same"}  # the row keeps it
            answer = browser.post(address.path(**cast.numbers()), more | told, headers=same_id)
            outcomes.append((answer.status_code, lasting()))
    assert outcomes[0] == outcomes[1]


def lasting() -> dict[str, Any]:
    """What stands, without the numbers rows are given and the instants that differ from one second to the next."""

    def lasts(column: str, value: object) -> bool:
        return column not in ("id", "change_id", "comment_id", "mac") and not isinstance(value, datetime)

    found = stands()
    for user in found["User"]:  # no password that can be used has a random text in its place
        user["password"] = "" if user["password"].startswith("!") else user["password"]
    names = dict(User.objects.values_list("pk", "username"))
    for proposal in found["GovernanceProposal"]:
        proposal["subject_id"] = names[proposal["subject_id"]]  # the number of a new account differs
    plain = {model: found.pop(model) for model in ("Event", "User")}
    return plain | {
        model: [{k: v for k, v in row.items() if lasts(k, v)} for row in rows] for model, rows in found.items()
    }


@pytest.mark.parametrize(
    ("code", "content_type", "content"),
    [
        (413, FORM, b"reason=" + b"x" * 10_000_000),
        (413, FORM, b"&".join(b"users_allowed-%d-name=u%d" % (n, n) for n in range(10_000))),
        (413, FORM, b"&".join(b"x=1" for _ in range(5_001))),
        (422, FORM, b"act=preview&users_allowed-TOTAL_FORMS=10000&users_allowed-INITIAL_FORMS=0"),
        (422, FORM, b"act=confirm&proposal=%00%ff"),
        (422, FORM, b"act=preview&base=%ED%A0%80&kept=%00"),
        (400, "multipart/form-data", b"no boundary"),
        (422, "multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\x00"),
        (422, "application/json", b'{"status": "applied", "requester": 1}'),
        (422, "text/plain; charset=nonsense", b"a=b"),
        (400, "application/x-www-form-urlencoded; charset=utf-7", b"a=b"),
        (422, "", b"\x00\xff"),
    ],
)  # fmt: skip
def test_form_beyond_all_measure_is_refused_in_words(cast: Cast, code: int, content_type: str, content: bytes) -> None:
    before = stands()
    answer = cast.browser("owner").generic("POST", f"/secrets/{cast.secret.pk}/propose/", content, content_type)
    assert answer.status_code == code
    assert answer.headers["Content-Type"].startswith("text/html")
    assert stands() | {"Event": []} == before | {"Event": []}
