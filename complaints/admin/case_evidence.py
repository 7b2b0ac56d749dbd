"""Evidence on screen and as a download: the files of a case for triage, those of a release for a body's liaisons.

A page of one item records the look in the audit chain; its copies are then served into that page for an hour. Only
kinds of files that cannot carry a script are ever shown inside a page; all others, and every original, leave as
attachments that no browser runs, each recorded in the chain.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, TypedDict

from django.contrib import messages
from django.contrib.sessions.backends.base import SessionBase
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.adapters import sandbox
from complaints.adapters.media import losses
from complaints.adapters.media.inspection import GROUPS
from complaints.admin.base import (
    StaffRequest,
    readable_case_or_404,
    render,
    reports_query,
    staff_page,
    to_case,
)
from complaints.admin.evidence_labels import NOT_LOOKED_AT, ORIGIN_TRACES, PARTLY, UNCHECKED, file_label
from complaints.admin.file_responses import attachment, inline_kind, inline_response, page_response, shown_kind
from complaints.admin.labels import Label
from complaints.domain.file_names import exhibit_name
from complaints.domain.workflow import TransitionRefused
from complaints.models.case import Case
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import Release, ReleasedFile
from complaints.services import case_actions, case_file, file_viewing, job_runs
from complaints.services.evidence import storage
from complaints.services.evidence.copies import ScannerDown
from complaints.services.evidence.storage import FileInfo, InfectedFile
from complaints.services.forwarding import released_files

Variant = EvidenceObject.Variant

# --- What the worker found in a file, in words for the officer

# Why there is no clean copy, by the codes of adapters.media.refusal, of the sandbox and of the worker.
NO_COPY: Final[dict[str, Label]] = {
    "damaged": gettext_lazy("the file is cut or damaged"),
    "bomb": gettext_lazy("its content is larger than can be read here"),
    "encrypted": gettext_lazy("the file is locked with a password"),
    "unsupported": gettext_lazy("this variant of the format cannot be written anew"),
    "too_large": gettext_lazy("the file is above the limit for clean copies"),
    "legacy": gettext_lazy("this old format hides too much to be cleaned"),
    "opaque": gettext_lazy("this kind of file is kept as it is"),
    "crashed": gettext_lazy("the program that reads such files broke down on it"),
    "memory": gettext_lazy("reading it took too much memory"),
    "time": gettext_lazy("reading it took too long"),
    "infected": gettext_lazy("the malware scanner found something in it"),
    "missing": gettext_lazy("the storage does not hold this file any more"),
}
# What a working copy lacks, and what it hides, by the codes of adapters.media.losses.
LOSSES: Final[dict[str, Label]] = {
    "full-size": gettext_lazy("the full size of the photo, which is halved"),
    "pictures": gettext_lazy("pictures that cannot be kept"),
    "animations": gettext_lazy("all pictures of an animation but the first"),
    "media": gettext_lazy("embedded video or audio"),
    "captions": gettext_lazy("subtitles"),
    "embedded-page": gettext_lazy("a page of another format inside of it"),
    "embedded-files": gettext_lazy("other files inside of it"),
    "form-values": gettext_lazy("check boxes or fields of a form"),
    "page-comments": gettext_lazy("comments or marks on its pages"),
    "links": gettext_lazy("the addresses of links"),
    "formulas": gettext_lazy("formulas, whose last values are there"),
    "macros": gettext_lazy("macros"),
    "fonts": gettext_lazy("embedded fonts"),
    "damaged-parts": gettext_lazy("damaged parts of its pages"),
    "earlier-revisions": gettext_lazy("earlier versions of the text"),
    "later-pages": gettext_lazy("all pages after the twentieth"),
    "text-only": gettext_lazy("pictures, diagrams, comments, formulas and links"),
    "hidden-sheets": gettext_lazy("hidden sheets, rows, columns or cells"),
    "hidden-slides": gettext_lazy("hidden slides"),
    "hidden-text": gettext_lazy("hidden text or shapes"),
    "undrawn-text": gettext_lazy("text that its pages do not show"),
    "layers": gettext_lazy("layers that are switched off"),
    "tracked-changes": gettext_lazy("tracked changes"),
    "comments": gettext_lazy("comments"),
    "speaker-notes": gettext_lazy("speaker notes"),
}
VARIANTS: Final[dict[str, Label]] = {
    "original": gettext_lazy("original"),
    "working": gettext_lazy("working copy"),
    "preview": gettext_lazy("preview"),
    "page": gettext_lazy("page as an image"),
    "redacted": gettext_lazy("redacted copy"),
}


def is_risky(item: case_file.EvidenceItem) -> bool:
    """Whether opening the original must be confirmed: it holds malware, or the scanner has not read it yet."""
    return bool(storage.threat_in(item.findings))


def _codes_of(item: case_file.EvidenceItem) -> list[str]:
    found_later = item.findings.betrays if item.findings else []
    return list(dict.fromkeys([*item.original.info.betrays, *found_later]))


def origin_traces(item: case_file.EvidenceItem) -> str:
    """Return what the original tells of its origin or names, in one line; "" where nothing was found."""
    return ", ".join(str(ORIGIN_TRACES[code]) for code in _codes_of(item) if code in ORIGIN_TRACES)


def told_of_released(info: FileInfo) -> list[str]:
    """Return what a body reads of a released file: what an original tells of its origin, what a copy lacks or hides."""
    labels_of_traces = ", ".join(str(label) for code, label in ORIGIN_TRACES.items() if code in info.betrays)
    lines = [_("The original contains: %(what)s.") % {"what": labels_of_traces}] if labels_of_traces else []
    return lines + losses_of_copy(info.losses)


def check_remarks(item: case_file.EvidenceItem) -> list[str]:
    """Return what the check of the original looked at and what it did not; nothing found is said of no file."""
    info, report = item.original.info, item.findings
    kind = GROUPS.get(info.type)
    if "read" not in {info.looked, report.looked if report else ""} or not kind:
        return [str(UNCHECKED)]
    return [str(NOT_LOOKED_AT[kind])] + ([str(PARTLY)] if "partly" in _codes_of(item) else [])


def copy_state(codes: Collection[str]) -> str:
    """Return the state of a working copy that is there, by the sealed codes: the clear state does not tell them."""
    if set(codes) & set(losses.LACKING):
        return _("Working copy ready, with losses")
    is_hiding = bool(set(codes) & set(losses.HIDDEN))
    return _("Working copy ready, part of it not seen at first") if is_hiding else _("Working copy ready")


def copy_label(codes: Collection[str]) -> str:
    """Return the name of a working copy among other files, with its state."""
    if set(codes) & set(losses.LACKING):
        return _("working copy, with losses")
    is_hiding = bool(set(codes) & set(losses.HIDDEN))
    return _("working copy, part of it not seen at first") if is_hiding else _("working copy")


def released_label(variant: str, info: FileInfo) -> str:
    """Return the name of a released file, an original or a working copy with its state."""
    if variant == Variant.REDACTED:
        return _("redacted copy")
    return _("original") if variant == Variant.ORIGINAL else copy_label(info.losses)


def losses_of_copy(codes: Iterable[str]) -> list[str]:
    """Return what a working copy lacks and what it hides, a sentence each."""
    lines, present = [], set(codes)
    lacking = [str(LOSSES[code]) for code in losses.LACKING if code in present]
    hidden = [str(LOSSES[code]) for code in losses.HIDDEN if code in present]
    if lacking:
        lines.append(_("The working copy lacks what the original has: %(what)s.") % {"what": ", ".join(lacking)})
    if hidden:
        text = _("The working copy contains what is not seen at first: %(what)s.")
        lines.append(text % {"what": ", ".join(hidden)})
    if "cut" in present:
        lines.append(_("The original breaks off before its end: the working copy shows the part that is there."))
    return lines


def evidence_warnings(item: case_file.EvidenceItem) -> list[str]:
    """Return what an officer must know before they open or release an item."""
    lines, report = [], item.findings
    if report and report.scan == "infected":
        lines.append(_("The malware scanner found “%(name)s” in the original.") % {"name": report.threat or "?"})
    if report and report.scan not in {"off", "clean", "infected"}:
        lines.append(_("The malware scanner could not read the original to its end."))
    if report and report.disagrees:
        lines.append(_("The name says another kind of file than the content: the content counts here."))
    if traces := origin_traces(item):
        lines.append(_("The original contains: %(what)s.") % {"what": traces})
    return lines + losses_of_copy(report.losses if report else [])


def no_file_is_opened(items: Iterable[case_file.EvidenceItem]) -> bool:
    """Return whether one of the items waits for a job runner that opens no file; asks only where one waits."""
    waits = any(item.row.state == Evidence.State.PENDING for item in items)
    return waits and job_runs.unconfined_runs(today=timezone.localdate()).exists()


def evidence_remarks(item: case_file.EvidenceItem, *, unopened: bool) -> list[str]:
    """Return what else the worker found: the number of pages, the scan, and the state of the working copy.

    ``unopened``: the job runner opens no file now, by :func:`no_file_is_opened`.
    """
    lines, report = [], item.findings
    if report and report.pages:
        lines.append(ngettext("%(pages)d page", "%(pages)d pages", report.pages) % {"pages": report.pages})
    if report and report.scan in {"off", "clean"}:
        is_scanned = report.scan == "clean"
        lines.append(_("scanned, nothing found") if is_scanned else _("not scanned: no scanner is set up"))
    if unopened and item.row.state == Evidence.State.PENDING:
        lines.append(_("not opened: the server lacks the protection that contains a harmful file"))
    elif item.working is None:
        reason = NO_COPY.get(report.no_copy) if report else None
        lines.append(_("no working copy: %(why)s") % {"why": reason} if reason else item.row.get_state_display())
    else:
        lines.append(copy_state(report.losses if report else []))
    return lines + check_remarks(item)


# --- Permission to fetch copies: a browser fetches a video in many ranges, which are not recorded one by one

SESSION_KEY: Final = "viewing"
PERMISSION_SECONDS: Final = 3600
RENEW_AFTER_SECONDS: Final = 900
# The session is one small row; a person who views more items than this at once has to load a page again.
PERMISSIONS_AT_MOST: Final = 60


def allow_viewing(session: SessionBase, subject: uuid.UUID, *, now: datetime) -> None:
    """Let a session fetch the copies of an item or of a released file, or the previews of a case, for an hour.

    A permission that still has most of its hour is left as it is, so that coming back to a page writes no session.
    """
    moment = int(now.timestamp())
    permissions: dict[str, int] = session.get(SESSION_KEY, {})
    if permissions.get(str(subject), 0) > moment + PERMISSION_SECONDS - RENEW_AFTER_SECONDS:
        return
    current = {name: until for name, until in permissions.items() if until > moment and name != str(subject)}
    current[str(subject)] = moment + PERMISSION_SECONDS
    session[SESSION_KEY] = dict(list(current.items())[-PERMISSIONS_AT_MOST:])


def may_view(session: SessionBase, subject: uuid.UUID, *, now: datetime) -> bool:
    """Whether :func:`allow_viewing` was called for this subject within the hour."""
    return bool(session.get(SESSION_KEY, {}).get(str(subject), 0) > now.timestamp())


# --- The page of an item


def _show_in_viewer(
    request: StaffRequest,
    owner: Case | Release,
    ids: list[uuid.UUID],
    current: uuid.UUID,
    copies: list[tuple[uuid.UUID, FileInfo, int]],
    context: dict[str, object],
) -> HttpResponse:
    """Show an item of a case, or a file of a release, between those before and after it in ``ids``.

    ``copies`` are shown on the page: the id of each, its description, and its number as a page of a document, else 0.
    """
    name, place, query = f"admin:complaints_{owner._meta.model_name}", ids.index(current), reports_query(request)

    def neighbour_url(index: int) -> str:
        return reverse(f"{name}_view", args=[owner.pk, ids[index]]) + query if 0 <= index < len(ids) else ""

    context |= {
        "shown": _shown_files(owner, current, copies),
        "place": place + 1,
        "places": len(ids),
        "before_url": neighbour_url(place - 1),
        "after_url": neighbour_url(place + 1),
        "back": reverse(f"{name}_change", args=[owner.pk]) + query,
        "paging": {"query": query},
    }
    return render(request, "admin/viewer.html", context, model=type(owner))


class ShownFile(TypedDict):
    """A copy on a page: "image", "audio" or "video", its address, and its number as a page of a document, else 0."""

    kind: str
    url: str
    number: int


def _shown_files(
    owner: Case | Release, current: uuid.UUID, copies: list[tuple[uuid.UUID, FileInfo, int]]
) -> list[ShownFile]:
    name = f"admin:complaints_{owner._meta.model_name}_shown"
    return [
        {
            "kind": shown_kind(info),
            "url": reverse(name, args=[owner.pk, current, copy_id]) + (f"?page={number}" if info.pictures else ""),
            "number": number,
        }
        for copy_id, info, number in copies
    ]


def look_here(request: StaffRequest, case_id: uuid.UUID, item_id: uuid.UUID) -> None:
    """Record that a file of a case is looked at inside another page, which :func:`seen_here` then shows; for a POST."""
    _case_and_file_ids(request, case_id, item_id)
    file_viewing.view_item(actor=request.actor, evidence_id=item_id)
    allow_viewing(request.session, item_id, now=timezone.now())


def seen_here(request: StaffRequest, case: Case, items: Iterable[case_file.EvidenceItem]) -> list[ShownFile]:
    """Return the copies of the file that the address asks for, where its look was recorded within the hour."""
    asked, now = request.GET.get("see", ""), timezone.now()
    item = next((item for item in items if str(item.row.pk) == asked), None)
    if item is None or not may_view(request.session, item.row.pk, now=now):
        return []
    return _shown_files(case, item.row.pk, _shown_copies(item, None))


def _case_and_file_ids(request: StaffRequest, case_id: uuid.UUID, item_id: uuid.UUID) -> tuple[Case, list[uuid.UUID]]:
    """Return a readable case and the ids of its files in order; Http404 where the item is none of them."""
    case = readable_case_or_404(request, case_id)
    files = Evidence.objects.filter(complaint__case=case, kind=Evidence.Kind.FILE)
    ids = list(files.order_by("complaint__day", "complaint", "sequence").values_list("pk", flat=True))
    if item_id not in ids:
        raise Http404
    return case, ids


def _reports_of(case: Case) -> list[uuid.UUID]:
    """Return the ids of a case's reports in the order by which the office numbers them."""
    return list(case.complaints.order_by("day", "pk").values_list("pk", flat=True))


