"""What to do without the ticket code: a new report that names things only its first sender can know."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from complaints.forms.status import LostCodeForm
from complaints.page_cache import empty_fields, still_page
from complaints.services.submission import Draft
from complaints.views import ReporterRequest, begin_new_cookie, page


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
    draft: Draft | None = request.reporter.get("draft")
    if draft is None:
        begin_new_cookie(request)
    request.reporter["draft"] = _opened_with(form.cleaned_data["known"], draft or Draft(done=[]))
    return redirect("report_start")


def _opened_with(known: str, draft: Draft) -> Draft:
    """Return a draft whose story opens with what only the sender knows; sent twice, it opens so once."""
    opening = "\n".join([_("I lost the ticket code of an earlier report. What only its sender knows:"), known])
    story = draft.get("story", "")
    if not story.startswith(opening):
        draft["story"] = f"{opening}\n\n{story}".strip()
        draft["done"] = [name for name in draft["done"] if name != "story"]
    return draft
