"""The upload handlers: every posted file is encrypted segment by segment as it arrives, or not stored at all.

Only ciphertext reaches the disk; at most two segments of 1 MiB of plaintext stay in memory.
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
    """Keeps the spreadsheet of an import in memory, up to the size that is read; passes on every other file.

    A spreadsheet is read once and dropped with its request, where evidence is stored. Bodies are read before the view
    checks who posted them, so files of other people and all but the first are dropped as they arrive.
    """

    chunk_size = 1024 * 1024
    _buffer: io.BytesIO | None = None
    _is_taken = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Accept the first file of a member of triage where the address is that of an import."""
        super().new_file(*args, **kwargs)
        self._buffer = None
        match = getattr(self.request, "resolver_match", None)
        if match is not None and match.view_name == TABLE_VIEW:
            if self._is_taken or not access.is_triage(getattr(self.request, "user", None)):
                raise SkipFile
            self._buffer, self._is_taken = io.BytesIO(), True
            raise StopFutureHandlers

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Keep a chunk, up to one byte more than may be read, by which the reader knows that it is too much."""
        if self._buffer is None:
            return raw_data
        self._buffer.write(raw_data[: spreadsheet_import.MAX_BYTES + 1 - self._buffer.tell()])
        return None

    def file_complete(self, file_size: int) -> InMemoryUploadedFile | None:
        buffer, self._buffer = self._buffer, None
        if buffer is None:
            return None
        size = buffer.tell()
        buffer.seek(0)
        name, kind = self.file_name or "", self.content_type or ""
        return InMemoryUploadedFile(buffer, self.field_name, name, kind, size, self.charset)


class SealingUploadHandler(FileUploadHandler):
    """Feeds an :class:`intake.Sink` and returns its :class:`intake.SealedUpload`."""

    # As large as a segment: with Django's 64 KiB the parser costs more than sealing.
    chunk_size = 1024 * 1024
    sink: intake.Sink | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file; nothing is written before its type is recognised by its first bytes."""
        super().new_file(*args, **kwargs)
        if self.request is not None:
            self.sink = intake.open_sink(request=self.request, name=self.file_name or "")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Encrypt a chunk; nothing is passed on to another handler."""
        if self.sink is None:
            return
        self.sink.write(raw_data)
        if self.request is not None and hasattr(self.request, "reporter"):
            # An upload may take longer than the idle limit of a session.
            self.request.reporter.stay_awake()
        if self.sink.hopeless:
            raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> Any:
        sink, self.sink = self.sink, None
        return sink.finish() if sink else None

    def upload_interrupted(self) -> None:
        sink, self.sink = self.sink, None
        if sink:
            sink.abort()
