"""A liaison opens the name of the reporter of a released report, or asks for it with a reason.

The name is on the answer to that one request and nowhere else; no address, session or log holds it.
"""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin.base import BaseForm, StaffRequest, render, staff_page, text_field
from complaints.admin.releases import release_or_404
from complaints.domain.workflow import TransitionRefused
from complaints.models.identity import NameRequest
from complaints.models.oversight import Release
from complaints.services import forbidden_questions
from complaints.services.forwarding import names
from complaints.services.transitions import CaseChanged


class AskForm(BaseForm):
    """Why the body asks the reporter of one report for their name."""

    reason = text_field(
        gettext_lazy("Why do you need the name?"),
        help_text=gettext_lazy("Say what happens with the name and who learns it. Do not write names of others."),
        required=True,
    )

    def clean_reason(self) -> str:
        """Refuse a question for more than the name: the office reads a body's questions first, and this it does not."""
        reason = str(self.cleaned_data["reason"])
        for hit in forbidden_questions.find_beside_name(reason):
            words = _(
                "“%(words)s” asks the reporter for more than the name. Propose it as a question to the reporter: "
                "the office reads that first."
            )
            raise forms.ValidationError(words % {"words": hit.words})
        return reason


@staff_page("POST", opens_for=access.is_overseer)
def open_name(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Open the name, and write the try into the audit chain; one sentence where none opens, whatever the cause."""
    release = release_or_404(request, object_id)
    try:
        name = names.open_name(actor=request.actor, release_id=object_id, complaint_id=complaint_id)
    except NameRequest.DoesNotExist:
        raise Http404 from None
    except CaseChanged:
        messages.error(request, _("Nothing was opened: the case is being changed at this moment. Try again."))
        return redirect("admin:complaints_release_change", object_id)
    title = _("Name of the reporter: %(case)s") % {"case": release.case.reference}
    context = {"title": title, "name": name, "back": _back(object_id)}
    return render(request, "admin/release_name.html", context, model=Release)


@staff_page("GET", "POST", opens_for=access.is_overseer)
def ask_name(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Show the form of a reason; by POST ask the reporter with it."""
    release = release_or_404(request, object_id)
    left = names.requests_of_release(release).get(str(complaint_id))
    form = AskForm(request.POST or None)
    refused = left is None or left.left < 1
    if left is None and request.method != "POST":
        raise Http404
    if request.method == "POST" and form.is_valid():
        try:
            names.ask(
                actor=request.actor,
                release_id=object_id,
                complaint_id=complaint_id,
                reason=form.cleaned_data["reason"],
            )
        except CaseChanged:
            form.add_error("reason", _("Not sent: the case is being changed at this moment. Send it again."))
        except (NameRequest.DoesNotExist, TransitionRefused):
            refused = True
        else:
            messages.success(request, _("Asked. The reporter reads your reason on their status page."))
            return redirect("admin:complaints_release_change", object_id)
    context = {
        "title": _("Ask for the name: %(case)s") % {"case": release.case.reference},
        "form": form,
        "back": _back(object_id),
        "request_left": left.left if left else 0,
        "refused": _("Not asked: the release has ended, or your body has asked as often as it may.") if refused else "",
    }
    status = 409 if refused else 400 if form.errors else 200
    return render(request, "admin/release_name_ask.html", context, model=Release, status=status)


def _back(release_id: uuid.UUID) -> str:
    return reverse("admin:complaints_release_change", args=[release_id])
