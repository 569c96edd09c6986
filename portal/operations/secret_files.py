"""python3 -m portal.operations.secret_files [FOLDER]: a file for each secret, in `.secrets` unless another is named.

Plain Python, for a host without the portal's packages. What exists is kept: put your own in its place.
"""

from __future__ import annotations

import base64
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

_SELF_SIGNED = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-subj", "/CN=sandbox")


def make(folder: Path) -> list[str]:
    """Write the files that are missing; their names.

    The folder is its owner's alone, and so its files may be readable: the containers' account is another one.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    present = {file.name for file in folder.iterdir()}
    _kept(folder / "postgres_password", secrets.token_urlsafe(32))
    _kept(folder / "secret_key", secrets.token_urlsafe(48))
    _kept(folder / "sealing_keys", base64.b64encode(secrets.token_bytes(32)).decode())
    _kept(folder / "approval_mac_keys", base64.b64encode(secrets.token_bytes(32)).decode())
    _kept(folder / "audit_signing_key", base64.b64encode(secrets.token_bytes(32)).decode())
    for role, name in (("portal", "database_url"), ("owner", "database_url_owner"), ("sealer", "database_url_sealer")):
        _kept(folder / name, f"postgresql://{role}:{secrets.token_urlsafe(32)}@postgres:5432/portal")
    _kept(folder / "metrics_token", secrets.token_urlsafe(32))
    _kept(folder / "email_url", "")
    _kept(folder / "segura_client_secret", secrets.token_urlsafe(32))
    _kept(folder / "segura_scim_client_secret", secrets.token_urlsafe(32))
    if not (folder / "segura_ca").exists():
        _make_certificate(folder / "segura_ca", folder / "sandbox_key")
    for file in folder.iterdir():
        file.chmod(0o644)
    return sorted({file.name for file in folder.iterdir()} - present)


def _kept(path: Path, content: str) -> str:
    """What the file holds, `content` where it is new."""
    if not path.exists():
        path.write_text(content, encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


def _make_certificate(certificate: Path, key: Path) -> None:
    """The stand-in's, which signs itself; with a real Segura its place is taken by the file of that server's CA."""
    names = ["-addext", "subjectAltName=DNS:sandbox", "-addext", "basicConstraints=critical,CA:TRUE"]
    subprocess.run(
        ["openssl", "req", *_SELF_SIGNED, *names, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )


if __name__ == "__main__":
    if shutil.which("openssl") is None:
        sys.exit("openssl is needed for the stand-in's certificate: install Debian's package openssl.")
    chosen = Path(sys.argv[1] if len(sys.argv) > 1 else ".secrets")
    made = make(chosen)
    sys.stdout.write(f"Made in {chosen}: {', '.join(made) or 'nothing, all were there'}\n")
