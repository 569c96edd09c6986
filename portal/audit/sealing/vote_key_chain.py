"""Chain of vote keys: enrolled, confirmed by another person, not revoked; read from the log, never from the rows."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from portal.audit.models import Checkpoint, Event, TreeLeaf
from portal.audit.sealing import log_origin, merkle
from portal.common.vote_signatures import KEY_EVENTS, ChainedKey, RefusedEvent, read_keys

_log = logging.getLogger(__name__)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def load_keys(refused: list[RefusedEvent] | None = None) -> dict[str, ChainedKey]:
    """Return the vote keys of the log by fingerprint, as far as they are enrolled and sealed.

    `refused`, if given, receives the sealed events that enrol or confirm no key, each with the reason.
    """
    return read_keys(_iter_key_events(), read_first_keys(), refused)


def read_first_keys() -> frozenset[str]:
    """Return the fingerprints in VOTE_KEYS_FIRST_FILE, the first word of each line; none if it cannot be read.

    The chain of confirmations begins with these keys. Without the file no key counts.
    """
    if not settings.VOTE_KEYS_FIRST_FILE:
        return frozenset()
    try:
        lines = Path(settings.VOTE_KEYS_FIRST_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        _log.error("VOTE_KEYS_FIRST_FILE cannot be read, so no vote key counts: %s", type(error).__name__)
        return frozenset()
    words = (line.split()[0] for line in lines if line.strip())
    return frozenset(word for word in words if _FINGERPRINT.fullmatch(word))


def get_log_name() -> str:
    """Return the name of this log, which every signed text states, so that no other installation accepts it."""
    return log_origin.find_origin() or log_origin.build_origin()


def _iter_key_events() -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield the events of vote keys in their order, each with whether a checkpoint covers its text."""
    newest = Checkpoint.objects.first()
    size = newest.size if newest else 0
    events = Event.objects.filter(action__in=KEY_EVENTS).order_by("pk")
    rows = list(events.values_list("pk", "text"))
    leaves = TreeLeaf.objects.filter(event__in=[number for number, _ in rows], leaf__lt=size)
    hashes = {event: bytes(leaf_hash) for event, leaf_hash in leaves.values_list("event", "leaf_hash")}
    for number, text in rows:
        event = json.loads(text)
        yield event, hashes.get(number) == merkle.leaf_hash(text.encode())
