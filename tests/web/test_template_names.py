"""Templates use only names that somebody passes: Django takes any other for empty and false, and says nothing."""

from __future__ import annotations

import pytest
from django.template import engines

from portal.changes.models import Change
from tests.rig.undefined_names import UndefinedName, undefined_names_refused
from tests.web.addresses import Address
from tests.web.cast import ROLES, Cast, undone
from tests.web.test_permission_matrix import KNOWN, TABLE, name_of

pytestmark = [pytest.mark.django_db]
PAGES = [address for address in KNOWN if "200" in TABLE.get((address.name, "GET"), {}).values()]


@pytest.mark.parametrize("address", PAGES, ids=name_of)
def test_page_uses_no_name_that_is_not_passed(cast: Cast, address: Address) -> None:
    row = TABLE[address.name, "GET"]
    for role in [role for role in ROLES if row[role] == "200"]:
        with undone(), undefined_names_refused():
            cast.prepare(address.name)
            browser = cast.browser(role)
            browser.raise_request_exception = True
            answer = browser.get(address.path(**cast.numbers()))
            assert answer.status_code == 200


@pytest.mark.parametrize(
    "status", ["pending", "approved", "sending", "in_doubt", "needs_attention", "applied", "failed"]
)
def test_change_page_uses_no_name_that_is_not_passed_in_any_status(cast: Cast, status: str) -> None:
    Change.objects.filter(pk=cast.change.pk).update(status=status)
    for role in ("owner", "approver", "operator"):
        with undefined_names_refused():
            browser = cast.browser(role)
            browser.raise_request_exception = True
            assert browser.get(f"/changes/{cast.change.pk}/").status_code == 200


@pytest.mark.parametrize(
    "source", ["{% if nothing %}{% endif %}", "{{ nothing }}", "{% if nothing.at_all %}{% endif %}"]
)
def test_undefined_name_is_found_in_outputs_and_conditions(source: str) -> None:
    template = engines["django"].from_string(source)
    template.template.name = "base.html"
    with pytest.raises(UndefinedName, match="nothing"), undefined_names_refused():
        template.render({})
