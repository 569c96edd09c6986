"""Check of Segura and its gateway: the assumptions about them and, on request, whether they answer."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from portal.catalog import connection_check
from portal.operations import segura_assumptions
from portal.operations.doctor.finding import CheckArea, Finding, runs_as

_AREA = CheckArea("segura")
_GATEWAY = ("SEGURA_GATEWAY_TIMEOUT_S", "SEGURA_GATEWAY_RETRIES", "DELIVERY_REPLAY_MARGIN_S")
_NEEDED = ("SEGURA_URL", "SEGURA_CLIENT_ID", "SEGURA_CLIENT_SECRET")


def check_segura() -> Iterator[Finding]:
    """Yield the findings that need no call to Segura. Only web processes and workers call Segura."""
    if not runs_as("web", "worker"):
        return
    missing = [name for name in _NEEDED if not getattr(settings, name)]
    if missing:
        yield _AREA.problem(f"{', '.join(missing)} not set", "Set them: nothing is read or delivered without.")
    if settings.SEGURA_SCIM_CLIENT_ID and not settings.SEGURA_SCIM_CLIENT_SECRET:
        yield _AREA.problem("SEGURA_SCIM_CLIENT_SECRET not set", "Set it, or empty SEGURA_SCIM_CLIENT_ID.")
    for known in segura_assumptions.list_assumptions():
        if known.name in _GATEWAY and not known.stated:
            yield _AREA.advice(
                f"{known.name} is {known.value} by assumption", f"{known.consequence} State it: {known.name}=…"
            )
    if settings.SEGURA_DEADLINE_S <= settings.SEGURA_GATEWAY_TIMEOUT_S:
        yield _AREA.problem(
            f"SEGURA_DEADLINE_S {settings.SEGURA_DEADLINE_S:g} is not longer than SEGURA_GATEWAY_TIMEOUT_S",
            "Make it longer by some seconds: calls that the gateway would still have answered end in doubt.",
        )
    if settings.SEGURA_GATEWAY_RETRIES:
        yield _AREA.advice(
            f"a secret is held for {settings.DELIVERY_HOLD_S:g} s after a call without an answer",
            "Set retries to 0 on the gateway's route, and SEGURA_GATEWAY_RETRIES to 0: then it is minutes less.",
        )


def check_segura_live() -> Iterator[Finding]:
    """Test token, list, one secret and, with SCIM, the directory, each within SEGURA_PAGE_DEADLINE_S.

    All calls are recorded in the audit log. Must run outside a transaction.
    """
    connection_check.run_connection_test(by="")
    made = connection_check.latest_connection_test()
    for step in made.steps if made else []:
        if step.ok:
            yield _AREA.ok(f"{step.name}: HTTP {step.code} in {step.duration_ms} ms")
        elif step.failure is not None:
            yield _AREA.problem(f"{step.name}: {step.kind}", f"{step.failure.sentence} {step.advice}".strip())
        else:
            yield _AREA.advice(f"{step.name}: not tried", "An earlier step failed, or no listed secret can be read.")
