"""Filters of the queue and of the list of all changes."""

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
_STATUSES = [
    ("", _("Any")),
    ("open", _("All open")),
    ("changes_requested", _("Changes requested")),
    *Status.choices,
]


class QueueFilterForm(forms.Form):
    """State of the queue in its URL: filters, order, cursor and the change shown beside the list."""

    q = forms.CharField(label=_("Secret, number, ticket, reason or requester"), required=False, max_length=500)
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
        label=_("Sort"), required=False, choices=[("", _("Oldest first")), ("risk", _("Highest risk first"))]
    )
    at = forms.CharField(required=False, widget=forms.HiddenInput)
    open = forms.IntegerField(required=False, min_value=0, max_value=_LARGEST, widget=forms.HiddenInput)

    FILTERS = ("risk", "field", "requester", "age")
    ORDERS = {"": ("id",), "risk": ("-risk", "id")}
    """By the first proposal: a revision moves no change back, although its waiting time starts again."""

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="queue-%s")
        self.is_valid()

    @property
    def place(self) -> QueryDict:
        """The valid parameters, for the URLs of the page; without anything else that was sent, such as a password."""
        place = QueryDict(mutable=True)
        place.update({name: str(value) for name, value in self.cleaned_data.items() if value})
        return place

    @property
    def kept(self) -> dict[str, str]:
        """The parameters that a saved filter stores: filters and order, not the cursor or the open change."""
        return {name: str(text) for name, text in self.place.items() if name not in ("at", "open")}

    @property
    def opened(self) -> int:
        """The id of the change to show; 0 if none or an invalid one was asked for."""
        return self.cleaned_data.get("open") or 0

    @property
    def order(self) -> tuple[str, ...]:
        """The columns of the order, as keyset.paginate_by_keyset takes them."""
        return self.ORDERS[self.cleaned_data.get("sort", "")]

    @property
    def narrowed(self) -> int:
        """Number of filters that are set, without the search."""
        return sum(bool(self.cleaned_data.get(name)) for name in self.FILTERS)

    @property
    def choices(self) -> list[forms.BoundField]:
        """The fields of the filters and of the order."""
        return [self[name] for name in (*self.FILTERS, "sort")]

    def narrow(self, changes: ChangeQuerySet) -> ChangeQuerySet:
        """Return the changes that match every valid filter."""
        given = self.cleaned_data
        if text := given.get("q"):
            changes = changes.matching(text, also=_requested_by(text))
        if level := given.get("risk"):
            changes = changes.filter(risk=level)
        if name := given.get("requester"):
            changes = changes.filter(_requested_by(name))
        if field := given.get("field"):
            secret = ~Q(secret_fingerprint="")
            changes = changes.filter(_current(secret if field == SECRET_FIELD else Q(patch__has_key=field)))
        if hours := given.get("age"):
            since = timezone.now() - timedelta(hours=hours)
            changes = changes.filter(_current(Q(created_at__lte=since)))
        return changes


class QueueUpdateForm(forms.Form):
    """State of an open queue page, sent along when the page asks for updates."""

    since = forms.DateTimeField(validators=[MinValueValidator(datetime(2000, 1, 1, tzinfo=UTC))])  # set by the page
    shown = forms.RegexField(r"^\d{1,18}(\.\d{1,18}){0,99}$", required=False)
    told = forms.IntegerField(min_value=0, max_value=1000, required=False)

    @property
    def known(self) -> dict[str, Any]:
        """The cleaned state, as arguments of QueueUpdates."""
        given = self.cleaned_data
        shown = [int(number) for number in given["shown"].split(".") if number]
        return {"seen_at": given["since"], "shown": shown, "told": given["told"] or 0}


class OwnChangeFilterForm(forms.Form):
    """Filters of a requester's own changes; empty fields are ignored."""

    q = forms.CharField(
        label=_("Secret, number, ticket or reason"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    status = forms.ChoiceField(label=_("Status"), required=False, choices=_STATUSES)

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="filter-%s")

    def narrow(self, changes: ChangeQuerySet) -> ChangeQuerySet:
        """Return the changes that match every valid filter."""
        self.is_valid()
        if text := self.cleaned_data.get("q"):
            changes = self._search_text(changes, text)
        match self.cleaned_data.get("status"):
            case None | "":
                return changes
            case "open":
                return changes.open()
            case "changes_requested":
                return changes.with_requested_changes()
            case status:
                return changes.filter(status=status)

    def _search_text(self, changes: ChangeQuerySet, text: str) -> ChangeQuerySet:
        return changes.matching(text)

    def asked(self) -> dict[str, str]:
        """Return the filters that are not empty, as typed, for URLs."""
        return {name: self.data[name].strip() for name in self.fields if self.data.get(name, "").strip()}


class ChangeFilterForm(OwnChangeFilterForm):
    """Filters of the list of all changes, whose search covers requesters too."""

    q = forms.CharField(
        label=_("Secret, number, ticket, reason or requester"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    requester = forms.CharField(label=_("Requester"), required=False, max_length=150)
    risk = forms.TypedChoiceField(
        label=_("Risk"), required=False, choices=[("", _("Any")), *reversed(RiskLevel.choices)], coerce=int
    )
    days = forms.TypedChoiceField(
        label=_("Proposed"),
        required=False,
        choices=[("", _("Any time")), (1, _("Last 24 hours")), (7, _("Last 7 days")), (30, _("Last 30 days"))],
        coerce=int,
    )

    def narrow(self, changes: ChangeQuerySet) -> ChangeQuerySet:
        """Return the changes that match every valid filter."""
        changes = super().narrow(changes)
        if name := self.cleaned_data.get("requester"):
            changes = changes.filter(_requested_by(name))
        if level := self.cleaned_data.get("risk"):
            changes = changes.filter(risk=level)
        if days := self.cleaned_data.get("days"):
            changes = changes.filter(created_at__gte=timezone.now() - timedelta(days=days))
        return changes

    def _search_text(self, changes: ChangeQuerySet, text: str) -> ChangeQuerySet:
        return changes.matching(text, also=_requested_by(text))


def _requested_by(name: str) -> Q:
    """Return a condition by any part of the requester's names.

    Users are looked up first: they are few, and changes have an index on the requester.
    """
    person = Q(username__icontains=name) | Q(first_name__icontains=name) | Q(last_name__icontains=name)
    return Q(requester__in=list(User.objects.filter(person).values_list("pk", flat=True)))


def _current(like: Q) -> Q:
    """Return the condition that the current revision matches `like`."""
    return exists_by_index(Revision.objects.filter(like, change=OuterRef("pk"), number=OuterRef("revision")))
