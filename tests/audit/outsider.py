"""An outsider: an empty folder, bare Python, the package cryptography, and the one file of the verifier."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cryptography

from portal.audit.exports.evidence_pack import VERIFIER
from portal.audit.models import Checkpoint
from portal.audit.sealing import sealer
from portal.audit.sealing.leaves import SealedLogExport


class Outsider:
    """Keeps what was handed over in `folder`; `verify` answers exit code and words."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        shutil.copy(VERIFIER, folder)
        self.packages = folder.with_name("packages")
        self.packages.mkdir()
        installed = Path(cryptography.__file__).parent
        for package in (installed, *installed.parent.glob("_cffi_backend*")):
            (self.packages / package.name).symlink_to(package)
        (folder / "public-key.txt").write_text(f"{sealer.get_signing_public_key()}\n")

    def takes_checkpoint(self, name: str = "checkpoint.txt") -> Path:
        """The newest one, as it is now."""
        return self.takes(name, Checkpoint.objects.latest().note)

    def takes_log(self) -> Path:
        """The sealed log, as it is now."""
        return self.takes("sealed-log.txt", "".join(SealedLogExport().parts()))

    def takes(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def verify(self, *files: str, key: str = "public-key.txt") -> tuple[int, str]:
        # Neither the folder, nor the environment, nor what else is installed here can lend it any code.
        run_it = f"sys.path.append({str(self.packages)!r}); runpy.run_path({VERIFIER.name!r}, None, '__main__')"
        command = [sys.executable, "-I", "-S", "-c", f"import runpy, sys; {run_it}", *files, "--key", key]
        run = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, env={})
        assert "Traceback" not in run.stderr
        return run.returncode, run.stdout + run.stderr
