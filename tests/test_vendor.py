"""What was vendored is what the manifest says: no file more, none altered."""

from __future__ import annotations

import hashlib
import json

from django.conf import settings

STATIC = settings.BASE_DIR / "static"
PACKAGES = json.loads((STATIC / "vendor" / "manifest.json").read_text())["packages"]


def test_every_vendored_file_has_the_recorded_hash() -> None:
    recorded = {path: digest for package in PACKAGES for path, digest in package["files"].items()}
    found = {path: hashlib.sha256((STATIC / path).read_bytes()).hexdigest() for path in recorded}
    assert found == recorded


def test_no_vendored_file_is_unrecorded() -> None:
    recorded = {path for package in PACKAGES for path in package["files"]}
    present = {str(path.relative_to(STATIC)) for path in (STATIC / "vendor").rglob("*") if path.is_file()}
    assert present - {"vendor/manifest.json"} <= recorded


def test_every_package_names_version_and_licence_and_brings_its_text() -> None:
    for package in PACKAGES:
        assert package["version"]
        assert package["licence"] == "MIT"
        assert any(path.endswith("LICENSE") for path in package["files"])
