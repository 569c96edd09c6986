"""Rows of the list of secrets: each with host and tags, as the last read of its details found them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from portal.catalog.models import ApiSecret, SearchTerm


@dataclass(frozen=True)
class SecretRow:
    """A secret with the host of its URL and its tags; both are '' until its details are read here."""

    secret: ApiSecret
    host: str
    tags: str


def build_secret_rows(secrets: Sequence[ApiSecret]) -> list[SecretRow]:
    """Return the rows of these secrets, with one query for all hosts and tags."""
    kinds = (SearchTerm.Kind.URL, SearchTerm.Kind.TAG)
    terms = SearchTerm.objects.filter(secret__in=secrets, kind__in=kinds).order_by("pk")
    hosts: dict[int, str] = {}
    tags: dict[int, list[str]] = {}
    for secret, kind, shown in terms.values_list("secret", "kind", "shown"):
        if kind == SearchTerm.Kind.TAG:
            tags.setdefault(secret, []).append(shown)
        elif "://" in shown:
            hosts[secret] = _host_of(shown)
    return [SecretRow(secret, hosts.get(secret.pk, ""), ", ".join(tags.get(secret.pk, []))) for secret in secrets]


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
