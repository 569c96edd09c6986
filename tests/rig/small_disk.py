"""A disk so small that it can be filled up: a file system in memory, which only root may mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class SmallDisk:
    """At `path`. What is filled up can be freed again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        """Not a byte is left."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                while self._written(file.fileno(), size):
                    pass

    def free(self) -> None:
        self._filler.unlink()

    def _written(self, file: int, size: int) -> bool:
        try:
            return os.write(file, bytes(size)) == size
        except OSError:
            return False


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mounted there; gone at the end. Raises PermissionError where that is not allowed."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise PermissionError("only root may mount")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
