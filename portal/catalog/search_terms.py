"""Search terms of a secret beside its name: words from its details when a user last read them in the portal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from portal.audit import ledger
from portal.catalog.models import ApiSecret, SearchTerm
from portal.common.text_folding import fold_text

_KNOWN_SHOWN = 300
_SHARES = {"users_allowed": SearchTerm.Kind.USER, "groups_allowed": SearchTerm.Kind.GROUP}


def save_search_terms(identifier: int, fields: Mapping[str, Any]) -> None:
    """Save the search terms found in a read; if nothing is new, update only the time of the read."""
    words = sorted(set(_words(fields)))
    digest = hashlib.sha256(ledger.canonical_json({"words": words}).encode()).hexdigest()
    read = ApiSecret.objects.filter(pk=identifier)
    now = timezone.now()
    if read.filter(read_digest=digest).update(read_at=now):
        return
    with transaction.atomic():
        if read.update(read_at=now, read_digest=digest):  # the update locks the row: one writer of its terms at a time
            SearchTerm.objects.filter(secret=identifier).delete()
            SearchTerm.objects.bulk_create(
                SearchTerm(secret_id=identifier, kind=kind, folded=folded, shown=shown) for kind, folded, shown in words
            )


def list_known_names(field: str) -> list[str]:
    """Return names of users or groups that earlier reads found, as suggestions for a form.

    `field` is "users_allowed" or "groups_allowed".
    """
    found = SearchTerm.objects.filter(kind=_SHARES[field]).order_by("folded")
    return list(dict.fromkeys(found.values_list("shown", flat=True).distinct()[:_KNOWN_SHOWN]))


def _words(fields: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for place in _places(fields["url"]):
        yield _word(SearchTerm.Kind.URL, place)
    for tag in fields["tags"].split(","):
        if tag.strip():
            yield _word(SearchTerm.Kind.TAG, tag.strip())
    for field, kind in _SHARES.items():
        for name, _can_edit in fields[field]:
            yield _word(kind, name)


def _places(url: str) -> Iterator[str]:
    """Yield the URL in the forms that users type: with its scheme, without, and each parent domain of its host."""
    if not url:
        return
    yield url
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return
    rest = url.partition("://")[2]
    if rest:
        yield rest
    labels = host.split(".")
    for start in range(1, len(labels) - 1):
        yield ".".join(labels[start:])


def _word(kind: str, text: str) -> tuple[str, str, str]:
    return str(kind), fold_text(text)[: SearchTerm.LONGEST], text[: SearchTerm.LONGEST]
