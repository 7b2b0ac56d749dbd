"""The page of a release, as a liaison of its body reads it, and the files of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import labels
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.admin.case_summary import FOLDED_FROM, release_deadline
from complaints.admin.file_responses import attachment
from complaints.admin.legal_basis import judgment_lines
from complaints.admin.question_lines import question_lines
from complaints.admin.release_content import content_lines, report_count
from complaints.admin.releases import is_current, release_or_404, status_line, step_label
from complaints.domain.workflow import Status
from complaints.models.oversight import Release, ReleasedFile
from complaints.services import legal_basis
from complaints.services.evidence.storage import InfectedFile
from complaints.services.forwarding import asking, dossier, names, reading
from complaints.services.forwarding.questions import opened_on, unread_by_body

if TYPE_CHECKING:
    from complaints.admin.releases import AnnotatedRelease


@staff_page("GET", opens_for=access.is_overseer)
def release_page(request: StaffRequest, object_id: uuid.UUID) -> HttpResponse:
    """Open a release, and write that into the audit log."""
    release, today = release_or_404(request, object_id), timezone.localdate()
    unread = release.was_asked and bool(unread_by_body([release]))
    opened = reading.open_release(actor=request.actor, release_id=release.pk, is_replaced=release.replaced)
    current = is_current(release)
    asked = _questions(request, release, opened) | {"unread": unread}
    context = {
        "title": release.case.reference,
        "release": release,
        "status": status_line(release),
        "clock": release_deadline(release.case, today, is_live=current),
        "live": current,
        "holds": report_count(len(opened.report_numbers)),
        "warned_of": dossier.warned_of(opened),
        "under_check": opened.under_check,
        "judged": _judged_alike(release, opened.answers),
        "parts": [
            content_lines(one.content, one.release, is_supplement=one.release.first_id is not None)
            for one in opened.opened
        ],
        "folds": len(opened.answers) >= FOLDED_FROM,
        "all_open": request.GET.get("all") == "1",
        "thread": opened.thread,
        **asked,
        "names": _name_requests(release, opened),
        "decisions": [labels.decision_lines(decision) for decision in opened.decisions],
        "steps": [step_label(row, release) for row in opened.actions],
    }
    return render(request, "admin/release.html", context, model=Release)


def _questions(request: StaffRequest, release: AnnotatedRelease, opened: reading.ReleaseFile) -> dict[str, object]:
    """Return the questions of the body on its release, and whether it may ask now."""
    case, may_ask = opened.case, not opened.under_check
    may_ask = may_ask and names.is_worked_on(opened.release, is_replaced=release.replaced)
    questions = opened_on(keyring=request.keyring, release=opened.release) if release.was_asked else []
    is_examined = Status(case.status) is Status.UNDER_EXAMINATION
    return {
        "questions": question_lines(questions),
        "folds_numbers": len(opened.report_numbers) > 1,
        "may_ask_office": may_ask,
        "may_ask_reporter": may_ask and is_examined and bool(asking.readers_of(release)),
    }


def _judged(release: Release, answers: Mapping[str, object]) -> dict[str, object]:
    """Return what the rules of the law say of a released report, by the day of the act that it tells."""
    case = release.case
    judged = legal_basis.judge_report(
        category=case.category_id,
        accused_kind=case.accused_kind_id,
        answers=answers,
        handled_on=timezone.localdate(),
    )
    return judgment_lines(judged)


def _judged_alike(release: Release, answers: Mapping[int, Mapping[str, object]]) -> list[tuple[str, dict[str, object]]]:
    """Return what the rules say with the numbers of the reports of which they say it: mostly the same of all."""
    found: list[tuple[list[int], dict[str, object]]] = []
    for number, of_report in answers.items():
        lines = _judged(release, of_report)
        same = next((numbers for numbers, known in found if known == lines), None)
        if same is None:
            found.append(([number], lines))
        else:
            same.append(number)
    return [(", ".join(map(str, numbers)), lines) for numbers, lines in found]


def _name_requests(release: AnnotatedRelease, opened: reading.ReleaseFile) -> list[tuple[int, names.ReportRequest]]:
    """Return the number of each released report of which the body may open a name, with its request."""
    requests = names.requests_of_release(release, is_replaced=release.replaced)
    numbers = {str(pk): number for one in opened.opened for pk, number in one.numbers.items()}
    found = [(numbers[report], request) for report, request in requests.items() if report in numbers]
    return sorted(found, key=lambda entry: entry[0])


@staff_page("POST", opens_for=access.is_overseer)
def download(request: StaffRequest, object_id: uuid.UUID, file_id: uuid.UUID) -> HttpResponseBase:
    """Download a released file; what the scanner warned of only where the person says that they know."""
    release = release_or_404(request, object_id)
    if not ReleasedFile.objects.filter(Q(release=release) | Q(release__first=release), pk=file_id).exists():
        raise Http404
    knowing = request.POST.get("knowing") == "yes"
    try:
        info, stream = reading.open_file(actor=request.actor, file_id=file_id, knowing=knowing)
        return attachment(f"{release.case.reference}-{info.name.rpartition('.')[0]}", info, stream)
    except InfectedFile:
        messages.error(request, _("Nothing was opened: confirm that you know what the scanner found."))
    except OSError:
        messages.error(request, _("The evidence storage does not answer. Try again later."))
    return redirect("admin:complaints_release_change", object_id)
