"""Every way a client secret can go through the portal, on its real processes; then it is looked for everywhere.

Where it is found it has leaked: the only place for it is a ciphertext in a row of a change that is still open.
"""

from __future__ import annotations

import html
import json
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from portal.sandbox import Control, Sandbox
from tests.faults.house import House
from tests.rig.evidence import DUMP, collecting
from tests.rig.mail_server import receiving
from tests.rig.markers import Marker, search
from tests.rig.portal import Portal
from tests.rig.visitor import Visitor, wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.xdist_group("marker sweep"),
    pytest.mark.timeout(420),
    pytest.mark.shows("S01", "S03"),
]

LOUD = {"PORTAL_LOG_LEVEL": "DEBUG", "SWEEP_EVERY_S": "0.5", "NOTIFICATIONS_EVERY_S": "0.5"}
KEYS = ("PORTAL_SECRET_KEY", "PORTAL_ENCRYPTION_KEYS", "PORTAL_APPROVAL_MAC_KEYS")


def applied(house: House) -> None:
    """Refused by the form twice, kept sealed, previewed, taken back, submitted, revised, approved."""
    requester = house["requester"]
    requester.get("/secrets/12/propose/")
    masked = house.mark("a value that looks masked")
    page = requester.press("Review changes", reason="x", secret_mode="enter", client_secret=f"***{masked}")
    assert "masked copy" in page
    page = requester.press(
        "Review changes", reason="", secret_mode="enter", client_secret=house.mark("the form's error")
    )
    assert "Enter a reason" in page
    requester.press("Review changes", reason=house.reason)
    requester.press("Back to editing")
    requester.press("Review changes", notes="after going back")
    change = requester.submit()
    house.await_status(change, "pending")
    requester.get(f"/changes/{change}/revise/")
    requester.press("Review changes", secret_mode="enter", client_secret=house.mark("the revision"))
    assert requester.submit() == change
    house.await_status(change, "pending")
    house.approve(change)
    house.await_status(change, "applied")


def rejected(house: House) -> None:
    change = house.propose(14, house.mark("a rejected change"))
    house["approver"].decide(change, "Reject", reason="Not now")
    house.await_status(change, "rejected")


def withdrawn(house: House) -> None:
    change = house.propose(15, house.mark("a withdrawn change"))
    house["requester"].get(f"/changes/{change}/")
    house["requester"].press("Withdraw")
    house.await_status(change, "withdrawn")


def refused_and_retried(house: House) -> None:
    """Segura quotes the value in its refusal; the retry is tried with a wrong value, and goes through once broken."""
    value, requester = house.mark("a refused change"), house["requester"]
    change = house.propose(17, value)
    house.approve(change, 17, f"refuse:1005:{value} is not allowed")
    house.await_status(change, "failed")
    requester.get(f"/changes/{change}/")
    requester.press("Retry", value=house.mark("a wrong value for a retry"))
    assert requester.answer.status_code == 422
    with house.broken("UPDATE ON changes_revision"):
        requester.press("Retry", value=value)
        assert requester.answer.status_code == 500
    requester.get(f"/changes/{change}/")
    requester.press("Retry", value=value)
    house.await_status(change, "applied")


def doubtful_and_applied(house: House) -> None:
    """The gateway's error page quotes the value as pages do."""
    value = house.mark("an unanswered call that was carried out")
    change = house.propose(18, value)
    body = json.dumps({"message": f"timeout of {html.escape(value)}", "again": quote(value)})
    house.approve(change, 18, "504_after_apply", body=body)
    house.await_status(change, "applied")


def doubtful_and_sent_again(house: House) -> None:
    change = house.propose(21, house.mark("an unanswered call that was not carried out"))
    house.approve(change, 21, "504_before_apply")
    house.await_status(change, "applied")


def third_value(house: House) -> None:
    change = house.propose(22, house.mark("the proposed value of three"), url="https://second.example")
    house.hold(change, 22)
    house.segura.edit(22, client_secret=house.mark("the third value"), url="https://third.example")
    house.await_status(change, "needs_attention")
    house.segura.release()


def base_moved(house: House) -> None:
    change = house.propose(25, house.mark("a change whose base moved"))
    page = f"/changes/{change}/"
    # The next reading for reviewers is a minute away, so the approval is accepted, and the worker finds what moved.
    wait_until(lambda: "Matches Segura" in house["approver"].get(page), "the secret was compared before it moved")
    house.segura.edit(25, client_secret=house.mark("the value it moved to"))
    house.approve(change)
    house.await_status(change, "stale")
    house["requester"].get(f"/changes/{change}/revise/")


