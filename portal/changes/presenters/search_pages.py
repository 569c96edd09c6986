"""Pages and actions that the search offers, besides those of the navigation."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from portal.accounts.roles import Right
from portal.common.text_folding import fold_text
from portal.web.context_processors import NAVIGATION, NavigationEntry

_ALL = frozenset(Right)
_OPERATORS = frozenset({Right.OPERATE})
_AUDITORS = frozenset({Right.AUDIT})

PAGES = (
    *NAVIGATION,
    NavigationEntry("catalog:secrets", _("New change"), "plus", frozenset({Right.PROPOSE})),
    NavigationEntry("changes:templates", _("Templates"), "bookmark", frozenset({Right.PROPOSE, Right.OPERATE})),
    NavigationEntry("changes:risk_rules", _("How risk is scored"), "alert-triangle", _ALL),
    NavigationEntry("operations:delivery", _("Pause delivery"), "player-pause", _OPERATORS),
    NavigationEntry("operations:connection", _("Connection to Segura"), "device-desktop", _OPERATORS),
    NavigationEntry("operations:users", _("Users and roles"), "users", _OPERATORS),
    NavigationEntry("operations:keys", _("Encryption keys"), "shield-lock", _OPERATORS),
    NavigationEntry("audit:exports", _("Export the log"), "file-export", _AUDITORS),
    NavigationEntry("notifications:inbox", _("Notifications"), "bell", _ALL),
    NavigationEntry("notifications:preferences", _("Preferences"), "adjustments", _ALL),
    NavigationEntry("account_change_password", _("Change password"), "password", _ALL),
    NavigationEntry("changes:help", _("Help"), "help-circle", _ALL),
)


def matching_pages(
    words: Iterable[str], pages: Iterable[NavigationEntry], rights: frozenset[Right]
) -> list[NavigationEntry]:
    """Return the pages for these rights whose label has every word, without regard to case and accents."""
    folded = [fold_text(word) for word in words]
    return [
        page for page in pages if page.rights & rights and all(word in fold_text(str(page.label)) for word in folded)
    ]
