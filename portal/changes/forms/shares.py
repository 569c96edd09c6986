"""Lists of the users and groups that may use a secret, as rows of the form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.formsets import TOTAL_FORM_COUNT, BaseFormSet, formset_factory
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.changes.domain import lookalikes
from portal.changes.forms.fields import ExactTextField

LONGEST = 500
MOST_ROWS = 500
BLANK_ROWS = 2
_ROWS_SHOWN = 5000


CAN_VIEW, CAN_EDIT, REMOVE = "view", "edit", "remove"
_ACCESS = [(CAN_VIEW, gettext_lazy("Can view")), (CAN_EDIT, gettext_lazy("Can edit"))]


def _build_access_field(*choices: tuple[str, str | Promise]) -> forms.ChoiceField:
    unselected = dict.fromkeys(("required", "invalid_choice"), gettext_lazy("Select Can view or Can edit."))
    return forms.ChoiceField(label=gettext_lazy("Access"), choices=choices, initial=CAN_VIEW, error_messages=unselected)


class ShareForm(forms.Form):
    """One user or group that may use the secret."""

    name = ExactTextField(limit=LONGEST, required=True, label=gettext_lazy("Name"))
    access = _build_access_field(*_ACCESS)

    standing = False
    """Whether Segura's list has the entry already: its name is fixed."""

    def has_changed(self) -> bool:
        """Return False for a new row without a name, whatever its access: Django then accepts it as blank."""
        return self.standing or bool(str(self["name"].value() or "").strip())

    @property
    def has_name(self) -> bool:
        return hasattr(self, "cleaned_data") and bool(self.cleaned_data.get("name"))

    def clean_name(self) -> str:
        """Strip a newly typed name; spaces of a name that Segura stores are kept."""
        name: str = self.cleaned_data["name"]
        return name if self.standing else name.strip()


if TYPE_CHECKING:
    _ShareRows = BaseFormSet[ShareForm]
else:
    _ShareRows = BaseFormSet


class BaseShareFormSet(_ShareRows):
    """The whole list of one kind of share."""

    label = ""
    seen: list[list[Any]] | None = None

    def add_fields(self, form: ShareForm, index: int | None) -> None:
        super().add_fields(form, index)
        form.empty_permitted = True  # a new row may be emptied again, an existing one may not
        name = form["name"].value()
        if index is not None and index < self.initial_form_count() and name in self.seen_access:
            form.standing = True
            form.fields["name"].widget = forms.HiddenInput()
        else:
            form.fields["name"].widget.attrs["list"] = f"known-{self.prefix}"
        if index is not None and index < self.initial_form_count():
            form.fields["access"] = _build_access_field(*_ACCESS, (REMOVE, _("Remove")))

    def total_form_count(self) -> int:
        """Return the number of rows, or 0 if more are claimed than are possible: validating each costs 1 ms."""
        if self.is_bound and (self.management_form.cleaned_data[TOTAL_FORM_COUNT] or 0) > self.absolute_max:
            return 0
        return super().total_form_count()

    @cached_property
    def seen_access(self) -> dict[str, bool]:
        """Names on Segura's list, and whether each may edit."""
        return dict(self.seen or ())

    def clean(self) -> None:
        rows = self.rows()
        if rows == self.seen:
            return
        if len(rows) > MOST_ROWS:
            raise ValidationError(
                _("%(field)s holds %(count)d rows; at most %(limit)d are possible.")
                % {"field": self.label, "count": len(rows), "limit": MOST_ROWS}
            )
        names = [name for name, _can_edit in rows]
        self._refuse_same_names(names)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValidationError(
                _("%(field)s names %(names)s more than once. Remove one of the rows.")
                % {"field": self.label, "names": ", ".join(twice)}
            )

    def _refuse_same_names(self, names: list[str]) -> None:
        """Raise ValidationError for a new name that users would confuse with another one on the list."""
        for group in lookalikes.find_same_names(names):
            if not self.seen_access.keys() >= set(group):
                spelled = ", ".join(lookalikes.escape_non_ascii(name) for name in group)
                raise ValidationError(
                    _(
                        "%(field)s names the same twice in different spellings. Spelled out: %(names)s. Remove one of "
                        "the rows."
                    )
                    % {"field": self.label, "names": spelled}
                )

    def search_names(self, address: str) -> None:
        """Fetch suggestions while a name is typed: the directory has more names than a page can hold."""
        ask = {"hx-get": address, "hx-trigger": "input changed delay:200ms", "hx-sync": "this:replace"}
        into = {"hx-target": f"#known-{self.prefix}", "hx-swap": "innerHTML"}
        for form in self.forms:
            if not form.standing:
                form.fields["name"].widget.attrs |= {**ask, **into}

    def new_names(self) -> list[str]:
        """Return the names typed into the rows so far, without those on Segura's list."""
        typed = (str(form["name"].value() or "").strip() for form in self.forms if not form.standing)
        return [name for name in dict.fromkeys(typed) if name]

    def rows(self) -> list[list[Any]]:
        """Return the proposed list, in the shape of a base."""
        named = [form.cleaned_data for form in self.forms if form.has_name]
        return sorted([data["name"], data.get("access") == CAN_EDIT] for data in named if data.get("access") != REMOVE)


ShareFormSet = formset_factory(
    ShareForm,
    formset=BaseShareFormSet,
    extra=BLANK_ROWS,
    max_num=_ROWS_SHOWN,
    absolute_max=_ROWS_SHOWN,
)
