"""python3 -m portal.operations.secret_files [FOLDER] [--demo] [--accounts]: create a file for each secret.

The folder is `.secrets` unless another is named. `--demo` also writes `.env` for a trial with the sandbox. `--accounts`
gives each file to the group of the account that reads it, for a host without containers. Plain Python, for a host
without the portal's packages. Existing files are kept: put your own in place of generated ones.
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

_SELF_SIGNED = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-subj", "/CN=sandbox")
_DEMO = """\
# For a trial with the sandbox in place of Segura: docker compose --profile demo up --build
SEGURA_URL=https://sandbox:8443
SEGURA_CLIENT_ID=portal
SEGURA_SCIM_CLIENT_ID=portal-scim
PORTAL_BASE_URL=http://localhost:8000
"""
READERS = {
    "countersign": (
        "secret_key",
        "encryption_keys",
        "approval_mac_keys",
        "fingerprint_key",
        "database_url",
        "oidc_client_secret",
        "segura_client_secret",
        "segura_scim_client_secret",
        "segura_ca",
        "metrics_token",
        "tls_key",
        "tls_certificate",
        "sandbox_key",
    ),
    "countersign-sealer": ("audit_signing_key", "database_url_sealer"),
    "countersign-owner": ("database_url_owner", "pgpass"),
    "countersign-all": ("redis_url", "email_url", "first_vote_keys"),
}
"""Group that reads each file on a host without containers. A file in no group is readable by root only."""


def create_secret_files(folder: Path) -> list[str]:
    """Write the missing files and return their names.

    Only the folder's owner can enter it, so the files themselves may be readable: containers use another account.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    present = {file.name for file in folder.iterdir()}
    _kept(folder / "postgres_password", secrets.token_urlsafe(32))
    _kept(folder / "secret_key", secrets.token_urlsafe(48))
    _kept(folder / "encryption_keys", base64.b64encode(secrets.token_bytes(32)).decode())
    _kept(folder / "approval_mac_keys", base64.b64encode(secrets.token_bytes(32)).decode())
    _kept(folder / "fingerprint_key", secrets.token_urlsafe(48))
    _kept(folder / "audit_signing_key", base64.b64encode(secrets.token_bytes(32)).decode())
    for role, name in (("portal", "database_url"), ("owner", "database_url_owner"), ("sealer", "database_url_sealer")):
        _kept(folder / name, f"postgresql://{role}:{secrets.token_urlsafe(32)}@postgres:5432/portal")
    password = _kept(folder / "redis_password", secrets.token_urlsafe(32))
    _kept(folder / "redis_url", f"redis://:{password}@redis:6379/0")
    _kept(folder / "metrics_token", secrets.token_urlsafe(32))
    _kept(folder / "email_url", "")
    _kept(folder / "oidc_client_secret", "")
    _kept(folder / "first_vote_keys", "")
    _kept(folder / "segura_client_secret", secrets.token_urlsafe(32))
    _kept(folder / "segura_scim_client_secret", secrets.token_urlsafe(32))
    if not (folder / "segura_ca").exists():
        _make_certificate(folder / "segura_ca", folder / "sandbox_key")
    for file in folder.iterdir():
        file.chmod(0o644)
    return sorted({file.name for file in folder.iterdir()} - present)


def restrict_permissions(folder: Path) -> None:
    """Let each group read only its own files, and no account write one. Needs root and the accounts.

    Every account can enter the folder, but not list it; the modes of the files decide.
    """
    groups = {name: group for group, names in READERS.items() for name in names}
    for file in folder.iterdir():
        group = groups.get(file.name)
        file.chmod(0o600)
        shutil.chown(file, "root", group or "root")
        file.chmod(0o640 if group else 0o600)
    shutil.chown(folder, "root", "root")
    folder.chmod(0o711)


def write_demo_settings(path: Path) -> bool:
    """Write the settings of a trial; return False and change nothing if the file exists."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(_DEMO)
    except FileExistsError:
        return False
    return True


def _kept(path: Path, content: str) -> str:
    """Return the content of the file, after writing `content` if there is no file yet.

    A file appears whole or not at all, so that an interrupted start leaves no empty key behind.
    """
    if not path.exists():
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(content, encoding="utf-8")
        temporary.replace(path)
    return path.read_text(encoding="utf-8").strip()


def _make_certificate(certificate: Path, key: Path) -> None:
    """Create the sandbox's self-signed certificate; for a real Segura, replace it by the file of that server's CA."""
    names = ["-addext", "subjectAltName=DNS:sandbox", "-addext", "basicConstraints=critical,CA:TRUE"]
    temporary = certificate.with_name(".segura_ca.new")
    subprocess.run(
        ["openssl", "req", *_SELF_SIGNED, *names, "-keyout", str(key), "-out", str(temporary)],
        check=True,
        capture_output=True,
    )
    temporary.replace(certificate)


def main(arguments: list[str]) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python3 -m portal.operations.secret_files")
    parser.add_argument("folder", nargs="?", default=".secrets", type=Path)
    parser.add_argument("--demo", action="store_true", help="also write .env for a trial with the sandbox")
    parser.add_argument("--accounts", action="store_true", help="give each file to the account that reads it")
    chosen = parser.parse_args(arguments)
    if shutil.which("openssl") is None:
        sys.exit("openssl is needed for the sandbox's certificate: install Debian's package openssl.")
    made = create_secret_files(chosen.folder)
    sys.stdout.write(f"Made in {chosen.folder}: {', '.join(made) or 'nothing, all were there'}\n")
    if chosen.accounts:
        restrict_permissions(chosen.folder)
    if chosen.demo:
        sys.stdout.write("Made .env\n" if write_demo_settings(Path(".env")) else "Kept .env, which was there\n")


if __name__ == "__main__":
    main(sys.argv[1:])