def _file_in_case(case: Case, item: case_file.EvidenceItem) -> str:
    """Return the name of a file, with the number of its report where the case has several."""
    reports = _reports_of(case)
    if len(reports) == 1:
        return exhibit_name(item.number)
    return file_label(reports.index(item.row.complaint_id) + 1, item.number)


def _shown_copies(
    item: case_file.EvidenceItem, redacted: case_file.ObjectInfo | None
) -> list[tuple[uuid.UUID, FileInfo, int]]:
    """Return what the viewer shows of a file: its working copy or the pages of it, or a redacted copy."""
    if redacted:
        pages = range(1, len(redacted.info.pictures) + 1) if redacted.info.pictures else [0]
        return [(redacted.id, redacted.info, number) for number in pages]
    copies = [item.working] if item.working and inline_kind(item.working.info) else item.pages
    return [(copy.id, copy.info, copy.number) for copy in copies]


@staff_page("GET", opens_for=access.may_see_cases)
def view_item(request: StaffRequest, object_id: uuid.UUID, item_id: uuid.UUID) -> HttpResponse:
    """Show one item of a case; each look is recorded once."""
    case, ids = _case_and_file_ids(request, object_id, item_id)
    now = timezone.now()
    asked = request.GET.get("copy", "")
    item = file_viewing.view_item(actor=request.actor, evidence_id=item_id, copy_id=asked)
    allow_viewing(request.session, item_id, now=now)
    redacted = next((copy for copy in item.redacted if str(copy.id) == asked), None)
    context: dict[str, object] = {
        "title": f"{case.reference}: {_file_in_case(case, item)}",
        "case": case,
        "item": item,
        "infected": is_risky(item),
        "warnings": evidence_warnings(item),
        "remarks": evidence_remarks(item, unopened=no_file_is_opened([item])),
        "redacted": redacted,
    }
    return _show_in_viewer(request, case, ids, item_id, _shown_copies(item, redacted), context)


