"""Risks of a proposed revision that an approver must see, each with a word and a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.changes.domain import lookalikes, plausibility, url_checks
from portal.changes.domain import patch as patches
from portal.changes.domain.access_changes import join_names
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.domain.patch import FieldChange, Fields, ShareChange
from portal.common.name_folding import fold_name


class RiskLevel(models.IntegerChoices):
    """Overall level of the rules that fired: high with a rule of high risk, medium with any other, low without one."""

    LOW = 1, gettext_lazy("Low")
    MEDIUM = 2, gettext_lazy("Medium")
    HIGH = 3, gettext_lazy("High")


@dataclass(frozen=True)
class RiskRule:
    """Risk rule. `kind` selects the icon, `word` is for lists, `when` says when it fires; high ones come first."""

    kind: str
    word: Promise
    when: Promise
    is_high: bool = False


AT_ONCE = 5
"""Secrets for which one requester proposes changes within an hour, from which on the rule `many` fires."""

RULES = {
    rule.kind: rule
    for rule in (
        RiskRule(
            "base",
            gettext_lazy("Base unknown"),
            gettext_lazy("Segura did not show Countersign what the secret holds: the difference has no old values."),
            is_high=True,
        ),
        RiskRule(
            "edit",
            gettext_lazy("May disable"),
            gettext_lazy("Someone gains the right to edit the secret, and with it to share or disable it."),
            is_high=True,
        ),
        RiskRule(
            "host",
            gettext_lazy("Other host"),
            gettext_lazy("The new URL leads to another host, which receives what callers send."),
            is_high=True,
        ),
        RiskRule(
            "unclear",
            gettext_lazy("Host unclear"),
            gettext_lazy("A person and a program may take different hosts from the new URL."),
            is_high=True,
        ),
        RiskRule(
            "scheme",
            gettext_lazy("Not https"),
            gettext_lazy("The new URL is no https address, so what is sent there can be read on the way."),
            is_high=True,
        ),
        RiskRule(
            "letters",
            gettext_lazy("Lookalike"),
            gettext_lazy("A new name mixes letters of several alphabets that look alike, to pass for another name."),
            is_high=True,
        ),
        RiskRule(
            "name",
            gettext_lazy("Renamed"),
            gettext_lazy("The secret gets another name: people and programs that look for the old one miss it."),
        ),
        RiskRule(
            "odd",
            gettext_lazy("Unusual value"),
            gettext_lazy("A new value is unlike what its field usually holds, such as a method that HTTP lacks."),
        ),
        RiskRule(
            "secret",
            gettext_lazy("New client secret"),
            gettext_lazy("The client secret is replaced: whatever still uses the present one stops working."),
        ),
        RiskRule(
            "wider",
            gettext_lazy("Shared wider"),
            gettext_lazy("Someone who could not use the secret will be able to."),
        ),
        RiskRule(
            "many",
            gettext_lazy("Many secrets"),
            gettext_lazy(
                "Its requester proposes changes of five or more secrets within an hour. Each says so from the fifth on."
            ),
        ),
    )
}


@dataclass(frozen=True)
class Risk:
    """Rule that fired, with the `sentence` about the values that made it fire."""

    rule: RiskRule
    sentence: str

    @property
    def kind(self) -> str:
        return self.rule.kind

    @property
    def word(self) -> str:
        return str(self.rule.word)

    @property
    def is_high(self) -> bool:
        return self.rule.is_high


def find_risks(diff: Iterable[FieldChange], *, base_known: bool, burst_size: int = 1) -> list[Risk]:
    """Return the risks of a difference, high ones first; for `burst_size` see Change.burst_size."""
    found = [] if base_known else [_unknown_base()]
    if burst_size >= AT_ONCE:
        found.append(_many(burst_size))
    for field in diff:
        if field.is_secret:
            found.append(_new_secret())
        elif field.is_shares:
            found += _sharing(field.shares, base_known=base_known)
            found += _lookalikes(share.name for share in field.shares if share.old != share.new)
            found += _one_name(field.shares)
        else:
            found += _text(field)
    return sorted(_merged(found), key=lambda risk: not risk.is_high)


def overall_level(risks: Iterable[Risk]) -> RiskLevel:
    """Return the level of the highest risk."""
    return max((RiskLevel.HIGH if risk.is_high else RiskLevel.MEDIUM for risk in risks), default=RiskLevel.LOW)


def rate_patch(patch: Fields, base: Fields | None, *, new_secret: bool, burst_size: int = 1) -> RiskLevel:
    """Return the risk level of a proposal, from the columns of a revision and its change."""
    diff = patches.describe_changes(patch, base, new_secret=new_secret)
    return overall_level(find_risks(diff, base_known=base is not None, burst_size=burst_size))


def _risk(kind: str, sentence: str) -> Risk:
    return Risk(RULES[kind], sentence)


def _unknown_base() -> Risk:
    return _risk("base", _("The current values could not be read: no one can see what this change replaces."))


def _new_secret() -> Risk:
    return _risk("secret", _("The client secret is replaced. Whatever still uses the current one stops working."))


def _many(burst_size: int) -> Risk:
    sentence = _("Its requester proposed changes of %(count)d secrets within an hour, this one the newest of them.")
    return _risk("many", sentence % {"count": burst_size})


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
        found.append(_risk("edit", sentence % {"names": join_names(editors)}))
    if joining and base_known:
        sentence = _("Can use this secret once applied: %(names)s.") % {"names": join_names(joining)}
        found.append(_risk("wider", sentence))
    return found


def _lookalikes(names: Iterable[str]) -> list[Risk]:
    sentence = _("%(name)s mixes letters that look like others. Spelled out, it is %(spelled)s.")
    return [
        _risk("letters", sentence % {"name": name, "spelled": lookalikes.escape_non_ascii(name)})
        for name in names
        if lookalikes.has_mixed_scripts(name)
    ]


def _one_name(shares: Iterable[ShareChange]) -> list[Risk]:
    """Return a risk for each name that is in the list in several spellings, if the access of one of them changes."""
    altered = {share.name for share in shares if share.old != share.new}
    groups = lookalikes.find_same_names(share.name for share in shares)
    sentence = _("These are one name in different spellings. Spelled out: %(names)s.")
    return [
        _risk("letters", sentence % {"names": ", ".join(lookalikes.escape_non_ascii(name) for name in group)})
        for group in groups
        if altered.intersection(group)
    ]


def _text(field: FieldChange) -> list[Risk]:
    old, new = field.old, field.new or ""
    found = []
    if field.field == "name":
        found += _lookalikes([new])
        found.append(_risk("name", _("The name of the secret changes.")))
    if field.field == "url":
        found += _address(old, new)
    if old and field.field != "notes" and fold_name(old) == fold_name(new):
        sentence = _("%(field)s changes only in its spelling. Spelled out: now %(old)s, then %(new)s.")
        told = {
            "field": FIELD_LABELS[field.field],
            "old": lookalikes.escape_non_ascii(old),
            "new": lookalikes.escape_non_ascii(new),
        }
        found.append(_risk("letters", sentence % told))
    return found + [_risk("odd", sentence) for sentence in plausibility.find_oddities(field.field, new)]


def _address(old: str | None, new: str) -> list[Risk]:
    found = [_risk("unclear", doubt) for doubt in url_checks.url_warnings(new)] if new else []
    before, after = url_checks.origin_of_url(old or ""), url_checks.origin_of_url(new)
    if new and not after[1]:
        found.append(_risk("host" if old else "unclear", _("The new URL names no host: nothing can be sent to it.")))
    elif old and before[1] != after[1]:
        sentence = _("The host of the URL changes from %(old)s to %(new)s.") % {
            "old": before[1] or _("none"),
            "new": after[1] or _("none"),
        }
        found.append(_risk("host", sentence))
    if new and after[0] != "https" and before[0] != after[0]:
        found.append(_risk("scheme", _("The new URL is not an https address.")))
    return found


def _merged(risks: list[Risk]) -> list[Risk]:
    """Merge risks of the same kind, from users and groups for example, into one risk with all sentences."""
    merged: dict[str, Risk] = {}
    for risk in risks:
        known = merged.get(risk.kind)
        sentence = f"{known.sentence} {risk.sentence}" if known else risk.sentence
        merged[risk.kind] = Risk(risk.rule, sentence)
    return list(merged.values())
