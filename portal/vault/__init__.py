"""Segura spoken here: the typed client of its MySafe "API secrets" API. Plain Python.

Everything that can be known after a call is a value (`outcomes`); every HTTP exchange is reported as one
(`Exchange`). A secret value is a `Secret`, revealed where it is sent and where texts are searched for it.
"""

from portal.vault.client import Client, Report
from portal.vault.config import Config, ConfigError
from portal.vault.directory import Name, NamePage, Names
from portal.vault.entity import (
    FIELDS,
    SECRET_FIELD,
    SHARE_FIELDS,
    TEXT_FIELDS,
    ApiSecret,
    ListedSecret,
    Malformed,
    Patch,
    Secret,
    Share,
    body,
    from_wire,
    is_masked,
)
from portal.vault.errors import ReadRefused, Unauthorised, Unreachable, Unreadable, VaultError, WaitRequested
from portal.vault.exchange import Exchange
from portal.vault.leftovers import Rows
from portal.vault.outcomes import (
    Applied,
    AppliedCheck,
    InDoubt,
    NotApplied,
    NotSent,
    Outcome,
    Refused,
    RefusedCheck,
)
from portal.vault.tokens import Cipher, MemoryTokens, RedisTokens, Token, TokenStore
from portal.vault.waits import MemoryWaits, RedisWaits, Waits

__all__ = [
    "FIELDS",
    "SECRET_FIELD",
    "SHARE_FIELDS",
    "TEXT_FIELDS",
    "ApiSecret",
    "Applied",
    "AppliedCheck",
    "Cipher",
    "Client",
    "Config",
    "ConfigError",
    "Exchange",
    "InDoubt",
    "ListedSecret",
    "Malformed",
    "MemoryTokens",
    "MemoryWaits",
    "Name",
    "NamePage",
    "Names",
    "NotApplied",
    "NotSent",
    "Outcome",
    "Patch",
    "ReadRefused",
    "RedisTokens",
    "RedisWaits",
    "Refused",
    "RefusedCheck",
    "Report",
    "Rows",
    "Secret",
    "Share",
    "Token",
    "TokenStore",
    "Unauthorised",
    "Unreachable",
    "Unreadable",
    "VaultError",
    "WaitRequested",
    "Waits",
    "body",
    "from_wire",
    "is_masked",
]  # fmt: skip
