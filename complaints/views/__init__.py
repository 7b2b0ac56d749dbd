"""The reporter's views: each parses a form, calls one service and answers. This module holds what they share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from complaints.page_cache import base_context
from complaints.reporter_session import ReporterSession, stored_size
from complaints.services.evidence import limits
from complaints.services.evidence.intake import SealedUpload
from complaints.services.submission import Draft


class ReporterRequest(HttpRequest):
    """A request with the reporter's sealed session, which the middleware adds."""

    reporter: ReporterSession


def page(request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, path: str = "") -> HttpResponse:
    """Answer with a page; ``path`` is the address whose other language the page links to, by default its own."""
    shared = {**base_context(path or request.path), "script_nonce": getattr(request, "script_nonce", "")}
    return render(request, f"complaints/{template}.html", {**shared, **(context or {})})


def begin_new_cookie(request: ReporterRequest) -> None:
    """Give what begins now a secret of its own; what belonged to the old cookie ends with it.

    Raises limits.DraftsFull, with nothing ended, where no further draft is begun.
    """
    limits.refuse_when_full()
    if request.reporter.exists:
        request.reporter.clear()
        request.reporter.cycle()


def has_room(changed: Draft, stored: Draft) -> bool:
    """Whether a draft may become as long as ``changed`` that is ``stored`` now; what keeps typed words asks here."""
    size = stored_size(changed)
    return size <= text_limit(stored)(size, stored_size(stored))


def text_limit(stored: Draft) -> Callable[[int, int], int]:
    """Return ``limits.text_limit`` as it holds for this draft."""
    return partial(limits.text_limit, is_parked="parked" in stored)


def uploads(request: HttpRequest, field: str = "evidence") -> list[SealedUpload]:
    """Return the files of a request as the sealing upload handler left them, refused ones among them."""
    return cast("list[SealedUpload]", request.FILES.getlist(field))


def attachment(content: str, content_type: str, name: str) -> HttpResponse:
    """Answer with a file to keep, which no cache may."""
    response = HttpResponse(content, content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
