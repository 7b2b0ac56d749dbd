"""What to do without the ticket code: a new report that names things only its first sender can know."""

from __future__ import annotations

from typing import cast

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from complaints.forms.fields import TOO_MUCH
from complaints.forms.status import LostCodeForm
from complaints.page_cache import empty_fields, still_page
from complaints.services.submission import Draft
from complaints.views import ReporterRequest, begin_new_cookie, has_room, page


def lost_code(request: ReporterRequest) -> HttpResponse:
    """Explain the way; by POST begin a report whose story opens with what was typed, and go to its first page.

    A story that a draft holds already stays, behind what was typed.
    """
    if request.method != "POST":
        parts = empty_fields(LostCodeForm, ("lost code",))
        return still_page(request, "public/lost_code", lambda: {"parts": parts}, ())
    form = LostCodeForm(request.POST)
    if not form.is_valid():
        return page(request, "public/lost_code", {"parts": form.rendered(), "mistakes": form.mistakes()})
    stored: Draft | None = request.reporter.get("draft")
    draft = _opened_with(form.cleaned_data["known"], stored or Draft(done=[]))
    if not has_room(draft, stored or Draft()):
        form.add_error("known", TOO_MUCH)
        return page(request, "public/lost_code", {"parts": form.rendered(), "mistakes": form.mistakes()})
    if stored is None:
        begin_new_cookie(request)
    request.reporter["draft"] = draft
    return redirect("report_start")


def _opened_with(known: str, stored: Draft) -> Draft:
    """Return a draft whose story opens with what only the sender knows; sent twice, it opens so once."""
    draft = cast(Draft, {**stored})
    opening = "\n".join([_("I lost the ticket code of an earlier report. What only its sender knows:"), known])
    story = draft.get("story", "")
    if not story.startswith(opening):
        draft["story"] = f"{opening}\n\n{story}".strip()
        draft["done"] = [name for name in draft["done"] if name != "story"]
    return draft
