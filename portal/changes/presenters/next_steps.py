"""Sentences about what happens next with a change: one line for lists, several for its own page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.audit import findings
from portal.changes.models import LANE, OPEN, Change, CircuitBreaker, Status, StatusCause
from portal.changes.presenters.particulars import list_collisions, list_particulars

_IN_PART = (StatusCause.APPLIED_EXCEPT, StatusCause.CLOSED_IN_PART)
WAITING = (Status.APPROVED, Status.IN_DOUBT)
"""Statuses that the worker continues on its own, unless delivery is paused."""


@dataclass(frozen=True)
class ProgressStep:
    """One step in the progress of a change; `state` is done, current, problem or ahead."""

    word: str
    state: str
    at: datetime | None = None


def next_step_line(change: Change, missing: int, *, paused: bool = False) -> str:
    """Return one line for a list. `missing`: approvals still needed; `paused`: whether all delivery is paused."""
    if change.status == Status.PENDING:
        return _approvals(missing)
    if paused and change.status in WAITING:
        return _("Waiting: delivery is paused")
    if change.status == Status.APPLIED and change.cause in _IN_PART:
        return _("Applied in part")
    if change.status == Status.APPLIED and change.verified_at:
        return _("Verified by reading back")
    if change.status == Status.APPROVED and change.not_before and change.not_before > timezone.now():
        return _("Will be retried")
    return {
        Status.APPROVED: _("Waiting to be sent"),
        Status.SENDING: _("Sending to Segura"),
        Status.IN_DOUBT: _("Checking whether it was applied"),
        Status.NEEDS_ATTENTION: _("An administrator must check"),
        Status.FAILED: _("Can be retried"),
        Status.STALE: _("The requester can revise or withdraw it"),
    }.get(Status(change.status), "")


def change_request_line(names: str) -> str:
    """Return the line of a list for a change whose approvers request another revision."""
    return _("Changes requested by %(names)s") % {"names": names}


def unapprovable_line() -> str:
    """Return the line of a list for a pending change that too few users may approve."""
    return _("No one can approve this now")


def unapprovable_text() -> str:
    """Return the reason why a pending change cannot be approved, and who can help, in sentences."""
    return _(
        "No one can approve this now: too few people can approve. Nothing is sent. An "
        "administrator can give more people the approver role."
    )


def change_request_lines(names: str, change: Change) -> list[str]:
    """Return the sentences about what happens next after a request for changes."""
    return [
        _("%(names)s requested changes. The change can be approved after the requester has revised it.")
        % {"names": names},
        deadline_text(change),
    ]


def next_actor(change: Change, *, asked: bool) -> str:
    """Return the role that acts next on an open change, for its requester; `asked`: a revision is requested."""
    if asked:
        return _("You")
    return {
        Status.PENDING: _("Approver"),
        Status.STALE: _("You"),
        Status.NEEDS_ATTENTION: _("Administrator"),
    }.get(Status(change.status), "Countersign")


def next_step_lines(
    change: Change, missing: int, others: Iterable[Change], pause: CircuitBreaker | None = None, *, called: bool = False
) -> list[str]:
    """Return the sentences about what happens next. `others`: changes of this secret that are open or block its lane.

    `called`: a call for this change may have left the portal.
    """
    match change.status:
        case Status.PENDING:
            return [_votes(missing), *list_collisions(change, others), deadline_text(change)]
        case Status.APPROVED:
            return [*(pause_lines(pause) if pause else waiting_reasons(change, others)), deadline_text(change)]
        case Status.IN_DOUBT:
            return [*_doubt(change, pause), _("Until the outcome is known, every other change to this secret waits.")]
        case _:
            return [*list_particulars(change), *_plain(change, called=called)]


def waiting_reasons(change: Change, others: Iterable[Change]) -> list[str]:
    """Return the reasons why no worker has claimed an approved change: those of claims.ready_changes."""
    now = timezone.now()
    reasons = [reason for other in others if (reason := _ahead(change, other, now))]
    if change.replay_window_until and change.replay_window_until > now and not change.in_doubt_since:
        own = _(
            "Until %(at)s Segura's gateway may still repeat an earlier call of this change. This "
            "change waits until then."
        )
        reasons.append(_filled(own, at=instant_html(change.replay_window_until)))
    if change.not_before and change.not_before > now:
        reasons.append(_filled(_("The next try is at %(at)s."), at=instant_html(change.not_before)))
    return reasons or [_("A worker will send it to Segura shortly.")]


def pause_lines(pause: CircuitBreaker) -> list[str]:
    """Return sentences about a pause: its reason and start, and when the next call is tried or who resumes delivery."""
    if pause.paused_at:
        who = pause.paused_by.display_name if pause.paused_by else ""
        held = {"name": who, "at": instant_html(pause.paused_at), "why": pause.pause_reason}
        return [
            _filled(_("%(name)s paused delivery of all changes at %(at)s: %(why)s"), **held),
            _("Delivery resumes when an administrator resumes it."),
        ]
    why = {"at": instant_html(pause.opened_at) if pause.opened_at else "", "why": findings.error_text(pause.reason)}
    said = _filled(_("Delivery of all changes is paused since %(at)s: Segura cannot be reached (%(why)s)."), **why)
    if pause.probe_at and pause.probe_at > timezone.now():
        next_try = _("One change is tried at %(at)s. If it succeeds, delivery resumes.")
        return [said, _filled(next_try, at=instant_html(pause.probe_at))]
    return [said, _("One change is about to be tried. If it succeeds, delivery resumes.")]


def progress_steps(change: Change) -> list[ProgressStep]:
    """Return the progress of a change: proposed, approved, sent, applied."""
    proposed = ProgressStep(_("Proposed"), "done", change.created_at)
    match change.status:
        case Status.PENDING:
            return [
                proposed,
                ProgressStep(_("Decision"), "current"),
                ProgressStep(_("Delivery"), "ahead"),
                ProgressStep(_("Applied"), "ahead"),
            ]
        case Status.REJECTED | Status.WITHDRAWN:
            return [proposed, ProgressStep(str(change.get_status_display()), "problem", change.closed_at)]
        case Status.EXPIRED if not change.approved_at:
            return [proposed, ProgressStep(_("Expired"), "problem", change.closed_at)]
        case Status.STALE if not change.approved_at:
            return [proposed, ProgressStep(_("Out of date"), "problem", change.status_since)]
    approved = [proposed, ProgressStep(_("Approved"), "done", change.approved_at)]
    if change.queued_at and change.queued_at != change.approved_at:
        approved.append(ProgressStep(_("Retried"), "done", change.queued_at))
    if change.status == Status.APPLIED:
        word = _("Applied in part") if change.cause in _IN_PART else _applied(change)
        return [*approved, ProgressStep(_("Delivery"), "done"), ProgressStep(word, "done", change.closed_at)]
    state = "current" if change.status in (Status.APPROVED, Status.SENDING) else "problem"
    word = _("Delivery") if state == "current" else str(change.get_status_display())
    return [
        *approved,
        ProgressStep(word, state, None if state == "current" else change.status_since),
        ProgressStep(_("Applied"), "ahead"),
    ]


def deadline_text(change: Change) -> str:
    """Return the sentence with the deadline of the change, or '' if it has none, or none any longer."""
    if change.expires_at is None or change.in_doubt_since is not None or change.status not in OPEN:
        return ""
    return _filled(_("It expires at %(at)s."), at=instant_html(change.expires_at))


def instant_html(instant: datetime) -> SafeString:
    """Return an instant as text with its time zone; the attribute and the title have it in full."""
    whole = instant.isoformat(timespec="milliseconds")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', whole, instant_utc_text(instant), instant_text(instant)
    )


def instant_text(instant: datetime) -> str:
    """Return an instant as text, with its time zone."""
    local = timezone.localtime(instant)
    return f"{date_format(local, 'DATETIME_FORMAT')} {local:%Z}"


def instant_utc_text(instant: datetime) -> str:
    """Return an instant in the reader's time zone, and in UTC to the second, to compare it with the log."""
    utc = f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return utc if timezone.localtime(instant).tzname() == "UTC" else f"{instant_text(instant)} · {utc}"


