"""Refused sign-ins with the OpenID provider: a code for the audit log, a text for the user, and advice."""

from __future__ import annotations

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_START_AGAIN = _("Return to the sign-in page and try again.")
_ASK = _("Ask the people who run Countersign.")

TEXTS: dict[str, tuple[str | Promise, str | Promise]] = {
    "foreign_state": (
        _("This sign-in was started in another browser, was completed before, or is more than an hour old."),
        _START_AGAIN,
    ),
    "denied_by_provider": (_("%(provider)s ended the sign-in without signing you in."), _START_AGAIN),
    "code_rejected": (_("%(provider)s no longer accepts the code of this sign-in."), _START_AGAIN),
    "client_rejected": (_("%(provider)s does not accept the client ID or the client secret of Countersign."), _ASK),
    "invalid_token": (_("The ID token from %(provider)s is not validly signed or is incomplete."), _ASK),
    "wrong_issuer": (_("The ID token comes from another issuer than %(provider)s."), _ASK),
    "wrong_audience": (_("The ID token was issued for another application than Countersign."), _ASK),
    "wrong_nonce": (_("The ID token belongs to another sign-in."), _START_AGAIN),
    "expired_token": (
        _("The ID token has expired, or the clocks of %(provider)s and Countersign differ by more than a minute."),
        _("Try again. If it fails again, ask the people who run Countersign to compare the clocks."),
    ),
    "other_user": (
        _("You confirmed as another user of %(provider)s than the one who is signed in to Countersign."),
        _("Nothing was done. Confirm again as the same user."),
    ),
    "not_asked_again": (
        _("%(provider)s did not ask you to authenticate again, so this is no confirmation."),
        _("Nothing was done. Ask the people who run Countersign whether the ID token has the claim auth_time."),
    ),
    "no_second_factor": (
        _("%(provider)s confirmed you without a second factor. Your sign-in had one, so less is no confirmation."),
        _("Nothing was done. Confirm again, and answer the question for your second factor."),
    ),
    "account_disabled": (
        _("Your account exists, but it was switched off."),
        _("Ask the people who run Countersign to switch it on again."),
    ),
    "no_username": (_("%(provider)s did not send a valid user name in the claim %(username_claim)s."), _ASK),
    "username_taken": (
        _("Your user name already belongs to another account. Accounts are never linked by name or email address."),
        _("An administrator can link that account to %(provider)s, or rename you at %(provider)s."),
    ),
    "no_role": (
        _("%(provider)s did not name you in any group that has a role in Countersign."),
        _("Ask the people who run Countersign to which group you must be added."),
    ),
    "groups_missing": (_("%(provider)s did not send your groups in the claim %(groups_claim)s."), _ASK),
    "groups_overage": (
        _("You are in so many groups that %(provider)s left them out of the ID token."),
        _("Ask the people who run Countersign to send only the groups that are assigned to the application."),
    ),
}
"""Text and advice for each code. A code is stored in the audit log and never renamed."""


class SignInRefused(Exception):
    """The user was not signed in. `code` is a key of TEXTS; `username` is the account that is known by then, or ''."""

    def __init__(self, code: str, username: str = "") -> None:
        super().__init__(code)
        self.code, self.username = code, username

    @property
    def text(self) -> str:
        """Reason for the user, in their language."""
        return str(TEXTS[self.code][0]) % _names()

    @property
    def advice(self) -> str:
        """Next step for the user, in their language."""
        return str(TEXTS[self.code][1]) % _names()


def _names() -> dict[str, str]:
    return {
        "provider": settings.OIDC_PROVIDER_NAME,
        "username_claim": settings.OIDC_USERNAME_CLAIM,
        "groups_claim": settings.OIDC_GROUPS_CLAIM,
    }
