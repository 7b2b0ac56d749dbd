"""Compares a release with its originals: any member of the team that holds the case asks, and reads what differs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Final, TypedDict

from django.contrib import messages
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.adapters import sandbox
from complaints.admin.base import StaffRequest, readable_case_or_404, render, staff_page
from complaints.admin.evidence_labels import file_label
from complaints.admin.labels import Label
from complaints.admin.redactions import text_labels
from complaints.admin.release_content import ANSWER_LABELS
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence
from complaints.models.oversight import Release
from complaints.services import redactions
from complaints.services.forwarding import redaction_check
from complaints.services.forwarding.contents import ANSWERS
from complaints.services.forwarding.redaction_check import Difference

# What a release holds of a report and nobody can find among its texts, by the targets of a Difference.
MORE: Final[dict[str, Label]] = {
    "messages": gettext_lazy("A message that the reporter did not send"),
    "notes": gettext_lazy("A note of the office"),
    "posts": gettext_lazy("A post that the reporter did not describe"),
}
# Days and codes, of which nothing is ever removed.
ALWAYS_LABELS: Final[dict[str, Label]] = {
    "category": gettext_lazy("Category"),
    "accused_kind": gettext_lazy("Kind of accused"),
    "province": gettext_lazy("Province"),
}


class DifferenceLine(TypedDict):
    """What differs, in words, and where the marks of it can be looked at, "" where there are none."""

    words: str
    url: str


class ReportDifferences(TypedDict):
    """What differs of one report; ``number`` is that in the case, 0 for a report that is in another case now."""

    number: int
    number_at_body: int
    lines: list[DifferenceLine]


@staff_page("POST", opens_for=access.is_triage)
def compare_release(request: StaffRequest, object_id: uuid.UUID, release_id: uuid.UUID) -> HttpResponseBase:
    """Work a release out again from originals and redactions, and name each part and file that differs."""
    case = readable_case_or_404(request, object_id)
    release = case.releases.select_related("body").filter(pk=release_id).first()
    if release is None:
        raise Http404
    try:
        differences = redaction_check.check(actor=request.actor, release_id=release.pk)
    except OSError:
        messages.error(request, _("Not compared: the evidence storage does not answer. Try again later."))
    except (sandbox.Unavailable, sandbox.JobFailed, redactions.NoWorkingCopy):
        messages.error(request, _("Not compared: the files could not be rendered again. Try again later."))
    else:
        context = {
            "title": _("Comparison of release %(number)s to %(body)s: %(case)s")
            % {"number": release.number, "body": release.body.short_name, "case": case.reference},
            "case": case,
            "release": release,
            "reports": list(_by_report(request, release, differences)),
        }
        return render(request, "admin/release_comparison.html", context)
    return redirect("admin:complaints_case_change", object_id)


def _by_report(
    request: StaffRequest, release: Release, differences: Iterable[Difference]
) -> Iterable[ReportDifferences]:
    targets: dict[uuid.UUID, list[str]] = {}
    for difference in differences:
        targets.setdefault(difference.report, []).append(difference.target)
    in_case = list(release.case.complaints.order_by("day", "pk").values_list("pk", flat=True))
    at_body = dict(release.reports.values_list("complaint", "number"))
    complaints = Complaint.objects.filter(pk__in=targets).prefetch_related("grants").order_by("day", "pk")
    texts = redactions.read_texts(keyring=request.keyring, complaints=complaints)
    for complaint in complaints:
        number = in_case.index(complaint.pk) + 1 if complaint.pk in in_case else 0
        labels = text_labels(texts[complaint.pk])
        yield {
            "number": number,
            "number_at_body": at_body.get(complaint.pk, 0),
            "lines": [_line(release, complaint, number, target, labels) for target in targets[complaint.pk]],
        }


def _line(release: Release, complaint: Complaint, number: int, target: str, labels: dict[str, str]) -> DifferenceLine:
    case = release.case_id
    if target in labels:
        url = reverse("admin:complaints_case_redact_text", args=[case, complaint.pk, target]) if number else ""
        return {"words": labels[target], "url": url}
    kind, _dash, rest = target.partition("-")
    if kind == "file":
        row = Evidence.objects.get(pk=rest)
        url = reverse("admin:complaints_case_redact_file", args=[case, row.pk]) if number else ""
        return {"words": file_label(number, row.file_number()), "url": url}
    if kind == "answer":
        key = next((key for key, names in ANSWERS.items() if rest in names), "")
        return {"words": str(ANSWER_LABELS[key] if key else ALWAYS_LABELS.get(rest, rest)), "url": ""}
    return {"words": str(MORE[target]), "url": ""}
