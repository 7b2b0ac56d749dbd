"""The lane of likely junk: what is in it, the sample to read, and the proposal to find the rest not eligible.

A slice of a proposal is a POST of its own, so it works without scripts; a small script only presses the button again.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Final, cast

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin import labels
from complaints.admin.base import BaseForm, StaffRequest, case_or_404, render, staff_page, text_field
from complaints.admin.labels import Label
from complaints.admin.reply_composer import LANGUAGES, Option, fill_placeholders
from complaints.domain.lane import LaneRule
from complaints.domain.workflow import TransitionRefused
from complaints.models.lane import LaneProposal
from complaints.models.reference_data import StandardText
from complaints.models.team import Staff
from complaints.services import first_look, lane_proposals, reference_data
from complaints.services.lane_proposals import LaneRefused, LaneView, OpenProposal, Words
from complaints.services.transitions import CaseChanged

RULES: Final[dict[str, Label]] = {
    LaneRule.TEXT: gettext_lazy("same text as many others"),
    LaneRule.FILE: gettext_lazy("same file as many others"),
    LaneRule.EMPTY: gettext_lazy("a handful of words, and no evidence"),
}
REFUSALS: Final[dict[str, Label]] = {
    "unread": gettext_lazy("Read every report of the sample first."),
    "nothing": gettext_lazy("There is nothing that can be proposed now."),
    "proposed": gettext_lazy("A colleague has made a proposal already. Nothing was done; look again."),
    "decided": gettext_lazy("This proposal is decided already. Nothing was changed."),
    "waiting": gettext_lazy("Not all of it is proposed yet, so nothing was confirmed."),
    "same_person": gettext_lazy("Somebody else has to confirm what you proposed."),
    "permission": gettext_lazy("Only verifiers can make this proposal."),
    "record": gettext_lazy("The record of this proposal is under check, so nothing was done. Tell the auditor."),
}


class ProposalForm(BaseForm):
    """The reason of a proposal, and which standard text each reporter gets once it is confirmed."""

    standard = forms.ChoiceField(
        label=gettext_lazy("What each reporter reads once a colleague has confirmed"), widget=forms.RadioSelect
    )
    reason = text_field(
        gettext_lazy("Your reason"),
        help_text=gettext_lazy("Your colleague reads it; it stays with each case as an internal note."),
        required=True,
        rows=3,
    )

    def __init__(self, *args: object, options: list[Option]) -> None:
        super().__init__(*args)
        self.options = {option.value: option for option in options}
        field = cast(forms.ChoiceField, self.fields["standard"])
        field.choices = [(option.value, f"{option.title} ({LANGUAGES[option.language]})") for option in options]
        field.initial = next(iter(self.options), None)

    def words(self) -> Words:
        """Return what was chosen and typed, of a form that was validated."""
        text = self.options[self.cleaned_data["standard"]].text
        return Words(reason=self.cleaned_data["reason"].strip(), text=text)


def _text_options() -> list[Option]:
    """Return the standard texts that are meant for likely junk alone, in both languages, Indonesian first."""
    rows, options = reference_data.standard_texts(StandardText.Moment.CONFIRM_LANE.value, ""), []
    for language in LANGUAGES:
        with translation.override(language):
            for row in rows:
                text = fill_placeholders(row.text("body"), {"reference": "{reference}"})
                options.append(Option(f"{row.code}.{language}", row.text("title"), language, text))
    return options


def _as_shown(text: str) -> str:
    """Return a text to reporters with words in place of the number, which is another one for each of them."""
    return text.replace("{reference}", _("(number of the report)"))


@staff_page("GET", "POST", opens_for=access.is_triage)
def lane(request: StaffRequest) -> HttpResponseBase:
    """Show the lane; by POST propose, confirm, withdraw, or move the next slice."""
    if request.user.practising:  # no practice case is junk
        raise Http404
    first_look.process_new_reports(actor=request.actor)
    form = ProposalForm(request.POST if request.POST.get("do") == "propose" else None, options=_text_options())
    if request.method == "POST" and (not form.is_bound or form.is_valid()):
        try:
            moved = _act(request, form)
        except LaneRefused as refusal:
            messages.error(request, str(REFUSALS[refusal.code]))
            return redirect("admin:complaints_case_lane")
        return _redirect_after(moved)
    try:
        view = lane_proposals.open_lane(actor=request.actor)
    except LaneRefused as refusal:
        return render(request, "admin/lane.html", {"title": _("Likely junk"), "refused": REFUSALS[refusal.code]})
    return _page(request, view, form)


def _act(request: StaffRequest, form: ProposalForm) -> int:
    """Do what the button says; return how many cases were moved. Raises LaneRefused, Http404."""
    actor, note = request.actor, _("The proposal on likely junk was withdrawn.")
    match request.POST.get("do"):
        case "propose":
            return lane_proposals.propose(actor=actor, words=form.words())
        case "confirm":
            return lane_proposals.confirm(actor=actor, proposal_id=_proposal_id(request))
        case "withdraw":
            return lane_proposals.withdraw(actor=actor, proposal_id=_proposal_id(request), note=note)
        case "go_on":
            return lane_proposals.go_on(actor=actor, note=note)
    raise Http404


def _proposal_id(request: StaffRequest) -> uuid.UUID:
    try:
        key = uuid.UUID(request.POST.get("proposal", ""))
    except ValueError:
        raise Http404 from None
    if not LaneProposal.objects.filter(pk=key, team__kind=request.keyring.report_team).exists():
        raise Http404
    return key


def _redirect_after(moved: int) -> HttpResponseRedirect:
    """Redirect to the lane; where cases were moved, a script there presses the button for the next slice."""
    return HttpResponseRedirect(reverse("admin:complaints_case_lane") + ("?lanjut=1" if moved else ""))


def _page(request: StaffRequest, view: LaneView, form: ProposalForm) -> HttpResponse:
    proposal = view.proposal
    context: dict[str, object] = {
        "title": _("Likely junk"),
        "lane": view,
        "rules": [(RULES[LaneRule(rule)], number) for rule, number in view.rules.most_common()],
        "next": next((sampled.case for sampled in view.sample if not sampled.is_read), None),
        "form": form,
        "texts": [replace(option, text=_as_shown(option.text)) for option in form.options.values()],
        "goes_on": request.GET.get("lanjut") == "1" and proposal is not None and proposal.theirs > 0,
    }
    if proposal is not None:
        context |= _proposal_context(proposal, request.user)
    return render(request, "admin/lane.html", context, status=400 if form.is_bound else 200)


def _proposal_context(proposal: OpenProposal, person: Staff) -> dict[str, object]:
    people = Staff.objects.in_bulk([row.actor for row in (proposal.proposed, proposal.decided) if row and row.actor])
    left = proposal.left
    return {
        "proposal": proposal,
        "proposed_at": proposal.proposed.at,
        "read": proposal.proposed.read,
        "text": _as_shown(proposal.words.text),
        "proposed_by": labels.staff_name(people.get(proposal.proposed.actor)),
        "decided_by": labels.staff_name(people.get(proposal.decided.actor)) if proposal.decided else "",
        "is_own": proposal.proposed.actor == person.pk,
        "left": ngettext("%(n)d case is left.", "%(n)d cases are left.", left) % {"n": left} if left else "",
    }


@staff_page("POST", opens_for=access.is_triage)
def take_out(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Take a case out of the lane, back among the others."""
    case = case_or_404(request, object_id)
    try:
        lane_proposals.take_out(actor=request.actor, case_id=case.pk, note=_("Taken out of the likely junk."))
    except CaseChanged:
        messages.error(request, _("This case is not listed as likely junk any more."))
    except TransitionRefused:
        messages.error(request, _("This case is under check, so it was not taken out. Tell the auditor."))
    else:
        messages.success(request, _("This case is in the queue again."))
    return redirect("admin:complaints_case_change", case.pk)
