"""A user's edit of one API secret, from the opened form to the proposal.

The server stores nothing in between: the base and a new client secret are encrypted in hidden fields.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.urls import reverse

from portal.accounts.models import User
from portal.catalog import directory, search_terms
from portal.catalog.details import DetailsUnavailable, fetch_details_for_user
from portal.catalog.models import ApiSecret
from portal.changes.domain import patch as patches
from portal.changes.domain import secret_encryption, secret_generator
from portal.changes.domain.patch import FieldChange, Snapshot
from portal.changes.domain.proposal import (
    InvalidProposalToken,
    Proposal,
    decode_base,
    decode_proposal,
    encode_base,
    encode_proposal,
)
from portal.changes.forms import prefill, rebase
from portal.changes.forms.prefill import Prefill
from portal.changes.forms.proposal import CARRIED, ENTER, GENERATE, REPLACE, SAME, ProposalForm
from portal.changes.forms.rebase import CHOICE, FieldConflict, RevertSource
from portal.changes.forms.shares import BLANK_ROWS
from portal.changes.models import Revision
from portal.vault import SECRET_FIELD, SHARE_FIELDS, TEXT_FIELDS, SecretStr

_UNSEEN = Snapshot({})
"""Base of a form whose secret could not be read; encrypted too, so that a client cannot forge it."""
_IN_ORDER = sorted(TEXT_FIELDS, key=lambda name: name == "notes")
"""Text fields with the notes, the long one, last."""


@dataclass
class ProposalEditor:
    """State of one user's edit.

    `base` is the secret as the user saw it, None if it could not be read (`obstacle` says why). `kept` holds a new
    client secret entered or proposed earlier, under a revision id of its own. `moved` are fields whose value in Segura
    changed since `revised` was proposed; `differs` are those whose value in Segura is not the typed one.
    """

    secret: ApiSecret
    by: User
    base: Snapshot | None
    form: ProposalForm
    kept: Proposal | None = None
    blocked_reason: str = ""
    revised: Revision | RevertSource | None = None
    differs: dict[str, FieldChange] = field(default_factory=dict)

    @property
    def packed_base(self) -> str:
        return encode_base(self.base or _UNSEEN, self.by, self.secret.pk)

    @property
    def packed_kept(self) -> str:
        return encode_proposal(self.kept, self.by) if self.kept else ""

    @cached_property
    def moved(self) -> dict[str, FieldChange]:
        """Fields changed in Segura since the proposal. Old: at the proposal; new: now."""
        return {change.field: change for change in rebase.find_outside_changes(self.revised, self.base)}

    @cached_property
    def conflicts(self) -> dict[str, FieldConflict]:
        """Fields that the proposal and another user in Segura both changed."""
        return rebase.find_conflicts(self.revised, self.base)

    @property
    def taken_over(self) -> list[str]:
        """Fields changed in Segura that need no choice by the user."""
        decided = {*self.conflicts, SECRET_FIELD} if self.secret_disputed else set(self.conflicts)
        return [name for name in self.moved if name not in decided]

    @property
    def secret_disputed(self) -> bool:
        """Whether a new client secret was proposed, and another one set in Segura meanwhile."""
        return SECRET_FIELD in self.moved and self.kept is not None

    @property
    def disputed(self) -> list[dict[str, Any]]:
        """Each text field that both sides changed, with the choice of the side that counts."""
        return [
            {"field": self.form[name], "choice": self.form[CHOICE.format(name)], "conflict": self.conflicts[name]}
            for name in _IN_ORDER
            if name in self.conflicts
        ]

    @property
    def texts(self) -> list[dict[str, Any]]:
        """Each other text field, with what changed in Segura or differs from it."""
        return [
            {
                "field": self.form[name],
                "moved": self.moved.get(name),
                "differs": self.differs.get(name),
            }
            for name in _IN_ORDER
            if name not in self.conflicts
        ]

    @property
    def lists(self) -> list[dict[str, Any]]:
        """Each list of shares, with what changed in Segura."""
        books = directory.load_share_suggestions()
        for name, book in books.items():
            if not book.whole:
                self.form.shares[name].search_names(reverse("catalog:names"))
        return [
            {
                "name": name,
                "book": books.get(name),
                "met": [] if name in books and books[name].whole else search_terms.list_known_names(name),
                "strangers": directory.find_unknown_names(name, self.form.shares[name].new_names()),
                "rows": self.form.shares[name],
                "replace": self.form[REPLACE.format(name)],
                "moved": self.moved.get(name),
                "choice": self.form[CHOICE.format(name)] if name in self.conflicts else None,
            }
            for name in SHARE_FIELDS
        ]

    def proposal(self) -> Proposal:
        """Return the proposal of the valid form. Its id is new, so that two previews are two proposals."""
        revision_id = uuid.uuid4()
        data = self.form.cleaned_data
        new = None
        if data["secret_mode"] == CARRIED and self.kept and self.kept.sealed:
            new = secret_encryption.reencrypt_secret(self.kept.sealed.blob, self.kept.revision_id, revision_id)
        elif data["secret_mode"] == ENTER:
            new = secret_encryption.encrypt_secret(data["client_secret"], revision_id)
        elif data["secret_mode"] == GENERATE:
            new = secret_encryption.encrypt_secret(secret_generator.generate_secret(int(data["length"])), revision_id)
        return Proposal(
            secret=self.secret.pk,
            patch=self.form.patch(),
            base=self.base,
            sealed=new,
            reason=data["reason"],
            ticket=data["ticket"],
            revision_id=revision_id,
        )

    def keep_typed_secret(self) -> None:
        """Encrypt the typed value after a form that is not valid, so that the user need not type it again."""
        value = self.form.cleaned_data.get(SECRET_FIELD)
        if isinstance(value, SecretStr):
            self.kept = _keep(self.secret, value)
            self.form.offer_kept(self.kept.sealed)
            if self.form.cleaned_data.get("secret_mode") == ENTER:
                self.form.data = {**self.form.data.dict(), "secret_mode": CARRIED}  # type: ignore[attr-defined]


def open_editor(
    secret: ApiSecret, *, by: User, revised: Revision | RevertSource | None = None, over: Prefill | None = None
) -> ProposalEditor:
    """Open the form: read the secret live, and prefill what `revised` proposes, or else `over`."""
    base, obstacle = _look(secret, by)
    kept = _kept_of(secret, revised)
    over = prefill.of_revision(revised) if revised else over or Prefill({}, None)
    initial = prefill.initial_values(base, over) | over.words()
    if over.new_secret:
        initial["secret_mode"] = ENTER
    edit = ProposalEditor(secret, by, base, ProposalForm(base=base), kept, obstacle, revised)
    if edit.secret_disputed or (isinstance(revised, RevertSource) and revised.new_secret):
        initial["secret_mode"] = ""  # the user must choose
    return _shown(edit, initial)


def reopen_editor(
    proposal: Proposal, secret: ApiSecret, *, by: User, revised: Revision | RevertSource | None = None
) -> ProposalEditor:
    """Return from the preview to the form, with everything as typed and the new client secret kept."""
    base = proposal.base
    kept = replace(proposal, patch={}, base=None) if proposal.sealed else None
    over = Prefill(proposal.patch, base.fields if base else None, proposal.reason, proposal.ticket)
    initial = prefill.initial_values(base, over) | over.words() | {"secret_mode": CARRIED if kept else SAME}
    initial["is_the_value"] = bool(kept and kept.sealed and kept.sealed.traits.get("placeholder"))
    edit = ProposalEditor(secret, by, base, ProposalForm(base=base), kept, revised=revised)
    if base:
        initial |= rebase.initial_choices(edit.conflicts, {**base.fields, **proposal.patch})
    return _shown(edit, initial)


def editor_from_post(
    data: QueryDict, secret: ApiSecret, *, by: User, revised: Revision | RevertSource | None = None
) -> ProposalEditor:
    """Return the form as it was sent, to be validated. Raises InvalidProposalToken if its base cannot be decrypted."""
    seen = decode_base(data.get("base", ""), by, secret.pk)
    base = seen if seen.fields else None
    kept = _recall(data, secret, by) or _kept_of(secret, revised)
    sealed = kept.sealed if kept else None
    form = ProposalForm(data, base=base, kept=sealed, conflicts=rebase.find_conflicts(revised, base))
    form.kept_value = secret_encryption.decrypt_secret(sealed.blob, kept.revision_id) if kept and sealed else None
    return ProposalEditor(secret, by, base, form, kept, revised=revised)


def editor_with_more_rows(
    data: QueryDict, secret: ApiSecret, *, by: User, to: str = "", revised: Revision | RevertSource | None = None
) -> ProposalEditor:
    """Return the form as sent, not validated, with new blank rows in the list `to`. Raises InvalidProposalToken."""
    edit = editor_from_post(data, secret, by=by, revised=revised)
    sent = {name: listed.total_form_count() for name, listed in edit.form.shares.items()}
    edit = _typed_again(edit, data)
    for name, listed in edit.form.shares.items():
        blank = sent[name] - listed.initial_form_count()
        listed.extra = max(BLANK_ROWS, blank + (BLANK_ROWS if name == to else 0))
    return edit


def editor_after_lost_token(
    data: QueryDict, secret: ApiSecret, *, by: User, revised: Revision | RevertSource | None = None
) -> ProposalEditor:
    """Read the secret again, keep what was typed, and show where the two differ: the base of the form was lost."""
    base, obstacle = _look(secret, by)
    kept = _recall(data, secret, by) or _kept_of(secret, revised)
    edit = _typed_again(ProposalEditor(secret, by, base, ProposalForm(base=base), kept, obstacle, revised), data)
    if base is not None:
        bound = ProposalForm(data, base=base)
        bound.is_valid()
        typed = {name: bound.cleaned_data[name] for name in TEXT_FIELDS if name in bound.cleaned_data}
        changes = patches.describe_changes(patches.changed_values(typed, base.fields), base.fields, new_secret=False)
        edit.differs = {change.field: change for change in changes}
    return edit


def _look(secret: ApiSecret, by: User) -> tuple[Snapshot | None, str]:
    try:
        details = fetch_details_for_user(secret.pk, by=by.username, as_base=True)
    except DetailsUnavailable as error:
        return None, error.failure.sentence
    return Snapshot(dict(details.fields), details.secret_fingerprint, details.read_at), ""


def _keep(secret: ApiSecret, value: SecretStr) -> Proposal:
    kept_id = uuid.uuid4()
    return Proposal(secret.pk, {}, None, sealed=secret_encryption.encrypt_secret(value, kept_id), revision_id=kept_id)


def _kept_of(secret: ApiSecret, revised: Revision | RevertSource | None) -> Proposal | None:
    """Return the client secret that an earlier revision proposes, unless it has been erased."""
    if not isinstance(revised, Revision) or revised.encrypted_secret is None:
        return None
    kept_id = uuid.uuid4()
    again = secret_encryption.reencrypt_secret(revised.encrypted_secret, revised.pk, kept_id)
    return Proposal(secret.pk, {}, None, sealed=again, revision_id=kept_id)


def _recall(data: Mapping[str, Any], secret: ApiSecret, by: User) -> Proposal | None:
    try:
        kept = decode_proposal(data.get("kept", ""), by)
    except InvalidProposalToken:
        return None
    return kept if kept.secret == secret.pk and kept.sealed else None


def _shown(edit: ProposalEditor, initial: dict[str, Any]) -> ProposalEditor:
    kept = edit.kept.sealed if edit.kept else None
    edit.form = ProposalForm(base=edit.base, kept=kept, initial=initial, conflicts=edit.conflicts)
    return edit


def _typed_again(edit: ProposalEditor, data: QueryDict) -> ProposalEditor:
    """Return a new form with what was typed; of a client secret only the encrypted value."""
    initial: dict[str, Any] = {name: data.get(name, "") for name in ProposalForm.base_fields if name != SECRET_FIELD}
    try:
        value = edit.form.fields[SECRET_FIELD].clean(data.get(SECRET_FIELD, ""))
    except ValidationError:
        value = None
    if isinstance(value, SecretStr) and initial["secret_mode"] == ENTER:
        edit.kept = _keep(edit.secret, value)
        initial["secret_mode"] = CARRIED
    elif initial["secret_mode"] == CARRIED and edit.kept is None:
        initial["secret_mode"] = ENTER
    bound = ProposalForm(data, base=edit.base)
    for name in SHARE_FIELDS:
        typed: list[dict[str, Any]] = [
            {str(part): form[part].value() for part in ("name", "access")} for form in bound.shares[name].forms
        ]
        initial[name] = prefill.join_share_rows(edit.base.fields[name] if edit.base else [], typed)
    initial |= {CHOICE.format(name): data.get(CHOICE.format(name), "") for name in edit.conflicts}
    return _shown(edit, initial)
