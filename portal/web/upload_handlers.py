"""Upload handler that rejects files: no page accepts any."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler


class RejectUploads(FileUploadHandler):
    """Handler that answers 413 at a file's first byte. Django's own handlers would write it to /tmp first."""

    def new_file(self, *_args: Any, **_kwargs: Any) -> None:
        """Raise RequestDataTooBig."""
        raise RequestDataTooBig("No page takes files.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:  # noqa: ARG002 - the base class's signature
        return raw_data

    def file_complete(self, file_size: int) -> None:  # noqa: ARG002 - the base class's signature
        return None
