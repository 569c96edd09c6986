"""Options for behaviour that the vendor's documentation leaves open or contradicts (contract 12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args, get_type_hints


@dataclass(frozen=True)
class Options:
    """Options of the sandbox. The first value listed is the default; the comment is the contract's section."""

    update_success_style: Literal["200_updated", "201_registered", "201_stale_body"] = "200_updated"  # 1
    error_dialect: Literal["new", "old"] = "new"  # 4
    get_one_message_key: Literal["mensagem", "Message"] = "mensagem"  # 4
    message_case: Literal["v4", "v3_32"] = "v4"  # 5.2
    share_semantics: Literal["replace", "merge"] = "replace"  # 5.4
    empty_array: Literal["unshare", "ignore"] = "unshare"  # 5.4
    shared_error_style: Literal["names", "objects", "message_strings", "always_empty"] = "names"  # 6
    share_failure: Literal["partial", "reject"] = "partial"  # 6
    secret_echo: Literal["clear", "masked_middle", "omitted", "encrypted"] = "clear"  # noqa: S105 - 6
    gated_read: Literal["1006", "allow"] = "1006"  # 5.2
    update_inactive: Literal["allow", "1009"] = "allow"  # 5.4
    update_requires_core: bool = False  # 5.4
    update_accepts_post: bool = False  # 5.4
    empty_string_policy: Literal["clear", "ignore"] = "clear"  # 5.4
    null_policy: Literal["omit", "clear"] = "omit"  # 5.4
    bad_json: Literal["empty", "400"] = "empty"  # 5.4
    identifier_unique_scope: Literal["owner", "global"] = "owner"  # 5.3
    tag_match: Literal["ci_token", "exact", "substring"] = "ci_token"  # 5.1
    list_includes_inactive: bool = False  # 5.1
    no_access_code: Literal["1006", "1005"] = "1006"  # 7
    auth_failure_style: Literal["kong404", "envelope401", "league401"] = "kong404"  # 7
    oauth_error_style: Literal["league8", "envelope", "null_token"] = "league8"  # 3
    oauth_allow_get: bool = False  # 3
    client_auth: Literal["both", "body", "basic"] = "both"  # 3
    token_style: Literal["jwt", "opaque"] = "jwt"  # noqa: S105 - 3
    token_ttl: float = 3600  # 3; seconds, 0 leaves expires_in out
    ip_allow: str = "*"  # 3.1; comma-separated addresses
    ip_block_style: Literal["envelope500", "kong403", "kong404"] = "envelope500"  # 7
    kong_version_style: Literal["2.8", "3.4", "3.5+"] = "2.8"  # 8
    kong_headers: bool = True  # 8
    rate_limit: int = 0  # 8; calls per second, 0 = none
    double_apply_on_504: bool = False  # 8
    scim_page: int = 25  # 10; most entries on one page
    scim_own_client: bool = True  # 10; SCIM rejects tokens of the access key
    tenant_mode: Literal["host", "param"] = "host"  # 2
    tenant: str = "acme"  # 2

    def changed(self, values: Mapping[str, Any]) -> Options:
        """Return a copy with the given options changed. Raises ValueError if an option or a value is unknown."""
        hints = get_type_hints(Options)
        for name, value in values.items():
            if name not in hints:
                raise ValueError(f"there is no knob {name}")
            allowed = get_args(hints[name])
            if allowed and value not in allowed:
                raise ValueError(f"{name} is one of {', '.join(allowed)}")
            if not allowed and not _fits(hints[name], value):
                raise ValueError(f"{name} is a {hints[name].__name__}")
        return replace(self, **values)

    def as_dict(self) -> dict[str, Any]:
        """Return all options by name."""
        return asdict(self)


def _fits(kind: type, value: object) -> bool:
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if kind is float else kind)
