"""The upload handlers: every file posted anywhere is sealed piece by piece as it arrives, or not kept at all.

What reaches the disk is ciphertext only; plaintext stays in memory for at most two segments of 1 MiB.
"""

from __future__ import annotations

import io
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopFutureHandlers, StopUpload

from complaints import access
from complaints.adapters import spreadsheet_import
from complaints.services.evidence import intake

TABLE_VIEW = "admin:complaints_case_finding_table"


class TableUploadHandler(FileUploadHandler):
    """Keeps the table of an import in memory, and no more of it than is read; every other file it leaves alone.

    What is sealed for good is evidence; a table is read once and gone with its request. Bodies are read before any view
    asks who posted them, so a stranger's files and all but the first are dropped as they arrive.
    """

    chunk_size = 1024 * 1024
    _held: io.BytesIO | None = None
    _taken = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Take the first file of a member of triage where the address is that of an import."""
        super().new_file(*args, **kwargs)
        self._held = None
        match = getattr(self.request, "resolver_match", None)
        if match is not None and match.view_name == TABLE_VIEW:
            if self._taken or not access.is_triage(getattr(self.request, "user", None)):
                raise SkipFile
            self._held, self._taken = io.BytesIO(), True
            raise StopFutureHandlers

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Keep a piece, up to one byte more than may be read: that tells the reader that it is too much."""
        if self._held is None:
            return raw_data
        self._held.write(raw_data[: spreadsheet_import.MAX_BYTES + 1 - self._held.tell()])
        return None

    def file_complete(self, file_size: int) -> Any:
        """End the file."""
        held, self._held = self._held, None
        if held is None:
            return None
        size = held.tell()
        held.seek(0)
        name, kind = self.file_name or "", self.content_type or ""
        return InMemoryUploadedFile(held, self.field_name, name, kind, size, self.charset)


class SealingUploadHandler(FileUploadHandler):
    """Feeds a sink of services.evidence and answers with its :class:`~complaints.services.evidence.SealedUpload`."""

    # As large as a segment: with Django's 64 KiB the parser costs more than sealing.
    chunk_size = 1024 * 1024
    sink: intake.Sink | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file; it is not written before its first bytes are recognised."""
        super().new_file(*args, **kwargs)
        if self.request is not None:
            self.sink = intake.open_sink(request=self.request, name=self.file_name or "")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Take a piece; nothing is passed on to another handler."""
        if self.sink is None:
            return
        self.sink.write(raw_data)
        if self.request is not None and hasattr(self.request, "reporter"):
            # An upload may take longer than a session may idle.
            self.request.reporter.stay_awake()
        if self.sink.hopeless:
            raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> Any:
        """End the file."""
        sink, self.sink = self.sink, None
        return sink.finish() if sink else None

    def upload_interrupted(self) -> None:
        """Leave nothing behind of a file that was cut off."""
        sink, self.sink = self.sink, None
        if sink:
            sink.abort()
