"""Pages: as quick at a million as at a thousand, as quick deep down as on top, and beside the least page there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from html import unescape

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.models import Change, Status
from portal.web import keyset
from tests.bench.bench import Bench, visitor
from tests.bench.engine import Process
from tests.bench.history import FIRST_SECRET, People, Size, name_of
from tests.bench.load import Visitor, timed, together
from tests.bench.outcome import Row, bound, cost, rate
from tests.bench.steadiness import Watch, percentile

_GETS = 60


def _paths(who: People, size: Size) -> dict[str, tuple[User, str]]:
    """Full pages, each of as many rows in a short past as in a long one."""
    days = min(365, max(30, 365_000 // size.changes))
    since = (timezone.now() - timedelta(days=days)).date()
    return {
        "queue": (who.approvers[1], "/queue/"),
        "log": (who.reader, "/audit/"),
        "catalogue": (who.requesters[1], "/secrets/"),
        "my changes": (who.requesters[1], "/changes/mine/"),
        "all changes": (who.approvers[1], "/changes/"),
        "a person's page": (who.reader, f"/audit/people/requester1/?since={since}&until={timezone.now().date()}"),
        "a secret's page": (who.approvers[1], f"/secrets/{FIRST_SECRET + 7}/?at={_cursor()}"),
        "a secret in the log": (who.reader, f"/audit/secrets/{FIRST_SECRET + 7}/"),
    }


def _cursor() -> str:
    """Into a secret's history: so the page reads nothing from Segura."""
    changes = Change.objects.of_secret(FIRST_SECRET + 7)
    return keyset.paginate_by_keyset(changes, order=("-id",), cursor="", size=1).older


