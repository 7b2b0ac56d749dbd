"""Files as responses to staff: as a download that no browser runs, or as a copy inside of a page.

Only kinds of files that cannot carry a script are ever shown inside a page. For ``case_evidence`` and ``releases``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control

from complaints.adapters.media import kinds
from complaints.admin.base import FILE_POLICY, as_attachment
from complaints.models.evidence import EvidenceObject
from complaints.services.evidence import storage
from complaints.services.evidence.storage import FileInfo

# What draws a kind of file inside a page, and the media type the browser gets: ours, never one that came with a file.
INLINE_TYPES: Final[dict[str, tuple[str, str]]] = {
    "image/jpeg": ("image", "image/jpeg"),
    "image/png": ("image", "image/png"),
    "image/webp": ("image", "image/webp"),
    "audio/mpeg": ("audio", "audio/mpeg"),
    "audio/mp4": ("audio", "audio/mp4"),
    "audio/x-m4a": ("audio", "audio/mp4"),
    "audio/ogg": ("audio", "audio/ogg"),
    "audio/x-wav": ("audio", "audio/wav"),
    "audio/amr": ("audio", "audio/amr"),
    "audio/aac": ("audio", "audio/aac"),
    "audio/flac": ("audio", "audio/flac"),
    "audio/x-hx-aac-adts": ("audio", "audio/aac"),
    "video/mp4": ("video", "video/mp4"),
    "video/quicktime": ("video", "video/mp4"),
    "video/webm": ("video", "video/webm"),
    "video/3gpp": ("video", "video/3gpp"),
    "video/3gpp2": ("video", "video/3gpp2"),
    "video/x-matroska": ("video", "video/x-matroska"),
}
# An answer to a range ends here and the browser asks for the next: a paused player must not hold a thread.
RANGE_BYTES: Final = 4 * 1024 * 1024
_RANGE: Final = re.compile(r"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))", re.ASCII)


def attachment(name: str, info: FileInfo, stream: Iterator[bytes]) -> StreamingHttpResponse:
    """Return a file as a download under a neutral name: the reporter's own could identify them, or pose as a program.

    The first segment is read before the headers are sent, so that a damaged file becomes an error page. ``name`` has no
    extension, which comes from the kind of the file.
    """
    first = next(stream, b"")
    response = StreamingHttpResponse(chain([first], stream), content_type="application/octet-stream")
    response.headers["Content-Length"] = str(info.length)
    return as_attachment(response, f"{name}.{kinds.ending(info.type, info.name)}")


def inline_kind(info: FileInfo) -> str:
    """Return "image", "audio" or "video"; "" for a file that is never shown inside a page."""
    return INLINE_TYPES.get(info.type, ("", ""))[0]


def requested_range(header: str, length: int) -> tuple[int, int] | None:
    """Return start and end (exclusive) that a Range header asks of ``length`` bytes, at most RANGE_BYTES apart.

    None where the whole file is the answer: no header (""), or another than a single range. Raises ValueError for a
    range outside the file.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return None  # several ranges, or another unit: the whole file answers them as well (RFC 9110, 14.2)
    first, last, suffix = match.groups()
    start = int(first) if first else max(0, length - int(suffix))
    end = min(length, int(last) + 1) if last else length
    if last and int(last) < start:
        return None
    if start >= length or suffix == "0":
        raise ValueError(length)
    return start, min(end, start + RANGE_BYTES)


def inline_response(stored: EvidenceObject, info: FileInfo, range_header: str) -> HttpResponseBase:
    """Return a copy to be shown inside a page, or the range of it that was asked for.

    The first bytes are read before the headers are sent, so that a damaged file becomes an error. Raises Http404 for an
    original, and for a kind of file that is never shown inside a page.
    """
    if not inline_kind(info) or stored.variant == EvidenceObject.Variant.ORIGINAL:
        raise Http404
    try:
        byte_range = requested_range(range_header, info.length)
    except ValueError:
        return _with_inline_headers(HttpResponse(status=416, headers={"Content-Range": f"bytes */{info.length}"}), info)
    start, end = byte_range or (0, info.length)
    stream = storage.stream(stored, info, start, end)
    try:
        first = next(stream, b"")
    except OSError:
        return _with_inline_headers(HttpResponse(status=503), info)
    response = StreamingHttpResponse(_joined(first, stream), status=206 if byte_range else 200)
    if byte_range:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{info.length}"
    response.headers["Content-Length"] = str(end - start)
    return _with_inline_headers(response, info)


def shown_kind(info: FileInfo) -> str:
    """Return as :func:`inline_kind`, and "image" for a redacted PDF, whose pages are pictures."""
    return "image" if info.pictures else inline_kind(info)


def page_response(stored: EvidenceObject, info: FileInfo, page: str) -> HttpResponseBase:
    """Return the picture of a page of a redacted PDF, counted from 1; Http404 where there is none."""
    numbers = {str(number): place for number, place in enumerate(info.pictures, start=1)}
    if page not in numbers:
        raise Http404
    start, end = numbers[page]
    picture, stream = replace(info, type="image/jpeg"), storage.stream(stored, info, start, end)
    try:
        first = next(stream, b"")
    except OSError:
        return _with_inline_headers(HttpResponse(status=503), picture)
    response = StreamingHttpResponse(_joined(first, stream))
    response.headers["Content-Length"] = str(end - start)
    return _with_inline_headers(response, picture)


def _joined(first: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    # A generator, so that closing the response also closes the stream of a player that went away.
    yield first
    yield from stream


def _with_inline_headers(response: HttpResponseBase, info: FileInfo) -> HttpResponseBase:
    media_type = INLINE_TYPES[info.type][1]
    extension = media_type.partition("/")[2].removeprefix("x-")
    response.headers["Content-Type"] = media_type
    response.headers["Content-Disposition"] = f'inline; filename="bukti.{extension}"'
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Security-Policy"] = FILE_POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, no_store=True)
    return response
