"""What an approver must see before deciding: the risks of a proposed revision, each a word and a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.changes import hosts, letters
from portal.changes import patch as patches
from portal.changes.patch import FieldChange, Fields, ShareChange
from portal.changes.power import named


class Level(models.IntegerChoices):
    """What the rules that fired come to: a grave one is high, any other medium, none low."""

    LOW = 1, gettext_lazy("Low")
    MEDIUM = 2, gettext_lazy("Medium")
    HIGH = 3, gettext_lazy("High")


@dataclass(frozen=True)
class Risk:
    """`kind` chooses the shape, `word` stands in lists, `sentence` on the page; `grave` ones come first."""

    kind: str
    word: str
    sentence: str
    grave: bool = False


def of(diff: Iterable[FieldChange], *, base_known: bool) -> list[Risk]:
    """The risks of a difference, the grave ones first."""
    found = [] if base_known else [_unknown_base()]
    for field in diff:
        if field.is_secret:
            found.append(_new_secret())
        elif field.is_shares:
            found += _sharing(field.shares, base_known=base_known)
            found += _lookalikes(share.name for share in field.shares if share.old != share.new)
        elif field.field == "name":
            found += _lookalikes([field.new or ""])
        elif field.field == "url":
            found += _address(field.old, field.new or "")
    return sorted(_merged(found), key=lambda risk: not risk.grave)


def level(risks: Iterable[Risk]) -> Level:
    """One word for all of them."""
    return max((Level.HIGH if risk.grave else Level.MEDIUM for risk in risks), default=Level.LOW)


def of_proposed(patch: Fields, base: Fields | None, *, new_secret: bool) -> Level:
    """The level of what is proposed, straight from a revision's columns."""
    diff = patches.describe(patch, base, new_secret=new_secret)
    return level(of(diff, base_known=base is not None))


def _unknown_base() -> Risk:
    return Risk(
        "base",
        _("Base unknown"),
        _("What the vault holds now could not be read: nobody can see what this change replaces."),
        grave=True,
    )


def _new_secret() -> Risk:
    return Risk(
        "secret",
        _("New client secret"),
        _("The client secret is replaced. Whatever still uses the current one stops working."),
    )


def _sharing(shares: Iterable[ShareChange], *, base_known: bool) -> list[Risk]:
    editors = [share.name for share in shares if share.gains_edit]
    joining = [share.name for share in shares if share.old is None and share.new is not None]
    found = []
    if editors:
        sentence = (
            _("The right to edit, and with it to disable this secret, goes to %(names)s.")
            if base_known
            else _("With the right to edit, and so to disable this secret: %(names)s. Who has it now is not known.")
        )
        found.append(Risk("edit", _("May disable"), sentence % {"names": named(editors)}, grave=True))
    if joining and base_known:
        sentence = _("May use this secret from then on: %(names)s.") % {"names": named(joining)}
        found.append(Risk("wider", _("Shared wider"), sentence))
    return found


def _lookalikes(names: Iterable[str]) -> list[Risk]:
    sentence = _("%(name)s mixes letters that look like others. Spelled out, it is %(spelled)s.")
    return [
        Risk("letters", _("Lookalike"), sentence % {"name": name, "spelled": letters.spelled_out(name)}, grave=True)
        for name in names
        if letters.mixed(name)
    ]


def _address(old: str | None, new: str) -> list[Risk]:
    found = [Risk("unclear", _("Host unclear"), doubt, grave=True) for doubt in hosts.doubts(new)] if new else []
    before, after = hosts.place(old or ""), hosts.place(new)
    if old and before[1] != after[1]:
        sentence = _("The host of the URL changes from %(old)s to %(new)s.") % {
            "old": before[1] or _("none"),
            "new": after[1] or _("none"),
        }
        found.append(Risk("host", _("Other host"), sentence, grave=True))
    if new and after[0] != "https" and before[0] != after[0]:
        found.append(Risk("scheme", _("Not https"), _("The new URL is not an https address."), grave=True))
    return found


def _merged(risks: list[Risk]) -> list[Risk]:
    """Users and groups can each bring the same kind: one risk with both sentences."""
    merged: dict[str, Risk] = {}
    for risk in risks:
        known = merged.get(risk.kind)
        sentence = f"{known.sentence} {risk.sentence}" if known else risk.sentence
        merged[risk.kind] = Risk(risk.kind, risk.word, sentence, risk.grave)
    return list(merged.values())
