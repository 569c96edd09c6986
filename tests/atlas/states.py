"""The list of pages: every address that shows one, in each of its states. What looks at pages looks at these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import resolve

from portal.changes.models import Status
from tests.atlas.acts import (
    Act,
    bulk,
    from_an_old_page,
    goes_to,
    key_sheet,
    many_attempts,
    opened,
    preview,
    preview_strangers,
    refused,
    refused_pause,
    refused_rejection,
    refused_resolution,
    strangers,
    whole_log,
    without_cookie,
)


@dataclass(frozen=True)
class State:
    """A page as one person meets it. `path` names changes by what became of them: /changes/{failed}/.

    `act`: what that person does there, so that the page comes to this state; nothing that stays in the database.
    `code`: what the address answers in the end. `stepped_up`: they have confirmed within the session.
    """

    name: str
    who: str
    path: str
    world: str = "busy"
    act: Act | None = None
    minutes_ago: float = 0
    code: int = 200
    stepped_up: bool = False

    @property
    def view(self) -> str:
        """The name of its address."""
        number = dict.fromkeys((*Status.values, *CHANGES, "person", "proposal"), 1)
        return resolve(self.path.partition("?")[0].format_map(number)).view_name

    def __str__(self) -> str:
        return self.name


NO_PAGE = {
    "passkey_options": "answers the script of a page",
    "mfa_authenticate": "the second step of a sign-in, which a browser test of its own shows",
    "mfa_login_webauthn": "signs in and leads home",
    "mfa_view_recovery_codes": "shown once, in the browser test of the second factor",
    "mfa_generate_recovery_codes": "asks before it replaces the codes",
    "remove_factor": "removes and leads to the second factors",
    "set_theme": "changes a preference and leads back",
    "set_language": "changes a preference and leads back",
    "save_filter": "saves and leads back",
    "delete_filter": "deletes and leads back",
    "catalog:names": "names to choose from, asked for while one is typed",
    "catalog:sync": "a part of the page of secrets, asked for while a synchronisation is under way",
    "catalog:synchronise": "starts one and leads to the secrets",
    "changes:delete_template": "deletes and leads back",
    "changes:discard": "erases a draft and leads home",
    "changes:autosave": "answers in one sentence to the open page",
    "undo_deletion": "restores what was deleted and leads to it",
    "changes:queue_updates": "a part of the queue, asked for as it moves",
    "changes:decide": "shows the queue",
    "changes:new_comments": "a part of the page of a change, asked for as others speak",
    "changes:history": "a part of the queue's panel",
    "changes:base_check": "a part of the page of a change, asked for while the secret is read",
    "changes:mentionable": "names to choose from, asked for while one is typed",
    "changes:resolve_thread": "folds comments and leads back",
    "changes:reopen_thread": "unfolds comments and leads back",
    "changes:check_base": "has the secret read and leads back",
    "changes:next_change": "leads to the next change of the queue",
    "devserver:demo_sign_in": "signs in and leads home",
    "identity:sign_in": "leads to the OpenID provider",
    "identity:confirm": "leads to the OpenID provider",
    "identity:callback": "signs in and leads to the page that was asked for",
    "identity:backchannel_logout": "answers the OpenID provider",
    "carried_form": "shows the form that was filled in before signing in again",
    "changes:status": "a part of the page of a change, asked for as it moves",
    **dict.fromkeys(
        (
            f"changes:{act}"
            for act in ["approve", "reject", "request_changes", "withdraw", "comment", "retry", "recheck", "resolve"]
        ),
        "an act on a change, which leads to its page or shows it",
    ),
    "changes:sign_vote": "the text to sign, which the script of a form asks for",
    "changes:sign_bulk": "the text to sign, which the script of a form asks for",
    "vote_keys:enrol_options": "the options of a passkey, which the script of a form asks for",
    "vote_keys:confirm_options": "the text to sign, which the script of a form asks for",
    "vote_keys:enrol": "enrols a vote key and leads to the vote keys",
    "vote_keys:confirm": "confirms a vote key and leads to the vote keys",
    "vote_keys:revoke": "revokes a vote key and leads to the vote keys",
    "notifications:count": "a number, asked for as it moves",
    "notifications:read": "marks as read and leads back",
    "notifications:subscribe": "changes a preference and leads back",
    "sign_out_device": "signs out another device and leads to the preferences",
    "operations:pause": "pauses and shows the page of delivery",
    "operations:resume": "resumes and shows the page of delivery",
    **dict.fromkeys(
        (
            f"operations:{act}"
            for act in ["give_roles", "take_roles", "disable_user", "enable_user", "send_link"]
            + [f"{verdict}_proposal" for verdict in ("approve", "reject", "withdraw", "adopt")]
        ),
        "an act on a person or a proposal, which leads to its page or shows it",
    ),
    "operations:test_connection": "tests and leads to the page of the connection",
    "audit:evidence": "a download",
    "audit:evidence_book": "a download",
    "audit:export_csv": "a download",
    "audit:export_jsonl": "a download",
    "audit:sealed_log": "a download",
    "audit:checkpoint": "a download",
    "audit:key": "a download",
    "audit:verifier": "a download",
    "audit:verify": "asks for a verification and leads to the log",
}
"""Addresses that show no page of their own, and why."""
CHANGES = ("plain", "long", "unseen", "asked", "small", "revised")
"""Changes that are told apart by more than their status."""


def _problems() -> Iterator[State]:
    yield State("form no longer valid", "", "/accounts/login/", act=without_cookie, code=403)
    yield State("no right", "nobody", "/")
    yield State("refused", "requester", "/audit/", code=403)
    yield State("unusable link", "", "/accounts/password/choose/MQ/x/", code=404)
    yield State("not found", "requester", "/changes/987654321/", code=404)
    yield State("nothing to read", "approver", "/queue/", act=goes_to("/queue/decide/"), code=405)
    yield State("overtaken", "approver", "/changes/{revised}/", act=from_an_old_page, code=409)
    yield State("too much at once", "requester", "/secrets/12/propose/", act=whole_log, code=413)
    yield State("too many attempts", "", "/accounts/login/", "held", act=many_attempts)
    yield State("failed", "requester", "/secrets/", "damaged", code=500)
    yield State("no room left", "requester", "/templates/", "damaged", code=503)
    yield State("database away", "requester", "/", "away", code=503)


def _everybody() -> Iterator[State]:
    yield State("signing in", "", "/accounts/login/")
    yield State("signing in refused", "", "/accounts/login/", act=refused("button", login="nobody", password="a guess"))
    yield State("switched off", "", "/accounts/inactive/")
    yield State("signing out", "requester", "/accounts/logout/")
    yield State("password once more", "requester", "/accounts/reauthenticate/", minutes_ago=60)
    yield State("second factor", "requester", "/accounts/second-factor/")
    yield State("confirmation", "requester", "/accounts/second-factor/confirm/", minutes_ago=60)
    yield State(
        "confirmation refused",
        "requester",
        "/accounts/second-factor/confirm/",
        act=refused("button[type=submit]", password="a guess"),
        code=422,
    )
    yield State("adding a passkey", "requester", "/accounts/second-factor/passkeys/add/", stepped_up=True)
    yield State("adding an app", "requester", "/accounts/second-factor/app/add/", stepped_up=True)
    yield State("password", "requester", "/accounts/password/change/")
    yield State(
        "password refused",
        "requester",
        "/accounts/password/change/",
        act=refused("button", oldpassword="wrong", password1="short", password2="other"),
    )
    yield State("notices empty", "newcomer", "/notifications/", "fresh")
    yield State("notices of a requester", "requester", "/notifications/")
    yield State("notices of an approver", "approver", "/notifications/")
    yield State("risk rules", "approver", "/risk-rules/")
    yield State("help", "approver", "/help/")
    yield State("search", "approver", "/search/?q=a")
    yield State("search without results", "requester", "/search/?q=nothing-of-this-name")
    yield State("vote keys", "approver", "/vote-keys/")
    yield State("vote keys of an administrator", "admin", "/vote-keys/")
    yield State("preferences", "requester", "/accounts/preferences/")
    yield State("preferences of an approver", "approver", "/accounts/preferences/")


def _requester() -> Iterator[State]:
    yield State("home empty", "newcomer", "/", "fresh")
    yield State("home", "requester", "/")
    yield State("home of the longest", "requester2", "/")
    yield State("home while paused", "requester", "/", "held")
    yield State("my changes empty", "newcomer", "/changes/mine/", "fresh")
    yield State("my changes", "requester", "/changes/mine/")
    yield State("secrets empty", "newcomer", "/secrets/", "fresh")
    yield State("secrets", "requester", "/secrets/")
    yield State("secrets found", "requester", "/secrets/?q=gcp")
    yield State("secrets not found", "requester", "/secrets/?q=nothing-of-that-name")
    yield State("secrets for the same", "requester", "/secrets/?like={applied}")
    yield State("secret", "requester", "/secrets/12/")
    yield State("secret long", "approver", "/secrets/34/")
    yield State("secret unseen", "requester", "/secrets/51/")
    yield State("secret unreachable", "requester", "/secrets/12/", "held")
    yield State("propose", "requester", "/secrets/12/propose/")
    yield State("propose long", "requester", "/secrets/34/propose/")
    yield State("propose unseen", "requester", "/secrets/51/propose/")
    yield State("propose impossible", "requester", "/secrets/55/propose/", code=422)
    yield State("propose refused", "requester", "/secrets/14/propose/", act=refused("button[value=preview]"), code=422)
    yield State("propose to strangers", "requester", "/secrets/14/propose/", act=strangers, code=422)
    yield State("propose unchecked", "requester", "/secrets/12/propose/", "held")
    yield State("propose from a draft", "requester", "/secrets/22/propose/?draft")
    yield State("propose once more", "requester", "/secrets/15/propose/?like={failed}")
    yield State("propose from a template", "requester", "/secrets/12/propose/?template=1")
    yield State("templates empty", "newcomer", "/templates/", "fresh")
    yield State("templates", "requester", "/templates/")
    yield State("keeping a template", "admin", "/changes/{applied}/template/")
    yield State(
        "keeping a template refused", "requester", "/changes/{pending}/template/", act=refused("button"), code=422
    )
    yield State("preview to strangers", "requester", "/secrets/14/propose/", act=preview_strangers)
    yield State("preview", "requester", "/secrets/26/propose/", act=preview)
    yield State("revise", "requester", "/changes/{pending}/revise/")
    yield State("revise stale", "requester", "/changes/{stale}/revise/")
    yield State("revert", "requester", "/changes/{applied}/revert/")
    yield State("revise impossible", "requester", "/changes/{applied}/revise/", code=409)


def _change() -> Iterator[State]:
    for status in Status.values:
        for who in ("requester", "approver", "admin"):
            owner = "requester2" if status in ("withdrawn", "sending") else "requester"
            person = owner if who == "requester" else who
            yield State(f"change {status} of {who}", person, f"/changes/{{{status}}}/")
    for kind in CHANGES:
        yield State(f"change {kind} of approver", "approver", f"/changes/{{{kind}}}/")
    yield State("change asked of requester", "requester", "/changes/{asked}/")
    yield State("change pending of auditor", "auditor", "/changes/{pending}/")
    yield State("change approved while paused", "requester", "/changes/{approved}/", "held")
    yield State("vote refused", "approver", "/changes/{pending}/", act=refused_rejection, minutes_ago=60, code=422)
    yield State(
        "comment refused",
        "approver",
        "/changes/{pending}/",
        act=refused("#talk > .card-body button", text=" "),
    )
    yield State(
        "closing refused",
        "admin",
        "/changes/{needs_attention}/",
        act=refused_resolution,
        code=422,
    )


def _approver() -> Iterator[State]:
    yield State("queue empty", "approver", "/queue/", "fresh")
    yield State("queue", "approver", "/queue/")
    yield State("queue open at high risk", "approver", "/queue/?open={pending}")
    yield State("queue open at the longest", "approver", "/queue/?open={long}", minutes_ago=60)
    yield State("queue not found", "approver", "/queue/?q=nothing-of-that-name")
    yield State("queue of both risks", "approver", "/queue/?risk=3&sort=risk")
    yield State("queue with keys", "approver", "/queue/", act=key_sheet)
    yield State("queue bulk refused", "approver", "/queue/", act=bulk)
    yield State("all changes empty", "approver", "/changes/", "fresh")
    yield State("all changes", "auditor", "/changes/")
    yield State("all changes not found", "auditor", "/changes/?q=nothing-of-that-name")


def _auditor() -> Iterator[State]:
    yield State("log fresh", "auditor", "/audit/", "fresh")
    yield State("log", "auditor", "/audit/")
    yield State("log of a change", "auditor", "/audit/?change={applied}")
    yield State("log not found", "auditor", "/audit/?person=nobody-of-that-name")
    yield State(
        "log refused",
        "auditor",
        "/audit/?code=nonsense&change=x&since=2026-02-02T00:00&until=2026-01-01T00:00",
        code=422,
    )
    yield State("overview fresh", "auditor", "/audit/overview/", "fresh")
    yield State("overview", "auditor", "/audit/overview/?days=7")
    yield State("overview of a quarter", "auditor", "/audit/overview/?days=90")
    yield State("find", "auditor", "/audit/find/?q=a")
    yield State("find nothing", "auditor", "/audit/find/?q=nothing-of-that-name")
    yield State("person", "auditor", "/audit/people/requester/")
    yield State("person unknown", "auditor", "/audit/people/nobody-of-that-name/")
    yield State("access of a user", "auditor", "/audit/access/users/pduarte/")
    yield State("access unknown", "auditor", "/audit/access/groups/nobody-of-that-name/")
    yield State("secret of the log", "auditor", "/audit/secrets/14/")
    yield State("access at no date", "auditor", "/audit/secrets/14/?on=soon", code=422)
    yield State("secret unknown", "auditor", "/audit/secrets/0/")
    yield State("event", "auditor", "/audit/events/1/")
    yield State("timeline applied", "auditor", "/audit/changes/{applied}/")
    yield State("timeline in doubt", "auditor", "/audit/changes/{in_doubt}/")
    yield State("timeline failed", "auditor", "/audit/changes/{failed}/")
    yield State("exports fresh", "auditor", "/audit/exports/", "fresh")
    yield State("exports", "auditor", "/audit/exports/?code=201")


def _administrator() -> Iterator[State]:
    yield State("operations fresh", "admin", "/operations/", "fresh")
    yield State("operations", "admin", "/operations/", minutes_ago=60)
    yield State("operations paused", "admin", "/operations/", "held")
    yield State("pausing refused", "admin", "/operations/", act=refused_pause, code=422)
    yield State("connection untested", "admin", "/operations/connection/", "fresh")
    yield State("connection", "admin", "/operations/connection/", act=opened("main details"))
    yield State("people", "admin", "/operations/users/")
    yield State("adding a person", "admin", "/operations/users/add/", minutes_ago=60)
    yield State("adding refused", "admin", "/operations/users/add/", act=refused("button[type=submit]"), code=422)
    yield State("account of a person", "admin", "/operations/users/{person}/")
    yield State("proposals fresh", "admin", "/operations/proposals/", "fresh")
    yield State("proposals", "admin", "/operations/proposals/")
    yield State("proposal", "admin", "/operations/proposals/{proposal}/", minutes_ago=60)
    yield State("confirmed-by-provider", "approver", "/identity/confirmed/")
    yield State("keys", "admin", "/operations/keys/")


STATES = [*_problems(), *_everybody(), *_requester(), *_change(), *_approver(), *_auditor(), *_administrator()]
"""All of them, as people meet them."""


def every_third(states: Sequence[State]) -> list[Any]:
    """For parametrize: every third state in the ordinary form, all of them in the long form."""
    return [
        pytest.param(*param.values, id=param.id, marks=[*param.marks, *([pytest.mark.long_form] if number % 3 else [])])
        for number, param in enumerate(halves(states))
    ]


def halves(states: Sequence[State]) -> list[Any]:
    """For parametrize: two xdist workers share them, since each has to make its own worlds."""
    marks = [pytest.mark.xdist_group(f"atlas-{number % 2}") for number in range(len(states))]
    return [pytest.param(state, id=str(state), marks=mark) for state, mark in zip(states, marks, strict=True)]
