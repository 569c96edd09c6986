"""`python -m tests.mutants [part of a name ...]`: 1 where a mutant survives, 2 where the check itself is broken."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.mutants.defences import MUTANTS
from tests.mutants.mutant import Misfit, Mutant
from tests.mutants.trial import Unsound, baseline, first_failure_without

_AT_ONCE = min(2, len(os.sched_getaffinity(0)))


def main(wanted: Sequence[str]) -> int:
    """Try each mutant, or those whose name holds one of `wanted`; a line each, and the exit code."""
    began = time.monotonic()
    chosen = [mutant for mutant in MUTANTS if not wanted or any(word in mutant.name for word in wanted)]
    try:
        for mutant in chosen:
            mutant.check()
        baseline(chosen)
    except (Misfit, Unsound) as trouble:
        print(trouble)
        return 2
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        killed = list(pool.map(_try, chosen))
    print(f"{sum(killed)} of {len(chosen)} mutants killed in {time.monotonic() - began:.0f} s")
    return 0 if chosen and all(killed) else 1


def _try(mutant: Mutant) -> bool:
    try:
        killer = first_failure_without(mutant)
    except Unsound as trouble:
        print(f"{mutant.name}: BROKEN, its tests could not run\n{trouble}", flush=True)
        return False
    print(f"{mutant.name}: {'killed by ' + killer if killer else 'SURVIVED'}", flush=True)
    return bool(killer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
