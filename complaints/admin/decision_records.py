"""What a body records with a step beside its words: the fields of each record, and what is wrong with their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from complaints.admin.base import DayInput
from complaints.admin.labels import Label
from complaints.admin.step_records import Values, criminal_errors, criminal_fields, offence_of
from complaints.domain.workflow import Action
from complaints.forms.fields import Upload, refusal
from complaints.models.reference_data import SanctionKind
from complaints.services.forwarding.records import (
    CriminalRecord,
    HearingKind,
    HearingRecord,
    LetterRecord,
    NoSanction,
    RecommendationRecord,
    Record,
    SanctionRecord,
)

# The steps that record a decision of which a copy can be stored.
WITH_COPY: Final = frozenset({Action.SANCTION, Action.NO_SANCTION, Action.CORRECT, Action.CRIMINAL_OUTCOME})


@dataclass(frozen=True)
class Situation:
    """What the fields of a record depend on.

    Attributes:
        today: the last day that a decision can have.
        act_on: the first day of the act that the reports tell; None where none tells one, or nobody looked yet.
        accused_status: "pns" or "pppk" as it was chosen, "" before.
        target: the day by which the agency is to be reminded, a target of the office.
    """

    today: date
    act_on: date | None = None
    accused_status: str = ""
    target: date | None = None


@dataclass(frozen=True)
class BodyRecord:
    """The fields of a record by name; ``errors`` returns messages by field, ``record`` what is sealed."""

    fields: Callable[[Situation], dict[str, forms.Field]]
    record: Callable[[Values], Record]
    errors: Callable[[Values, Situation], dict[str, str]] = lambda _values, _situation: {}


class CopyField(forms.FileField):
    """The copy of a decision, already sealed on its way; a refused one gives an error that says what to do."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Copy of the decision (PDF or picture)"),
            required=False,
            help_text=_(
                "Scanned for malware and kept locked: only your body and the office can open it. Without it the "
                "record says that no copy is stored here."
            ),
            widget=forms.FileInput(attrs={"accept": "application/pdf,image/jpeg,image/png,image/webp"}),
        )

    def clean(self, data: Upload | None, initial: object = None) -> Upload | None:
        """Return the SealedUpload, or None; raises ValidationError with the message for a refused one."""
        if data is not None and data.refused:
            raise ValidationError(refusal(data.name, data.refused))
        return data


def line(label: Label, *, required: bool = True, help_text: Label = "") -> forms.CharField:
    """Return a field for a text of one line."""
    return forms.CharField(
        label=label,
        max_length=120,
        required=required,
        help_text=help_text,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def _day(label: Label, *, help_text: Label = "") -> forms.DateField:
    return forms.DateField(label=label, help_text=help_text, widget=DayInput)


def _status_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("The accused is"),
        choices=[("", _("choose")), ("pns", _("PNS")), ("pppk", _("PPPK"))],
        help_text=_("On the day of the act. The kinds of sanction differ."),
    )


