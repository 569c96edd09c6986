"""No page takes files, and none is ever written down."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portal.accounts.models import User


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 6 * 1024 * 1024])
def test_strangers_file_is_refused_and_written_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int
) -> None:
    made: list[str] = []
    real = tempfile.NamedTemporaryFile

    def make(*args: object, **options: object) -> object:
        made.append(str(options))
        return real(*args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("django.core.files.temp.NamedTemporaryFile", make)
    monkeypatch.setattr("django.core.files.uploadedfile.tempfile.NamedTemporaryFile", make)
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrf"] = "a" * 32  # with which Django reads the form, to compare
    answer = client.post("/accounts/login/", {"login": "x", "f": SimpleUploadedFile("x", b"0" * size)})
    assert answer.status_code == 413
    assert "no files" in answer.content.decode()
    assert made == []


@pytest.mark.django_db
def test_multipart_form_without_a_file_is_a_form_like_any_other(client: Client, requester: User) -> None:
    answer = client.post("/accounts/login/", {"login": "requester", "password": "requester-correct-horse"})
    assert answer.request["CONTENT_TYPE"].startswith("multipart/")
    assert answer.status_code == 302
