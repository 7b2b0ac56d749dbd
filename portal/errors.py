"""The answer to an error that no view has caught: 503 while the database is away or busy, else 500."""

from __future__ import annotations

import sys
from typing import Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException
from django.shortcuts import render
from django.views.defaults import server_error as django_server_error

RETRY_SECONDS: Final = 10
# A larger body has files, and those cannot be sent back.
_KEPT_BYTES: Final = 128 * 1024
_UNREADABLE: Final = (
    *(MultiPartParserError, RawPostDataException, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent),
    *(UnreadablePostError, UnicodeError),
)
# Names of fields that no page shows again: the ticket code, and what belongs to the request alone.
_NEVER_SHOWN: Final = frozenset({"code", "csrfmiddlewaretoken"})


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for an error; while the database is away or busy, with a form that sends the same words again."""
    error = sys.exc_info()[1]
    if not isinstance(error, OperationalError | InterfaceError):
        return django_server_error(request)
    return busy_page(request)


def busy_page(request: HttpRequest) -> HttpResponse:
    """Answer 503 with a form that sends again what was typed."""
    response = render(request, "503.html", {"fields": _sent_fields(request)}, status=503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


class _WithoutFiles(FileUploadHandler):
    """Drops every file as it comes."""

    def new_file(self, *args: object, **kwargs: object) -> None:
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Take nothing."""

    def file_complete(self, file_size: int) -> None:
        """Return nothing."""


def _sent_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """Return names and values of what a reporter sent; nothing of staff, who may have sent a password."""
    is_public = not request.path_info.startswith(f"/{settings.ADMIN_PATH}")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if request.method != "POST" or not is_public or not length.isdecimal() or int(length) > _KEPT_BYTES:
        return []
    try:
        if not hasattr(request, "_files"):
            request.upload_handlers = [_WithoutFiles(request)]
        sent = request.POST
    except _UNREADABLE:
        return []
    return [(name, value) for name, values in sent.lists() if name not in _NEVER_SHOWN for value in values]
