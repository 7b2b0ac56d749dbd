"""Who of the body has a release, and the notes of its liaisons: what the buttons of the page of a release do."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin.base import BaseForm, StaffRequest, render, staff_page, text_field
from complaints.admin.labels import staff_name
from complaints.admin.releases import release_or_404
from complaints.models.oversight import Release
from complaints.services.assignment import AlreadyTaken, NotAssignable
from complaints.services.forwarding import body_notes, reading, release_assignment


class NoteForm(BaseForm):
    """A note for colleagues of the body."""

    text = text_field(
        gettext_lazy("Note for your colleagues"),
        help_text=gettext_lazy("Your body alone can open it: neither the office nor a reporter reads it."),
        required=True,
        rows=3,
    )


class GiveForm(BaseForm):
    """A note that goes with a release to a colleague."""

    words = text_field(
        gettext_lazy("A note for them, if you like"),
        help_text=gettext_lazy("Your body alone can open it: neither the office nor a reporter reads it."),
        rows=2,
    )


def owner_context(request: StaffRequest, release: Release, opened: reading.ReleaseFile) -> dict[str, object]:
    """Return what the page of a release shows of who has it, and the notes of the body."""
    others = release_assignment.colleagues(release.body_id)
    owner = release_assignment.owner_among(others, opened.recorded.owner)
    return {
        "owner": staff_name(owner) if owner else "",
        "owner_id": owner.pk if owner else "",
        "is_mine": owner == request.user,
        "colleagues": [(colleague.pk, staff_name(colleague)) for colleague in others if colleague != owner],
        "give": GiveForm(),
        "note": NoteForm(),
        "notes": body_notes.read(keyring=request.keyring, release=opened.release, recorded=opened.recorded.notes),
    }


@staff_page("POST", opens_for=access.is_overseer)
def claim(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Take a release, from the person whom the page showed as having it."""
    release = release_or_404(request, object_id)
    try:
        seen = uuid.UUID(request.POST["seen"]) if request.POST.get("seen") else None
    except ValueError:
        raise Http404 from None
    try:
        release_assignment.claim(actor=request.actor, release_id=release.pk, seen=seen)
    except AlreadyTaken as taken:
        words = _("%(person)s was faster and has the release.") if taken.owner else _("The release is nobody's now.")
        messages.error(request, words % {"person": taken.owner})
    else:
        messages.success(request, _("The release is yours now."))
    return _to_page(release, "owner")


@staff_page("POST", opens_for=access.is_overseer)
def assign(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Give a release to a colleague, or lay it down; a note can go with it."""
    release, form = release_or_404(request, object_id), GiveForm(request.POST)
    wanted = request.POST.get("to", "")
    people = release_assignment.colleagues(release.body_id)
    person = next((colleague for colleague in people if str(colleague.pk) == wanted), None)
    if wanted and person is None:
        raise Http404
    if not form.is_valid():
        return _ask_again(request, release, form, wanted)
    try:
        release_assignment.assign(
            actor=request.actor, release_id=release.pk, to=person, words=form.cleaned_data["words"]
        )
    except NotAssignable:
        messages.error(request, _("This person cannot have it."))
        return _ask_again(request, release, form, wanted)
    if person is None:
        messages.success(request, _("The release is nobody's now."))
    else:
        messages.success(request, _("%(person)s has the release now.") % {"person": staff_name(person)})
    return _to_page(release, "owner")


@staff_page("GET", "POST", opens_for=access.is_overseer)
def note(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Write a note for colleagues; a text that cannot be kept is shown again."""
    release = release_or_404(request, object_id)
    form = NoteForm(request.POST or None)
    if not form.is_valid():
        title = _("Note on release %(reference)s") % {"reference": release.case.reference}
        return _ask(request, release, form, title=title, button=_("Add the note"))
    body_notes.write(actor=request.actor, release_id=release.pk, text=form.cleaned_data["text"])
    messages.success(request, _("The note is kept for your colleagues."))
    return _to_page(release, "notes")


def _ask_again(request: StaffRequest, release: Release, form: GiveForm, to: str) -> HttpResponse:
    title = _("Give the release %(reference)s") % {"reference": release.case.reference}
    return _ask(request, release, form, title=title, button=_("Give"), hidden={"to": to}, refused=True)


def _ask(
    request: StaffRequest,
    release: Release,
    form: BaseForm,
    *,
    title: str,
    button: str,
    hidden: dict[str, str] | None = None,
    refused: bool = False,
) -> HttpResponse:
    """Show a form on a page of its own, with what was typed."""
    context = {
        "title": title,
        "form": form,
        "hidden": hidden or {},
        "consequence": _("Your body alone reads it."),
        "button": button,
        "back": reverse("admin:complaints_release_change", args=[release.pk]),
    }
    status = 400 if form.errors or refused else 200
    return render(request, "admin/ask.html", context, model=Release, status=status)


def _to_page(release: Release, part: str) -> HttpResponseBase:
    return redirect(reverse("admin:complaints_release_change", args=[release.pk]) + f"#{part}")
