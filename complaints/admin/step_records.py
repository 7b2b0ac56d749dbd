"""What a step records beside its words: the delivery of a letter, or a decision of a court or of Sentra Gakkumdu."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeAlias

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from complaints.admin.base import DayInput
from complaints.domain.law.vocabulary import CriminalOutcome, Penalty
from complaints.domain.workflow import Action
from complaints.forms.law_labels import CRIMINAL_OUTCOMES, PENALTIES
from complaints.services import legal_basis

# What the fields of a record hold, by name.
Values: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True)
class StepRecord:
    """The fields of a record, and what follows from their values.

    ``errors`` gets a form in validation and the day on which the case came to where it stands, and returns messages by
    field. ``texts`` gets a valid form and returns what the reporters read, and what is kept sealed beside it.
    """

    fields: Callable[[], dict[str, forms.Field]]
    errors: Callable[[forms.Form, date], dict[str, str]]
    texts: Callable[[forms.Form], tuple[str, str]]


def _line(label: str) -> forms.CharField:
    return forms.CharField(label=label, max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))


def _delivery_fields() -> dict[str, forms.Field]:
    return {
        "to": _line(_("Delivered to")),
        "delivered_on": forms.DateField(label=_("Date of the delivery"), widget=DayInput),
        "receipt": _line(_("Number of the receipt")),
    }


def _delivery_errors(form: forms.Form, prepared: date) -> dict[str, str]:
    day = form.cleaned_data.get("delivered_on")
    if day is None or prepared <= day <= timezone.localdate():
        return {}
    words = _("The letter was delivered on the day on which it was prepared or later, and not in the future.")
    return {"delivered_on": words}


def _delivery_texts(form: forms.Form) -> tuple[str, str]:
    """The receipt stays in the office."""
    values = form.cleaned_data
    with override("id"):
        words = {name: values[name] for name in ("to", "receipt")}
        words["day"] = date_format(values["delivered_on"], "j F Y")
        told = _("Delivered to %(to)s on %(day)s.") % words
        return told, _("Delivered to %(to)s on %(day)s, receipt %(receipt)s.") % words


# --- A decision of a court or of Sentra Gakkumdu


def _penalty_label(penalty: Penalty) -> str:
    """Return a kind of punishment in words, with its last day where no rule has it any more."""
    last = legal_basis.last_day_of_penalty(penalty)
    label = str(PENALTIES[penalty])
    return _("%(penalty)s (until %(day)s)") % {"penalty": label, "day": date_format(last, "j M Y")} if last else label


def criminal_fields() -> dict[str, forms.Field]:
    """Return the fields of a criminal decision by name."""
    offences = legal_basis.offences()
    return {
        "outcome": forms.ChoiceField(
            label=_("Who decided, and what"), choices=[("", _("choose")), *CRIMINAL_OUTCOMES.items()]
        ),
        "penalties": forms.MultipleChoiceField(
            label=_("Penalty"),
            choices=[(penalty.value, _penalty_label(penalty)) for penalty in Penalty],
            widget=forms.CheckboxSelectMultiple,
            required=False,
            help_text=_("For a conviction: every kind that the judgment names."),
        ),
        "decided_on": forms.DateField(label=_("Date of the decision"), widget=DayInput),
        "number": _line(_("Number of the decision")),
        "offence": forms.ChoiceField(
            label=_("Offence"),
            choices=[("", _("not known")), *offences.items()],
            required=False,
            help_text=_("As the rules of the law name it. Kept locked; the reporter does not read it."),
        ),
        "other_offence": forms.CharField(
            label=_("Another offence, with its article"),
            max_length=200,
            required=False,
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
            help_text=_("Only where the list lacks it. Kept locked; the reporter does not read it."),
        ),
    }


def offence_of(values: Values) -> str:
    """Return the offence of the fields of :func:`criminal_fields`: its code in the rules, or its words."""
    return str(values["offence"] or values["other_offence"].strip())


def criminal_errors(values: Values) -> dict[str, str]:
    """Return what is wrong with the values of the fields of :func:`criminal_fields`, by field."""
    errors, day, imposed = dict[str, str](), values.get("decided_on"), values.get("penalties") or []
    is_conviction = values.get("outcome") == CriminalOutcome.CONVICTED
    if day and day > timezone.localdate():
        errors["decided_on"] = _("This day is still to come.")
    elif day and (gone := set(imposed) - legal_basis.penalties_on(day)):
        names = ", ".join(str(PENALTIES[Penalty(code)]) for code in sorted(gone))
        errors["penalties"] = _("By the rules, a judgment of that day cannot impose: %(names)s.") % {"names": names}
    if is_conviction and not imposed:
        errors["penalties"] = _("Choose what the court imposed.")
    if imposed and values.get("outcome") and not is_conviction:
        errors["penalties"] = _("Only a conviction has a penalty. Untick it, or choose the conviction.")
    if values.get("offence") and (values.get("other_offence") or "").strip():
        errors["other_offence"] = _("Choose an offence of the list, or write another one, not both.")
    return errors


def criminal_texts(form: forms.Form) -> tuple[str, str]:
    """Return what reporters read, and what is kept sealed.

    The number and the offence name a public judgment, by which the report would be found: they stay sealed.
    """
    values = form.cleaned_data
    with override("id"):
        outcome = CRIMINAL_OUTCOMES[CriminalOutcome(values["outcome"])]
        imposed = ", ".join(str(PENALTIES[Penalty(code)]) for code in values["penalties"])
        words = {
            "outcome": f"{outcome}: {imposed}" if imposed else str(outcome),
            "day": date_format(values["decided_on"], "j F Y"),
            "number": values["number"],
        }
        told, kept = _("%(outcome)s (%(day)s).") % words, _("%(outcome)s, number %(number)s of %(day)s.") % words
        offence = offence_of(values)
        return told, f"{kept} {legal_basis.offences().get(offence, offence)}." if offence else kept


STEP_RECORDS: Final = {
    Action.DELIVER: StepRecord(_delivery_fields, _delivery_errors, _delivery_texts),
    Action.CRIMINAL_OUTCOME: StepRecord(
        criminal_fields, lambda form, _since: criminal_errors(form.cleaned_data), criminal_texts
    ),
}
