"""Pages on which evidence is looked at: copies inside the page, one item after another by keys or buttons.

The look is written into the chain by the page; what the page then fetches is served by :mod:`complaints.admin.inline`.
A liaison has the same page for the files of a release.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints import access
from complaints.adapters import sandbox
from complaints.admin import found
from complaints.admin.base import CasePart, HouseAdmin, case_or_404, staff_request
from complaints.admin.inline import allow, allowed, inline, kind_of
from complaints.models.case import Case
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import ReleasedFile
from complaints.services import case_items
from complaints.services.evidence import processing
from complaints.services.forwarding import reading

Variant = EvidenceObject.Variant


def neighbours(ids: list[uuid.UUID], here: uuid.UUID) -> dict[str, Any]:
    """Return the item before, the item after, which one this is and how many there are."""
    place = ids.index(here)
    return {
        "before": ids[place - 1] if place else None,
        "after": ids[place + 1] if place + 1 < len(ids) else None,
        "place": place + 1,
        "places": len(ids),
    }


class CaseViewer(CasePart):
    """Evidence of a case, for triage."""

    def own_urls(self) -> list[URLPattern]:
        """The page of an item, what it shows, and the worker's work done here."""
        return [
            self.route("<uuid:object_id>/bukti/<uuid:item_id>/", self.view_item, "view", "GET"),
            self.route("<uuid:object_id>/bukti/<uuid:item_id>/isi/<uuid:stored_id>/", self.shown, "shown", "GET"),
            self.route("<uuid:object_id>/bukti/<uuid:item_id>/olah/", self.work_on, "work", "POST"),
            *super().own_urls(),
        ]

    def _files(self, request: HttpRequest, object_id: uuid.UUID, item_id: uuid.UUID) -> tuple[Case, list[uuid.UUID]]:
        case = case_or_404(request, object_id)
        files = Evidence.objects.filter(complaint__case=case, kind=Evidence.Kind.FILE)
        ids = list(files.order_by("complaint__day", "complaint", "sequence").values_list("pk", flat=True))
        if item_id not in ids or not access.may_read(request.user, case):
            raise Http404
        return case, ids

    def view_item(self, request: HttpRequest, object_id: uuid.UUID, item_id: uuid.UUID) -> HttpResponse:
        """Look at one item; written into the chain once per look."""
        case, ids = self._files(request, object_id, item_id)
        keyring, now = staff_request(request).keyring, timezone.now()
        item = case_items.view_item(actor=request.actor, evidence_id=item_id)
        allow(request.session, item_id, now=now)
        working = [item.working] if item.working else []
        pictures = [one for one in working if kind_of(one.info)] or item.pages
        around = neighbours(ids, item_id)
        context = around | {
            "title": f"{case.reference}: {_('evidence')} {around['place']}",
            "case": case,
            "item": item,
            "infected": found.is_risky(item),
            "warnings": found.warnings(item),
            "remarks": found.remarks(item),
            "shown": [self._shown(case, item_id, one) for one in pictures],
            "back": reverse("admin:complaints_case_change", args=[case.pk]),
            "before_url": self._address(case, around["before"]),
            "after_url": self._address(case, around["after"]),
        }
        return self.page(request, "admin/viewer.html", context)

    def _address(self, case: Case, item_id: uuid.UUID | None) -> str:
        return reverse("admin:complaints_case_view", args=[case.pk, item_id]) if item_id else ""

    def _shown(self, case: Case, item_id: uuid.UUID, one: case_items.ObjectInfo) -> dict[str, Any]:
        address = reverse("admin:complaints_case_shown", args=[case.pk, item_id, one.id])
        return {"kind": kind_of(one.info), "url": address, "number": one.number}

    def shown(
        self, request: HttpRequest, object_id: uuid.UUID, item_id: uuid.UUID, stored_id: uuid.UUID
    ) -> HttpResponseBase:
        """Serve a copy into the page; a preview also into the page of its case."""
        case, _ids = self._files(request, object_id, item_id)
        stored = EvidenceObject.objects.filter(pk=stored_id, evidence=item_id).first()
        now, session = timezone.now(), request.session
        may = allowed(session, item_id, now=now)
        if stored is not None and stored.variant == Variant.PREVIEW:
            may = may or allowed(session, case.pk, now=now)
        if stored is None or not may or stored.variant == Variant.ORIGINAL:
            raise Http404
        copy, info = case_items.open_copy(keyring=staff_request(request).keyring, object_id=stored.pk)
        return inline(copy, info, request.headers.get("Range", ""))

    def work_on(self, request: HttpRequest, object_id: uuid.UUID, item_id: uuid.UUID) -> HttpResponseBase:
        """Do the worker's work on an item whose grant ended, with the key of this session."""
        self._files(request, object_id, item_id)
        try:
            case_items.process_for_officer(actor=staff_request(request).actor, evidence_id=item_id)
        except Evidence.DoesNotExist:
            messages.info(request, _("Nothing to do: the work on this file is done."))
        except (processing.ScannerDown, sandbox.Unavailable):
            messages.error(request, _("The scanner or the reading program does not answer. Try again later."))
        except OSError:
            messages.error(request, _("The evidence storage does not answer. Try again later."))
        else:
            messages.success(request, _("The file was scanned and read."))
        return redirect("admin:complaints_case_change", object_id)


