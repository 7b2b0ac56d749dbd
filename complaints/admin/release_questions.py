"""A liaison asks on a release: the office, or through the office a reporter; and takes a question back."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http import Http404, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import labels, reply_composer
from complaints.admin.base import BaseForm, StaffRequest, render, staff_page, text_field
from complaints.admin.releases import release_or_404
from complaints.admin.reply_composer import Composer
from complaints.domain import workflow
from complaints.domain.workflow import Action, Status, TransitionRefused
from complaints.models.oversight import Release
from complaints.models.question import ReleaseQuestion
from complaints.services.forwarding import asking, reading
from complaints.services.transitions import CaseChanged

# Each of the two copies of a question has to fit into one record.
QUESTION_AT_MOST = 4000


class OfficeForm(BaseForm):
    """A question to the office."""

    text = text_field(
        gettext_lazy("Your question to the office"),
        help_text=gettext_lazy("The office answers on this release. No reporter reads it, and you keep the case."),
        required=True,
    )


class ReporterForm(BaseForm):
    """A question to the reporters of chosen reports."""

    readers = forms.MultipleChoiceField(
        label=gettext_lazy("Whose reporter is asked"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one report.")},
    )
    text = text_field(
        gettext_lazy("Your question to the reporter"),
        help_text=gettext_lazy("Ask one thing, and for nothing that puts them at risk."),
        required=True,
    )

    def __init__(self, data: QueryDict | None, *, readers: list[tuple[int, uuid.UUID]]) -> None:
        super().__init__(data)
        choices = [(str(pk), _("Report %(number)s") % {"number": number}) for number, pk in readers]
        field = self.fields["readers"]
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = choices
        field.initial = [value for value, _label in choices]

    def clean_text(self) -> str:
        """Refuse a question that is too long to be sealed for each reporter."""
        text = str(self.cleaned_data["text"]).strip()
        if len(text) > QUESTION_AT_MOST:
            words = _("At most %(limit)s characters; this has %(number)s.")
            raise forms.ValidationError(words % {"limit": QUESTION_AT_MOST, "number": len(text)})
        return text


@staff_page("GET", "POST", opens_for=access.is_overseer)
def ask_office(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Show the form of a question to the office; by POST ask it."""
    release = release_or_404(request, object_id)
    form, refused = OfficeForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            asking.ask_office(actor=request.actor, release_id=release.pk, text=form.cleaned_data["text"])
        except (TransitionRefused, CaseChanged):
            refused = _refusal()
        else:
            messages.success(request, _("Asked. The answer comes to this release."))
            return redirect("admin:complaints_release_change", release.pk)
    context = {
        "title": _("Ask the office: %(case)s") % {"case": release.case.reference},
        "release": release,
        "form": form,
        "refused": refused,
        "back": reverse("admin:complaints_release_change", args=[release.pk]),
    }
    return render(request, "admin/release_ask_office.html", context, model=Release, status=_status(form, refused))


@staff_page("GET", "POST", opens_for=access.is_overseer)
def ask_reporter(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Show the form of a question to reporters; by POST propose it to the office, or preview and check the words."""
    release = release_or_404(request, object_id)
    readers = asking.readers_of(release)
    is_possible = Status(release.case.status) is Status.UNDER_EXAMINATION and bool(readers)
    if not is_possible and request.method != "POST":
        raise Http404
    composer, refused = _composer(request, release), "" if is_possible else _refusal()
    form = ReporterForm(composer.data() if request.method == "POST" else None, readers=readers)
    if is_possible and form.is_bound and form.is_valid() and composer.may_send(form.cleaned_data["text"]):
        try:
            asking.propose(
                actor=request.actor,
                release_id=release.pk,
                text=form.cleaned_data["text"],
                readers=[uuid.UUID(value) for value in form.cleaned_data["readers"]],
                override=composer.override_record(),
            )
        except (TransitionRefused, CaseChanged, asking.NobodyToAsk):
            refused = _refusal()
        else:
            messages.success(request, _("Proposed. The office reads it first; you see here what becomes of it."))
            return redirect("admin:complaints_release_change", release.pk)
    context = {
        "title": _("Ask the reporter: %(case)s") % {"case": release.case.reference},
        "release": release,
        "form": form,
        "writing": composer.context(),
        "refused": refused,
        "back": reverse("admin:complaints_release_change", args=[release.pk]),
    }
    status = composer.status if form.is_bound and not refused else _status(form, refused)
    return render(request, "admin/release_ask_reporter.html", context, model=Release, status=status)


@staff_page("POST", opens_for=access.is_overseer)
def take_back(request: StaffRequest, object_id: uuid.UUID, question_id: uuid.UUID) -> HttpResponseBase:
    """Take a question back that the office has not decided on."""
    release = release_or_404(request, object_id)
    if not ReleaseQuestion.objects.filter(release=release, pk=question_id).exists():
        raise Http404
    try:
        asking.take_back(actor=request.actor, question_id=question_id)
    except (TransitionRefused, CaseChanged):
        messages.error(request, _("Nothing was taken back: the office has decided on this question meanwhile."))
    else:
        messages.success(request, _("Taken back."))
    return redirect("admin:complaints_release_change", release.pk)


def _composer(request: StaffRequest, release: Release) -> Composer:
    case, body = release.case, release.body.short_name
    row = workflow.transition_for(Action.ASK_REPORTER, Status.UNDER_EXAMINATION)
    label = labels.target_status_label(row, case, body)
    return Composer(
        request,
        "text",
        # By which day an answer is hoped for is known only when the office passes the question on.
        make_options=lambda: reply_composer.standard_text_options("ask_reporter", case, due_on=None, body=body),
        find_leaks=lambda text: reading.check(actor=request.actor, release_id=release.pk, text=text),
        find_circle=lambda: reading.circles_told(keyring=request.keyring, release=release),
        make_preview=lambda text: reply_composer.step_preview(row, case, text, label=label, due_on=None, body=body),
    )


def _refusal() -> str:
    return _("Nothing was sent: the case is no longer being examined by your body, or is being changed. Look again.")


def _status(form: BaseForm, refused: str) -> int:
    return 409 if refused else 400 if form.errors else 200
