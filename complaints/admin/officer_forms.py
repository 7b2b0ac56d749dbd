"""Forms about officers themselves: conflicts of interest, their directory data, assignments, duties."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from complaints.admin.forms import DayInput, HouseForm, HouseModelForm, words
from complaints.models.assignment import AssigningRule
from complaints.models.case import AgencyKind
from complaints.models.team import Staff
from complaints.services import reference_data


class ConflictForm(HouseForm):
    """Why a person stands in a case."""

    reason = words(
        _("Your reason"),
        help_text=_("Stays in the house, as an internal note that the other officers of this case read."),
        required=True,
    )


class LiftForm(HouseForm):
    """Why a person may find a case again."""

    reason = words(_("Your reason"), help_text=_("Stays in the house, as an internal note of the case."), required=True)


class RemovalForm(HouseForm):
    """Why a person is removed from a team."""

    reason = words(
        _("Your reason"),
        help_text=_("Sealed: only members of the team read it, on the page “Teams”."),
        required=True,
        rows=3,
    )


class LanguageForm(HouseModelForm):
    """The language in which this door speaks to a person."""

    class Meta:
        model = Staff
        fields = ["language"]


class OwnDataForm(HouseModelForm):
    """What of a person is compared with reports, so that they do not meet one about themselves."""

    class Meta:
        model = Staff
        fields = ["nip", "agency"]
        help_texts = {
            "nip": _("Optional. Reports that name this number are kept from you."),
            "agency": _("Optional, as it is written officially. Reports about this agency are kept from you."),
        }


class DeclineForm(HouseForm):
    """Why a person gives a case back."""

    reason = words(_("Your reason"), help_text=_("Stays in the house, as an internal note of the case."), required=True)


class GiveForm(HouseForm):
    """A note that goes with a case to a colleague."""

    words = words(_("A note for them, if you like"), help_text=_("Stays in the house, as an internal note."), rows=2)


class Colleague(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One of the members of triage, by name; who is away is said."""

    def label_from_instance(self, obj: Any) -> str:
        """Return a colleague's name."""
        name = obj.get_full_name() or obj.username
        return f"{name} ({_('away')})" if getattr(obj, "is_away", None) else str(name)


def _colleagues(form: forms.Form, name: str, people: list[Staff]) -> None:
    field = cast("forms.ModelChoiceField[Staff]", form.fields[name])
    field.empty_label = _("choose")
    field.queryset = Staff.objects.filter(pk__in=[one.pk for one in people]).order_by("first_name", "username")


class AwayForm(HouseForm):
    """From when until when a person is away, and who stands in."""

    from_on = forms.DateField(label=_("Away from"), widget=DayInput)
    until_on = forms.DateField(label=_("until"), widget=DayInput)
    stand_in = Colleague(label=_("Your stand-in"), queryset=Staff.objects.none())

    def __init__(self, *args: Any, people: list[Staff], today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        _colleagues(self, "stand_in", people)

    def clean(self) -> dict[str, Any]:
        """Refuse a span that is over, or runs backwards."""
        values: dict[str, Any] = super().clean() or {}
        first, last = values.get("from_on"), values.get("until_on")
        if last and last < self.today:
            self.add_error("until_on", _("This day is over."))
        elif first and last and last < first:
            self.add_error("until_on", _("This is before the first day."))
        return values


class HandOverForm(HouseForm):
    """To whom a person's cases go, and what that colleague should know."""

    to = Colleague(label=_("To whom"), queryset=Staff.objects.none())
    words = words(
        _("What they should know"), help_text=_("Stays in the house, as an internal note of each case."), required=True
    )

    def __init__(self, *args: Any, people: list[Staff], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _colleagues(self, "to", people)


class RuleForm(HouseForm):
    """Whether new cases are handed out in turn."""

    by = forms.ChoiceField(
        label=_("New cases are handed out"), choices=AssigningRule.By.choices, widget=forms.RadioSelect
    )


class DutyForm(HouseForm):
    """What an officer looks after."""

    provinces = forms.MultipleChoiceField(
        label=_("Provinces"),
        required=False,
        choices=lambda: [(row.code, row.name) for row in reference_data.provinces()],
        widget=forms.CheckboxSelectMultiple,
    )
    agency_kinds = forms.MultipleChoiceField(
        label=_("Agency kinds"), required=False, choices=AgencyKind.choices, widget=forms.CheckboxSelectMultiple
    )
