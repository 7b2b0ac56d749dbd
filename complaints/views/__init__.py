"""The reporter's pages: a view parses a form, calls one service and answers. This module holds what all views share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from complaints.page_cache import base_context


class ReporterRequest(HttpRequest):
    """A request with the sealed session that the middleware gives it, a portal.accounts.sessions.ReporterSession."""

    reporter: Any


def page(request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, path: str = "") -> HttpResponse:
    """Answer with a page; ``path`` says where its twin in the other language is, if not at its own path."""
    return render(request, f"complaints/{template}.html", {**base_context(path or request.path), **(context or {})})


def uploads(request: HttpRequest) -> list[Any]:
    """Return the files of a request as the sealing handler left them: evidence.SealedUpload objects."""
    return list(request.FILES.getlist("evidence"))