class ReleaseViewer(HouseAdmin):
    """Files of a release, for the liaisons of its body."""

    def viewer_urls(self) -> list[URLPattern]:
        """The page of a file and what it shows."""
        return [
            self.route("<uuid:object_id>/bukti/<uuid:file_id>/", self.view_file, "view", "GET"),
            self.route("<uuid:object_id>/bukti/<uuid:file_id>/isi/<uuid:shown_id>/", self.shown, "shown", "GET"),
        ]

    def _files(self, request: HttpRequest, object_id: uuid.UUID, file_id: uuid.UUID) -> list[uuid.UUID]:
        release = access.releases_for(request.user).filter(pk=object_id).first()
        if release is None:
            raise Http404
        files = release.files.exclude(stored__variant=Variant.PAGE)
        ids = list(files.order_by("stored__evidence__sequence", "stored__variant").values_list("pk", flat=True))
        if file_id not in ids:
            raise Http404
        return ids

    def view_file(self, request: HttpRequest, object_id: uuid.UUID, file_id: uuid.UUID) -> HttpResponse:
        """Look at one released file; written into the chain once per look."""
        ids, now = self._files(request, object_id, file_id), timezone.now()
        item, pages = reading.view_file(actor=staff_request(request).actor, file_id=file_id)
        allow(request.session, file_id, now=now)
        copies = [item] if kind_of(item.info) and item.variant != Variant.ORIGINAL else pages
        around = neighbours(ids, file_id)
        addresses = {
            f"{name}_url": reverse("admin:complaints_release_view", args=[object_id, around[name]])
            for name in ("before", "after")
            if around[name]
        }
        shown = [
            {
                "kind": kind_of(one.info),
                "url": reverse("admin:complaints_release_shown", args=[object_id, file_id, one.id]),
                "number": number if pages else 0,
            }
            for number, one in enumerate(copies, start=1)
        ]
        context = (
            around
            | addresses
            | {
                "title": item.info.name,
                "released": item,
                "release_id": object_id,
                "shown": shown,
                "back": reverse("admin:complaints_release_change", args=[object_id]),
            }
        )
        return self.page(request, "admin/viewer.html", context)

    def shown(
        self, request: HttpRequest, object_id: uuid.UUID, file_id: uuid.UUID, shown_id: uuid.UUID
    ) -> HttpResponseBase:
        """Serve a released copy, or a page of it, into the page."""
        self._files(request, object_id, file_id)
        # Under the permission for a file: that file and its pages, no other file of the release.
        looked_at = ReleasedFile.objects.filter(pk=file_id).values("stored__evidence")
        own = ReleasedFile.objects.filter(pk=shown_id, release=object_id, stored__evidence__in=looked_at)
        own = own.exclude(stored__variant=Variant.ORIGINAL)
        if not own.exists() or not allowed(request.session, file_id, now=timezone.now()):
            raise Http404
        copy, info = reading.open_copy(keyring=staff_request(request).keyring, file_id=shown_id)
        return inline(copy, info, request.headers.get("Range", ""))
