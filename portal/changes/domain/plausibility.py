"""Checks for possible but unusual values: each finding is a sentence for approvers and rejects nothing. Pure."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.common.name_folding import fold_name

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
LONG_NAME = 100
_SHORT_REASON = 10
_FEW_LETTERS = 4
"""Minimum of different letters in a reason: a sentence has more, digits or one repeated key have fewer."""


def find_oddities(field: str, text: str) -> list[str]:
    """Return a sentence for each way in which the text is unusual for this field."""
    if not text:
        return []
    check = {"name": _of_name, "method": _of_method, "tags": _of_tags}.get(field)
    if field in ("client_id", "identifier_code"):
        return [_("An identifier with a space in it is unusual.")] if " " in text else []
    return check(text) if check else []


def is_short_reason(text: str) -> bool:
    """Return whether a reason is so short that it tells approvers and auditors nothing."""
    letters = {char for char in text.casefold() if char.isalpha()}
    return len(letters) < _FEW_LETTERS or sum(char.isalnum() for char in text) < _SHORT_REASON


def _of_name(text: str) -> list[str]:
    if len(text) <= LONG_NAME:
        return []
    return [_("The new name is %(length)d characters long: lists show only its beginning.") % {"length": len(text)}]


def _of_method(text: str) -> list[str]:
    return [] if text.upper() in METHODS else [_("%(method)s is no method of HTTP.") % {"method": text}]


def _of_tags(text: str) -> list[str]:
    tags = [tag.strip() for tag in text.split(",")]
    found = [_("There is an empty tag between two commas.")] if len(tags) > 1 and not all(tags) else []
    keys = [fold_name(tag) for tag in tags if tag]
    return found + ([_("One tag is named twice.")] if len(set(keys)) < len(keys) else [])
