"""Questions put together once: each key in its place, each answer of the moment and of the type a queryset gives."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction  # noqa: F401
from django.db.models import Exists, F, OuterRef, QuerySet

from portal.accounts.models import User
from portal.changes.models import Change
from portal.common.prepared import Given, Prepared


def test_each_key_stands_in_its_place(submitted: Change, approver: User) -> None:
    given = {name: Given(name) for name in ("requester", "secret", "pk")}
    asked = Prepared(lambda: Change.objects.filter(**given).values_list("pk", "status"))
    keys = {"pk": submitted.pk, "requester": submitted.requester_id, "secret": submitted.secret}
    assert asked.rows(**keys) == [(submitted.pk, "pending")]
    assert asked.rows(**keys | {"requester": approver.pk}) == []
    assert asked.rows(**keys | {"secret": submitted.secret + 1}) == []
    assert asked.rows(**keys) == [(submitted.pk, "pending")]


def test_it_is_asked_anew_each_time_and_answers_as_the_queryset_does(submitted: Change) -> None:
    kept = Change.objects.values_list("updated_at", "expires_at", "closed_at", "secret_name")
    asked = Prepared(lambda: kept.filter(pk=Given("key")))
    assert asked.rows(key=submitted.pk) == list(kept.filter(pk=submitted.pk))

    Change.objects.filter(pk=submitted.pk).update(secret_name="another")
    assert asked.rows(key=submitted.pk)[0][-1] == "another"


def test_a_question_without_keys_is_built_once(submitted: Change) -> None:
    built = []

    def build() -> QuerySet[Change, Any]:
        built.append(True)
        return Change.objects.values_list("pk")

    asked = Prepared(build)
    assert asked.rows() == asked.rows() == [(submitted.pk,)]
    assert built == [True]


def test_an_order_answers_with_what_the_row_is_then(submitted: Change) -> None:
    mine = Exists(User.objects.filter(pk=OuterRef("requester"), is_active=True))
    renamed = Prepared(
        lambda: Change.objects.filter(pk=Given("key")),
        {"secret_name": Given("name"), "revision": F("revision") + 1},
        answer=("id", "secret_name", "revision"),
        asking={"mine": mine},
    )
    found = renamed.one(key=submitted.pk, name="another")
    assert found is not None
    assert (found.secret_name, found.revision, bool(found.mine)) == ("another", 2, True)  # type: ignore[attr-defined]
    assert renamed.one(key=submitted.pk + 1, name="another") is None


@pytest.mark.django_db(transaction=True)
def test_a_row_is_held_in_a_transaction_alone_each_time(submitted: Change) -> None:
    held = Prepared(lambda: Change.objects.select_for_update().filter(pk=Given("key")))
    with transaction.atomic():
        assert held.one(key=submitted.pk) == submitted
    with pytest.raises(transaction.TransactionManagementError):
        held.one(key=submitted.pk)
