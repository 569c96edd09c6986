"""No page asks the database for more, the longer the history is: read off the plans of all it asks.

A million rows take minutes to load, so here are some thousands, which the planner is told to be fifty times as many: it
then chooses as it would, and how many rows its choice really touches shows whether the cost grows. `make bench plans`
does the same over a true million.
"""

from __future__ import annotations

import pytest
from django.db import connection

from tests.audit.conftest import SEED
from tests.bench import plans
from tests.bench.history import Size, fill
from tests.bench.measure.plans import everything

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
SIZE, TIMES = Size(changes=20_000, events=150_000, secrets=2000), 50


def test_no_page_costs_more_for_a_longer_history(settings: pytest.FixtureRequest) -> None:
    settings.AUDIT_SIGNING_KEY = SEED  # type: ignore[attr-defined]
    people = fill(SIZE)
    plans.pretend(TIMES)
    found = everything(people)
    assert not found, plans.report(found)
    with connection.cursor() as cursor:  # a test that cannot fail is a defect
        cursor.execute("DROP INDEX event_actor")
        cursor.execute("DROP INDEX change_status")
    assert {name.partition(" ")[0] for name in everything(people)} >= {"log", "queue"}
