"""Story of the demo: 20 changes of a plausible company, in every state that a change can have."""

from __future__ import annotations

from collections.abc import Callable

from portal.devserver.demo_deadline import EXPIRING_SECRET
from portal.devserver.demo_history import DemoPlayer

Part = Callable[[DemoPlayer], None]
_COVER = ("users_allowed", "jsilva", True)


def play_story(player: DemoPlayer) -> None:
    """Play the parts in order. Raises PageError."""
    for part, changes in STORY:
        part(player)
        player.count_changes(changes)


def _leave_low_risk_pending(player: DemoPlayer) -> None:
    reason = "Costs are assigned by tag from December"
    player.propose("requester", 18, reason, {"ticket": "OPS-101", "tags": "monitoring,logs,eu"})
    notes = "Creates tickets from alerts. Owner: Site Reliability."
    player.propose("requester2", 31, "The on-call handbook names the new owner", {"ticket": "OPS-102", "notes": notes})


def _leave_high_risk_pending(player: DemoPlayer) -> None:
    reason, access = "Lena takes over provisioning on 1 December", ("users_allowed", "lkowalski", True)
    values = {"ticket": "IAM-77", "client_id": "azure-graph-client-2", "secret_mode": "generate"}
    change = player.propose("requester", 21, reason, values, share=access)
    player.offer_review(change)


def _leave_to_expire(player: DemoPlayer) -> None:
    """Leave a change whose short deadline ends at about the time the history does."""
    notes = "Restricted to the shop's address. Quota: 5,000 calls a day."
    player.propose("requester", EXPIRING_SECRET, "Marketing asked for the new quota", {"notes": notes})


def _leave_outcome_unknown(player: DemoPlayer) -> None:
    """Leave one change with an unknown outcome, and another one that waits behind it in the lane of the secret."""
    reason = "The bucket moved to another retention class"
    first = player.propose("requester2", 29, reason, {"ticket": "OPS-103", "tags": "cloud,backup,cold"})
    notes = "Write-only key of the backup bucket. Restore test: each Monday."
    second = player.propose("requester2", 29, "Name the restore test", {"notes": notes})

    def spoil_reads() -> None:
        player.segura.plan("wrong_code", endpoint="get", identifier="29", times=None)

    act_during_update = player.hold_update(29, spoil_reads)
    player.decide("approver", first, "approve")
    act_during_update()
    player.decide("approver2", second, "approve", f"Fine, after CR-{first}")


def _leave_to_administrator(player: DemoPlayer) -> None:
    reason, notes = "The provider retires the old API version", "One-time codes by text message. API 2025-06-01."
    change = player.propose("requester2", 26, reason, {"ticket": "OPS-104", "notes": notes})

    def edit_in_segura() -> None:
        player.segura.edit(26, notes="Changed at the provider's request, see their mail.")

    act_during_update = player.hold_update(26, edit_in_segura)
    player.decide("approver", change, "approve")
    act_during_update()


def _apply_after_gateway_timeout(player: DemoPlayer) -> None:
    """Let the gateway time out although Segura applies the change, which reading it back shows."""
    values = {"ticket": "PAY-31", "notes": "Signing key of the checkout webhook. Rotated in November."}
    values |= {"secret_mode": "generate"}
    change = player.propose("requester", 12, "Quarterly rotation of the signing key", values)
    player.segura.plan("504_after_apply", endpoint="update", identifier="12")
    player.decide("approver2", change, "approve", "Rotation is due")


def _go_stale(player: DemoPlayer) -> None:
    """Let the secret change in Segura between approval and delivery."""
    reason = "Deploys run from the new pipeline"
    change = player.propose("requester", 17, reason, {"ticket": "CI-8", "tags": "ci,deploy,pipeline-2"})
    player.operate("pause", {"reason": "Segura is restarted at the top of the hour"})
    player.decide("approver", change, "approve")
    player.segura.edit(17, tags="ci,deploy,archived")
    player.operate("resume")


