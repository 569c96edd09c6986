"""What it means when no token could be had: nothing was executed, and why, in words a person can act on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from portal.vault.answers import Answer, NoAnswer, document, message
from portal.vault.errors import Unauthorised, Unreachable, Unreadable, VaultError, WaitRequested
from portal.vault.outcomes import NotSent, requested_wait_s
from portal.vault.text import Scrubber


@dataclass(frozen=True)
class NoToken:
    """The token endpoint gave no token. `identity` says that it did not take our client id or secret."""

    outcome: NotSent
    identity: bool = False

    def as_read_error(self) -> VaultError:
        """The same, for a read."""
        outcome, wait = self.outcome, self.outcome.retry_after_s
        if outcome.status is None:
            return (WaitRequested if outcome.held_off else Unreachable)(
                outcome.reason, alarm=outcome.alarm, retry_after_s=wait
            )
        kind = Unauthorised if self.identity else Unreadable
        return kind(outcome.reason, status=outcome.status, alarm=outcome.alarm, retry_after_s=wait)


def held_off(wait_s: float) -> NoToken:
    """Return what a call comes to that is not made, because Segura has asked to wait."""
    reason = f"Segura asked to wait: the next call is possible in {math.ceil(wait_s)} seconds"
    return NoToken(NotSent(reason=reason, retry_after_s=wait_s, held_off=True))


def refused(came: Answer | NoAnswer, scrub: Scrubber) -> NoToken:
    """Reads a token endpoint's failure: without a token the update was not sent."""
    if isinstance(came, NoAnswer):
        reason = f"Segura's token endpoint did not answer: {came.reason}"
        return NoToken(NotSent(reason=reason, alarm=came.alarm))
    identity = came.status in (400, 401, 403)
    said = scrub(message(document(came)))
    wait = requested_wait_s(came)
    alarm = came.status < 500 and came.status != 429
    outcome = NotSent(status=came.status, message=said, reason=_reason(came), retry_after_s=wait, alarm=alarm)
    return NoToken(outcome, identity)


def _reason(came: Answer) -> str:
    if came.status in (400, 401, 403):
        return "Segura refused the client id or secret: check SEGURA_CLIENT_ID and SEGURA_CLIENT_SECRET"
    if came.status == 404:
        return "there is no token endpoint at this address: check SEGURA_TOKEN_URL and SEGURA_URL"
    if 300 <= came.status < 400:
        return "Segura's token endpoint redirects elsewhere (not followed): check SEGURA_TOKEN_URL"
    if came.status == 200:
        return "Segura's token endpoint answered without a token: check SEGURA_TOKEN_URL"
    return f"Segura's token endpoint answered {came.status}"
