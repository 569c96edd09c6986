"""Rules of signed votes, checked while a vote is cast."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.changes.approvals import signed_votes
from portal.changes.models import Revision, Vote
from portal.changes.rules.violations import SignatureInvalid, SignatureRequired
from portal.common.vote_signatures import KeyNotCounted, NotSigned
from portal.vote_keys.signed_text import SignedText


def require_signature(revision: Revision, *, is_signed: bool) -> None:
    """Require that the vote is signed, if SIGNED_VOTES says so. Raises SignatureRequired."""
    if not is_signed and signed_votes.is_signature_required(high_risk=signed_votes.is_high_risk(revision)):
        raise SignatureRequired(
            _(
                "This vote must be signed with a vote key (rule SIGNED_VOTES). Nothing was decided. Enrol a key under "
                "Vote keys and let an administrator confirm it. Then decide on the page of the change, with "
                "JavaScript on."
            )
        )


def check_signature(signed: SignedText, vote: Vote, by: User) -> None:
    """Check the signature of a vote that is being cast. Raises SignatureInvalid."""
    if settings.SIGNED_VOTES == "off":
        raise SignatureInvalid(_("Signed votes are switched off. Nothing was decided. Load the page again."))
    try:
        signed_votes.check_new_vote(signed, vote, by.username)
    except KeyNotCounted:
        raise SignatureInvalid(
            _(
                "The vote key does not count: it is not confirmed, not sealed in the audit log yet, or revoked. "
                "Nothing was decided. See Vote keys."
            )
        ) from None
    except NotSigned:
        raise SignatureInvalid(
            _("The signature is not valid for this vote. Nothing was decided. Load the page again and sign.")
        ) from None
