"""Form with which a person chooses a password by a link."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import SetPasswordForm


class ChoosePasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    """Django's form for a new password, twice; the first field has the focus."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].widget.attrs["autofocus"] = True
