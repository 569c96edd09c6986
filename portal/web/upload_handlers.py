"""Files: no page takes any."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler


class RejectUploads(FileUploadHandler):
    """Refuses a file at its first byte, which ends as a 413. Django's own handlers would write it to /tmp first."""

    def new_file(self, *_args: Any, **_kwargs: Any) -> None:
        """Raises RequestDataTooBig."""
        raise RequestDataTooBig("No page takes files.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:  # noqa: ARG002 - the base class's signature
        return raw_data

    def file_complete(self, file_size: int) -> None:  # noqa: ARG002 - the base class's signature
        return None
