"""Forms for the filters of the log, which are in the URL."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import Any

from django import forms
from django.db.models import Q
from django.forms.renderers import get_default_renderer
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.audit import actions, period
from portal.audit.event_filters import ONLY, EventFilters
from portal.audit.period import Period
from portal.audit.secret_names import find_secrets_by_name

Kinds = list[tuple[str, str | list[tuple[str, str]]]]
_LARGEST = 2**63 - 1
_CHANGE = re.compile(r"(?:CR-)?(\d{1,18})", re.IGNORECASE)
_FOUND = 50
_FIRST_YEAR, _LAST_YEAR = 2000, 2999
_CODE = re.compile(r"[1-5]\d\d|[1-5]xx|none")


def _kinds() -> Kinds:
    return _kinds_in(get_language())


@cache
def _kinds_in(_language: str | None) -> Kinds:
    return [("", str(_("Everything"))), *actions.action_choices()]


class _KindSelect(forms.Select):
    """Select of all actions, rendered once for each language and selected value."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:  # noqa: ARG002
        return _drawn(get_language(), name, str(value or ""), *(attrs or {}).items())


@lru_cache(maxsize=256)
def _drawn(_language: str | None, name: str, value: str, *attrs: tuple[str, Any]) -> SafeString:
    return forms.Select(choices=_kinds()).render(name, value, dict(attrs), get_default_renderer())


def _in_the_calendar(day: date) -> None:
    """Raise ValidationError for a year outside 2000 to 2999: dates near the ends of Python's range would overflow."""
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        years = {"first": _FIRST_YEAR, "last": _LAST_YEAR}
        raise forms.ValidationError(_("Enter a year from %(first)d to %(last)d.") % years)


def _moment() -> forms.DateTimeInput:
    return forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class LogFilterForm(forms.Form):
    """Search criteria of the log. All fields may stay empty; times are UTC."""

    person = forms.CharField(label=_("Person"), required=False, max_length=150)
    secret = forms.CharField(label=_("Secret"), required=False, max_length=200)
    change = forms.CharField(
        label=_("Change"), required=False, max_length=30, widget=forms.TextInput({"placeholder": "CR-12"})
    )
    kind = forms.ChoiceField(label=_("Kind of event"), required=False, choices=_kinds, widget=_KindSelect)
    code = forms.CharField(
        label=_("Response code"),
        required=False,
        max_length=10,
        widget=forms.TextInput({"list": "codes", "placeholder": "201, 4xx, none"}),
    )
    only = forms.ChoiceField(label=_("Limit to"), required=False, choices=[("", _("Everything")), *ONLY.items()])
    since = forms.DateTimeField(label=_("From (UTC)"), required=False, widget=_moment(), validators=[_in_the_calendar])
    until = forms.DateTimeField(label=_("Until (UTC)"), required=False, widget=_moment(), validators=[_in_the_calendar])

    views = forms.ChoiceField(
        label=_("Views and exports"), required=False, choices=[("", _("Hidden")), ("all", _("Shown"))]
    )

    def clean_person(self) -> tuple[str, ...]:
        """Return the usernames that the text names: the account of exactly this name, else those with it in a name."""
        text = self.cleaned_data["person"]
        exact = User.objects.find_by_name(text) if text else None
        if exact or not text:
            return (exact.username,) if exact else ()
        named = Q(username__icontains=text) | Q(first_name__icontains=text) | Q(last_name__icontains=text)
        return (*User.objects.filter(named).values_list("username", flat=True)[:_FOUND], text)

    def clean_secret(self) -> tuple[int, ...] | None:
        """Return the ids of the secrets that the text names, by number or by a part of the name."""
        text = self.cleaned_data["secret"]
        if not text:
            return None
        number = int(text) if text.isascii() and text.isdigit() else None
        if number is not None and number > _LARGEST:
            raise forms.ValidationError(_("A secret is its number or a part of its name. This number is too large."))
        return (number,) if number is not None else tuple(find_secrets_by_name(text))

    def clean_change(self) -> int | None:
        text = self.cleaned_data["change"]
        if not text:
            return None
        found = _CHANGE.fullmatch(text)
        if not found:
            raise forms.ValidationError(_("A change is a number, with or without CR-, such as CR-12."))
        return int(found[1])

    def clean_code(self) -> str:
        text: str = self.cleaned_data["code"].lower()
        if text and not _CODE.fullmatch(text):
            raise forms.ValidationError(
                _("A response code is a number such as 201, a class such as 4xx, or none for calls without an answer.")
            )
        return text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since >= until:
            self.add_error("until", _("The end of the time range must come after its beginning."))
        return cleaned

    def filters(self) -> EventFilters:
        """Return the filters of a valid form. A chosen kind of event is never hidden."""
        fields = dict(self.cleaned_data)
        hide_views = fields.pop("views") != "all" and not fields["kind"]
        return EventFilters(people=fields.pop("person"), secrets=fields.pop("secret"), hide_views=hide_views, **fields)

    def asked(self) -> dict[str, str]:
        """Return the fields that are not empty, as typed: for the URL and for the event."""
        return {name: self.data[name].strip() for name in self.fields if self.data.get(name, "").strip()}


def _day() -> forms.DateInput:
    return forms.DateInput({"type": "date"}, format="%Y-%m-%d")


class PeriodForm(forms.Form):
    """The last 7, 30 or 90 days, or the days from one to another, both included. The default is 30 days."""

    DAYS = (7, 30, 90)

    days = forms.ChoiceField(required=False, choices=[(str(number), number) for number in DAYS])
    since = forms.DateField(label=_("First day (UTC)"), required=False, widget=_day(), validators=[_in_the_calendar])
    until = forms.DateField(label=_("Last day (UTC)"), required=False, widget=_day(), validators=[_in_the_calendar])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = cleaned.get("since"), cleaned.get("until")
        if "since" in self.errors or "until" in self.errors:
            return cleaned
        if bool(first) != bool(last):
            self.add_error("until" if first else "since", _("Give both days, or neither."))
        elif first and last and first > last:
            self.add_error("until", _("The last day must not come before the first."))
        elif first and last and (last - first).days >= period.LONGEST:
            self.add_error("until", _("At most %(days)s days at a time.") % {"days": period.LONGEST})
        return cleaned

    def period(self) -> Period:
        """Return the period of a valid form."""
        first, last = self.cleaned_data["since"], self.cleaned_data["until"]
        return period.period_between(first, last) if first else period.last_days(int(self.asked()["days"]))

    def asked(self) -> dict[str, str]:
        """Return the period in its shortest form, for URLs and for the event."""
        if self.cleaned_data["since"]:
            return {name: str(self.cleaned_data[name]) for name in ("since", "until")}
        return {"days": self.cleaned_data["days"] or "30"}


class DateForm(forms.Form):
    """A day, for the access to a secret at its end; the default is today."""

    on = forms.DateField(label=_("Date (UTC)"), required=False, widget=_day(), validators=[_in_the_calendar])

    def day(self) -> date:
        """Return the day of a valid form."""
        chosen: date | None = self.cleaned_data["on"]
        return chosen or datetime.now(UTC).date()


class SearchForm(forms.Form):
    """Search by name, or by the number of a change or a secret."""

    q = forms.CharField(label=_("Secret, person or change"), max_length=200)

    def number(self) -> int | None:
        """Return the number that was typed, with or without CR-; None if the text is not a number."""
        found = _CHANGE.fullmatch(self.cleaned_data["q"])
        return int(found[1]) if found else None
