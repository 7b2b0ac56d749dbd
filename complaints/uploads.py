"""The global upload handler: every file posted anywhere is sealed piece by piece as it arrives, or not kept at all.

What reaches the disk is ciphertext only; plaintext stays in memory for at most two segments of 1 MiB.
"""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from complaints.services import evidence


class SealingUploadHandler(FileUploadHandler):
    """Feeds a sink of services.evidence and answers with its :class:`~complaints.services.evidence.SealedUpload`."""

    # As large as a segment: with Django's 64 KiB the parser costs more than sealing.
    chunk_size = 1024 * 1024
    sink: evidence.Sink | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file; it is not written before its first bytes are recognised."""
        super().new_file(*args, **kwargs)
        self.sink = evidence.open_sink(request=self.request, name=self.file_name or "")

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
