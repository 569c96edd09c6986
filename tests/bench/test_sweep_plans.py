"""What the clock asks reads as many rows as it uses, whatever statuses there are and whatever the planner knows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection

from portal.accounts.roles import Role
from portal.changes import transitions
from portal.changes.delivery import claims, sweep, worker
from portal.changes.models import Change, Status
from tests.bench import plans
from tests.people import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
ROWS = 12_000
MOST_ROWS = 3 * sweep.BATCH
"""A batch of each question, of which each row is compared with those of its own lane."""
MIXES = {
    "nearly all applied": "CASE WHEN n % 1000 = 0 THEN 'approved' WHEN n % 1000 = 1 THEN 'pending' ELSE 'applied' END",
    "three of ten pending": "CASE WHEN n % 10 < 3 THEN 'pending' WHEN n % 1000 = 3 THEN 'approved' ELSE 'applied' END",
    "three of ten approved": "CASE WHEN n % 10 < 3 THEN 'approved' ELSE 'applied' END",
    "half of them stale": "CASE WHEN n % 2 = 0 THEN 'stale' WHEN n % 1000 = 1 THEN 'approved' ELSE 'failed' END",
    "all ended": "CASE WHEN n % 2 = 0 THEN 'applied' ELSE 'expired' END",
    "each under way": "CASE WHEN n % 100 = 0 THEN 'in_doubt' WHEN n % 100 = 1 THEN 'sending' ELSE 'applied' END",
}
SECRETS = {"a secret for three changes": ROWS // 3, "a few secrets for all": 7}


def load(status: str, secrets: int) -> None:
    """Fill the table of changes in one statement; all that has a deadline has a week left, each third was in doubt."""
    requester = person("ana", Role.REQUESTER)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO changes_change (id, secret, secret_name, requester_id, status, revision, risk, burst_size,"
            " created_at, updated_at, expires_at, approved_at, queued_at, closed_at, replay_window_until,"
            " in_doubt_since, lease_until, fence, backoff_count, unknown_outcomes, cause, last_message)"
            f" SELECT n, CASE WHEN status IN ('sending', 'in_doubt') THEN -n ELSE n %% {secrets} END, 'a secret',"
            " %s, status, 1, 1, 1, at, at, now() + interval '7 days', at, at, at,"
            " CASE WHEN n %% 3 = 0 THEN at END, CASE WHEN status = 'in_doubt' THEN at END,"
            " CASE WHEN status = 'sending' THEN now() + interval '1 minute' END, 1, 0, 0, '', ''"
            f" FROM (SELECT n, {status.replace('%', '%%')} AS status, now() - n * interval '1 minute' AS at"
            f" FROM generate_series(1, {ROWS}) AS n) AS made",
            [requester.pk],
        )


def questions() -> list[tuple[str, Callable[[], object]]]:
    """The sweep's, and those that a worker asks for one change."""
    ready = claims.ready_changes(transitions.db_now())
    newest, oldest = Change.objects.latest("pk").pk, Change.objects.earliest("pk").pk
    return [
        ("sweep", sweep.run_sweep),
        ("due", sweep.due_change_ids),
        *((f"claim of {pk}", partial(list, ready.filter(pk=pk))) for pk in (newest, oldest)),
        *((f"next of {pk}", partial(worker.find_following, pk)) for pk in (newest, oldest)),
    ]


def found(most_rows: int = MOST_ROWS) -> dict[str, list[str]]:
    complaints = {name: plans.complaints(act, most_rows) for name, act in questions()}
    return {name: wrong for name, wrong in complaints.items() if wrong}


@pytest.mark.parametrize("secrets", SECRETS)
@pytest.mark.parametrize("mix", MIXES)
def test_sweep_never_reads_the_history_before_and_after_analyze(mix: str, secrets: str) -> None:
    plans.forget_statistics()
    load(MIXES[mix], SECRETS[secrets])
    # Without statistics PostgreSQL takes a backlog for a few rows and sorts all of it, and lanes that are fewer than a
    # batch are walked through: that is the backlog then, not the history.
    backlog = 5 * Change.objects.filter(status=Status.APPROVED).count()
    walked = backlog if SECRETS[secrets] < sweep.BATCH else 0
    for step, waiting in (("", backlog), ("ANALYZE", walked), ("VACUUM", walked)):
        if step:
            with connection.cursor() as cursor:
                cursor.execute(f"{step} changes_change")
        wrong = found(MOST_ROWS + waiting)
        assert not wrong, f"after {step or 'the load'}\n{plans.report(wrong)}"


def test_complaint_holds_the_statement_and_its_plan() -> None:
    load(MIXES["three of ten approved"], 7)
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX change_queue")
        cursor.execute("ANALYZE changes_change")
    report = plans.report(found())
    assert "due: " in report
    assert 'SELECT "changes_change"."id"' in report
    assert "Scan on changes_change" in report
    assert "actual rows" in report
