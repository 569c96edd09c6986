"""Client secrets made by the portal."""

from __future__ import annotations

import secrets
import string

from portal.vault import SecretStr

LENGTHS = (32, 48, 64)
_ALPHABET = string.ascii_letters + string.digits
"""Safe in addresses, forms and shells; 32 of them hold 190 bits."""


def generate_secret(length: int) -> SecretStr:
    """A random value of `length` letters and digits."""
    return SecretStr("".join(secrets.choice(_ALPHABET) for _ in range(length)))
