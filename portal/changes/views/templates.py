"""Views of templates: named edits, saved from a change and applied to the form of another secret."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts import roles
from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.limits import LimitReached
from portal.accounts.roles import Right
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.forms import prefill
from portal.changes.forms.template import TemplateForm
from portal.changes.models import Change
from portal.changes.models.template import MOST, ChangeTemplate
from portal.changes.rules import secret_quotes
from portal.changes.rules.guards import ContainsSecret
from portal.changes.workflow.templates import TooManyTemplates, delete_template, restore_template, save_template
from portal.web import undo

undo.register_restorer("template", restore_template)
_LIST = (Right.PROPOSE, Right.OPERATE)


@require_safe
@require_rights(*_LIST)
def templates(request: UserRequest) -> HttpResponse:
    """Show the user's own templates and the shared ones."""
    operates = roles.has_right(request.user, Right.OPERATE)
    rows = [
        {
            "template": each,
            "fields": ", ".join(str(FIELD_LABELS[name]) for name in each.patch),
            "erasable": each.person_id == request.user.pk or (each.shared and operates),
        }
        for each in ChangeTemplate.objects.open_to(request.user)
    ]
    return render(request, "changes/templates.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@require_rights(*_LIST)
def save(request: UserRequest, change_id: int) -> HttpResponse:
    """Save what a change proposes as a template, without fields that belong to its secret alone."""
    change = get_object_or_404(Change.objects.visible_to(request.user), pk=change_id)
    over = prefill.of_change(change, prefill.ANOTHER)
    may_share = roles.has_right(request.user, Right.OPERATE)
    form = TemplateForm(request.POST if request.method == "POST" else None, may_share=may_share)
    if form.is_valid() and over.patch:
        words = over.words()
        base = dict(over.earlier) if over.earlier is not None else None
        try:
            secret_quotes.forbid_in_texts(change, [form.kept["name"]], by=request.user)
            save_template(by=request.user, **form.kept, patch=dict(over.patch), base=base, words=words)
        except ContainsSecret as refusal:
            form.refuse_name(str(refusal))
        except TooManyTemplates:
            form.add_error(None, _("%(number)s templates are yours already. Delete one first.") % {"number": MOST})
        except LimitReached as reached:
            form.add_error(None, str(reached))
        else:
            messages.success(request, _("Kept as the template %(name)s.") % {"name": form.kept["name"]})
            return redirect("changes:templates")
    fields = [FIELD_LABELS[name] for name in over.patch]
    context = {"change": change, "form": form, "fields": fields, "over": over}
    return render(request, "changes/save_template.html", context, status=422 if form.is_bound else 200)


@require_POST
@require_rights(*_LIST)
def delete(request: UserRequest, template_id: int) -> HttpResponse:
    """Delete an own template; an administrator may also delete a shared one."""
    deleted = delete_template(template_id, by=request.user)
    if deleted is None:
        raise Http404
    text = _("The template %(name)s is deleted.") % {"name": deleted["name"]}
    undo.offer_undo(request, "template", deleted, text, address=reverse("changes:templates"))
    return redirect("changes:templates")
