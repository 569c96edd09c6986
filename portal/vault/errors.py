"""Why a read failed. Messages are clean: no secret, no body; no library exception hangs on them."""

from __future__ import annotations


class VaultError(Exception):
    """A read that did not succeed.

    `status`, `number`: as Segura gave them, or None; `alarm`: somebody should look now; `retry_after_s`: seconds that
    Segura asked to wait before the next call, or None; `about_item`: Segura itself answered about this secret, which
    says nothing about the connection.
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
    """Segura declined, with a number: not found, no access, inactive (contract 7)."""


class Unreachable(VaultError):
    """Nothing was sent: no connection, or no answer from the token endpoint."""


class WaitRequested(VaultError):
    """Nothing was sent: Segura has asked to wait, and the wait is not over."""


class Unauthorised(VaultError):
    """Our access key or token is not accepted, even after one renewal."""


class InvalidResponse(VaultError):
    """An answer, or the lack of one, that proves nothing."""
