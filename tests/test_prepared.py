"""Questions put together once: each key in its place, each answer of the moment and of the type a queryset gives."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import QuerySet

from portal.accounts.models import User
from portal.changes.models import Change
from portal.prepared import Prepared

pytestmark = pytest.mark.domain


def test_each_key_stands_in_its_place(submitted: Change, approver: User) -> None:
    def build(key: int, requester: int, secret: int) -> QuerySet[Change, Any]:
        return Change.objects.filter(requester=requester, secret=secret, pk=key).values_list("pk", "status")

    asked, keys = Prepared(build), (submitted.pk, submitted.requester_id, submitted.secret)
    assert asked.ask(*keys) == [(submitted.pk, "pending")]
    assert asked.ask(submitted.pk, approver.pk, submitted.secret) == []
    assert asked.ask(submitted.pk, submitted.requester_id, submitted.secret + 1) == []
    assert asked.ask(*keys) == [(submitted.pk, "pending")]


def test_it_is_asked_anew_each_time_and_answers_as_the_queryset_does(submitted: Change) -> None:
    kept = Change.objects.values_list("updated_at", "expires_at", "ended_at", "secret_name")
    asked = Prepared(lambda key: kept.filter(pk=key))
    assert asked.ask(submitted.pk) == list(kept.filter(pk=submitted.pk))

    Change.objects.filter(pk=submitted.pk).update(secret_name="another")
    assert asked.ask(submitted.pk)[0][-1] == "another"


def test_a_question_without_keys_is_built_once(submitted: Change) -> None:
    built = []

    def build() -> QuerySet[Change, Any]:
        built.append(True)
        return Change.objects.values_list("pk")

    asked = Prepared(build)
    assert asked.ask() == asked.ask() == [(submitted.pk,)]
    assert built == [True]
