"""Evidence pack: one zip that proves what happened to a change, without the portal and without a network."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from django.template.loader import render_to_string

from portal.audit.models import Checkpoint, Event
from portal.audit.offline import verify_countersign
from portal.audit.sealing import inclusion_proofs
from portal.audit.sealing.leaves import format_leaf
from portal.audit.sealing.status import announced_public_key
from portal.common.vote_signatures import KEY_EVENTS

_OUTSIDE = Path(__file__).parent.parent / "offline"
VERIFIER = _OUTSIDE / "verify_countersign.py"
STYLE = _OUTSIDE / "summary.css"


class UnknownChange(LookupError):
    """A change number that the log does not contain."""


class NotSealedYet(Exception):
    """A change with events that are not sealed yet, and so cannot be proven."""


class HistoryPruned(Exception):
    """A change whose first events were removed by retention: the later ones are no evidence of the whole change."""


@dataclass(frozen=True)
class EvidencePack:
    """The zip file, the number of its events, and the checkpoint that proves them."""

    content: bytes
    events: int
    checkpoint: Checkpoint


def build_evidence_pack(change: int) -> EvidencePack:
    """Return the zip with all events of a change and their proofs.

    Raises UnknownChange, HistoryPruned, NotSealedYet, and inclusion_proofs.MissingNode for a damaged tree.
    """
    events = list(Event.objects.filter(change=change).order_by("seq"))
    if not events:
        raise UnknownChange(change)
    if events[0].action != "change.submitted":
        raise HistoryPruned(change)
    sealed = inclusion_proofs.prove_events([event.pk for event in events])
    if len(sealed) < len(events):
        raise NotSealedYet(change)
    checkpoint = sealed[events[0].pk].checkpoint
    key = announced_public_key(checkpoint)
    proven = [(event, sealed[event.pk]) for event in events]
    texts = [event.text for event in events]
    vote_keys = prove_vote_keys(checkpoint) if any(_is_signed(text) for text in texts) else ""
    key_events = [json.loads(line.split("\t", 3)[3]) for line in vote_keys.splitlines()]
    files = {
        "README.txt": f"CR-{change}\n{key}\n\n{render_readme()}",
        "summary.html": verify_countersign.print_summary(change, texts, checkpoint.note, key, key_events=key_events),
        "summary.css": STYLE.read_text(encoding="utf-8"),
        "events.txt": _lines(proven),
        "key-changes.txt": prove_key_changes(checkpoint),
        **({"vote-keys.txt": vote_keys} if vote_keys else {}),
        "checkpoint.txt": checkpoint.note,
        "public-key.txt": f"{key}\n",
        VERIFIER.name: VERIFIER.read_text(encoding="utf-8"),
    }
    return EvidencePack(_zipped(files, checkpoint), len(events), checkpoint)


def render_readme() -> str:
    """Return the text below the first two lines of every README.txt, in the active language."""
    return render_to_string("audit/evidence_readme.txt").lstrip()


def prove_key_changes(checkpoint: Checkpoint) -> str:
    """Return the events that announce keys of the log, with their proofs against the checkpoint, as lines."""
    announced = Event.objects.filter(action="audit.key_changed").order_by("pk")
    sealed = inclusion_proofs.prove_events([event.pk for event in announced], checkpoint)
    return _lines([(event, sealed[event.pk]) for event in announced if event.pk in sealed])


def prove_vote_keys(checkpoint: Checkpoint) -> str:
    """Return the events of all vote keys, with their proofs against the checkpoint, as lines."""
    found = Event.objects.filter(action__in=KEY_EVENTS).order_by("pk")
    sealed = inclusion_proofs.prove_events([event.pk for event in found], checkpoint)
    proven = [(event, sealed[event.pk]) for event in found if event.pk in sealed]
    return _lines(sorted(proven, key=lambda one: one[1].leaf))


def _is_signed(text: str) -> bool:
    event = verify_countersign.parse_event(text)
    return event.get("action") == "vote.cast" and bool(event["data"].get("signature"))


def _lines(proven: list[tuple[Event, inclusion_proofs.SealedEvent]]) -> str:
    return "".join(format_leaf(at.leaf, at.leaf_hash, event.text, at.proof) for event, at in proven)


def _zipped(files: dict[str, str], checkpoint: Checkpoint) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, checkpoint.at.timetuple()[:6]), text.encode())
    return buffer.getvalue()