def _filled(sentence: str, **parts: object) -> SafeString:
    """Return the sentence with its %(parts)s; parts that are not HTML are escaped."""
    return format_html(sentence % {name: f"{{{name}}}" for name in parts}, **parts)


def _approvals(missing: int) -> str:
    return ngettext("%(count)d more approval needed", "%(count)d more approvals needed", missing) % {"count": missing}


def _votes(missing: int) -> str:
    sentence = ngettext(
        "Needs %(count)d more approval from someone who neither proposed nor edited it.",
        "Needs %(count)d more approvals from people who neither proposed nor edited it.",
        missing,
    )
    return sentence % {"count": missing}


def _ahead(change: Change, other: Change, now: datetime) -> str:
    names = {"number": other.reference, "status": other.get_status_display()}
    if other.status in LANE:
        return (
            _("%(number)s of the same secret comes first (%(status)s). This change waits until its outcome is known.")
            % names
        )
    if other.replay_window_until and other.replay_window_until > now:
        until = _("Until %(at)s Segura's gateway may still repeat a call of %(number)s. This change waits until then.")
        return _filled(until, number=other.reference, at=instant_html(other.replay_window_until))
    earlier = other.queued_at and change.queued_at and (other.queued_at, other.pk) < (change.queued_at, change.pk)
    if other.status == Status.APPROVED and earlier:
        return _("%(number)s of the same secret was approved earlier and goes first.") % names
    return ""


