"""Narrowing the lists of changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.core.validators import MinValueValidator
from django.db.models import OuterRef, Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.domain.risks import RiskLevel
from portal.changes.models import ChangeQuerySet, Revision, Status
from portal.common.db_expressions import exists_by_index
from portal.vault.entities import SECRET_FIELD

_LARGEST = 2**63 - 1


class QueueFilterForm(forms.Form):
    """What the queue is asked for in its address: which changes, in which order, where in them, and which is open."""

    q = forms.CharField(label=_("Secret or number"), required=False, max_length=500)
    risk = forms.TypedChoiceField(
        label=_("Risk"), required=False, choices=[("", _("Any")), *reversed(RiskLevel.choices)], coerce=int
    )
    field = forms.ChoiceField(label=_("Field"), required=False, choices=[("", _("Any")), *FIELD_LABELS.items()])
    requester = forms.CharField(label=_("Requester"), required=False, max_length=150)
    age = forms.TypedChoiceField(
        label=_("Waiting"),
        required=False,
        choices=[("", _("Any time")), (1, _("Over 1 hour")), (8, _("Over 8 hours")), (24, _("Over 1 day"))],
        coerce=int,
    )
    sort = forms.ChoiceField(
        label=_("Sort"), required=False, choices=[("", _("Longest waiting first")), ("risk", _("Highest risk first"))]
    )
    at = forms.CharField(required=False, widget=forms.HiddenInput)
    open = forms.IntegerField(required=False, min_value=0, max_value=_LARGEST, widget=forms.HiddenInput)

    FILTERS = ("risk", "field", "requester", "age")
    ORDERS = {"": ("id",), "risk": ("-risk", "id")}
    """How long a change waits is counted from its submission, as its number is: a revision does not put it behind."""

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="queue-%s")
        self.is_valid()

    @property
    def place(self) -> QueryDict:
        """What of it holds, for the addresses of the page; nothing else that was sent along, such as a password."""
        place = QueryDict(mutable=True)
        place.update({name: str(value) for name, value in self.cleaned_data.items() if value})
        return place

    @property
    def kept(self) -> dict[str, str]:
        """What a saved filter keeps of it: how the list is narrowed and sorted, not where one stands in it."""
        return {name: str(text) for name, text in self.place.items() if name not in ("at", "open")}

    @property
    def opened(self) -> int:
        """The change to show; 0 for none, or for nothing that a database could hold."""
        return self.cleaned_data.get("open") or 0

    @property
    def order(self) -> tuple[str, ...]:
        """For keyset.paginate_by_keyset."""
        return self.ORDERS[self.cleaned_data.get("sort", "")]

    @property
    def narrowed(self) -> int:
        """How many filters are set, the search aside."""
        return sum(bool(self.cleaned_data.get(name)) for name in self.FILTERS)

    @property
    def choices(self) -> list[forms.BoundField]:
        """The fields of the filters, and the order."""
        return [self[name] for name in (*self.FILTERS, "sort")]

    def narrow(self, changes: ChangeQuerySet) -> ChangeQuerySet:
        """Those that meet every valid filter."""
        given = self.cleaned_data
        if text := given.get("q"):
            changes = changes.matching(text)
        if level := given.get("risk"):
            changes = changes.filter(risk=level)
        if name := given.get("requester"):
            changes = changes.filter(_requested_by(name))
        if field := given.get("field"):
            secret = ~Q(secret_fingerprint="")
            changes = changes.filter(_current(secret if field == SECRET_FIELD else Q(patch__has_key=field)))
        if hours := given.get("age"):
            changes = changes.filter(created_at__lte=timezone.now() - timedelta(hours=hours))
        return changes


class QueueUpdateForm(forms.Form):
    """What a page of the queue knows, as it asks for what it does not."""

    since = forms.DateTimeField(validators=[MinValueValidator(datetime(2000, 1, 1, tzinfo=UTC))])  # a page made it
    shown = forms.RegexField(r"^\d{1,18}(\.\d{1,18}){0,99}$", required=False)
    told = forms.IntegerField(min_value=0, max_value=1000, required=False)

    @property
    def known(self) -> dict[str, Any]:
        """The same, typed, as reading.news takes it."""
        given = self.cleaned_data
        shown = [int(number) for number in given["shown"].split(".") if number]
        return {"seen_at": given["since"], "shown": shown, "told": given["told"] or 0}


class ChangeFilterForm(forms.Form):
    """Any of status, requester and secret; empty fields narrow nothing."""

    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[("", _("Any")), ("open", _("All open ones")), *Status.choices],
    )
    requester = forms.CharField(label=_("Requester"), required=False, max_length=150)
    secret = forms.CharField(label=_("Secret or number"), required=False, max_length=500)

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="filter-%s")

    def narrow(self, changes: ChangeQuerySet) -> ChangeQuerySet:
        """Those that meet every valid filter."""
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        if status := given.get("status"):
            changes = changes.open() if status == "open" else changes.filter(status=status)
        if name := given.get("requester"):
            changes = changes.filter(_requested_by(name))
        if text := given.get("secret"):
            changes = changes.matching(text)
        return changes

    def asked(self) -> dict[str, str]:
        """What is not empty, as typed: for addresses."""
        return {name: self.data[name].strip() for name in self.fields if self.data.get(name, "").strip()}


def _requested_by(name: str) -> Q:
    """By any part of the requester's names. People are looked up first: they are few, and changes have an index."""
    person = Q(username__icontains=name) | Q(first_name__icontains=name) | Q(last_name__icontains=name)
    return Q(requester__in=list(User.objects.filter(person).values_list("pk", flat=True)))


def _current(like: Q) -> Q:
    """The revision that counts is like this."""
    return exists_by_index(Revision.objects.filter(like, change=OuterRef("pk"), number=OuterRef("revision")))
