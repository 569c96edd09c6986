"""Labels of the codes that events store: states, verdicts, causes, outcomes, rules and rights.

The log itself stores the code, which is stable and the same in every language.
"""

from __future__ import annotations

import re

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

WORDS: dict[str, str | Promise] = {
    # States of a change
    "pending": _("pending"),
    "approved": _("approved"),
    "sending": _("sending"),
    "in_doubt": _("outcome unknown"),
    "needs_attention": _("needs an administrator"),
    "applied": _("applied"),
    "failed": _("failed"),
    "stale": _("out of date"),
    "rejected": _("rejected"),
    "withdrawn": _("withdrawn"),
    "expired": _("expired"),
    # Verdicts
    "approve": _("approval"),
    "reject": _("rejection"),
    "request_changes": _("request for changes"),
    # Outcomes of a call, unless a state or cause has the same code
    "applied_unverified": _("applied, to be checked"),
    "refused_unverified": _("refused, to be checked"),
    # Causes
    "confirmed": _("confirmed by Segura"),
    "confirmed_unseen": _("confirmed by Segura, client secret not seen"),
    "applied_except": _("applied, except for some share entries"),
    "refused_seen": _("answered with an error, seen not to be applied"),
    "refused_unseen": _("answered with an error, could not be verified"),
    "refused_check": _("answered with an error, to be checked"),
    "none_taken": _("none of the entries taken"),
    "not_found": _("secret not found"),
    "moved_after_call": _("base moved after a call"),
    "moved_by_change": _("base moved by another change"),
    "already_there": _("proposed values already there"),
    "repeat_unread": _("to be sent, could not be read"),
    "repeat_hidden": _("to be sent, client secret not seen"),
    "closed_in_part": _("resolved manually, applied in part"),
    "unopened": _("client secret cannot be decrypted"),
    "read_back": _("read back"),
    "refused": _("refused"),
    "base_moved": _("base moved"),
    "base_unseen": _("base no longer visible"),
    "not_configured": _("not connected to Segura"),
    "not_sent": _("not sent"),
    "not_applied": _("turned away"),
    "unreadable": _("could not be read"),
    "too_slow": _("read too slowly"),
    "unanswered": _("outcome unknown"),
    "echo_differs": _("answer differs"),
    "worker_lost": _("worker lost"),
    "never_started": _("never started"),
    "send_again": _("to be sent, values not all there"),
    "third_value": _("neither old nor new values"),
    "partly_applied": _("confirmed, values not all there"),
    "unverified": _("could not be verified"),
    "restored": _("restored from a backup"),
    "restored_unseen": _("restored from a backup, could not be read back"),
    "refused_repeat": _("refused, earlier calls not settled"),
    "tries_spent": _("tries spent"),
    "rechecked": _("looked at again"),
    "closed": _("resolved manually"),
    "vote_voided": _("vote voided"),
    "approval_over": _("approvals no longer count"),
    "tampered": _("not what was approved"),
    "bad_signature": _("signature of an approval not proved"),
    "broken": _("could not be prepared"),
    # Outcomes of a verification of the log
    "intact": _("intact"),
    "damaged": _("NOT intact"),
    # Rule violations
    "NotAllowed": _("not allowed"),
    "OwnChange": _("own change"),
    "AlreadyVoted": _("already voted"),
    "AlreadySubmitted": _("already submitted"),
    "ChangesRequested": _("changes were requested"),
    "StaleRevision": _("stale revision"),
    "base_changed": _("the secret changed in Segura since the proposal"),
    "WrongState": _("wrong state"),
    "AlreadyHeld": _("delivery is paused already"),
    "NotHeld": _("delivery is not paused by anybody"),
    "ValueDiffers": _("not the approved value"),
    "TooMany": _("too many proposals"),
    "GuessesSpent": _("too many wrong values"),
    "NotOpened": _("high risk: difference not opened"),
    "NotConfirmed": _("high risk: not confirmed"),
    "HoldsSecret": _("holds the secret value"),
    "NotRevertible": _("cannot be reverted"),
    "BeyondRevert": _("more than a revert"),
    "PastRetention": _("past its retention"),
    "NotPresent": _("not confirmed again"),
    "RightMissing": _("right missing"),
    "signature_required": _("signature with a vote key missing"),
    "signature_invalid": _("signature not valid"),
    "InvalidToken": _("form without a valid token (CSRF)"),
    # Rules of governance
    "not_entitled": _("not allowed"),
    "own_proposal": _("own proposal"),
    "own_rights": _("own rights"),
    "proposal_closed": _("proposal no longer open"),
    "proposal_outdated": _("proposal out of date"),
    "proposal_exists": _("another proposal is open"),
    "no_proposer": _("console proposal not adopted"),
    "no_effect": _("nothing would change"),
    "proposal_reason_missing": _("reason missing"),
    "account_not_addable": _("account cannot be created"),
    "link_not_mailable": _("link cannot be sent"),
    "password_required": _("not confirmed again"),
    "own_vote_key": _("own vote key"),
    "vote_key_closed": _("vote key confirmed or revoked already"),
    "no_vote_key": _("no vote key that counts"),
    "vote_key_not_sealed": _("vote key not sealed yet"),
    "signature_refused": _("signature not valid"),
    "enrolment_refused": _("passkey not valid, or enrolled already"),
    # Reasons why a vote was voided
    "right_lost": _("voter lost the right to decide"),
    "key_revoked": _("vote key revoked"),
    "not_signed": _("not signed"),
    # Acts on people and vote keys
    "enrol_vote_key": _("enrol vote key"),
    "confirm_vote_key": _("confirm vote key"),
    "revoke_vote_key": _("revoke vote key"),
    "give_roles": _("give roles"),
    "take_roles": _("take roles"),
    "enable_account": _("enable account"),
    "disable_account": _("disable account"),
    "add_person": _("add a person"),
    "send_link": _("send a link to choose a password"),
    # Purposes of a link to choose a password
    "invitation": _("invitation"),
    "password_reset": _("new password"),
    # Purposes of a read
    "review": _("review of a pending change"),
    # Risk levels
    "low": _("low risk"),
    "medium": _("medium risk"),
    "high": _("high risk"),
    # Rights
    "propose": _("to propose"),
    "decide": _("to decide"),
    "audit": _("to audit"),
    "operate": _("to operate"),
    # Sign-ins
    "wrong name or password": _("wrong name or password"),
    "too many attempts": _("too many attempts"),
    "passwords switched off": _("sign-in with passwords is switched off"),
    "demo account outside the demo": _("demo account outside the demo"),
    "unknown name": _("unknown name"),
    "wrong_code": _("wrong code"),
    "recovery_code": _("recovery code instead of a second factor"),
    "passkey_refused": _("passkey not accepted"),
    "foreign_origin": _("passkey used on another site"),
    "second_factor_missing": _("second factor not shown"),
    # Second factors
    "webauthn": _("passkey"),
    "totp": _("authenticator app"),
    "recovery_codes": _("recovery codes"),
    # Sign-ins with the provider
    "foreign_state": _("started in another browser, or completed before"),
    "denied_by_provider": _("ended by the provider"),
    "code_rejected": _("code no longer valid"),
    "client_rejected": _("client ID or client secret rejected by the provider"),
    "invalid_token": _("ID token without a valid signature, or incomplete"),
    "wrong_issuer": _("ID token of another issuer"),
    "wrong_audience": _("ID token for another application"),
    "wrong_nonce": _("ID token of another sign-in"),
    "expired_token": _("ID token expired, or clocks differ"),
    "provider_unavailable": _("provider did not answer"),
    "other_user": _("confirmed as another user"),
    "not_asked_again": _("not authenticated again"),
    "no_second_factor": _("no second factor at the provider"),
    "logout_token_refused": _("invalid logout token"),
    "account_disabled": _("account switched off"),
    "no_username": _("no valid user name"),
    "username_taken": _("user name of another account"),
    "no_role": _("no group with a role"),
    "groups_missing": _("groups not sent by the provider"),
    "groups_overage": _("too many groups to be sent by the provider"),
}

_NAME = re.compile(r"[A-Za-z][a-z]+(_[a-z]+|[A-Z][a-z]+)*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def code_label(code: str) -> str:
    """Return the label of a code; a code that only an older version wrote is split into words."""
    if code in WORDS:
        return str(WORDS[code])
    return _CAMEL.sub(" ", code).replace("_", " ").lower() if _NAME.fullmatch(code) else code
