"""Page on which a person chooses a password by the link that was mailed to them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.governance import password_links
from portal.governance.forms import ChoosePasswordForm


class ChoosePasswordView(PasswordResetConfirmView):
    """Django's view of a reset link: it moves the token from the address into the session before it shows the form."""

    form_class = ChoosePasswordForm
    template_name = "governance/choose_password.html"
    token_generator = password_links.token_generator
    success_url = reverse_lazy("account_login")

    def form_valid(self, form: ChoosePasswordForm) -> HttpResponse:  # type: ignore[override]
        """Set the password, or show that the link was used meanwhile."""
        person = self.user
        if person is None or not password_links.use_link(person, form.cleaned_data["new_password1"]):
            self.validlink = False
            return self.render_to_response(self.get_context_data())
        del self.request.session[INTERNAL_RESET_SESSION_TOKEN]
        messages.success(self.request, _("Your password is set. Sign in with it."))
        return HttpResponseRedirect(str(self.success_url))

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Answer 404 for a link that cannot be used, whatever the reason, and 422 for a form with errors."""
        status = 404 if not self.validlink else 422 if context["form"].errors else 200
        return super().render_to_response(context, status=status, **kwargs)


# Django's view would treat a PUT as a POST, and answer OPTIONS.
choose_password = require_http_methods(["GET", "HEAD", "POST"])(ChoosePasswordView.as_view())
