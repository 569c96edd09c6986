"""Typed client of Segura's MySafe "API secrets" API, in plain Python without Django.

The result of an update is a value (`outcomes`), and every HTTP exchange is reported as one (`Exchange`). A secret value
is a `SecretStr`; it is revealed only where it is sent and where texts are searched for it.
"""

from portal.vault.client import Client, ExchangeCallback
from portal.vault.config import ConfigError, SeguraConfig
from portal.vault.entities import (
    FIELDS,
    SECRET_FIELD,
    SHARE_FIELDS,
    TEXT_FIELDS,
    ApiSecret,
    ListedSecret,
    Malformed,
    Patch,
    SecretStr,
    Share,
    encode_patch,
    is_masked,
    parse_secret,
)
from portal.vault.errors import InvalidResponse, ReadRefused, Unauthorised, Unreachable, VaultError, WaitRequested
from portal.vault.exchange import Exchange
from portal.vault.leftovers import Rows
from portal.vault.outcomes import (
    Applied,
    AppliedUnverified,
    InDoubt,
    NotApplied,
    NotSent,
    Outcome,
    Refused,
    RefusedCheck,
)
from portal.vault.scim import DirectoryEntry, DirectoryKind, DirectoryPage
from portal.vault.tokens import AccessToken, Cipher, MemoryTokens, RedisTokens, TokenStore
from portal.vault.waits import MemoryWaits, RedisWaits, Waits

__all__ = [
    "FIELDS",
    "SECRET_FIELD",
    "SHARE_FIELDS",
    "TEXT_FIELDS",
    "AccessToken",
    "ApiSecret",
    "Applied",
    "AppliedUnverified",
    "Cipher",
    "Client",
    "ConfigError",
    "DirectoryEntry",
    "DirectoryKind",
    "DirectoryPage",
    "Exchange",
    "ExchangeCallback",
    "InDoubt",
    "InvalidResponse",
    "ListedSecret",
    "Malformed",
    "MemoryTokens",
    "MemoryWaits",
    "NotApplied",
    "NotSent",
    "Outcome",
    "Patch",
    "ReadRefused",
    "RedisTokens",
    "RedisWaits",
    "Refused",
    "RefusedCheck",
    "Rows",
    "SecretStr",
    "SeguraConfig",
    "Share",
    "TokenStore",
    "Unauthorised",
    "Unreachable",
    "VaultError",
    "WaitRequested",
    "Waits",
    "encode_patch",
    "is_masked",
    "parse_secret",
]  # fmt: skip