@staff_page("GET", opens_for=access.may_see_cases)
def inline_copy(
    request: StaffRequest, object_id: uuid.UUID, item_id: uuid.UUID, stored_id: uuid.UUID
) -> HttpResponseBase:
    """Serve a copy into the page of its item; a preview also into the page of its case."""
    case, _ids = _case_and_file_ids(request, object_id, item_id)
    copies, now = EvidenceObject.objects.exclude(variant=Variant.ORIGINAL), timezone.now()
    stored = get_object_or_404(copies, pk=stored_id, evidence=item_id)
    is_allowed = may_view(request.session, item_id, now=now)
    if not is_allowed and stored.variant == Variant.PREVIEW:
        is_allowed = may_view(request.session, case.pk, now=now)
    if not is_allowed:
        raise Http404
    copy, info = file_viewing.open_copy(keyring=request.keyring, object_id=stored.pk)
    if info.pictures:
        return page_response(copy, info, request.GET.get("page", ""))
    return inline_response(copy, info, request.headers.get("Range", ""))


@staff_page("POST", opens_for=access.may_see_cases)
def process_item(request: StaffRequest, object_id: uuid.UUID, item_id: uuid.UUID) -> HttpResponseBase:
    """Scan and read an item that the worker can no longer open, with the key of this session."""
    _case_and_file_ids(request, object_id, item_id)
    try:
        case_actions.process_for_officer(actor=request.actor, evidence_id=item_id)
    except Evidence.DoesNotExist:
        messages.info(request, _("Nothing to do: the work on this file is done."))
    except sandbox.Unconfined:
        text = _(
            "Nothing was opened: the server lacks the protection that contains a harmful file. Tell an administrator."
        )
        messages.error(request, text)
    except (ScannerDown, sandbox.Unavailable):
        messages.error(request, _("The scanner or the reading program does not answer. Try again later."))
    except OSError:
        messages.error(request, _("The evidence storage does not answer. Try again later."))
    else:
        if Evidence.objects.unread().filter(pk=item_id).exists():
            messages.warning(request, _("No working copy could be made of the file. The reason is beside it."))
        else:
            messages.success(request, _("The file was scanned and read."))
    return to_case(request, object_id)


