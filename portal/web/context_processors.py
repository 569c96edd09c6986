"""Context processor for every page: the user's rights, navigation, theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts import typed_forms
from portal.accounts.roles import Right, group_names_of, rights_of

THEMES = ("light", "dark", "auto")


@dataclass(frozen=True)
class NavigationEntry:
    """One entry of the navigation, for users with any of `rights`; `section` is the URL namespace that it covers."""

    view: str
    label: Promise
    icon: str
    rights: frozenset[Right]
    section: str = ""


NAVIGATION = (
    NavigationEntry("home", _("Home"), "home", frozenset({Right.PROPOSE})),
    NavigationEntry("changes:queue", _("Approvals"), "clipboard-check", frozenset({Right.DECIDE})),
    NavigationEntry("changes:mine", _("My changes"), "edit", frozenset({Right.PROPOSE})),
    NavigationEntry(
        "catalog:secrets", _("Secrets"), "key", frozenset({Right.PROPOSE, Right.DECIDE, Right.OPERATE}), "catalog"
    ),
    NavigationEntry(
        "changes:all", _("All changes"), "list-details", frozenset({Right.AUDIT, Right.OPERATE, Right.DECIDE})
    ),
    NavigationEntry("operations:delivery", _("Operations"), "send", frozenset({Right.OPERATE}), "operations"),
    NavigationEntry("audit:overview", _("Overview"), "chart-bar", frozenset({Right.AUDIT})),
    NavigationEntry("audit:events", _("Audit log"), "history", frozenset({Right.AUDIT}), "audit"),
)


def person(request: HttpRequest) -> dict[str, Any]:
    """Return what every page knows of its reader, such as `rights` (`{% if "decide" in rights %}`).

    `zone_cookie` is the name of the cookie for the browser's time zone if the user has chosen none; else ''.
    `signed_votes`: whether votes can be signed.
    """
    user = getattr(request, "user", None)
    reader = user if user and user.is_authenticated else None
    rights = rights_of(reader) if reader else frozenset()
    nav = [entry for entry in NAVIGATION if entry.rights & rights]
    match = request.resolver_match
    view = match.view_name if match else ""
    entered = any(entry.view == view for entry in nav)  # then no other entry is shown as the current section
    theme = request.COOKIES.get(settings.THEME_COOKIE_NAME, "auto")
    return {
        "rights": rights,
        "signed_votes": settings.SIGNED_VOTES != "off",
        "groups": group_names_of(reader) if reader else [],
        "nav": nav,
        "here": {"view": view, "section": match.app_name if match and not entered else ""},
        "form_owner": typed_forms.sign_owner(reader.pk) if reader else "",
        "theme": theme if theme in THEMES else "auto",
        "zone_cookie": settings.ZONE_COOKIE_NAME if reader and not reader.time_zone else "",
    }
