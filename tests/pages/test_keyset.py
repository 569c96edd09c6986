"""Keyset pages: both ways they show the whole list, whatever ties, sizes and directions."""

from __future__ import annotations

import datetime

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from portal.catalog.models import ApiSecret
from portal.web import keyset

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
ORDERS = [
    ("identifier",),
    ("-identifier",),
    ("name", "identifier"),
    ("-name", "identifier"),
    ("name", "-first_seen_at", "-identifier"),
]


def seed(names: list[str]) -> None:
    ApiSecret.objects.bulk_create(
        ApiSecret(
            identifier=number,
            name=name,
            can_view=True,
            can_write=True,
            need_justify=False,
            need_approval=False,
            first_seen_at=NOW + datetime.timedelta(microseconds=number % 3),
        )
        for number, name in enumerate(names, start=1)
    )


class TestWalking(TestCase):
    @settings(deadline=None, max_examples=60)
    @given(
        names=st.lists(st.sampled_from(["a", "A", "b", "ação", "a b", "", "名"]), max_size=30),
        size=st.integers(1, 9),
        order=st.sampled_from(ORDERS),
    )
    def test_both_ways_show_the_whole_list_in_order(self, names: list[str], size: int, order: tuple[str, ...]) -> None:
        seed(names)
        everything = list(ApiSecret.objects.order_by(*order))

        pages = [keyset.paginate_by_keyset(ApiSecret.objects.all(), order=order, cursor="", size=size)]
        while pages[-1].older:
            pages.append(
                keyset.paginate_by_keyset(ApiSecret.objects.all(), order=order, cursor=pages[-1].older, size=size)
            )
        assert [row for page in pages for row in page.rows] == everything
        assert pages[0].newer == ""

        for earlier, later in zip(reversed(pages[:-1]), reversed(pages), strict=False):
            again = keyset.paginate_by_keyset(ApiSecret.objects.all(), order=order, cursor=later.newer, size=size)
            assert again.rows == earlier.rows
            assert bool(again.newer) == bool(earlier.newer)
            following = keyset.paginate_by_keyset(ApiSecret.objects.all(), order=order, cursor=again.older, size=size)
            assert following.rows == later.rows


@pytest.mark.django_db
def test_a_page_costs_one_query_and_neither_counts_nor_skips() -> None:
    seed(["x"] * 30)
    first = keyset.paginate_by_keyset(ApiSecret.objects.all(), order=("name", "identifier"), cursor="", size=10)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        keyset.paginate_by_keyset(ApiSecret.objects.all(), order=("name", "identifier"), cursor=first.older, size=10)
    assert len(queries) == 1
    assert "COUNT" not in queries[0]["sql"]
    assert "OFFSET" not in queries[0]["sql"]


@pytest.mark.django_db
def test_stepping_back_to_the_start_fills_the_first_page_with_what_arrived_meanwhile() -> None:
    seed(["x"] * 4)
    second = keyset.paginate_by_keyset(
        ApiSecret.objects.all(),
        order=("-identifier",),
        cursor=keyset.paginate_by_keyset(ApiSecret.objects.all(), order=("-identifier",), cursor="", size=2).older,
        size=2,
    )
    ApiSecret.objects.filter(identifier=4).delete()
    back = keyset.paginate_by_keyset(ApiSecret.objects.all(), order=("-identifier",), cursor=second.newer, size=2)
    assert [row.identifier for row in back.rows] == [3, 2]
    assert back.newer == ""


@pytest.mark.django_db
@pytest.mark.parametrize("cursor", ["x", "a:b:c", "\0", "é" * 5000, "W10:1:2", "'; DROP TABLE audit_event; --"])
def test_garbage_is_a_bad_cursor(cursor: str) -> None:
    with pytest.raises(keyset.InvalidCursor):
        keyset.paginate_by_keyset(ApiSecret.objects.all(), order=("identifier",), cursor=cursor, size=5)


@pytest.mark.django_db
def test_a_cursor_of_another_order_or_another_signer_is_refused() -> None:
    seed(["x"] * 3)
    by_name = keyset.paginate_by_keyset(ApiSecret.objects.all(), order=("name", "identifier"), cursor="", size=1).older
    for cursor in (by_name, signing.dumps([False, "1"], salt="elsewhere")):
        with pytest.raises(keyset.InvalidCursor):
            keyset.paginate_by_keyset(ApiSecret.objects.all(), order=("identifier",), cursor=cursor, size=1)


@pytest.mark.parametrize("order", [("name",), ("vanished_at", "identifier")])
def test_an_order_that_leaves_positions_open_is_refused(order: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="unique"):
        keyset.paginate_by_keyset(ApiSecret.objects.all(), order=order, cursor="", size=1)
