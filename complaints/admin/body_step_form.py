"""The form of a step that a body takes on its release: its record and its words."""

from __future__ import annotations

from datetime import date
from typing import Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from complaints.admin.base import text_field
from complaints.admin.decision_records import BODY_RECORDS, Situation
from complaints.admin.forms import SeenForm
from complaints.admin.labels import Label
from complaints.domain.workflow import UNTOLD, Action
from complaints.forms.fields import Files
from complaints.services.forwarding.records import Record

_KEPT: Final = _("Kept on the release; the office reads it.")
_NAMES_NOBODY: Final = _("Say why, in words that name nobody.")
_SECOND_READS: Final = _("Another person of your body reads it first; the office reads it once they have confirmed it.")
_TOLD_LATER: Final = _(
    "Say why, in words that name nobody. The reporter reads it when a second person has confirmed it."
)
_DETAILS: Final[tuple[Label, Label, bool]] = (_("Details, if needed"), _KEPT, False)
# Of each step of a body: its texts by name, each as label, help text, and whether it is required.
_TEXTS: Final[dict[str, dict[str, tuple[Label, Label, bool]]]] = {
    "take_up": {},
    "resume": {},
    "return": {"text": (_("Your question to the office"), _("The office reads it; the reporter does not."), True)},
    "decline": {
        "text": (_("Who is in charge, and why not your body"), _("The office reads it; the reporter does not."), True),
        "reply": (_("What the reporter is told"), _NAMES_NOBODY, True),
    },
    "reconsider": {
        "text": (_("Why you examine it again"), _KEPT, True),
        "reply": (_("What the reporter is told"), _NAMES_NOBODY, True),
    },
    "hear_accused": {
        "text": (_("What the accused replied, if you like"), _("Kept on the release; no reporter reads it."), False)
    },
    "postpone_hearing": {
        "text": (
            _("Why the accused cannot be heard yet"),
            _("Kept on the release; no reporter reads it. A finding “proven” still waits for the hearing."),
            True,
        )
    },
    "remind": {"text": _DETAILS},
    "escalate": {"text": _DETAILS},
    "substantiate": {"text": (_("Your finding"), _SECOND_READS, True)},
    "dismiss": {
        "text": (_("Your finding"), _SECOND_READS, True),
        "reply": (_("What the reporter is told"), _TOLD_LATER, True),
    },
    "await_agency": {"text": (_("Your recommendation in words, if needed"), _KEPT, False)},
    "sanction": {"text": _DETAILS},
    "criminal_outcome": {"text": _DETAILS},
    "no_sanction": {"text": _DETAILS, "reply": (_("What the reporter is told"), _NAMES_NOBODY, True)},
    "correct": {
        "text": _DETAILS,
        "reply": (_("What the reporter is told"), _("Say what was wrong, in words that name nobody."), True),
    },
}
_WITHOUT_REPLY: Final = UNTOLD | {Action.RETURN}


class BodyStepForm(SeenForm):
    """The form of a step of a body; ``record`` is what it records beside its words, None for most steps."""

    def __init__(
        self,
        data: QueryDict | None = None,
        files: Files | None = None,
        *,
        action: Action,
        situation: Situation,
        initial: dict[str, object] | None = None,
    ) -> None:
        """Make the form; by ``situation.act_on``, the first day of the act, no decision on it lies before."""
        super().__init__(data, files, initial=initial)
        self.fields["newest"] = forms.IntegerField(widget=forms.HiddenInput, required=False)
        self.situation, self.body_record = situation, BODY_RECORDS.get(action)
        if self.body_record:
            self.fields |= self.body_record.fields(situation)
        for name, (label, help_text, required) in _TEXTS[action.value].items():
            rows = 4 if required else 3
            self.fields[name] = text_field(label, help_text=help_text, required=required, rows=rows)
        if "reply" not in self.fields and action not in _WITHOUT_REPLY:
            help_text = _("The reporter reads them on the status page.")
            self.fields["reply"] = text_field(_("Words to the reporter, if you like"), help_text=help_text, rows=3)

    def clean(self) -> dict[str, object]:
        """Add what is wrong with the record."""
        values: dict[str, object] = super().clean() or {}
        if self.body_record:
            for name, error in self.body_record.errors(values, self.situation).items():
                self.add_error(name, error)
        return values

    def clean_decided_on(self) -> date:
        """Refuse a day that is still to come, or that lies before the act."""
        day: date = self.cleaned_data["decided_on"]
        if self.situation.act_on and day < self.situation.act_on:
            raise ValidationError(_("This day lies before the day of the act that was reported."))
        if day > self.situation.today:
            raise ValidationError(_("This day is still to come."))
        return day

    def recorded(self) -> Record | None:
        """Return what a valid form records."""
        return self.body_record.record(self.cleaned_data) if self.body_record else None
