"""Form for preferences: language, time zone, and where each type of notification is sent."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.accounts.roles import Right, rights_of
from portal.notifications.dispatch import MAIL_ONLY, SUMMARY, load_preferences
from portal.notifications.models import Preference
from portal.notifications.routing import MailTiming, types_for_rights

_SUMMARY_TITLE = _("Changes that wait for your decision, once a day")
_ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))


class PreferencesForm(forms.Form):
    """All preferences of a user; rows() returns those for notifications, with the fields of each type."""

    language = forms.ChoiceField(label=_("Language of pages and mails"), required=False)
    time_zone = forms.ChoiceField(label=_("Time zone of pages and mails"), required=False)

    def __init__(self, data: QueryDict | None = None, *, person: User) -> None:
        initial = {"language": person.language, "time_zone": person.time_zone}
        super().__init__(data, initial=initial)
        self.person = person
        self._field("language").choices = [("", _("Browser language (emails in English)")), *settings.LANGUAGES]
        self._field("time_zone").choices = [
            ("", _("Browser time zone (UTC in emails and without JavaScript)")),
            *((zone, zone.replace("_", " ")) for zone in _ZONES),
        ]
        rights = rights_of(person)
        self.kinds = {name: kind.title for name, kind in types_for_rights(rights).items()}
        if Right.DECIDE in rights:
            self.kinds[SUMMARY] = _SUMMARY_TITLE
        chosen = load_preferences([person], self.kinds)
        for name, title in self.kinds.items():
            wish, summary = chosen[person.pk, name], name == SUMMARY
            times = [choice for choice in MailTiming.choices if not (summary and choice[0] == MailTiming.AT_ONCE)]
            self.fields[f"{name}-mail"] = forms.ChoiceField(
                label=_("By mail: %(kind)s") % {"kind": title}, choices=times, initial=wish.mail
            )
            if not summary and name not in MAIL_ONLY:
                self.fields[f"{name}-portal"] = forms.BooleanField(
                    label=_("In Countersign: %(kind)s") % {"kind": title}, required=False, initial=wish.portal
                )

    def rows(self) -> list[dict[str, Any]]:
        """Return the title and the fields of each notification type."""
        return [
            {
                "title": title,
                "portal": self[f"{name}-portal"] if f"{name}-portal" in self.fields else None,
                "mail": self[f"{name}-mail"],
            }
            for name, title in self.kinds.items()
        ]

    @transaction.atomic
    def save(self) -> None:
        """Save the language, the time zone and the preference for each type, in one transaction."""
        chosen = self.cleaned_data
        self.person.language, self.person.time_zone = chosen["language"], chosen["time_zone"]
        self.person.save(update_fields=["language", "time_zone"])
        for name in self.kinds:
            wish = {"portal": chosen.get(f"{name}-portal", False), "mail": chosen[f"{name}-mail"]}
            Preference.objects.update_or_create(person=self.person, kind=name, defaults=wish)

    def _field(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        if not isinstance(field, forms.ChoiceField):
            raise TypeError(name)
        return field