def sanction_choices(kinds: Iterable[SanctionKind], status: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the kinds of sanction grouped by whom they are for; with a status ("pns", "pppk") only those that fit."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for kind in kinds:
        if not status or kind.applies_to in (status, SanctionKind.AppliesTo.ANYONE):
            groups.setdefault(str(kind.get_applies_to_display()), []).append((kind.pk, str(kind)))
    return list(groups.items())


def _kinds() -> list[SanctionKind]:
    return list(SanctionKind.objects.filter(active=True).order_by("order", "code"))


# --- The right of reply


def _hearing_fields(_situation: Situation) -> dict[str, forms.Field]:
    return {
        "kind": forms.ChoiceField(label=_("What happened"), choices=[("", _("choose")), *HearingKind.choices]),
        "decided_on": _day(
            _("Day of the hearing or of the written reply"),
            help_text=_("If the accused did not come: the day of the last summons's appointment."),
        ),
        "number": line(_("Number of the record, or of the summonses")),
    }


def _hearing(values: Values) -> Record:
    return HearingRecord(values["kind"], values["decided_on"], values["number"])


# --- Recommendation and letters


def _recommendation_fields(situation: Situation) -> dict[str, forms.Field]:
    unknown = _("Leave it empty where no time limit is known.")
    known = _("%(day)s is the day from which this portal reminds: a target of the office, no limit of the law.")
    target = known % {"day": date_format(situation.target, "j F Y")} if situation.target else ""
    return {
        "accused_status": _status_field(),
        "kinds": forms.MultipleChoiceField(
            label=_("Recommended sanction"),
            choices=sanction_choices(_kinds(), situation.accused_status),
            widget=forms.CheckboxSelectMultiple,
            help_text=_("Several leave the agency a choice between them."),
        ),
        "addressee": line(_("To whom"), help_text=_("For example the agency's PPK, by the office they hold.")),
        "number": line(_("Number of the recommendation")),
        "decided_on": _day(_("Date of the recommendation")),
        "due_on": forms.DateField(
            label=_("To be answered by"),
            required=False,
            widget=DayInput,
            help_text=" ".join([target, unknown]).strip(),
        ),
    }


def _recommendation_errors(values: Values, situation: Situation) -> dict[str, str]:
    errors, day = dict[str, str](), values.get("decided_on")
    act_on, status = situation.act_on or day, values.get("accused_status", "")
    chosen = SanctionKind.objects.in_bulk(values.get("kinds") or [])
    misfits = [str(kind) for kind in chosen.values() if act_on and not kind.fits(status, act_on)]
    if misfits and status:
        words = _("By the rules of the day of the act, these do not exist for this status: %(kinds)s.")
        errors["kinds"] = words % {"kinds": "; ".join(misfits)}
    due_on = values.get("due_on")
    if due_on and day and due_on < day:
        errors["due_on"] = _("This day lies before the recommendation.")
    return errors


def _recommendation(values: Values) -> Record:
    return RecommendationRecord(
        tuple(values["kinds"]),
        values["accused_status"],
        values["addressee"],
        values["number"],
        values["decided_on"],
        values["due_on"],
    )


def _letter_fields(_situation: Situation) -> dict[str, forms.Field]:
    return {
        "addressee": line(_("To whom")),
        "number": line(_("Number of the letter")),
        "decided_on": _day(_("Date of the letter")),
    }


def _letter(values: Values) -> Record:
    return LetterRecord(values["addressee"], values["number"], values["decided_on"])


# --- What the agency decided


def _sanction_fields(situation: Situation) -> dict[str, forms.Field]:
    kind = forms.ModelChoiceField(
        label=_("Kind of sanction"), queryset=SanctionKind.objects.filter(active=True), empty_label=_("choose")
    )
    kind.choices = [("", _("choose")), *sanction_choices(_kinds(), situation.accused_status)]
    return {
        "accused_status": _status_field(),
        "decided_on": _day(_("Date of the decision")),
        "kind": kind,
        "number": line(_("Number of the decision")),
        "basis": line(
            _("Legal basis, as the decision names it"),
            required=False,
            help_text=_("Left empty, it is the one of the table of rules for this kind."),
        ),
        "rule": line(
            _("Number and year of the agency's own rule"),
            required=False,
            help_text=_("Needed for a PPPK who is punished under the agency's own rule on discipline."),
        ),
        "copy": CopyField(),
    }


def _sanction_errors(values: Values, _situation: Situation) -> dict[str, str]:
    """Refuse a kind of sanction that the law does not know for this person on the day of the decision."""
    errors, kind, day = dict[str, str](), values.get("kind"), values.get("decided_on")
    if not isinstance(kind, SanctionKind):
        return errors
    if day and not kind.fits(str(values.get("accused_status", "")), day):
        errors["kind"] = _("This kind does not exist for this status on the day of the decision.")
    if kind.asks_rule and not values.get("rule"):
        errors["rule"] = _("Enter the rule of the agency on which this sanction rests.")
    return errors


def _sanction(values: Values) -> Record:
    kind: SanctionKind = values["kind"]
    return SanctionRecord(
        kind.pk,
        values["number"],
        values["decided_on"],
        accused_status=values["accused_status"],
        rule=values["rule"],
        basis=values["basis"] or kind.basis,
    )


def _no_sanction_fields(_situation: Situation) -> dict[str, forms.Field]:
    return {
        "why": forms.ChoiceField(label=_("What ended the matter"), choices=[("", _("choose")), *NoSanction.choices]),
        "decided_on": _day(_("Date of the decision or event")),
        "number": line(_("Number of the decision, if there is one"), required=False),
        "basis": line(_("Legal basis, as the decision names it"), required=False),
        "copy": CopyField(),
    }


def _no_sanction(values: Values) -> Record:
    return SanctionRecord("", values["number"], values["decided_on"], why=values["why"], basis=values["basis"])


# --- What a court or Sentra Gakkumdu decided


def _criminal_fields(_situation: Situation) -> dict[str, forms.Field]:
    return criminal_fields() | {"copy": CopyField()}


def _criminal_errors(values: Values, _situation: Situation) -> dict[str, str]:
    return criminal_errors(values)


def _criminal(values: Values) -> Record:
    return CriminalRecord(
        values["outcome"], tuple(values["penalties"]), offence_of(values), values["number"], values["decided_on"]
    )


_LETTER: Final = BodyRecord(_letter_fields, _letter)
_SANCTION: Final = BodyRecord(_sanction_fields, _sanction, _sanction_errors)
BODY_RECORDS: Final[Mapping[Action, BodyRecord]] = {
    Action.HEAR_ACCUSED: BodyRecord(_hearing_fields, _hearing),
    Action.AWAIT_AGENCY: BodyRecord(_recommendation_fields, _recommendation, _recommendation_errors),
    Action.REMIND: _LETTER,
    Action.ESCALATE: _LETTER,
    Action.SANCTION: _SANCTION,
    Action.CORRECT: _SANCTION,
    Action.NO_SANCTION: BodyRecord(_no_sanction_fields, _no_sanction),
    Action.CRIMINAL_OUTCOME: BodyRecord(_criminal_fields, _criminal, _criminal_errors),
}
# Of these values a form that is shown again keeps all that were chosen.
SEVERAL: Final[Sequence[str]] = ("kinds", "penalties")
