"""The form by which a reporter tells that something happened to them; each field may stay empty."""

from __future__ import annotations

from datetime import date
from typing import Final, Unpack

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from complaints.domain.retaliation import Retaliation, RetaliationKind
from complaints.forms.fields import FormOptions, ReporterForm, day, shortened, text

KIND_LABELS: Final = {
    RetaliationKind.MOVED: _("I was moved to another post or place"),
    RetaliationKind.DEMOTED: _("I was demoted or lost my post"),
    RetaliationKind.PAY: _("My salary or an allowance was held back or cut"),
    RetaliationKind.PRESSED: _("I am pressed to withdraw my report"),
    RetaliationKind.THREATENED: _("I was threatened"),
    RetaliationKind.CONTRACT: _("My contract was not renewed"),
    RetaliationKind.OTHER: _("Something else"),
}


class RetaliationForm(ReporterForm):
    """What happened, on which day, and words; ``today`` is the latest day that may be written."""

    kind = forms.ChoiceField(label=_("What happened?"), required=False, widget=forms.RadioSelect)
    happened_on = day(
        _("On which day?"),
        _("If there is a written decision: the day on which you received it. The days below are counted from it."),
    )
    text = text(
        _("More details (optional)"),
        rows=5,
        required=False,
        help_text=_("Do not write your own name here."),
        validators=[shortened(10_000)],
    )

    def __init__(self, data: QueryDict | None = None, /, *, today: date, **options: Unpack[FormOptions]) -> None:
        super().__init__(data, **options)
        self.today = today
        self.set_choices("kind", list(KIND_LABELS.items()), _("Choose one from the list, or none."))

    def clean_happened_on(self) -> date | None:
        """Return the day; a future one is an error."""
        happened_on: date | None = self.cleaned_data["happened_on"]
        if happened_on and happened_on > self.today:
            raise forms.ValidationError(_("This day is still to come. Choose today or earlier, or leave it empty."))
        return happened_on

    def told(self) -> Retaliation:
        """Return what was told, of a valid form."""
        return Retaliation(self.cleaned_data["kind"], self.cleaned_data["happened_on"])
