"""Labels of the fields of an API secret on all pages, as Segura shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

FIELD_LABELS: dict[str, _StrPromise] = {
    "name": _("Name"),
    "url": _("URL"),
    "client_id": _("Client ID"),
    "client_secret": _("Client secret"),
    "identifier_code": _("Identifier code"),
    "tags": _("Tags"),
    "notes": _("Notes"),
    "method": _("Method"),
    "users_allowed": _("Users allowed"),
    "groups_allowed": _("Groups allowed"),
}
"""Label by field, in the order of vault.entities.FIELDS."""
