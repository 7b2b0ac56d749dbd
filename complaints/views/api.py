"""Files in segments, for pages with JavaScript: what a browser asks while it sends a file, and short JSON answers.

A file's id and the number of a segment come in headers, so that nothing of a report is ever in an address. Without
JavaScript the forms of ``report`` and ``status`` take the same files whole.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import unquote

from django.http import HttpResponse, JsonResponse, UnreadablePostError
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_POST

from complaints.forms.fields import refusal
from complaints.forms.traces import traces
from complaints.services.evidence import drafts, resumable
from complaints.views import ReporterRequest

Answerer = Callable[[ReporterRequest, str], resumable.Progress]
Handler = Callable[[ReporterRequest], HttpResponse]


def _answering(answerer: Answerer) -> Handler:
    """Wrap what tells how far a file has come: 404 for one that is not there, 503 for what may pass."""

    @require_POST
    @wraps(answerer)
    def view(request: ReporterRequest) -> HttpResponse:
        try:
            progress = answerer(request, request.headers.get("Upload-Id", ""))
        except resumable.UnknownFileError:
            return JsonResponse({}, status=404)
        except (resumable.BadSegmentError, UnreadablePostError, ValueError):
            return JsonResponse({}, status=400)
        answer: dict[str, Any] = {"id": progress.id, "next": progress.next, "segment": resumable.segment_bytes()}
        if progress.refused:
            answer["error"] = refusal(unquote(request.headers.get("Upload-Name", "")), progress.refused)
        if progress.whole:
            answer["list"] = kept_files(request)
        return JsonResponse(answer, status=503 if progress.passing else 200)

    return view


def kept_files(request: ReporterRequest) -> str:
    """Return the list of files that wait to be sent, as the page shows it."""
    return render_to_string("complaints/report/kept.html", waiting_files(request, partial=False))


def waiting_files(request: ReporterRequest, *, partial: bool = True) -> dict[str, Any]:
    """Return what the list of files needs: those that are here, those that came in part, where to remove one."""
    session = request.reporter
    files = drafts.draft_files(session=session)
    drafts.check_metadata(session=session, files=files)
    return {
        "files": files,
        "listed": [(file, traces(file.betrays)) for file in files],
        "partial": drafts.partial_files(session=session) if partial else {},
        "remove": "status_file_remove" if "ticket" in session else "report_file_remove",
    }


@_answering
def begin(request: ReporterRequest, file_id: str) -> resumable.Progress:
    """Announce a file, or find the one that broke off."""
    return resumable.begin(
        session=request.reporter,
        name=request.POST.get("name", ""),
        size=int(request.POST.get("size", "")),
        mark=request.POST.get("mark", ""),
        today=timezone.localdate(),
    )


@_answering
def segment(request: ReporterRequest, file_id: str) -> resumable.Progress:
    """Take one segment."""
    index = int(request.headers.get("Upload-Segment", ""))
    return resumable.receive_segment(session=request.reporter, file_id=file_id, index=index, data=request.body)


@_answering
def finish(request: ReporterRequest, file_id: str) -> resumable.Progress:
    """Join the segments."""
    return resumable.finish(session=request.reporter, file_id=file_id)


@_answering
def state(request: ReporterRequest, file_id: str) -> resumable.Progress:
    """Tell which segment is the next."""
    return resumable.progress(session=request.reporter, file_id=file_id)


@require_POST
def cancel(request: ReporterRequest) -> HttpResponse:
    """Drop a file that is not sent, whole or partly here."""
    drafts.discard_draft_file(session=request.reporter, file_id=request.headers.get("Upload-Id", ""))
    return JsonResponse({"list": kept_files(request)})
