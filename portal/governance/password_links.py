"""Links to choose a password: an administrator asks for one, and only the person concerned ever sees it."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from portal.accounts import emergency, sessions
from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.accounts.user_lock import lock_user
from portal.audit.ledger import record_event
from portal.governance import proposals, rules
from portal.governance.models import LinkPurpose, PasswordLink
from portal.governance.violations import LinkNotMailable

LIFETIME = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
"""Time in which a link can be used, after it was mailed; and in which the mail server is asked again."""


class LinkTokenGenerator(PasswordResetTokenGenerator):
    """Django's tokens, bound to the newest link of the person that is unused: asking again ends the earlier links."""

    key_salt = "portal.governance.password_links"

    def check_token(self, user: User | None, token: str | None) -> bool:
        """Return whether the token is that of a link which the person can still use."""
        usable = user is not None and not find_link_obstacle(user) and find_unused_link(user) is not None
        return usable and bool(super().check_token(user, token))

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        link = find_unused_link(user)
        return f"{super()._make_hash_value(user, timestamp)}{link.pk if link else ''}"


token_generator = LinkTokenGenerator()


def send_link(person_id: int, *, by: User, reason: str, recent_auth: RecentAuth) -> PasswordLink:
    """Have a link mailed with which the person chooses a password; until they do, the old password stays valid.

    Raises DoesNotExist, NotEntitled, OwnRights, LinkNotMailable, ProposalReasonMissing, PasswordRequired.
    """
    with proposals.recorded_refusals("send_link", by, user=person_id):
        person = User.objects.get(pk=person_id)
        rules.require_entitled(by)
        rules.forbid_own_rights(person, by)
        rules.require_reason(reason)
        obstacle = find_link_obstacle(person) or find_mail_obstacle(person)
        if obstacle:
            raise LinkNotMailable(obstacle)
        rules.require_recent_auth(recent_auth)
        purpose = LinkPurpose.RESET if person.has_usable_password() else LinkPurpose.INVITATION
        return store_link(person, purpose, by=by, reason=reason.strip(), **recent_auth.as_data())


def store_link(person: User, purpose: LinkPurpose, *, by: User, **facts: object) -> PasswordLink:
    """Store a link for the next round of mails and record it. Requires the lock of governance."""
    PasswordLink.objects.filter(person=person).update(next_at=None)  # the new one ends those not mailed yet
    link = PasswordLink.objects.create(person=person, purpose=purpose, asked_by=by)
    domain = person.email.rpartition("@")[2]
    data = {"person": person.username, "purpose": str(purpose), "mail_domain": domain, **facts}
    record_event("account.link_requested", by=by.username, data=data)
    return link


def find_unused_link(person: User) -> PasswordLink | None:
    """Return the newest link of the person if it was not used, else None."""
    link = find_newest_link(person)
    return link if link is not None and link.used_at is None else None


def find_newest_link(person: User) -> PasswordLink | None:
    """Return the newest link of the person, or None."""
    return PasswordLink.objects.filter(person=person).order_by("-pk").first()


def find_link_obstacle(person: User) -> str:
    """Return why the person cannot choose a password at all, as a sentence; '' if they can."""
    if not emergency.accepts_password(person.username):
        return _("Sign-in with a password is switched off. Users sign in with %(provider)s.") % {
            "provider": settings.OIDC_PROVIDER_NAME
        }
    if rules.has_provider_roles(person):
        return _("%(person)s signs in with %(provider)s and has no password here.") % {
            "person": person.display_name,
            "provider": settings.OIDC_PROVIDER_NAME,
        }
    if not person.is_active:
        return _("The account of %(person)s is disabled.") % {"person": person.display_name}
    return ""


def find_mail_obstacle(person: User) -> str:
    """Return why no link can be mailed to the person, as a sentence; '' if it can."""
    if not settings.EMAIL_HOST:
        return _("Countersign has no mail server here, so no link can be sent.")
    if not person.email:
        return _("The account of %(person)s has no email address, so no link can be sent.") % {
            "person": person.display_name
        }
    return ""


@transaction.atomic
def use_link(person: User, password: str) -> bool:
    """Set the password that the person chose with a link, once, and end all sessions.

    Returns False and changes nothing if the link was used or the account disabled meanwhile.
    """
    lock_user(person)
    link = find_unused_link(person)
    current = User.objects.get(pk=person.pk)
    if link is None or find_link_obstacle(current):
        return False
    link.used_at = Now()
    link.save(update_fields=["used_at"])
    current.set_password(password)
    current.save(update_fields=["password"])
    sessions.end_all_sessions(current)
    data = {"person": current.username, "purpose": link.purpose}
    record_event("account.password_changed", by=current.username, data=data)
    return True


def build_mail(link: PasswordLink) -> EmailMessage:
    """Return the mail with the link, in the person's language, for a new account in that of the administrator."""
    person = link.person
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    address = reverse("governance:choose_password", args=[uid, token_generator.make_token(person)])
    language = person.language or link.asked_by.language or settings.LANGUAGE_CODE
    with translation.override(language):
        context = {
            "link": link,
            "person": person,
            "url": f"{settings.BASE_URL}{address}",
            "hours": int(LIFETIME.total_seconds() // 3600),
            "until": timezone.now() + LIFETIME,
        }
        subject = _("Choose your password for Countersign")
        if link.purpose == LinkPurpose.INVITATION:
            subject = _("Your account in Countersign")
        body = render_to_string("governance/password_link.txt", context).strip() + "\n"
    return EmailMessage(subject, body, to=[person.email], headers={"Auto-Submitted": "auto-generated"})