@staff_page("POST", opens_for=access.may_see_cases)
def download(request: StaffRequest, object_id: uuid.UUID, stored_id: uuid.UUID) -> HttpResponseBase:
    """Give a working copy, or for a reason an original, as an attachment; by POST, because it is recorded."""
    case = readable_case_or_404(request, object_id)
    objects = EvidenceObject.objects.select_related("evidence")
    stored = get_object_or_404(objects, pk=stored_id, evidence__complaint__case=case)
    kind = str(VARIANTS[stored.variant])
    reports = _reports_of(case)
    report = reports.index(stored.evidence.complaint_id) + 1 if len(reports) > 1 else 0
    name = "-".join((case.reference, exhibit_name(stored.evidence.file_number(), report), kind)).replace(" ", "-")
    try:
        info, stream = case_actions.open_object(
            actor=request.actor,
            object_id=stored.pk,
            reason=request.POST.get("reason", "").strip(),
            knowing=request.POST.get("knowing") == "yes",
        )
    except InfectedFile:
        messages.error(request, _("Nothing was opened: confirm that you know what the scanner found."))
        return to_case(request, object_id)
    except TransitionRefused:
        messages.error(request, _("Nothing was opened: an original needs a reason."))
        return to_case(request, object_id)
    try:
        return attachment(name, info, stream)
    except OSError:
        messages.error(request, _("The evidence storage does not answer. Try again later."))
        return to_case(request, object_id)


