"""Copies shown inside a page: only kinds that cannot carry a script, only while a recorded look at them lasts.

A browser fetches a video in many ranges. The look was written into the chain by the page around it; that page leaves a
permission of an hour in the person's sealed session, and without one these addresses do not exist.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control

from complaints.models.evidence import EvidenceObject
from complaints.services.evidence import storage
from complaints.services.evidence.storage import FileInfo

VIEWING: Final = "viewing"
SECONDS: Final = 3600
RENEWED_AFTER: Final = 900
# The session's row is small; who looks at more than this at once loads a page again.
MOST: Final = 60
# By what the page draws it with. The browser gets our own spelling of the type, never one that came with a file.
KINDS: Final[dict[str, tuple[str, str]]] = {
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
    "audio/x-hx-aac-adts": ("audio", "audio/aac"),
    "video/mp4": ("video", "video/mp4"),
    "video/quicktime": ("video", "video/mp4"),
    "video/webm": ("video", "video/webm"),
    "video/3gpp": ("video", "video/3gpp"),
    "video/x-matroska": ("video", "video/x-matroska"),
}
# An answer to a range ends here; the browser asks for the next. A paused player must not hold a thread.
PIECE_BYTES: Final = 4 * 1024 * 1024
_RANGE = re.compile(r"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))", re.ASCII)


def allow(session: Any, *what: uuid.UUID, now: datetime) -> None:
    """Let this session see the copies of an item, of a released file or the previews of a case, for about an hour.

    A permission that still has most of its hour is left as it is: coming back to a page writes no session.
    """
    moment = int(now.timestamp())
    lasting = session.get(VIEWING, {})
    if all(lasting.get(str(one), 0) > moment + SECONDS - RENEWED_AFTER for one in what):
        return
    kept = {name: until for name, until in session.get(VIEWING, {}).items() if until > moment}
    for one in what:
        kept.pop(str(one), None)
        kept[str(one)] = moment + SECONDS
    session[VIEWING] = dict(list(kept.items())[-MOST:])


def allowed(session: Any, what: uuid.UUID, *, now: datetime) -> bool:
    """Whether :func:`allow` was called for this within the hour."""
    return bool(session.get(VIEWING, {}).get(str(what), 0) > now.timestamp())


def kind_of(info: FileInfo) -> str:
    """Return "image", "audio" or "video"; "" for what is never shown inside a page."""
    return KINDS.get(info.type, ("", ""))[0]


def asked_range(header: str, length: int) -> tuple[int, int] | None:
    """Return (start, end exclusive) of a single range, cut to a piece; None where there is none to follow.

    Raises:
        ValueError: it lies outside the file.
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
    return start, min(end, start + PIECE_BYTES)


def inline(stored: EvidenceObject, info: FileInfo, header: str) -> HttpResponseBase:
    """Answer with a copy, or the range of it that ``header`` asks for; raises Http404 for a kind never shown.

    The first bytes are opened before the headers leave, so that a damaged file is an error page and no picture.
    """
    if not kind_of(info) or stored.variant == EvidenceObject.Variant.ORIGINAL:
        raise Http404
    try:
        asked = asked_range(header, info.length)
    except ValueError:
        return _guarded(HttpResponse(status=416, headers={"Content-Range": f"bytes */{info.length}"}), info)
    start, end = asked or (0, info.length)
    stream = storage.stream(stored, info, start, end)
    try:
        first = next(stream, b"")
    except OSError:
        return _guarded(HttpResponse(status=503), info)
    response = StreamingHttpResponse(_rest(first, stream), status=206 if asked else 200)
    if asked:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{info.length}"
    response.headers["Content-Length"] = str(end - start)
    return _guarded(response, info)


def _rest(first: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from stream


def _guarded(response: HttpResponseBase, info: FileInfo) -> HttpResponseBase:
    media_type = KINDS[info.type][1]
    ending = media_type.partition("/")[2].removeprefix("x-")
    response.headers["Content-Type"] = media_type
    response.headers["Content-Disposition"] = f'inline; filename="bukti.{ending}"'
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, no_store=True)
    return response
