"""Player of the demo history: acts as the demo accounts on the portal's own pages, and sets faults in the sandbox.

It has no access to the database. All validation, votes, calls and events are real ones of demo accounts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from portal.devserver.demo_progress import DemoProgress, read_progress, write_progress
from portal.devserver.page_client import PageClient, PageError, PageForm
from portal.sandbox import Control

PATIENCE_S = 60.0
_ASK_EVERY_S, _HELD_S = 0.5, 3.0
Share = tuple[str, str, bool]
"""Field, name, and whether the name may edit the secret."""


class DemoPlayer:
    """Acts of the demo accounts. Every method raises PageError if a page does not answer as expected."""

    def __init__(self, url: str, control_url: str, state: Path) -> None:
        self.segura = Control(control_url)
        self._url, self._state = url, state
        self._clients: dict[str, PageClient] = {}
        self._progress = DemoProgress()
        write_progress(state, self._progress)

    def client(self, account: str) -> PageClient:
        """Return the signed-in session of an account."""
        if account not in self._clients:
            self._clients[account] = PageClient(self._url)
            self._clients[account].sign_in(account)
        return self._clients[account]

    def propose(
        self,
        account: str,
        secret: int,
        reason: str,
        fields: dict[str, str] | None = None,
        *,
        share: Share | None = None,
    ) -> int:
        """Propose these values of a secret, and access for a name; return the number of the change."""
        path = f"/secrets/{secret}/propose/"
        client = self.client(account)
        client.open_page(path)

        def fill(form: PageForm) -> None:
            if share:
                _add_share(form, share)

        return self._submit(client, path, {"reason": reason, **(fields or {})}, fill)

    def revert(self, account: str, secret: int, reason: str, share: Share) -> int:
        """Propose to take an access away again; return the number of the change."""
        path = f"/secrets/{secret}/propose/"
        client = self.client(account)
        client.open_page(path)
        return self._submit(client, path, {"reason": reason}, lambda form: _remove_share(form, share))

    def revise(self, account: str, change: int, reason: str, fields: dict[str, str]) -> None:
        """Replace what a change proposes."""
        path = f"/changes/{change}/revise/"
        client = self.client(account)
        client.open_page(path)
        self._submit(client, path, {"reason": reason, **fields})

    def decide(self, account: str, change: int, verdict: str, comment: str = "") -> None:
        """Vote on a change; `verdict` is approve, reject or request-changes."""

        def fill(form: PageForm) -> None:
            for name in form.boxes:
                if name.startswith("confirmed"):
                    form.fields[name] = "on"
            for name in form.fields:
                if name.startswith("reason"):
                    form.fields[name] = comment

        client = self.client(account)
        client.open_page(f"/changes/{change}/")
        client.send_form(f"/changes/{change}/{verdict}/", fill=fill)

    def act(self, account: str, change: int, action: str) -> None:
        """Send the form of the change's page that goes to `action`, such as withdraw or retry, once it is offered."""
        client, path = self.client(account), f"/changes/{change}/{action}/"

        def is_offered() -> bool:
            client.open_page(f"/changes/{change}/")
            return client.find_form(path) is not None

        self.wait(is_offered, f"CR-{change} to offer {action}")
        client.send_form(path)

    def operate(self, action: str, values: dict[str, str] | None = None) -> None:
        """Send a form of the administrator's delivery page."""
        client = self.client("admin")
        client.open_page("/operations/")
        client.send_form(f"/operations/{action}/", values)

    def hold_update(self, secret: int, act: Callable[[], object]) -> Callable[[], None]:
        """Let the gateway time out on the next update of the secret, which is not applied.

        Returns a function that waits for that update and calls `act` while it is held back.
        """
        seen = self._count_updates(secret)
        self.segura.plan("504_before_apply", endpoint="update", identifier=str(secret), delay_s=_HELD_S)

        def wait_and_act() -> None:
            self.wait(lambda: self._count_updates(secret) > seen, f"the update of secret {secret}")
            act()

        return wait_and_act

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait until the condition holds. Raises PageError after PATIENCE_S."""
        ends = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > ends:
                raise PageError(f"waited {PATIENCE_S:.0f} s for {what}")
            time.sleep(_ASK_EVERY_S)

    def offer_review(self, change: int) -> None:
        """Let the bar of the demo lead to this change."""
        self._save(high_risk=change)

    def count_changes(self, changes: int) -> None:
        """Note that so many more changes have been played."""
        self._save(played=self._progress.played + changes)

    def stop_history(self) -> None:
        """Note that the history ends early."""
        self._save(stopped=True)

    def _save(self, **values: int) -> None:
        self._progress = DemoProgress(**{**vars(self._progress), **values})
        write_progress(self._state, self._progress)

    def _count_updates(self, secret: int) -> int:
        return sum(str(each["identifier"]) == str(secret) for each in self.segura.arrivals("update"))

    def _submit(
        self,
        client: PageClient,
        path: str,
        fields: dict[str, str],
        fill: Callable[[PageForm], None] | None = None,
    ) -> int:
        """Send the form and its preview; return the number of the change."""
        client.send_form(path, {"act": "preview", **fields}, fill=fill)
        client.send_form(path, {"act": "confirm"})
        parts = client.path.strip("/").split("/")
        if len(parts) != 2 or parts[0] != "changes":
            raise PageError(f"{path} was not submitted")
        return int(parts[1])


def was_started(state: Path) -> bool:
    """Return whether a history was started in this state folder; it is played once."""
    return read_progress(state) is not None


def _add_share(form: PageForm, share: Share) -> None:
    """Fill the first empty row of the list."""
    field, name, can_edit = share
    row = _find_row(form, field, "")
    form.fields[f"{row}-name"] = name
    if can_edit:
        form.fields[f"{row}-access"] = "edit"


def _remove_share(form: PageForm, share: Share) -> None:
    field, name, _can_edit = share
    form.fields[f"{_find_row(form, field, name)}-access"] = "remove"


def _find_row(form: PageForm, field: str, name: str) -> str:
    """Return the prefix of the row that holds this name. Raises PageError."""
    for key, value in form.fields.items():
        if key.startswith(f"{field}-") and key.endswith("-name") and value == name:
            return key.removesuffix("-name")
    raise PageError(f"the form has no row {name!r} in {field}")
