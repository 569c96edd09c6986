"""The units of deploy/systemd without systemd: the command that a unit starts, and the environment it gives to it."""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.rig.portal import ROOT

FOLDER = ROOT / "deploy" / "systemd"


@dataclass(frozen=True)
class Unit:
    """The directives of a unit, by name; a name may occur several times."""

    name: str
    directives: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, name: str) -> Unit:
        """`name` may be that of an instance: countersign-worker@1.service."""
        template, _, instance = name.removesuffix(".service").partition("@")
        path = FOLDER / (f"{template}@.service" if instance else name)
        text = re.sub(r"\\\n\s*", " ", path.read_text(encoding="utf-8"))
        lines = [line for line in text.splitlines() if "=" in line and not line.startswith(("#", "["))]
        found = ((key, cls._specified(value, instance)) for key, _, value in (line.partition("=") for line in lines))
        return cls(name, tuple(found))

    @staticmethod
    def _specified(value: str, instance: str) -> str:
        """Expand the specifiers that the units use. Any other would be expanded by systemd to something unexpected."""
        known = {"%H": socket.gethostname(), "%i": instance, "%%": "%"}
        return re.sub("%.", lambda found: known[found[0]], value)

    def all(self, directive: str) -> list[str]:
        return [value for key, value in self.directives if key == directive]

    def one(self, directive: str) -> str:
        (value,) = self.all(directive)
        return value

    def environment(self, place: Callable[[str], str] = str) -> dict[str, str]:
        """The settings in systemd's order: Environment= first, then the files, of which a later one wins.

        `place` turns a path of the page into that of the test.
        """
        lines = list(self.all("Environment"))
        for file in self.all("EnvironmentFile"):
            lines += Path(place(file)).read_text(encoding="utf-8").splitlines()
        pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
        return {name: place(value) for name, _, value in pairs}

    def command(self, environment: Mapping[str, str], place: Callable[[str], str] = str) -> list[str]:
        """The words of ExecStart=, with variables from the environment."""
        words = shlex.split(self.one("ExecStart"))
        return [place(re.sub(r"\$\{(\w+)\}", lambda found: environment[found[1]], word)) for word in words]
