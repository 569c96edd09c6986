"""Nothing of a page stays in a browser or a proxy."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import Client

from portal.accounts.models import User
from portal.changes.models import Change

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "page", ["/queue/", "/changes/", "/changes/{0}/", "/changes/{0}/status/", "/nothing/", "/audit/"]
)
def test_pages_are_not_kept_and_fragments_do_not_pass_for_them(
    as_person: Callable[[User], Client], approver: User, submitted: Change, page: str
) -> None:
    headers = as_person(approver).get(page.format(submitted.pk)).headers
    assert "no-store" in headers["Cache-Control"]
    assert "HX-Request" in headers["Vary"]


def test_static_files_may_be_kept(client: Client) -> None:
    answer = client.get(staticfiles_storage.url("favicon.svg"))
    assert answer.status_code == 200
    assert "no-store" not in answer.headers["Cache-Control"]
    answer.close()