def _apply_with_access(player: DemoPlayer) -> None:
    """Grant a right, and take it back by a second change."""
    reason = "Joana covers for Marcos until Friday"
    grant = player.propose("requester2", 34, reason, {"ticket": "HR-12"}, share=_COVER)
    player.decide("approver2", grant, "approve", "Agreed with HR")
    player.wait(lambda: "jsilva" in str(player.segura.secret(34)), f"CR-{grant} to be applied")
    revert = player.revert("requester2", 34, f"Revert CR-{grant}: Marcos is back", _COVER)
    player.decide("approver", revert, "approve")


def _fail(player: DemoPlayer) -> None:
    reason, notes = "The CRM moves to another login domain", "Nightly customer synchronisation, 02:00 UTC."
    change = player.propose("requester", 22, reason, {"ticket": "CRM-5", "notes": notes})
    player.segura.plan("refuse:1006:User does not have access", endpoint="update", identifier="22")
    player.decide("approver", change, "approve")


def _apply_after_retry(player: DemoPlayer) -> None:
    change = player.propose("requester2", 43, "Label the project", {"ticket": "CLD-2", "tags": "Cloud,project-7"})
    player.segura.plan("refuse:1009:Inactive Api secret", endpoint="update", identifier="43")
    player.decide("approver2", change, "approve")
    player.act("requester2", change, "retry")


def _apply_after_revision(player: DemoPlayer) -> None:
    reason, url = "The bank serves version 3 of its API", "https://api.bank.example.com/pix/v3"
    change = player.propose("requester", 25, reason, {"ticket": "PAY-40", "url": url})
    player.decide("approver2", change, "request-changes", "Please add the contact at the bank to the notes.")
    notes = "Client of the bank's instant payment API. Contact: pix-support@bank.example.com"
    player.revise("requester", change, reason, {"notes": notes})
    player.decide("approver2", change, "approve", "Thank you")


def _leave_changes_requested(player: DemoPlayer) -> None:
    values = {"ticket": "OPS-105", "client_id": "smtp-relay-client-2"}
    change = player.propose("requester", 15, "The mail relay moves", values)
    comment = "The relay does not know this client yet. Propose it again after the maintenance on Thursday."
    player.decide("approver", change, "request-changes", comment)


def _reject(player: DemoPlayer) -> None:
    reason, url = "Test against the staging system", "http://sap-staging.example.net/odata"
    change = player.propose("requester2", 14, reason, {"ticket": "ERP-9", "url": url})
    comment = "Staging has a secret of its own. Production must not point there."
    player.decide("approver2", change, "reject", comment)


def _withdraw(player: DemoPlayer) -> None:
    access = ("users_allowed", "alices", False)
    change = player.propose("requester", 56, "Reader account for the export", share=access)
    player.act("requester", change, "withdraw")


def _apply_plainly(player: DemoPlayer) -> None:
    texts = (
        ("requester", 44, "tags", "cloud,test,sandbox"),
        ("requester2", 61, "notes", "Rates of the day, until 18:00."),
    )
    for account, secret, field, text in texts:
        change = player.propose(account, secret, "Keep the description current", {field: text})
        player.decide("approver", change, "approve")


def _leave_changed_in_segura(player: DemoPlayer) -> None:
    player.propose("requester2", 64, "The page moved", {"url": "https://notes.example.com/keys"})
    player.segura.edit(64, tags="changed-in-segura")


STORY: tuple[tuple[Part, int], ...] = (
    (_leave_low_risk_pending, 2),
    (_leave_high_risk_pending, 1),
    (_leave_to_expire, 1),
    (_leave_outcome_unknown, 2),
    (_leave_to_administrator, 1),
    (_apply_after_gateway_timeout, 1),
    (_go_stale, 1),
    (_apply_with_access, 2),
    (_fail, 1),
    (_apply_after_retry, 1),
    (_apply_after_revision, 1),
    (_leave_changes_requested, 1),
    (_reject, 1),
    (_withdraw, 1),
    (_apply_plainly, 2),
    (_leave_changed_in_segura, 1),
)
"""Parts of the story, and the number of changes that each brings to their state."""