def sizes(bench: Bench) -> Iterator[Row]:
    """B1 and its sisters: each page in the longest past beside itself in the shortest, in turn."""
    figures: dict[str, dict[Size, list[float]]] = {}
    queries: dict[str, dict[Size, int]] = {}
    served = {size: _serve(bench, size) for size in (bench.small, bench.large)}
    with bench.watch() as watch:
        for _ in range(bench.options.rounds):
            for size, (port, _web, who) in served.items():
                bench.past(size)
                for name, (person, path) in _paths(who, size).items():
                    queries.setdefault(name, {})[size] = _queries(person, path)
                    taken = timed(partial(visitor(person, port).get, path), _GETS, bench.options.seconds)
                    figures.setdefault(name, {}).setdefault(size, []).append(1000 * percentile(taken, 0.5))
    for name, by_size in figures.items():
        ratios = sorted(
            zip(by_size[bench.large], by_size[bench.small], strict=True), key=lambda pair: pair[0] / pair[1]
        )
        large, small = ratios[len(ratios) // 2]
        asked = queries[name]
        note = f"{asked[bench.large]} queries, {asked[bench.small]} in the shortest past"
        yield cost("B1" if name == "queue" else "size", f"{name}, p50, {bench.large.changes:,} changes", "ms", large,
                   small, 1.25, f"{bench.small.changes:,}", stolen=watch.stolen, note=note)  # fmt: skip
    yield bound("B1", "queries of the queue's page", "", queries["queue"][bench.large], 8)
    bench.engine.stop(*(web for _port, web, _who in served.values()))


def _serve(bench: Bench, size: Size) -> tuple[int, Process, People]:
    who = bench.past(size)
    port, web = bench.portal()
    return port, web, who


def _queries(person: User, path: str) -> int:
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(person)
    assert client.get(path).status_code == 200, path
    with CaptureQueriesContext(connection) as asked:
        client.get(path)
    return len(asked)


def depth(bench: Bench) -> Iterator[Row]:
    """B2: far down the list beside its beginning."""
    who = bench.past(bench.large)
    port, web = bench.portal()
    waiting = Change.objects.filter(status=Status.PENDING)
    for name, person, path, rows, order in (
        ("queue", who.approvers[1], "/queue/", waiting, ("id",)),
        ("log", who.reader, "/audit/", Event.objects.all(), ("-id",)),
    ):
        first = getattr(rows.order_by(*order).first(), "pk", 0)
        last = getattr(rows.order_by(*order).last(), "pk", 0)
        deep = _position(rows, order, round(first + 0.9 * (last - first)))
        there = visitor(person, port)
        with bench.watch() as watch:
            top = timed(partial(there.get, path), _GETS, bench.options.seconds)
            below = timed(partial(there.get, f"{path}?at={deep}"), _GETS, bench.options.seconds)
        yield cost("B2", f"{name}, nine tenths down, p50", "ms", 1000 * percentile(below, 0.5),
                   1000 * percentile(top, 0.5), 1.25, "first page", stolen=watch.stolen)  # fmt: skip
    bench.engine.stop(web)


def _position(rows: object, order: tuple[str, ...], number: int) -> str:
    """A cursor that goes on from about there."""
    beyond = {"id__gte": number} if order == ("id",) else {"id__lte": number}
    return keyset.paginate_by_keyset(rows.filter(**beyond), order=order, cursor="", size=1).older  # type: ignore[attr-defined]


def minimal(bench: Bench) -> Iterator[Row]:
    """B3: the queue beside a minimal page as heavy, p50 and CPU, and requests a second at eight."""
    who = bench.past(bench.large)
    port, web = bench.portal()
    there = visitor(who.approvers[1], port)
    weight = len(there.get("/queue/"))
    floor_port, floor_web, floor = bench.minimal_site()
    pad = max(0, weight - len(floor.get("/keyset")))
    bench.engine.stop(floor_web)
    floor_port, floor_web, floor = bench.minimal_site(pad)
    page, bare_page = partial(there.get, "/queue/"), partial(floor.get, "/keyset")
    with bench.watch() as watch:
        pairs = [(_timed(page, web, bench), _timed(bare_page, floor_web, bench)) for _ in range(bench.options.rounds)]
    (ours, ours_cpu), (theirs, theirs_cpu) = sorted(pairs, key=lambda pair: pair[0][0] / pair[1][0])[len(pairs) // 2]
    against = f"minimal page, {weight / 1000:.0f} KB too"
    yield cost("B3", "queue, 25 rows, p50", "ms", ours, theirs, 1.5, against, stolen=watch.stolen)
    yield cost("B3", "the same, CPU of the web process", "ms", ours_cpu, theirs_cpu, 1.5, against, stolen=watch.stolen)
    eight = [partial(visitor(who.approvers[1], port).get, "/queue/") for _ in range(8)]
    bare = [partial(bench.floor_visitor(floor_port).get, "/keyset") for _ in range(8)]
    yield Row("B3", "the same, eight at once", "/s", together(eight, bench.options.seconds),
              together(bare, bench.options.seconds), against=against)  # fmt: skip
    bench.engine.stop(web, floor_web)


def _timed(get: Callable[[], object], web: Process, bench: Bench) -> tuple[float, float]:
    """p50 and CPU, both in milliseconds."""
    with Watch(web=web.pid) as watch:
        taken = timed(get, _GETS, bench.options.seconds)
    return 1000 * percentile(taken, 0.5), 1000 * watch.cpu["web"] / (len(taken) + 2)


def poll(bench: Bench) -> Iterator[Row]:
    """The question an open page asks every two seconds, beside a view that answers 204."""
    who = bench.past(bench.large)
    port, web = bench.portal()
    _floor_port, floor_web, floor = bench.minimal_site()
    change = Change.objects.filter(status=Status.PENDING).earliest("pk")
    there = visitor(who.approvers[1], port)
    page = there.get(f"/changes/{change.pk}/").decode()
    found = re.search(r'hx-get="([^"]+/status/[^"]+)"', page)
    assert found is not None
    path = unescape(found[1])
    ask, bare = partial(there.get, path, 204, HX_Request="true"), partial(floor.get, "/nothing", 204)
    with bench.watch() as watch:
        pairs = [
            (together([ask], bench.options.seconds), together([bare], bench.options.seconds))
            for _ in range(bench.options.rounds)
        ]
    ours, theirs = sorted(pairs, key=lambda pair: pair[0] / pair[1])[len(pairs) // 2]
    yield rate("poll", "status poll, nothing changed", "/s", ours, theirs, 0.7, "a view that answers 204",
               stolen=watch.stolen)  # fmt: skip
    bench.engine.stop(web, floor_web)


def search(bench: Bench) -> Iterator[Row]:
    """B8: the log's search by a part of a name, p95, beside its first page."""
    who = bench.past(bench.large)
    port, web = bench.portal()
    there: Visitor = visitor(who.reader, port)
    with bench.watch() as watch:
        first = 1000 * percentile(timed(partial(there.get, "/audit/"), _GETS, bench.options.seconds), 0.95)
        for what, text in (("rare", name_of(7)[-6:]), ("absent", "no-such-thing")):
            get = partial(there.get, f"/audit/find/?q={text}", 200, 302)
            taken = 1000 * percentile(timed(get, _GETS, bench.options.seconds), 0.95)
            yield cost("B8", f"search in the log, {what}, p95", "ms", taken, first, 4, "its first page",
                       stolen=watch.stolen)  # fmt: skip
    bench.engine.stop(web)
