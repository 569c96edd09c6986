"""Failures to get an access token: nothing was executed, and the reason says what an operator can check."""

from __future__ import annotations

import math
from dataclasses import dataclass

from portal.vault.errors import InvalidResponse, Unauthorised, Unreachable, VaultError, WaitRequested
from portal.vault.outcomes import NotSent, requested_wait_s
from portal.vault.responses import NoResponse, SeguraResponse, json_document, response_message
from portal.vault.scrubbing import Scrubber


@dataclass(frozen=True)
class TokenUnavailable:
    """Failure to get an access token. `identity`: Segura did not accept the portal's client id or client secret."""

    outcome: NotSent
    identity: bool = False

    def as_read_error(self) -> VaultError:
        """Return the same failure as an error of a read."""
        outcome, wait = self.outcome, self.outcome.retry_after_s
        if outcome.status is None:
            return (WaitRequested if outcome.wait_is_requested else Unreachable)(
                outcome.reason, alarm=outcome.alarm, retry_after_s=wait
            )
        kind = Unauthorised if self.identity else InvalidResponse
        return kind(outcome.reason, status=outcome.status, alarm=outcome.alarm, retry_after_s=wait)


def wait_requested(wait_s: float) -> TokenUnavailable:
    """Return the failure of a call that is not made because Segura has asked to wait."""
    reason = f"Segura asked to wait: the next call is possible in {math.ceil(wait_s)} seconds"
    return TokenUnavailable(NotSent(reason=reason, retry_after_s=wait_s, wait_is_requested=True))


def classify_token_failure(came: SeguraResponse | NoResponse, scrub: Scrubber) -> TokenUnavailable:
    """Return the failure for an answer of the token endpoint; without a token the update was not sent."""
    if isinstance(came, NoResponse):
        reason = f"Segura's token endpoint did not answer: {came.reason}"
        return TokenUnavailable(NotSent(reason=reason, alarm=came.alarm))
    identity = came.status in (400, 401, 403)
    said = scrub(response_message(json_document(came)))
    wait = requested_wait_s(came)
    alarm = came.status < 500 and came.status != 429
    outcome = NotSent(status=came.status, message=said, reason=_reason(came), retry_after_s=wait, alarm=alarm)
    return TokenUnavailable(outcome, identity)


def _reason(came: SeguraResponse) -> str:
    if came.status in (400, 401, 403):
        return "Segura refused the client id or secret: check SEGURA_CLIENT_ID and SEGURA_CLIENT_SECRET"
    if came.status == 404:
        return "there is no token endpoint at this address: check SEGURA_TOKEN_URL and SEGURA_URL"
    if 300 <= came.status < 400:
        return "Segura's token endpoint redirects elsewhere (not followed): check SEGURA_TOKEN_URL"
    if came.status == 200:
        return "Segura's token endpoint answered without a token: check SEGURA_TOKEN_URL"
    return f"Segura's token endpoint answered {came.status}"
