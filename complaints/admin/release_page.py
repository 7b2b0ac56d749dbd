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
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.admin.case_summary import FOLDED_FROM, release_deadline
from complaints.admin.decision_labels import compared_sanctions, decision_lines
from complaints.admin.file_responses import attachment
from complaints.admin.findings import offered_steps
from complaints.admin.legal_basis import judgment_lines
from complaints.admin.question_lines import question_lines
from complaints.admin.release_assignment import owner_context
from complaints.admin.release_content import AccusedLines, accused_lines, content_lines, report_count, told_words
from complaints.admin.releases import is_current, release_or_404, status_line
from complaints.admin.stated_facts import stated_words
from complaints.domain.law.facts import StatedFacts
from complaints.domain.workflow import Status
from complaints.models.complaint import Message
from complaints.models.oversight import Release, ReleasedFile
from complaints.services import legal_basis
from complaints.services.assessments import facts_of_content
from complaints.services.evidence.storage import InfectedFile
from complaints.services.forwarding import asking, decision_copies, dossier, names, reading, released_files
from complaints.services.forwarding.questions import opened_on, unread_by_body
from complaints.services.forwarding.release_thread import ReleaseMessage

if TYPE_CHECKING:
    from complaints.admin.releases import AnnotatedRelease


@staff_page("GET", opens_for=access.is_overseer)
def release_page(request: StaffRequest, object_id: uuid.UUID) -> HttpResponse:
    """Open a release, and write that into the audit log."""
    release, today = release_or_404(request, object_id), timezone.localdate()
    unread = release.was_asked and bool(unread_by_body([release]))
    opened = reading.open_release(actor=request.actor, release_id=release.pk, is_replaced=release.replaced)
    current = is_current(release)
    parts = [
        content_lines(
            item.content, item.release, is_supplement=item.release.first_id is not None, is_new=_is_new(item, opened)
        )
        for item in opened.opened
    ]
    context = {
        "title": release.case.reference,
        "release": release,
        "status": status_line(release),
        "clock": release_deadline(release.case, today, is_live=current, waiting_since=release.own_asked_agency),
        "live": current,
        "holds": report_count(len(opened.report_numbers)),
        "warned_of": dossier.warned_of(opened),
        "under_check": opened.under_check,
        "judged": [] if opened.under_check else _judged_alike(release, opened),
        "parts": parts,
        "head": _head(opened),
        "contents": [(part, report) for part in parts for report in part["reports"]],
        "previous": opened.previous,
        "folds": len(opened.answers) >= FOLDED_FROM,
        "all_open": request.GET.get("all") == "1",
        "thread": _thread(opened),
        "unread": unread,
        **_questions(request, release, opened),
        "names": _name_requests(release, opened),
        **owner_context(request, release, opened),
        **_decided(request, opened),
        **offered_steps(request, release, opened),
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


def _is_new(item: reading.OpenedRelease, opened: reading.ReleaseFile) -> bool:
    """Whether the body opened the forwarding before this release of it was made; not at the first opening of all."""
    return opened.previous is not None and item.release.number > opened.previous.newest


def _head(opened: reading.ReleaseFile) -> AccusedLines:
    """Return whom and where the reports name, for the head of the page."""
    pairs = [
        [(str(answers.get(first) or ""), str(answers.get(second) or "")) for answers in opened.answers.values()]
        for first, second in (("accused_name", "accused_position"), ("agency", "regency"))
    ]
    accused, places = (list(dict.fromkeys(pair for pair in of_kind if any(pair))) for of_kind in pairs)
    return accused_lines(accused, places)


def _thread(opened: reading.ReleaseFile) -> list[tuple[ReleaseMessage, bool, str]]:
    """Return the messages on the release, each with whether it is an answer that came since the last opening.

    The last value is what it tells of retaliation, in words, "" where it tells nothing of it.
    """
    seen = opened.previous.answers if opened.previous else len(opened.thread)
    lines: list[tuple[ReleaseMessage, bool, str]] = []
    answers = 0
    for entry in opened.thread:
        is_answer = entry.message.direction == Message.Direction.FROM_REPORTER
        answers += is_answer
        lines.append((entry, is_answer and answers > seen, told_words(entry.told) if entry.told else ""))
    return lines


def _decided(request: StaffRequest, opened: reading.ReleaseFile) -> dict[str, object]:
    """Return what the body recorded, with the copies of decisions, and the recommended beside the imposed."""
    pair = request.keyring.release(opened.release)
    copies = decision_copies.of_decisions(release=opened.release, pair=pair, entries=opened.decisions)
    return {
        "decisions": decision_lines(opened.decisions, copies, with_people=True),
        "compared": compared_sanctions(opened.decisions),
    }


def _judged(release: Release, answers: Mapping[str, object], stated: StatedFacts | None) -> dict[str, object]:
    """Return what the rules of the law say of a released report, by the day of the act that it tells.

    With ``stated`` also by what the office stated of the act; the page names it as the office's word.
    """
    case = release.case
    judged = legal_basis.judge_report(
        category=case.category_id or "",
        accused_kind=case.accused_kind_id or "",
        answers=answers,
        handled_on=timezone.localdate(),
        stated=stated,
    )
    return judgment_lines(judged) | {"stated": stated_words(stated) if stated else ""}


def _judged_alike(release: Release, opened: reading.ReleaseFile) -> list[tuple[str, dict[str, object]]]:
    """Return what the rules say with the numbers of the reports of which they say it: mostly the same of all."""
    alike: list[tuple[list[int], dict[str, object]]] = []
    stated = {number: facts_of_content(content) for number, (_day, content) in opened.stated.items()}
    for number, of_report in opened.answers.items():
        lines = _judged(release, of_report, stated.get(number))
        same = next((numbers for numbers, known in alike if known == lines), None)
        if same is None:
            alike.append(([number], lines))
        else:
            same.append(number)
    return [(", ".join(map(str, numbers)), lines) for numbers, lines in alike]


def _name_requests(release: AnnotatedRelease, opened: reading.ReleaseFile) -> list[tuple[int, names.ReportRequest]]:
    """Return the number of each released report of which the body may open a name, with its request."""
    requests = names.requests_of_release(release, is_replaced=release.replaced)
    numbers = {str(pk): number for item in opened.opened for pk, number in item.numbers.items()}
    numbered = [(numbers[report], request) for report, request in requests.items() if report in numbers]
    return sorted(numbered, key=lambda entry: entry[0])


@staff_page("POST", opens_for=access.is_overseer)
def download(request: StaffRequest, object_id: uuid.UUID, file_id: uuid.UUID) -> HttpResponseBase:
    """Download a released file; what the scanner warned of only where the person says that they know."""
    release = release_or_404(request, object_id)
    if not ReleasedFile.objects.filter(Q(release=release) | Q(release__first=release), pk=file_id).exists():
        raise Http404
    knowing = request.POST.get("knowing") == "yes"
    try:
        info, stream = released_files.open_file(actor=request.actor, file_id=file_id, knowing=knowing)
        return attachment(f"{release.case.reference}-{info.name.rpartition('.')[0]}", info, stream)
    except InfectedFile:
        messages.error(request, _("Nothing was opened: confirm that you know what the scanner found."))
    except OSError:
        messages.error(request, _("The evidence storage does not answer. Try again later."))
    return redirect("admin:complaints_release_change", object_id)
