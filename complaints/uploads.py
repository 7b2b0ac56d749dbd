"""The upload handlers: every posted file is encrypted segment by segment as it arrives, or not stored at all.

Bodies are read before the view checks who posted them, because the CSRF token is one of their fields. Whether a file is
wanted is therefore decided here, at its first byte: by the address, the token before it, and the session. Only
ciphertext reaches the disk; at most two segments of 1 MiB of plaintext stay in memory.
"""

from __future__ import annotations

import io
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopFutureHandlers, StopUpload
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.middleware import csrf

from complaints import access
from complaints.adapters import spreadsheet_import
from complaints.services.evidence import intake

# The addresses whose forms have a file input: those of reporters, of triage and of bodies.
REPORTER_VIEWS: Final = frozenset({"report_story", "status_add"})
TABLE_VIEW: Final = "admin:complaints_case_finding_table"
TRIAGE_VIEWS: Final = frozenset({"admin:complaints_case_finding", TABLE_VIEW})
# Steps of a body that record a decision, of which a copy can be stored.
BODY_VIEW: Final = "admin:complaints_release_step"
BODY_STEPS: Final = frozenset({"sanction", "no_sanction", "correct", "criminal_outcome"})
# After so many files of one body, in multiples of EVIDENCE_MAX_FILES, its other fields are not waited for any more.
# Up to then a file that is too much is passed over, so that what was typed below the file input is kept.
PASSED_OVER: Final = 5
# So much of a body is still read when its parsing has ended, because a browser shows an answer only after it has sent
# all: of a form with files their largest total, of any other what a form without files holds at most.
SMALL_BODY: Final = 1024 * 1024


class _Parser(MultiPartParser):
    """Django's parser, of which the fields so far can be asked, and which names every malformed header as such."""

    @property
    def fields(self) -> QueryDict:
        fields: QueryDict = self._post  # type: ignore[attr-defined]
        return fields

    def parse(self) -> tuple[QueryDict, Any]:
        """Return fields and files; raises MultiPartParserError for a body that is none."""
        try:
            fields, files = super().parse()
        except TypeError as error:
            if not _is_from_email_package(error):
                raise
            # The standard library fails at some extended parameters of RFC 2231.
            raise MultiPartParserError("header") from error
        return fields, files


def _is_from_email_package(error: TypeError) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).startswith("email.")


class DecidingUploadHandler(FileUploadHandler):
    """Stands before the others and ends the parsing where no file is wanted, or far too many come."""

    # As large as a segment: with Django's 64 KiB the parser costs more than sealing.
    chunk_size = 1024 * 1024
    _parser: _Parser | None = None
    _files = 0

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> tuple[QueryDict, Any] | None:
        """Parse by a parser whose fields can be asked; for that parser itself, return None."""
        if self._parser is not None or self.request is None:
            return None
        self._parser = _Parser(META, input_data, self.request.upload_handlers, encoding)
        post, files = self._parser.parse()
        return post, files

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Raise StopUpload where no file is wanted, or far too many come."""
        super().new_file(*args, **kwargs)
        request = self.request
        if request is None or self._parser is None:
            raise StopUpload(connection_reset=True)
        if not _takes_files(request) or not _has_token(request, self._parser.fields):
            raise StopUpload(connection_reset=_announced(request) > SMALL_BODY)
        self._files += 1
        if self._files > PASSED_OVER * settings.EVIDENCE_MAX_FILES:
            intake.end_early(request)
            raise StopUpload(connection_reset=_announced(request) > intake.most_discarded())

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Pass a chunk on."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Keep nothing: the next handlers do."""


def _takes_files(request: HttpRequest) -> bool:
    """Whether the form of this address has files, and the person may send them.

    A reporter's session is judged by the next handler, because its refusal names the file.
    """
    match = request.resolver_match
    name = match.view_name if match else ""
    if name == BODY_VIEW and match is not None:
        return match.kwargs.get("action") in BODY_STEPS and access.is_overseer(getattr(request, "user", None))
    return name in REPORTER_VIEWS or (name in TRIAGE_VIEWS and access.is_triage(getattr(request, "user", None)))


def _has_token(request: HttpRequest, fields: QueryDict) -> bool:
    """Whether a valid CSRF token came before the first file, as in every form of the portal.

    Django's middleware compares it when the whole body was read; a file without it is not worked before.
    """
    if getattr(request, "csrf_processing_done", False):
        return True  # the middleware has accepted the request without the body
    secret = request.META.get("CSRF_COOKIE", "")
    token = str(fields.get("csrfmiddlewaretoken") or request.META.get(settings.CSRF_HEADER_NAME, ""))
    if not secret or len(token) not in (csrf.CSRF_SECRET_LENGTH, csrf.CSRF_TOKEN_LENGTH) or not token.isalnum():
        return False
    return bool(csrf._does_token_match(token, secret))  # type: ignore[attr-defined]


def _announced(request: HttpRequest) -> int:
    return int(request.META.get("CONTENT_LENGTH") or 0)


class TableUploadHandler(FileUploadHandler):
    """Keeps the spreadsheet of an import in memory, up to the size that is read; passes on every other file.

    A spreadsheet is read once and dropped with its request, where evidence is stored; all files but the first are
    dropped as they arrive.
    """

    chunk_size = DecidingUploadHandler.chunk_size
    _buffer: io.BytesIO | None = None
    _is_taken = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Accept the first file where the address is that of an import."""
        super().new_file(*args, **kwargs)
        self._buffer = None
        match = getattr(self.request, "resolver_match", None)
        if match is not None and match.view_name == TABLE_VIEW:
            if self._is_taken:
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

    chunk_size = DecidingUploadHandler.chunk_size
    sink: intake.Sink | None = None
    _passed_over = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file, or pass over one that is too much; nothing is written before the type is recognised."""
        super().new_file(*args, **kwargs)
        if self.request is not None:
            self.sink = intake.open_sink(request=self.request, name=self.file_name or "")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Encrypt a chunk; nothing is passed on to another handler."""
        if self.sink is None:
            self._passed_over += len(raw_data)
            if self._passed_over > intake.most_discarded():
                raise StopUpload(connection_reset=True)
            return
        self.sink.write(raw_data)
        if self.request is not None and hasattr(self.request, "reporter"):
            # An upload may take longer than the idle limit of a session.
            self.request.reporter.stay_awake()
        if self.sink.hopeless:
            raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> intake.SealedUpload | None:  # type: ignore[override]
        sink, self.sink = self.sink, None
        return sink.finish() if sink else None

    def upload_interrupted(self) -> None:
        sink, self.sink = self.sink, None
        if sink:
            sink.abort()
