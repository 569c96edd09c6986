"""The OpenID provider of the demo, in a process of its own: people, groups and keys are files of its folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from portal.devserver.redis_server import free_port
from portal.devserver.supervisor import die_with_parent
from tests.rig.portal import ROOT

CLIENT_ID, CLIENT_SECRET = "countersign", "a-client-secret-of-the-tests"
ROLE_GROUPS = {
    "requester": ["CS Requesters"],
    "approver": ["CS Approvers"],
    "auditor": ["CS Auditors"],
    "administrator": ["CS Admins"],
}


@dataclass
class RealProvider:
    """A provider at `issuer`, whose files are in `folder`."""

    issuer: str
    folder: Path
    port: int
    portal_url: str
    process: subprocess.Popen[str] | None = None

    def settings(self) -> dict[str, str]:
        """The settings of a portal that signs in with it."""
        return {
            "OIDC_ISSUER": self.issuer,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "OIDC_PROVIDER_NAME": "Example Identity",
            "OIDC_ROLE_GROUPS": json.dumps(ROLE_GROUPS),
        }

    def employ(self, username: str, name: str, **claims: Any) -> None:
        """Add a person, or change what their next ID token says."""
        path = self.folder / "people.json"
        people = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        people[username] = {"password": f"{username}-pw", "name": name, "claims": claims}
        path.write_text(json.dumps(people), encoding="utf-8")

    def logout_token(self, sid: str) -> str:
        """A logout token as a provider with back-channel logout would send it, signed with this one's key."""
        key = RSAKey.import_key((self.folder / "signing_key.pem").read_text(encoding="utf-8"))
        with urllib.request.urlopen(f"{self.issuer}/.well-known/jwks.json", timeout=5) as answer:
            kid = json.load(answer)["keys"][0]["kid"]
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": str(now), "sid": sid}
        claims["events"] = {"http://schemas.openid.net/event/backchannel-logout": {}}
        return jwt.encode({"alg": "RS256", "kid": kid, "typ": "logout+jwt"}, claims, key)

    def start(self) -> None:
        command = [sys.executable, "-m", "portal.devserver.openid_provider", "--port", str(self.port)]
        command += ["--folder", str(self.folder), "--client-id", CLIENT_ID, "--portal-url", self.portal_url]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "OIDC"))}
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**inherited, "OPENID_CLIENT_SECRET": CLIENT_SECRET},
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline()) == {"issuer": self.issuer}

    def stop(self) -> None:
        if self.process is not None:
            assert self.process.stdout is not None
            self.process.terminate()
            self.process.wait(10)
            self.process.stdout.close()
            self.process = None


@contextmanager
def running_provider(folder: Path, portal_url: str) -> Iterator[RealProvider]:
    folder.mkdir()
    port = free_port()
    provider = RealProvider(f"http://127.0.0.1:{port}", folder, port, portal_url)
    provider.employ("nobody", "No Body")
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()
