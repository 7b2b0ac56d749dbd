"""A release as the office reads it again, as its body does; a supplement is recalled there."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import labels
from complaints.admin.base import StaffRequest, case_or_404, render, staff_page
from complaints.admin.release_content import content_lines
from complaints.domain.workflow import Permission
from complaints.models.case import Case
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import Release
from complaints.services.forwarding import reading, release
from complaints.services.forwarding.release import RecallRefusal
from complaints.services.transitions import CaseChanged


def in_case(case: Case, numbers: Mapping[uuid.UUID, int]) -> dict[int, int]:
    """Return the office's number of each released report by that of the body; one that left the case has none."""
    reports = case.complaints.order_by("day", "pk").values_list("pk", flat=True)
    return {numbers[pk]: place for place, pk in enumerate(reports, start=1) if pk in numbers}


def look_urls(case: Case, stored: Mapping[uuid.UUID, EvidenceObject]) -> dict[uuid.UUID, str]:
    """Return where the office looks at the copies of a release, of the files that are in the case."""
    urls: dict[uuid.UUID, str] = {}
    for pk, copy in stored.items():
        is_shown = copy.variant in (EvidenceObject.Variant.WORKING, EvidenceObject.Variant.REDACTED)
        if is_shown and copy.evidence.complaint.case_id == case.pk:
            url = reverse("admin:complaints_case_view", args=[case.pk, copy.evidence_id])
            urls[pk] = f"{url}?copy={copy.pk}" if copy.variant == EvidenceObject.Variant.REDACTED else url
    return urls


def _release_of_case(request: StaffRequest, case_id: uuid.UUID, release_id: uuid.UUID) -> Release:
    case = case_or_404(request, case_id)
    return get_object_or_404(case.releases.select_related("case", "body").prefetch_related("grants"), pk=release_id)


@staff_page("GET", opens_for=access.is_triage)
def sent(request: StaffRequest, object_id: uuid.UUID, release_id: uuid.UUID) -> HttpResponse:
    """Show a release as the body reads it; recorded as a reading of the case."""
    row = _release_of_case(request, object_id, release_id)
    opened = reading.read_again(actor=request.actor, release=row)
    files = row.files.select_related("stored__evidence__complaint")
    context = {
        "title": _("Release %(number)s to %(body)s: %(case)s")
        % {"number": row.number, "body": row.body.short_name, "case": row.case.reference},
        "case": row.case,
        "release": row,
        "part": content_lines(
            opened.content,
            row,
            is_supplement=row.first_id is not None,
            in_case=in_case(row.case, opened.numbers),
            look_urls=look_urls(row.case, {item.pk: item.stored for item in files}),
        ),
        "back": reverse("admin:complaints_case_change", args=[row.case_id]),
        "was_opened": row.state == Release.State.RECALLED and release.was_opened_before_recall(row),
        "may_recall": row.first_id is not None
        and Permission.FORWARD in access.permissions_of(request.user)
        and release.recall_refusal(row) is None,
    }
    return render(request, "admin/release_read.html", context)


RECALL_REFUSALS: Final[dict[RecallRefusal, labels.Label]] = {
    RecallRefusal.MISSING_PERMISSION: gettext_lazy("Nothing was recalled: only a person who forwards can do it."),
    RecallRefusal.FORWARDING: gettext_lazy(
        "Nothing was recalled: this is the forwarding itself. Take the case back on its page, by the step for it."
    ),
    RecallRefusal.RECALLED: gettext_lazy("Nothing was done: this release was recalled before."),
    RecallRefusal.RETURNED: gettext_lazy("Nothing was recalled: the body no longer has the case by this release."),
    RecallRefusal.TAKEN_UP: gettext_lazy(
        "Nothing was recalled: the body has taken a step since it received this release, and may rely on it."
    ),
}


@staff_page("POST", opens_for=access.is_triage)
def recall(request: StaffRequest, object_id: uuid.UUID, release_id: uuid.UUID) -> HttpResponseBase:
    """Call back a supplement that its body has not taken up."""
    row = _release_of_case(request, object_id, release_id)
    try:
        opened = release.recall(actor=request.actor, release_id=row.pk)
    except release.RecallRefused as refused:
        messages.error(request, str(RECALL_REFUSALS[refused.code]))
    except CaseChanged:
        messages.error(request, _("Nothing was recalled: the case changed at the same moment. Try again."))
    except Release.DoesNotExist:
        raise Http404 from None
    else:
        words = _("Recalled. The body had opened it before.") if opened else _("Recalled. The body had not opened it.")
        messages.success(request, words)
    return redirect("admin:complaints_case_release", object_id, release_id)
