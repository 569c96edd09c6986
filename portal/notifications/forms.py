"""Form for preferences: language, time zone, and where each type of notification is sent."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import User
from portal.accounts.roles import Right, rights_of
from portal.notifications.dispatch import MAIL_ONLY, SUMMARY, load_preferences
from portal.notifications.models import Preference
from portal.notifications.routing import NOTIFICATION_TYPES, Audience, MailTiming, types_for_rights
from portal.web.time_zones import find_time_zones

_SUMMARY_TITLE = gettext_lazy("Changes that wait for your decision, once a day")
_GROUPS: dict[Promise, tuple[Audience, ...]] = {
    gettext_lazy("Your changes"): (Audience.REQUESTER,),
    gettext_lazy("Reviews"): (Audience.DECIDERS, Audience.VOTERS, Audience.VOIDED),
    gettext_lazy("Comments"): (Audience.MENTIONED, Audience.INVOLVED),
    gettext_lazy("Delivery"): (Audience.OPERATORS, Audience.DELAYED),
    gettext_lazy("People"): (Audience.ADMINISTRATORS, Audience.PROPOSER),
}
_ZONES_NAMED = 5


class PreferencesForm(forms.Form):
    """All preferences of a user; groups() returns those for notifications, with the fields of each type."""

    language = forms.ChoiceField(label=gettext_lazy("Language of pages and mails"), required=False)
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone of pages and mails"),
        help_text=gettext_lazy("Type a city, such as Lisbon. Empty: time zone of the browser, UTC in emails."),
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: QueryDict | None = None, *, person: User) -> None:
        initial = {"language": person.language, "time_zone": person.time_zone.replace("_", " ")}
        super().__init__(data, initial=initial)
        self.person = person
        language = self.fields["language"]
        if isinstance(language, forms.ChoiceField):
            language.choices = [("", _("Browser language (emails in English)")), *settings.LANGUAGES]
        rights = rights_of(person)
        self.kinds = {name: kind.title for name, kind in types_for_rights(rights).items()}
        if Right.DECIDE in rights:
            self.kinds[SUMMARY] = _SUMMARY_TITLE
        chosen = load_preferences([person], self.kinds)
        for name, title in self.kinds.items():
            wish = chosen[person.pk, name]
            self.fields[f"{name}-mail"] = self._build_mail_field(name, wish.mail)
            if name != SUMMARY and name not in MAIL_ONLY:
                self.fields[f"{name}-portal"] = forms.BooleanField(
                    label=_("In Countersign: %(kind)s") % {"kind": title}, required=False, initial=wish.portal
                )

    @property
    def mail_obstacle(self) -> str:
        """Return why no notification can be mailed to the user; '' if it can."""
        if not settings.EMAIL_HOST:
            return _("Countersign has no mail server here: notifications are shown only on its pages.")
        if not self.person.email:
            return _("Your account has no email address. Ask the people who run Countersign to set one.")
        return ""

    def groups(self) -> list[dict[str, Any]]:
        """Return the groups of notification types, each with a title and the fields of its types."""
        groups = []
        for title, audiences in _GROUPS.items():
            rows = [self._build_row(name) for name in self.kinds if self._audience(name) in audiences]
            if rows:
                groups.append({"title": title, "rows": rows})
        return groups

    def clean_time_zone(self) -> str:
        """Return the name of the zone that the text means. Raises ValidationError for none and for several."""
        typed = self.cleaned_data["time_zone"].strip()
        if typed in ("", self.initial["time_zone"]):
            return self.person.time_zone if typed else ""
        found = find_time_zones(typed)
        if len(found) == 1:
            return found[0]
        if not found:
            raise ValidationError(_("No time zone matches. Type a city, such as Lisbon."), code="unknown")
        named = ", ".join(name.replace("_", " ") for name in found[:_ZONES_NAMED])
        if len(found) > _ZONES_NAMED:
            named += ", …"
        raise ValidationError(_("Choose one time zone. These match: %(names)s") % {"names": named}, code="ambiguous")

    @transaction.atomic
    def save(self) -> None:
        """Save the language, the time zone and the preference for each type, in one transaction."""
        chosen = self.cleaned_data
        self.person.language, self.person.time_zone = chosen["language"], chosen["time_zone"]
        self.person.save(update_fields=["language", "time_zone"])
        for name in self.kinds:
            wish = {"portal": chosen.get(f"{name}-portal", False), "mail": chosen[f"{name}-mail"]}
            Preference.objects.update_or_create(person=self.person, kind=name, defaults=wish)

    def _build_mail_field(self, name: str, initial: str) -> forms.ChoiceField:
        """Return the choice of a time; disabled, so that what is stored stays, while no mail can be sent."""
        times = [choice for choice in MailTiming.choices if not (name == SUMMARY and choice[0] == MailTiming.AT_ONCE)]
        field = forms.ChoiceField(
            label=_("By mail: %(kind)s") % {"kind": self.kinds[name]},
            choices=times,
            initial=initial,
            disabled=bool(self.mail_obstacle),
        )
        if field.disabled:
            field.widget.attrs["aria-describedby"] = "mail-obstacle"
        return field

    def _build_row(self, name: str) -> dict[str, Any]:
        return {
            "title": self.kinds[name],
            "portal": self[f"{name}-portal"] if f"{name}-portal" in self.fields else None,
            "mail": self[f"{name}-mail"],
        }

    @staticmethod
    def _audience(name: str) -> Audience:
        return Audience.DECIDERS if name == SUMMARY else NOTIFICATION_TYPES[name].audience
