"""OpenID provider of the demo: its people, one for each role, and the settings of a portal that signs in with it."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from portal.devserver import processes
from portal.devserver.state_dir import load_or_create_json, write_private
from portal.devserver.supervisor import ChildProcess

NAME = "Example Identity"
PEOPLE = {
    "rosa": ("Rosa Requester", "requester"),
    "alba": ("Alba Approver", "approver"),
    "aldo": ("Aldo Auditor", "auditor"),
    "adele": ("Adele Administrator", "administrator"),
}
"""Full name and role of each user. Names of the demo accounts are taken, because accounts are never linked by name."""


def is_wanted() -> bool:
    """Return whether `make run OIDC=demo` was called."""
    return os.environ.get("OIDC") == "demo"


@dataclass(frozen=True)
class DemoProvider:
    """Provider at the port after the portal's, on another host name than the portal: their cookies are apart."""

    folder: Path
    port: int
    client_secret: str
    password: str

    @property
    def issuer(self) -> str:
        """Issuer, which stays the same as long as the portal's port does."""
        return f"http://127.0.0.1:{self.port}"

    def build_settings(self) -> dict[str, str]:
        """Return the settings of the portal."""
        return {
            "OIDC_ISSUER": self.issuer,
            "OIDC_CLIENT_ID": processes.OPENID_CLIENT_ID,
            "OIDC_CLIENT_SECRET": self.client_secret,
            "OIDC_PROVIDER_NAME": NAME,
            "OIDC_ROLE_GROUPS": json.dumps({role: [f"countersign-{role}s"] for _name, role in PEOPLE.values()}),
        }

    def build_process(self, portal_url: str) -> ChildProcess:
        """Return the process of the provider."""
        return processes.openid_provider_process(self.port, self.folder, portal_url, self.client_secret)


def prepare_provider(state: Path, portal_port: int) -> DemoProvider:
    """Create secret, password and people of the provider in the state folder, unless they are there."""
    folder = state / "openid"
    folder.mkdir(mode=0o700, exist_ok=True)
    known = load_or_create_json(
        folder / "provider.json", {"client_secret": secrets.token_urlsafe(24), "password": secrets.token_hex(4)}
    )
    if not (folder / "people.json").exists():
        people = {
            name: {"password": known["password"], "name": full_name, "claims": {"groups": [f"countersign-{role}s"]}}
            for name, (full_name, role) in PEOPLE.items()
        }
        write_private(folder / "people.json", json.dumps(people, indent=2) + "\n")
    return DemoProvider(folder, portal_port + 1, known["client_secret"], known["password"])
