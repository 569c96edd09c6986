"""Errors of a failed read.

Their messages contain no secret and no body, and no library exception is chained to them.
"""

from __future__ import annotations


class VaultError(Exception):
    """Read that did not succeed.

    `status`, `number`: HTTP status and Segura error code, or None; `alarm`: an operator should check it now;
    `retry_after_s`: seconds that Segura asked to wait before the next call, or None; `about_item`: Segura itself
    answered about this secret, so the connection works.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        number: int | None = None,
        alarm: bool = False,
        retry_after_s: float | None = None,
        about_item: bool = False,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.number, self.alarm = message, status, number, alarm
        self.retry_after_s, self.about_item = retry_after_s, about_item


class ReadRefused(VaultError):
    """Refusal by Segura with an error code: not found, no access, inactive (contract 7)."""


class Unreachable(VaultError):
    """Read that was not sent: no connection, or no answer from the token endpoint."""


class WaitRequested(VaultError):
    """Read that was not sent: Segura has asked to wait, and the wait is not over."""


class Unauthorised(VaultError):
    """Rejection of the portal's credentials or token by Segura or its gateway, even after one renewal."""


class InvalidResponse(VaultError):
    """Answer, or missing answer, that proves nothing."""