def half_taken(house: House) -> None:
    """Somebody Segura does not know: it says yes, and takes the rest."""
    fields = {"users_allowed-1-name": "nobody.there", "users_allowed-1-access": "edit"}
    change = house.propose(26, house.mark("a change half taken"), **fields)
    house.approve(change)
    house.await_status(change, "applied")


def killed_in_mid_call(house: House) -> None:
    change = house.propose(29, house.mark("a worker killed in mid-call"))
    house.hold(change, 29)
    killed = house.portal.kill("worker")
    house.segura.release()
    house.portal.wait_restarted("worker", killed)
    house.await_status(change, "applied")


def crashed_after_the_call(house: House) -> None:
    """The answer cannot be written down: the exception goes through all of the worker."""
    change = house.propose(31, house.mark("an answer that was not written down"))
    before = house.portal.printed().count("broken by a test")
    with house.broken("UPDATE ON changes_attempt"):
        house.approve(change)
        house.segura.wait(lambda journal: any(call["identifier"] == 31 for call in journal["applications"]), 30)
        wait_until(lambda: house.portal.printed().count("broken by a test") > before, "the worker has crashed")
    house.await_status(change, "applied")


def wrong_credentials(house: House) -> None:
    """The token endpoint says no, and quotes what it was sent."""
    change = house.propose(34, house.mark("a change the portal had no token for"))
    secret = next(marker for marker in house.markers if marker.way == "the portal's own client secret")
    body = json.dumps({"error": "invalid_client", "message": f"wrong: {secret}", "hint": secret})
    house.segura.plan(endpoint="token", status=401, body=body, times=None)
    house.segura.revoke_tokens()
    house.approve(change)
    statement = "SELECT backoff_count FROM changes_change WHERE id = %s"
    wait_until(lambda: house.evidence.ask(statement, change)[0][0], "it was tried in vain")
    house["requester"].get(f"/changes/{change}/")
    house["requester"].get("/secrets/34/")
    house.segura.clear_faults()
    house.await_status(change, "applied")


def broken_pages(house: House) -> None:
    """The portal itself fails, with the value in hand."""
    requester = house["requester"]
    requester.get("/secrets/35/propose/")
    page = requester.answer
    typed = {"reason": "x", "secret_mode": "enter", "client_secret": house.mark("a form that met a broken row")}
    set_to = "UPDATE catalog_apisecret SET first_seen_at = %s WHERE identifier = 35"
    house.evidence.ask(set_to, "4709-02-29 00:00:00 BC")  # PostgreSQL stores it, Python has no such date
    requester.press("Review changes", **typed)
    assert requester.answer.status_code == 500
    house.evidence.ask(set_to, "2026-01-01 00:00:00+00:00")
    requester.answers.append(page)
    requester.press("Review changes", reason="x", secret_mode="enter", client_secret=house.mark("a failed submission"))
    with house.broken("INSERT ON changes_revision"):
        requester.press("Submit for approval")
        assert requester.answer.status_code == 500


def left_open(house: House) -> None:
    """Nobody decides; the second is of a secret whose present values nobody may read."""
    for secret in (12, 51):
        change = house.propose(secret, house.mark(f"a change of {secret} left open"), notes="waits")
        house.await_status(change, "pending")


def wrong_password(house: House) -> None:
    stranger = house.people["stranger"] = Visitor(house.portal.url)
    stranger.get("/accounts/login/")
    stranger.press("Sign in", login="approver", password=house.mark("a wrong password"))
    assert stranger.at.endswith("/accounts/login/")


WAYS: list[Callable[[House], None]] = [
    applied, rejected, withdrawn, refused_and_retried, doubtful_and_applied, doubtful_and_sent_again, third_value,
    base_moved, half_taken, killed_in_mid_call, crashed_after_the_call, wrong_credentials, broken_pages, left_open,
    wrong_password,
]  # fmt: skip


@contextmanager
def moved_in(portal: Portal, segura: Control) -> Iterator[House]:
    with collecting(portal) as evidence:
        names = ("requester", "approver", "auditor", "admin")
        people = {name: Visitor.sign_in(portal.url, name, portal.accounts[name]) for name in names}
        house = House(portal, segura, evidence, people)
        for row in segura.secrets():
            segura.edit(row["identifier"], client_secret=house.mark(f"the first value of {row['identifier']}"))
        env = dict(line.split("=", 1) for line in (portal.state / "env").read_text().splitlines())
        house.markers += [Marker.known(name, env[name].strip("'")) for name in KEYS]
        yield house


def sweep(house: House, allowed: Callable[[str, str], bool]) -> None:
    """Go all ways, look around, and look for every marker in everything. `allowed(source, way)`: may be there."""
    for way in WAYS:
        way(house)
        house.segura.clear_faults()
    house.look_around()
    house.evidence.look()
    people = list(house.people.values())
    found = search(house.evidence.sources(people), house.markers)
    leaks = [str(finding) for finding in found if not allowed(finding.source, finding.way)]
    assert not leaks, "\n".join(leaks)
    expect_thorough(house)

    expect_only_open_rows_sealed(house)


