"""What it means when no token could be had: nothing was executed, and why, in words a person can act on."""

from __future__ import annotations

from dataclasses import dataclass

from portal.vault.answers import Answer, NoAnswer, document, message
from portal.vault.errors import Unauthorised, Unreachable, Unreadable, VaultError
from portal.vault.outcomes import NotApplied, NotSent, retry_after
from portal.vault.text import Scrubber


@dataclass(frozen=True)
class NoToken:
    """The token endpoint gave no token. `identity` says that it did not take our client id or secret."""

    outcome: NotSent | NotApplied
    identity: bool = False

    def as_read_error(self) -> VaultError:
        """The same, for a read."""
        if isinstance(self.outcome, NotSent):
            return Unreachable(self.outcome.reason, alarm=self.outcome.alarm)
        kind = Unauthorised if self.identity else Unreadable
        return kind(self.outcome.reason, status=self.outcome.status, alarm=self.outcome.alarm)


def refused(came: Answer | NoAnswer, scrub: Scrubber) -> NoToken:
    """Reads a token endpoint's failure: no answer is NotSent, any answer NotApplied."""
    if isinstance(came, NoAnswer):
        reason = f"Segura's token endpoint did not answer: {came.reason}"
        return NoToken(NotSent(reason=reason, alarm=came.alarm))
    identity = came.status in (400, 401, 403)
    said = scrub(message(document(came)))
    wait = retry_after(came.retry_after)
    alarm = came.status < 500 and came.status != 429
    outcome = NotApplied(status=came.status, message=said, reason=_reason(came), retry_after_s=wait, alarm=alarm)
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
