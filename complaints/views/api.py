"""Resumable uploads for pages with JavaScript: a file arrives in segments, and the answers are short JSON objects.

The id of a file and the number of a segment are sent in headers, so that no address contains anything of a report.
Without JavaScript the forms of ``report`` and ``status`` take the same files whole.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import unquote

from django.http import HttpResponse, JsonResponse, RawPostDataException, UnreadablePostError
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_POST

from complaints.forms.fields import refusal
from complaints.forms.traces import told
from complaints.services.evidence import drafts, intake, resumable
from complaints.views import ReporterRequest, uploads

ProgressFunction = Callable[[ReporterRequest, str], resumable.Progress]
Handler = Callable[[ReporterRequest], HttpResponse]


def _progress_view(report_progress: ProgressFunction) -> Handler:
    """Make a view of a function that returns the progress of a file.

    Status 404 for an unknown file, 400 for a malformed request, 503 for a temporary fault of the storage.
    """

    @require_POST
    @wraps(report_progress)
    def view(request: ReporterRequest) -> HttpResponse:
        try:
            progress = report_progress(request, request.headers.get("Upload-Id", ""))
        except resumable.UnknownFileError:
            return JsonResponse({}, status=404)
        except (resumable.BadSegmentError, RawPostDataException, UnreadablePostError, ValueError):
            # RawPostDataException: a multipart body, which the CSRF check has read.
            return JsonResponse({}, status=400)
        answer: dict[str, object] = {"id": progress.id, "next": progress.next, "segment": resumable.segment_bytes()}
        if progress.refused:
            name = intake.short_name(unquote(request.headers.get("Upload-Name", "")))
            answer["error"] = refusal(name, progress.refused)
            if not progress.passing:
                row = drafts.keep_refusals(
                    session=request.reporter, refused=[(name, progress.refused)], today=timezone.localdate()
                )
                answer["id"] = row
        if progress.whole:
            answer["list"] = kept_files(request)
        return JsonResponse(answer, status=503 if progress.passing else 200)

    return view


def kept_files(request: ReporterRequest) -> str:
    return render_to_string("complaints/report/kept.html", waiting_files(request, partial=False))


def keep_files(request: ReporterRequest) -> None:
    """Keep the files of a form; those that are refused stay listed until they are dismissed."""
    session, today = request.reporter, timezone.localdate()
    files = [*uploads(request), *uploads(request, "screenshots")]
    drafts.keep_uploads(session=session, uploads=files, today=today)
    refused = [(file.name, file.refused) for file in files if file.refused]
    drafts.keep_refusals(session=session, refused=refused, today=today)


def waiting_files(request: ReporterRequest, *, partial: bool = True) -> dict[str, Any]:
    """Return the context of the list of draft files: complete, partial and refused ones.

    Files that were not checked yet are checked for metadata that may identify the reporter.
    """
    session = request.reporter
    files = drafts.draft_files(session=session)
    rest = drafts.unfinished_files(session=session) if partial else {}
    drafts.check_metadata(session=session, files=files)
    return {
        "files": files,
        "listed": [(file, told(file.info.type, file.betrays, file.info.looked, file.name)) for file in files],
        "pictures": any(file.info.type.startswith(("image/", "video/")) for file in files),
        "partial": {identifier: file for identifier, file in rest.items() if not file.refused},
        "refused": [
            (identifier, file.name, refusal(file.name, file.refused))
            for identifier, file in rest.items()
            if file.refused
        ],
    }


@_progress_view
def begin(request: ReporterRequest, file_id: str) -> resumable.Progress:
    """Announce a file, or find the partial one that it resumes."""
    return resumable.begin(
        session=request.reporter,
        name=request.POST.get("name", ""),
        size=int(request.POST.get("size", "")),
        mark=request.POST.get("mark", ""),
        today=timezone.localdate(),
    )


@_progress_view
def segment(request: ReporterRequest, file_id: str) -> resumable.Progress:
    index = int(request.headers.get("Upload-Segment", ""))
    return resumable.receive_segment(session=request.reporter, file_id=file_id, index=index, data=request.body)


@_progress_view
def finish(request: ReporterRequest, file_id: str) -> resumable.Progress:
    return resumable.finish(session=request.reporter, file_id=file_id)


@_progress_view
def state(request: ReporterRequest, file_id: str) -> resumable.Progress:
    """Return which segment is expected next."""
    return resumable.progress(session=request.reporter, file_id=file_id)


@require_POST
def cancel(request: ReporterRequest) -> HttpResponse:
    """Delete a draft file, complete or partial."""
    drafts.discard_draft_file(session=request.reporter, file_id=request.headers.get("Upload-Id", ""))
    return JsonResponse({"list": kept_files(request)})
