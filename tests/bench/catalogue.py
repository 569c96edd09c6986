"""Every measurement by the name it is asked for with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.bench.bench import Bench
from tests.bench.measure import acts, append, delivery, footprint, log, pages, peers
from tests.bench.outcome import Row

MEASURES: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "sizes": pages.sizes,
    "depth": pages.depth,
    "minimal": pages.minimal,
    "approve": acts.approve,
    "submit": acts.submit,
    "poll": pages.poll,
    "search": pages.search,
    "apply": delivery.apply,
    "pools": delivery.pools,
    "drain": delivery.drain,
    "click": delivery.click,
    "killed": delivery.killed,
    "append": append.append,
    "verify": log.verify,
    "export": log.export,
    "memory": footprint.memory,
    "paint": footprint.paint,
    "plans": footprint.plans,
    "storage": footprint.storage,
    "peers": peers.peers,
}