def _doubt(change: Change, pause: CircuitBreaker | None) -> list[str]:
    now = timezone.now()
    found = [
        _(
            "It is not known whether Segura applied the change. Countersign tries to read the secret back "
            "before it sends anything more."
        )
    ]
    if pause:
        found += pause_lines(pause)
    elif change.not_before and change.not_before > now:
        found.append(_filled(_("Countersign reads the secret back at %(at)s."), at=instant_html(change.not_before)))
    else:
        found.append(_("Countersign is reading the secret back."))
    if change.replay_window_until and change.replay_window_until > now:
        until = _("Until %(at)s Segura's gateway may still repeat the call.")
        found.append(_filled(until, at=instant_html(change.replay_window_until)))
    return found


def _applied(change: Change) -> str:
    return _("Applied and verified") if change.verified_at else _("Applied")


def _plain(change: Change, *, called: bool) -> list[str]:
    sent = _("Its calls are listed under “Technical details”.") if called else _("Nothing was sent.")
    return {
        Status.SENDING: [_("A worker is comparing the secret with what was approved, then sends the change.")],
        Status.NEEDS_ATTENTION: [
            _("An administrator who neither proposed nor edited it must check the secret in Segura."),
            _("Until then every other change to this secret waits, and nothing more is sent for it."),
        ],
        Status.APPLIED: [_("The secret was not read back.")] if change.cause == StatusCause.CONFIRMED else [],
        Status.FAILED: [
            _(
                "The requester or an administrator can retry it with its existing approvals. The "
                "secret is first compared with what approvers saw."
            )
        ],
        Status.STALE: [
            _("The requester can revise it against the current values or withdraw it. Revising resets all votes."),
            deadline_text(change),
        ],
        Status.REJECTED: [_("Closed. To try again, propose a new change."), *([sent] if called else [])],
        Status.WITHDRAWN: [_("Withdrawn by the requester."), sent],
        Status.EXPIRED: [_("Expired. To try again, propose a new change."), sent],
    }[Status(change.status)]