def expect_only_open_rows_sealed(house: House) -> None:
    """Of changes that ended, not even the ciphertext is left in the database; of open ones it is in their rows."""
    still_open = house.ciphertexts()
    undecided = "SELECT 1 FROM changes_change WHERE status IN ('pending', 'stale', 'needs_attention')"
    assert len(still_open) == len(house.evidence.ask(undecided)) == 4
    blobs = [Marker.known(key, "", blob) for key, blob in house.seen_sealed.items()]
    assert len(blobs) - len(still_open) >= len(WAYS) - 5
    found = search(house.evidence.files(), blobs)
    assert {finding.way for finding in found} == set(still_open)
    assert {finding.source for finding in found} == {DUMP}


def expect_thorough(house: House) -> None:
    """What is no secret is found where it belongs: there was something to search, and it was all searched."""
    found = {finding.source for finding in search(house.evidence.sources([*house.people.values()]), [house.reason])}
    assert DUMP in found
    for page in ("/changes/1/", "/audit/changes/1/", "/audit/export.csv", "/audit/export.jsonl"):
        assert f"GET {house.portal.url}{page}" in found
    assert any(b"changes.deliver" in message for message in house.evidence.messages)
    assert " DEBUG " in house.portal.printed()
    places = [name for name, _ in house.evidence.sources([])]
    assert {"environ of", "cmdline of"} < {name.rpartition(" ")[0] for name in places}
    assert any(name.endswith(".aof") for name in places)


def expect_mails(house: House) -> None:
    """Everybody whom something concerned was mailed, by the real worker; not even a reason is in any mail."""
    requester, approver, admin = (f"mail to {name}@example.com" for name in ("requester", "approver", "admin"))
    wait_until(lambda: {requester, approver, admin} <= mailed(house).keys(), "those were mailed")
    assert "/changes/1/" in mailed(house)[requester]
    found = search(house.evidence.sources([]), [house.reason])
    assert not [finding for finding in found if finding.source.startswith("mail to ")]


def mailed(house: House) -> dict[str, str]:
    """What each of them was told, by the name of the source."""
    texts: dict[str, str] = {}
    for mail in list(house.evidence.mails):
        source = f"mail to {mail['To']}"
        texts[source] = texts.get(source, "") + "".join(str(part.get_content()) for part in mail.iter_parts())
    return texts


def test_nothing_is_found_of_any_secret_that_went_through_the_portal(tmp_path: Path) -> None:
    """As `make run` starts it, with DEBUG logs; its own credentials may be in one private file and in environments."""
    with (
        receiving() as post,
        Portal(tmp_path, {**LOUD, "EMAIL_URL": post.url}) as portal,
        moved_in(portal, Control(portal.control)) as house,
    ):
        house.evidence.mails = post.box
        house.evidence.ask("UPDATE accounts_user SET email = username || '@example.com'")
        known = portal.state / "sandbox-client.json"
        secrets = json.loads(known.read_text())
        ways = {"the portal's own client secret": "client_secret", "that of its SCIM client": "scim_client_secret"}
        house.markers += [Marker.known(way, secrets[name]) for way, name in ways.items()]
        assert all(stat.S_IMODE((portal.state / name).stat().st_mode) == 0o600 for name in (known.name, "env"))

        def allowed(source: str, way: str) -> bool:
            own = way in ways and (source == known.name or source.startswith("environ of "))
            return own or (way in KEYS and source == "env")

        sweep(house, allowed)
        expect_mails(house)


@pytest.mark.long_form
def test_nothing_is_found_with_error_pages_for_developers_either(tmp_path: Path) -> None:
    """PORTAL_DEBUG=1, and a Segura outside, whose tokens are looked for as well."""
    own = Marker.new("the portal's own client secret")
    with Sandbox(client_secret=own) as segura:
        env = {"SEGURA_URL": segura.url, "SEGURA_CLIENT_ID": segura.client_id, "SEGURA_CLIENT_SECRET": own}
        env |= {**LOUD, "PORTAL_DEBUG": "1"}
        with Portal(tmp_path, env) as portal, moved_in(portal, segura.control) as house:
            house.markers.append(own)
            assert "Using the URLconf" in house["requester"].get("/no-such-page/")
            tokens = [*segura.grants._ends]
            house.markers += [Marker.known("an access token", token, token[-40:].encode()) for token in tokens]
            assert tokens

            def allowed(source: str, way: str) -> bool:
                outside = way == own.way and source.startswith("environ of ")
                return outside or (way in KEYS and source == "env")

            sweep(house, allowed)
