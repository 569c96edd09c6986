"""The one checker: the invariants I1 to I10 of docs/reliability.md, after whatever a test did to the portal.

It joins three witnesses: the stand-in's journal, the database, and the log as an auditor exports it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from portal.sandbox import Control
from tests.rig import invariants
from tests.rig.ground_truth import Truth
from tests.rig.markers import Marker


def check(
    control: Control,
    *,
    markers: Sequence[Marker] = (),
    log: Path | None = None,
    settled: bool = True,
    by_hand: Collection[int] = (),
) -> None:
    """Assert all ten invariants, in the test's own database and the vault behind `control`; seals the log.

    Call it while nothing is under way. `markers`: the secret values that were proposed, and whatever else must be
    found nowhere, also not in `log`, what the processes printed. Unless `settled`, changes may still wait for their
    delivery. `by_hand`: secrets that somebody edited in the vault itself.
    Raises AssertionError with a sentence for each violation, in which no secret value is named.
    """
    truth = Truth.gathered(control)
    found = {
        "I1": invariants.no_approved_change_is_lost(truth, settled=settled),
        "I2": invariants.every_arrival_was_written_down_before(truth),
        "I3 (order)": invariants.applications_follow_the_fences(truth),
        "I3 (vault)": invariants.the_vault_holds_what_was_applied_last(truth, markers, by_hand),
        "I4": invariants.one_change_of_a_secret_is_on_its_way(truth),
        "I5": invariants.what_arrived_is_what_was_approved(truth, markers),
        "I6": invariants.nobody_decided_on_their_own(truth),
        "I7": invariants.every_answer_is_in_the_log(truth),
        "I8": invariants.the_log_verifies(),
        "I9": invariants.no_marker_is_left(markers, log),
        "I10": invariants.ended_changes_hold_no_ciphertext(truth),
    }
    complaints = [f"{name}: {complaint}" for name, complaints in found.items() for complaint in complaints]
    assert not complaints, "\n".join(complaints)
