"""Succession of signing keys: which key signs from which leaf on, and which the caller may trust. No database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from portal.audit.entry import UnreadableEntry, parse_entry
from portal.audit.sealing import signed_note


@dataclass
class Succession:
    """The keys that the log has announced, in order; `trusted` are those that a key of the caller leads to."""

    trusted: dict[str, signed_note.Verifier] = field(default_factory=dict)
    current: str = ""
    keys: dict[str, signed_note.Verifier] = field(default_factory=dict)
    _since: list[tuple[int, str]] = field(default_factory=list)

    def learn(self, text: str, leaf: int, signs: Callable[[str], bool]) -> str:
        """Add the key that the event of this leaf announces; return what is wrong with the announcement, or ''.

        The previous key must hand over to the new one. If the previous key was lost, the new one must have signed the
        checkpoint that ends with its own announcement (`signs`, by key id); otherwise the announcement is forged and is
        ignored.
        """
        try:
            data = parse_entry(text).data
            verifier = signed_note.Verifier.parse(str(data.get("new_key")))
        except (UnreadableEntry, signed_note.InvalidNote) as error:
            return f"announces no key: {error}"
        handed_over = self._handed_over(str(data.get("hand_over") or ""), verifier)
        wrong = ""
        if self.current and not handed_over and (data.get("hand_over") or not signs(verifier.key_id)):
            wrong = f"the key before it did not hand over to key {verifier.key_id}"
        if self.current and not handed_over and not signs(verifier.key_id):
            return wrong
        if handed_over and self.current in self.trusted:
            self.trusted[verifier.key_id] = verifier
        self.current, self.keys[verifier.key_id] = verifier.key_id, verifier
        self._since.append((leaf, verifier.key_id))
        return wrong

    def signing(self) -> dict[str, signed_note.Verifier]:
        """Return the key that signs now, by its id; {} before the log has announced one."""
        return {self.current: self.keys[self.current]} if self.current else {}

    def in_force(self, size: int) -> str:
        """Return the id of the key that signs a checkpoint of this size; '' if the log names none."""
        return next((key_id for leaf, key_id in reversed(self._since) if leaf < size), "")

    def _handed_over(self, note: str, verifier: signed_note.Verifier) -> bool:
        try:
            return bool(note) and self.keys[self.current].successor(note) == verifier
        except (KeyError, signed_note.InvalidNote):
            return False
