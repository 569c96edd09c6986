"""Address and credentials of a Segura connection, checked when the object is created."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from portal.vault.entities import SecretStr

MIB = 1024 * 1024


class ConfigError(ValueError):
    """Setting that cannot work; the message names the setting."""


@dataclass(frozen=True)
class SeguraConfig:
    """Address, credentials and time limits of one Segura connection. Times are in seconds, sizes in bytes.

    `deadline_s` limits one whole exchange from the first connect to the last byte (name resolution is counted but
    cannot be cut off; the system's resolver limits it). `spare_secrets` are tried in order if Segura refuses the client
    secret, which happens while the client secret is being replaced. Raises ConfigError.
    """

    url: str
    client_id: str
    client_secret: SecretStr
    token_url: str = ""
    tenant: str = ""
    ca_bundle: str = ""
    client_auth: Literal["body", "basic"] = "body"
    connect_timeout_s: float = 5
    read_timeout_s: float = 65
    deadline_s: float = 70
    max_body: int = MIB
    spare_secrets: tuple[SecretStr, ...] = ()

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """All client secrets, `client_secret` first."""
        return (self.client_secret, *self.spare_secrets)

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", self.url.rstrip("/") + "/")
        object.__setattr__(self, "token_url", self.token_url or self.url + "api/oauth2/token")
        _check_address("SEGURA_URL", self.url)
        _check_address("SEGURA_TOKEN_URL", self.token_url)
        if not self.client_id:
            raise ConfigError("SEGURA_CLIENT_ID is empty")
        if not self.client_secret.reveal():
            raise ConfigError("SEGURA_CLIENT_SECRET is empty")
        if self.client_auth not in ("body", "basic"):
            raise ConfigError("SEGURA_CLIENT_AUTH is neither body nor basic")
        if self.ca_bundle and not Path(self.ca_bundle).is_file():
            raise ConfigError(f"SEGURA_CA_BUNDLE: there is no file {self.ca_bundle}")
        if min(self.connect_timeout_s, self.read_timeout_s, self.deadline_s) <= 0 or self.max_body <= 0:
            raise ConfigError("SEGURA_DEADLINE_S and the other limits must be above zero")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is a loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_address(setting: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError(f"{setting} is not an address") from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise ConfigError(f"{setting} is not an http(s) address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(f"{setting} must hold no user, password, query or fragment")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigError(f"{setting} is plain http: only https is accepted beyond this machine")
