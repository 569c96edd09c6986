"""Pages and acts of administrators that have a link to choose a password mailed to a person."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.decorators import UserRequest, limit_acts, require_rights
from portal.accounts.limits import count_act
from portal.accounts.roles import Right
from portal.governance import invitations, password_links
from portal.governance.invitations import NewPerson
from portal.operations import people, people_views
from portal.operations.people_forms import AddPersonForm, PersonActForm


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@require_rights(Right.OPERATE)
def add_user(request: UserRequest) -> HttpResponse:
    """Show the form for a new person, or add the person and propose the roles."""
    form = AddPersonForm(request.POST if request.method == "POST" else None, request=request)
    if not form.is_bound:
        return _show_form(request, form)
    count_act(request.user, "governance")
    return _add(request, form)


def _add(request: UserRequest, form: AddPersonForm) -> HttpResponse:
    added: list[int] = []

    def act() -> str:
        typed = form.cleaned_data
        new = NewPerson(typed["username"], typed["full_name"], typed["email"], typed["roles"])
        filed = invitations.add_person(new, by=request.user, **people_views.reasoned(form))
        added.append(filed.subject_id or 0)
        return _("You added %(person)s and proposed the roles as %(proposal)s. Another administrator decides them.") % {
            "person": new.full_name,
            "proposal": filed,
        }

    refused = people_views.attempt_act(request, act, {"form": form})
    if refused is None:
        return HttpResponseRedirect(reverse("operations:user", args=added))
    return _show_form(request, form, status=refused)


def _show_form(request: UserRequest, form: AddPersonForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "part": "people",
        "mails": bool(settings.EMAIL_HOST),
        "passwords": settings.PASSWORD_SIGN_IN,
        "lone": people.is_lone_administrator(),
    }
    return render(request, "operations/add_user.html", context, status=status)


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.OPERATE)
@limit_acts("governance")
def send_link(request: UserRequest, user_id: int) -> HttpResponse:
    """Have a link to choose a password mailed to a person."""
    shown = people.load_person(user_id, request.user)
    form = PersonActForm(request.POST, request=request, act="link")

    def act() -> str:
        link = password_links.send_link(user_id, by=request.user, **people_views.reasoned(form))
        return _("A link to choose a password is on its way to %(address)s.") % {"address": link.person.email}

    return people_views.act_on_person(request, shown, act, link_form=form)
