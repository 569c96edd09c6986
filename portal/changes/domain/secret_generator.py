"""Generator of client secrets."""

from __future__ import annotations

import secrets
import string

from portal.vault import SecretStr

LENGTHS = (32, 48, 64)
_ALPHABET = string.ascii_letters + string.digits
"""Characters that are safe in URLs, forms and shells; 32 of them hold 190 bits."""


def generate_secret(length: int) -> SecretStr:
    """Return a random value of `length` letters and digits."""
    return SecretStr("".join(secrets.choice(_ALPHABET) for _ in range(length)))
