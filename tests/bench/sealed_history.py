"""The log of a made-up past: each event in its canonical text, sealed as the sealer would have done it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from portal.audit.models import Event
from portal.audit.sealing import merkle, sealer, signed_note
from portal.audit.sealing.inclusion_proofs import STRIDE
from tests.bench.stories import KEY_CHANGED, SIGN_IN, Template
from tests.bench.tables import NULL, Tables

_BATCH = 4096


class Log:
    """Begins an empty log with the event of its key; then one event after the other, `now` being the next instant."""

    def __init__(self, tables: Tables, *, begins_at: datetime) -> None:
        verifier = sealer.get_signing_public_key()
        if verifier is None or Event.objects.exists():
            raise RuntimeError("a history is loaded into an empty log, and AUDIT_SIGNING_KEY signs it")
        self._signer = signed_note.Signer.parse(verifier.name, settings.AUDIT_SIGNING_KEY)
        self._head = merkle.MerkleTree()
        self._tables = tables
        self._signed = 0
        self._step = timedelta(seconds=1)
        self.now = begins_at
        at = self._now()
        nulls = (NULL, NULL, NULL, NULL)
        self._append(at, "audit.key_changed", "", *nulls, KEY_CHANGED % {"at": at, "key": verifier})
        self._sign()

    def pace(self, step: timedelta) -> None:
        """How far apart events are."""
        self._step = step

    def tell(self, template: Template, words: dict[str, Any], *, seq: int) -> None:
        """One event of a change."""
        words["at"] = at = self._now()
        words["seq"] = seq
        actor = words[template.actor] if template.actor else ""
        code = NULL if template.code is None else template.code
        self._append(at, template.action, actor, words["change"], seq, words["secret"], code, template.text % words)

    def sign_in(self, actor: str) -> None:
        """One event of a person and nothing else."""
        at = self._now()
        self._append(at, "session.started", actor, NULL, NULL, NULL, NULL, SIGN_IN % {"actor": actor, "at": at})

    def close(self) -> None:
        """Sign what is not signed."""
        if self._head.size > self._signed:
            self._sign()

    def _now(self) -> str:
        return self.now.isoformat(timespec="microseconds")

    def _append(self, at: str, *columns: object) -> None:
        self.now += self._step
        event = self._head.size + 1
        hashed = merkle.leaf_hash(str(columns[-1]).encode())
        self._tables.event(event, at, *columns)
        self._tables.seal(self._head.size, event, "\\\\x" + hashed.hex())
        for level, index, root in self._head.append(hashed):
            if level % STRIDE == 0:
                self._tables.subtree(level, index, "\\\\x" + root.hex())
        if self._head.size - self._signed == _BATCH:
            self._sign()

    def _sign(self) -> None:
        said = signed_note.CheckpointBody(self._signer.name, self._head.size, self._head.root())
        note = self._signer.sign(said).replace("\n", "\\n")
        key = self._signer.verifier.key_id
        self._tables.checkpoint(said.size, "\\\\x" + said.root.hex(), note, key, self._now())
        self._signed = said.size
