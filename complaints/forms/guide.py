"""The forms of the guide "Is this a breach?": a search for an act, and the act, the person and the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Unpack

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from complaints.domain.law.vocabulary import ElectionKind, ServiceStatus
from complaints.forms.fields import Choice, FormOptions, ReporterForm, day, line
from complaints.forms.law_labels import STATUS

SEARCH_LETTERS = 100
ELECTIONS = {
    ElectionKind.GENERAL: _("General election (pemilu)"),
    ElectionKind.REGIONAL: _("Regional head election (pilkada)"),
    ElectionKind.NONE: _("Neither"),
}


class SearchForm(ReporterForm):
    """Words by which an act is looked for."""

    text = line(
        _("Search in your own words"), limit=SEARCH_LETTERS, help_text=_("For example: like, baliho, mutasi, uang.")
    )


class GuideForm(ReporterForm):
    """An act, who did it, and when; ``acts`` are the acts that a search found, shown with their examples.

    ``today`` is the latest day that may be written (``fields.latest_day``).
    """

    category = forms.ChoiceField(label=_("What happened?"), error_messages={"required": _("Choose what happened.")})
    accused_kind = forms.ChoiceField(label=_("Who did it?"), error_messages={"required": _("Choose who did it.")})
    status = forms.ChoiceField(label=_("Employment status of that person"), required=False)
    act_on = day(_("On which date?"), _("Rules change with time. Empty means today."))
    election = forms.ChoiceField(
        label=_("For which election?"), required=False, help_text=_("Leave it open if you do not know.")
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        /,
        *,
        today: date,
        kinds: Sequence[Choice],
        categories: Sequence[Choice],
        acts: Sequence[Choice] = (),
        **options: Unpack[FormOptions],
    ) -> None:
        super().__init__(data, **options)
        self.today = today
        unlisted, choose = _("Choose one from the list."), ("", _("Choose"))
        if acts:
            self.fields["category"].widget = forms.RadioSelect()
        self.set_choices("category", acts or [choose, *categories], unlisted)
        self.set_choices("accused_kind", [choose, *kinds], unlisted)
        self.set_choices("status", [("", _("I do not know")), *STATUS.items()], unlisted)
        self.set_choices("election", [("", _("I do not know")), *ELECTIONS.items()], unlisted)

    def clean_act_on(self) -> date:
        """Return the day, today where none was written; a future one is an error."""
        act_on: date = self.cleaned_data["act_on"] or self.today
        if act_on > self.today:
            raise forms.ValidationError(_("This day is still to come. Choose today or earlier, or leave it empty."))
        return act_on

    def said(self) -> tuple[ServiceStatus | None, ElectionKind | None]:
        """Return status and kind of election of a valid form; None for what was left open."""
        status, election = self.cleaned_data["status"], self.cleaned_data["election"]
        return ServiceStatus(status) if status else None, ElectionKind(election) if election else None
