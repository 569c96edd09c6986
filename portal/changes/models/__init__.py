"""Tables of change requests. Their constraints are the last defence, behind the checks in `rules` and `transitions`."""

from portal.changes.models.attempt import Attempt
from portal.changes.models.change import (
    LANE,
    OPEN,
    REVISABLE,
    SEE_ALL,
    Change,
    ChangeQuerySet,
    Revision,
    Status,
)
from portal.changes.models.circuit_breaker import CircuitBreaker
from portal.changes.models.comment import Comment, ResolvedThread
from portal.changes.models.draft import Draft
from portal.changes.models.observed_secret import ObservedSecret
from portal.changes.models.seen_revision import SeenRevision
from portal.changes.models.status_causes import StatusCause, cause_choices
from portal.changes.models.stored_reading import StoredReading
from portal.changes.models.subscription import ChangeSubscription
from portal.changes.models.template import ChangeTemplate
from portal.changes.models.vote import Verdict, Vote
from portal.changes.models.wrong_value import WrongValue

__all__ = [
    "LANE",
    "OPEN",
    "REVISABLE",
    "SEE_ALL",
    "Attempt",
    "Change",
    "ChangeQuerySet",
    "ChangeSubscription",
    "ChangeTemplate",
    "CircuitBreaker",
    "Comment",
    "Draft",
    "ObservedSecret",
    "ResolvedThread",
    "Revision",
    "SeenRevision",
    "Status",
    "StatusCause",
    "StoredReading",
    "Verdict",
    "Vote",
    "WrongValue",
    "cause_choices",
]
