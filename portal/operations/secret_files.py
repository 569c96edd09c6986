"""python3 -m portal.operations.secret_files: one file per secret in `.secrets`, as docker-compose.yml reads them.

Plain Python, for a host without the portal's packages. What exists is kept: run it again after adding a secret.
"""

from __future__ import annotations

import base64
import secrets
import sys
from pathlib import Path


def make(folder: Path) -> list[str]:
    """Write the files that are missing; their names. The folder is the owner's alone, so that the files in it may be
    readable to the containers' own account.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    password = folder / "postgres_password"
    if not password.exists():
        password.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    contents = {
        "secret_key": secrets.token_urlsafe(48),
        "sealing_keys": base64.b64encode(secrets.token_bytes(32)).decode(),
        "database_url": f"postgresql://portal:{password.read_text(encoding='utf-8')}@postgres:5432/portal",
        "segura_client_secret": secrets.token_urlsafe(32),
    }
    missing = [name for name in contents if not (folder / name).exists()]
    for name in missing:
        (folder / name).write_text(contents[name], encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o644)
    return missing


if __name__ == "__main__":
    made = make(Path(".secrets"))
    sys.stdout.write(f"Made in .secrets: {', '.join(made) or 'nothing, all were there'}\n")