# --- The page of a released file


def _release_and_file_ids(
    request: StaffRequest, release_id: uuid.UUID, file_id: uuid.UUID
) -> tuple[Release, list[uuid.UUID]]:
    """Return a release and the ids of its files in order; Http404 where the file is none of them."""
    release = get_object_or_404(access.releases_for(request.user), pk=release_id)
    files = release.files.exclude(stored__variant=Variant.PAGE)
    evidence = "stored__evidence"
    order = (f"{evidence}__complaint__day", f"{evidence}__complaint", f"{evidence}__sequence", "stored__variant")
    ids = list(files.order_by(*order).values_list("pk", flat=True))
    if file_id not in ids:
        raise Http404
    return release, ids


@staff_page("GET", opens_for=access.is_overseer)
def view_released_file(request: StaffRequest, object_id: uuid.UUID, file_id: uuid.UUID) -> HttpResponse:
    """Show one file of a release; each look is recorded once."""
    (release, ids), now = _release_and_file_ids(request, object_id, file_id), timezone.now()
    released, pages = released_files.view_file(actor=request.actor, file_id=file_id)
    allow_viewing(request.session, file_id, now=now)
    pictures = range(1, len(released.info.pictures) + 1)
    if pictures and released.variant == Variant.REDACTED:
        copies = [(released.id, released.info, number) for number in pictures]
    elif inline_kind(released.info) and released.variant != Variant.ORIGINAL:
        copies = [(released.id, released.info, 1 if pages else 0)]
    else:
        copies = [(page.id, page.info, number) for number, page in enumerate(pages, start=1)]
    context: dict[str, object] = {
        "title": file_label(released.report, released.number),
        "released": released,
        "release_id": object_id,
        "label": released_label(released.variant, released.info),
        "warnings": told_of_released(released.info),
    }
    return _show_in_viewer(request, release, ids, file_id, copies, context)


@staff_page("GET", opens_for=access.is_overseer)
def inline_released_copy(
    request: StaffRequest, object_id: uuid.UUID, file_id: uuid.UUID, shown_id: uuid.UUID
) -> HttpResponseBase:
    """Serve a released copy, or a page of it, into the page of the file."""
    _release_and_file_ids(request, object_id, file_id)
    # The permission for a file holds for that file and its pages, and for no other file of the release.
    evidence_of_file = ReleasedFile.objects.filter(pk=file_id).values("stored__evidence")
    copies = ReleasedFile.objects.filter(pk=shown_id, release=object_id, stored__evidence__in=evidence_of_file)
    is_copy = copies.exclude(stored__variant=Variant.ORIGINAL).exists()
    if not is_copy or not may_view(request.session, file_id, now=timezone.now()):
        raise Http404
    copy, info = released_files.open_copy(keyring=request.keyring, file_id=shown_id)
    if info.pictures:
        return page_response(copy, info, request.GET.get("page", ""))
    return inline_response(copy, info, request.headers.get("Range", ""))
