"""Form fields whose text goes to Segura: byte for byte as typed, and without invisible characters."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts.forms import EXACT
from portal.changes.domain import url_checks
from portal.changes.domain.placeholders import looks_like_placeholder
from portal.changes.forms.line_ends import restore_line_ends
from portal.common.invisible_characters import NEEDED, is_invisible
from portal.vault import SecretStr, is_masked

_LET_PASS = ("Zs", "Co", "Cn")
"""Allowed: spaces of word processors, and characters unknown to this Python version; the difference shows them."""
_DAMAGED = "\ufffd"
_RUNS = re.compile(r"\s*(javascript|data|vbscript|file|blob|about)\s*:", re.IGNORECASE)
_KEY = re.compile(r"-{4,5} ?BEGIN ")
_LINE_END = re.compile(r"\n|\\n")
"""A line end, or one written out as in JSON and in environment files."""


def reject_invisible(label: str, text: str, *, passing: str = "", strict: bool = False) -> None:
    """Raise ValidationError naming field and character if the text has control, invisible or damaged characters.

    `passing` are characters to allow; `strict` allows no other exceptions, for a text that no page shows.
    """
    for position, char in enumerate(text, start=1):
        if char in passing:
            continue
        if char == _DAMAGED or (is_invisible(char) if strict else _hides(char)):
            raise ValidationError(
                _(
                    "%(field)s holds a character that cannot be seen or arrived damaged: U+%(code)s, %(name)s, at "
                    "position %(position)d. Remove it."
                )
                % {
                    "field": label,
                    "code": f"{ord(char):04X}",
                    "name": unicodedata.name(char, _("a control character")).lower(),
                    "position": position,
                },
                code="unseen",
            )


def _hides(char: str) -> bool:
    return is_invisible(char) and char not in NEEDED and unicodedata.category(char) not in _LET_PASS


def reject_too_long(label: str, text: str, limit: int) -> None:
    """Raise ValidationError with length and limit. No maxlength is set: browsers cut a pasted text without notice."""
    if len(text) > limit:
        raise ValidationError(
            ngettext(
                "%(field)s is %(length)d characters long; at most %(limit)d character is possible.",
                "%(field)s is %(length)d characters long; at most %(limit)d characters are possible.",
                limit,
            )
            % {"field": label, "length": len(text), "limit": limit},
            code="long",
        )


class ExactTextField(forms.CharField):
    """Text kept exactly, spaces included. The `seen` value, the one in Segura, is accepted whatever it contains."""

    def __init__(self, *, limit: int, lines: bool = False, **options: Any) -> None:
        options.setdefault("widget", forms.Textarea(attrs={"rows": 4}) if lines else forms.TextInput(attrs=EXACT))
        options.setdefault("required", False)
        super().__init__(strip=False, **options)
        self.limit, self.lines = limit, lines
        self.seen: str | None = None

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value)).replace("\r\n", "\n")
        if self.seen is None:
            return text
        if text == self._sent_back(self.seen):
            return self.seen
        return restore_line_ends(text, self.seen) if self.lines else text

    def validate(self, value: Any) -> None:
        if value == self.seen:
            return
        super().validate(value)
        reject_too_long(str(self.label), value, self.limit)
        reject_invisible(str(self.label), value, passing="\n\r\t" if self.lines else "")

    def _sent_back(self, text: str) -> str:
        """Return the text as an HTML control sends it back: with one kind of line end, or none."""
        text = text.replace("\r\n", "\n")
        return text.replace("\r", "\n") if self.lines else text.replace("\r", "").replace("\n", "")


class AddressText(ExactTextField):
    """The address of an API: one that a request can be sent to."""

    def validate(self, value: Any) -> None:
        super().validate(value)
        wrong = url_checks.find_address_error(value) if value and value != self.seen else ""
        if wrong:
            raise ValidationError(wrong, code="address")


class TicketText(ExactTextField):
    """Number or address of a ticket; an address that executes code (javascript: and others) is rejected."""

    def validate(self, value: Any) -> None:
        super().validate(value)
        if _RUNS.match(value):
            raise ValidationError(_("A ticket is a number, or an address that begins with https:// or http://."))


class SecretField(forms.CharField):
    """A client secret: never shown again, never stripped, never a mask. Cleans to SecretStr or None.

    Its control has several lines and hides them: browsers turn the line ends of a text pasted into a password control,
    such as a PEM key, into spaces. After cleaning, `doubtful` says whether the value looks like a placeholder.
    """

    doubtful = False

    def __init__(self, *, limit: int, **options: Any) -> None:
        attrs = {"rows": 3, "autocomplete": "off", "class": "mono masked", **EXACT}
        super().__init__(strip=False, required=False, widget=forms.Textarea(attrs=attrs), **options)
        self.limit = limit

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        return _NeverShown(form, self, field_name)

    def clean(self, value: Any) -> Any:
        text = str(self.to_python(value)).replace("\r\n", "\n")
        if not text:
            return None
        if is_masked(text):
            raise ValidationError(
                _(
                    "This is a masked copy of a value (three or more * in a row), not the value itself. Nothing was "
                    "kept of it. Enter the whole value."
                ),
                code="masked",
            )
        reject_too_long(str(self.label), text, self.limit)
        reject_invisible(str(self.label), text, passing="\n", strict=True)
        _refuse_flattened(text)
        self.doubtful = looks_like_placeholder(text)
        return SecretStr(text)


class _NeverShown(forms.BoundField):
    """A control that is always empty in a page, whatever was sent."""

    def value(self) -> str:
        return ""


def _refuse_flattened(text: str) -> None:
    """Raise ValidationError for a key of several lines that has lost its line ends."""
    if _KEY.search(text) and not _LINE_END.search(text.strip()):
        raise ValidationError(
            _(
                "This is a key of several lines, but all its line ends are missing. Nothing was kept of it. Copy it "
                "again from its file, with each line on a line of its own."
            ),
            code="flattened",
        )
