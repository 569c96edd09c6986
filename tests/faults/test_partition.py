"""Seven machines, two of which lose the network in the middle of their work and get it back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests
from django.conf import settings

from portal.accounts.models import User
from portal.changes.models import Attempt, Change, Vote
from portal.devserver.redis_server import free_port
from portal.sandbox import Sandbox
from tests.faults.conftest import PATIENT, ManyChanges, await_applied, updates
from tests.rig.checker import check
from tests.rig.network import HUB, Machine, missing, network
from tests.rig.proxy import Proxy, by_port, upstream_of
from tests.rig.rounds import rounds
from tests.rig.visitor import Visitor
from tests.rig.workers import database_url, workers

WORKERS, WEBS = 4, 3
CHANGES = rounds(30, 300)
CUT_S = rounds(12, 45)
"""Longer than a lease, so that others take over what was under way."""

PATIENCE_S = 8.0
"""Of people, with a page."""

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.timeout(rounds(240, 1200)),
    pytest.mark.skipif(bool(missing()), reason=missing() or "can be"),
]


class Approver:
    """Somebody with one of the web machines, who goes on until the last of these changes is decided."""

    def __init__(self, url: str, name: str, changes: list[Change]) -> None:
        self.person = Visitor.sign_in(url, name, f"{name}-correct-horse")
        self.changes, self.cut_off = changes, 0
        self.thread = threading.Thread(target=self._decide, daemon=True)
        self.thread.start()

    def _decide(self) -> None:
        for change in self.changes:
            while not self._approved(change.pk):
                self.cut_off += 1

    def _approved(self, change: int) -> bool:
        """Whether the vote counts, as far as the page says; where none comes, they try again."""
        with suppress(requests.RequestException):
            self.person.get(f"/changes/{change}/", timeout=PATIENCE_S)
            if self.person.may_vote("Approve"):
                self.person.vote("Approve", timeout=PATIENCE_S)
            return self.person.answer.status_code == 200
        return False


@pytest.mark.shows("F23")
def test_nothing_is_lost_or_doubled_while_a_worker_and_a_web_machine_are_cut_off(
    segura: Sandbox,
    submit_many: ManyChanges,
    approver: User,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    changes = submit_many(CHANGES, secrets=20)
    segura.control.plan("slow:0.4", endpoint="update", times=None)
    log = tmp_path / "portal.log"
    with ExitStack() as stack:
        staff, pages = machines(stack, segura, log, tmp_path)
        people = [Approver(url, approver.username, changes[number::WEBS]) for number, (_, url) in enumerate(pages)]
        segura.control.wait(lambda journal: updates(journal) > 2 * WORKERS, 60)  # all are at work
        lost = (staff[-1], pages[-1][0])
        for machine in lost:
            machine.cut()
        before = updates(segura.control.journal())
        time.sleep(CUT_S)
        assert updates(segura.control.journal()) > before, "the others go on"
        for machine in lost:
            machine.mend()
        for person in people:
            person.thread.join(300)
        assert people[-1].cut_off > 0
        await_applied(changes)
    check(segura.control, log=log)
    assert Vote.objects.count() == CHANGES
    attempts, calls = Attempt.objects.count(), updates(segura.control.journal())
    assert attempts >= CHANGES
    cut = f"a worker and a web machine of {WORKERS} and {WEBS} cut off for {CUT_S} s"
    record_property("figures", f"partition: {CHANGES} changes, {cut}; {attempts} attempts, {calls} calls arrived")


def machines(
    stack: ExitStack, segura: Sandbox, log: Path, folder: Path
) -> tuple[list[Machine], list[tuple[Machine, str]]]:
    """The machines of the workers, and those of the pages with their addresses; beat is with the first worker."""
    redis, database, vault = free_port(), free_port(), int(segura.url.rsplit(":", 1)[1].split("/")[0])
    hosts = stack.enter_context(network(WORKERS + WEBS, (redis, database, vault)))
    for upstream, port in (
        (upstream_of(settings.REDIS_URL), redis),
        (upstream_of(database_url()), database),
        (upstream_of(segura.url), vault),
    ):
        stack.enter_context(Proxy(upstream, at=HUB, port=port))
    environment = {
        **PATIENT,
        "REDIS_URL": by_port(settings.REDIS_URL, redis),
        "DATABASE_URL": by_port(database_url(), database),
        "DELIVERY_SPOOL_DIR": str(folder / "spool"),
    }
    crew = stack.enter_context(workers(log, environment))
    staff, pages = hosts[:WORKERS], []
    crew.start_beat(staff[0].inside)
    for host in staff:
        crew.start(1, concurrency=2, on=host.inside)
    for host in hosts[WORKERS:]:
        port = free_port()
        way_in = stack.enter_context(Proxy((host.address, port)))
        pages.append((host, crew.start_web_on(host.inside, port, f"http://127.0.0.1:{way_in.port}")))
    return staff, pages
