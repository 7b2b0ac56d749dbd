"""Forms that several screens of the staff share: they parse and check what was typed; services decide what it does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from complaints import access
from complaints.admin.base import BaseForm, BaseModelForm, DayInput, text_field
from complaints.admin.labels import Label
from complaints.admin.reply_composer import unknown_placeholders
from complaints.admin.step_records import STEP_RECORDS, StepRecord
from complaints.domain.workflow import Action
from complaints.models.reference_data import AccusedKind, Category, SanctionKind, StandardText
from complaints.models.team import Role, Staff
from complaints.services.forwarding.decisions import NoSanction
from complaints.services.team_keys import rotation

# Labels of the codes in the reference data that the program knows.
LEVELS: Final = {
    "moral": _("moral sanction"),
    "light": _("light disciplinary punishment"),
    "medium": _("medium disciplinary punishment"),
    "heavy": _("heavy disciplinary punishment"),
    "dismissal": _("dishonourable dismissal"),
}


class SaveFilterForm(BaseForm):
    """The name under which the filters of the queue are saved."""

    name = forms.CharField(max_length=60)
    shared = forms.BooleanField(required=False)


class SearchForm(BaseForm):
    """What to search for: words of any known kind, or the name of an accused with the agency."""

    words = forms.CharField(max_length=2000, required=False)
    name = forms.CharField(max_length=200, required=False)
    agency = forms.CharField(max_length=200, required=False)


class SeenForm(BaseForm):
    """A form that carries the case version which the person saw when they decided."""

    # A missing version counts as another one, so that nothing is written on a case that was not seen.
    seen = forms.CharField(widget=forms.HiddenInput, required=False)


class ReplyForm(BaseForm):
    """A message to the reporter of one report."""

    text = text_field(
        _("Write to the reporter"),
        help_text=_("In the office's name; your own name is not shown. Ask for nothing that puts them at risk."),
        required=True,
    )


class NoteForm(BaseForm):
    """An internal note on a report."""

    text = text_field(
        _("Add an internal note"),
        help_text=_("No reporter reads it; a body does only where it is ticked when forwarding."),
        required=True,
        rows=3,
    )


_FINDING: Final = _("Your finding")
# Of each step of a body: its fields by name, each as label, help text, and whether it is required.
_BODY_FIELDS: Final[dict[str, dict[str, tuple[Label, Label, bool]]]] = {
    "take_up": {},
    "resume": {},
    "return": {"text": (_("Your question to the office"), _("The office reads it; the reporter does not."), True)},
    "decline": {
        "text": (_("Who is in charge, and why not your body"), _("The office reads it; the reporter does not."), True),
        "reply": (_("What the reporter is told"), _("Say why, in words that name nobody."), True),
    },
    "reconsider": {
        "text": (_("Why you examine it again"), _("Kept on the release; the office reads it."), True),
        "reply": (_("What the reporter is told"), _("Say why, in words that name nobody."), True),
    },
    "remind": {
        "text": (
            _("Number, date and addressee of the letter"),
            _("Kept on the release; the office reads it."),
            True,
        )
    },
    "escalate": {
        "text": (
            _("Number, date and addressee of the letter"),
            _("Kept on the release; the office reads it."),
            True,
        )
    },
    "substantiate": {"text": (_FINDING, _("Kept on the release; the office reads it."), True)},
    "dismiss": {
        "text": (_FINDING, _("Kept on the release; the office reads it."), True),
        "reply": (_("What the reporter is told"), _("Say why, in words that name nobody."), True),
    },
    "await_agency": {
        "text": (_("Your recommendation to the agency"), _("Kept on the release; the office reads it."), True)
    },
    "sanction": {},
    "criminal_outcome": {"text": (_("Details, if needed"), _("Kept on the release; the office reads it."), False)},
    "no_sanction": {"reply": (_("What the reporter is told"), _("Say why, in words that name nobody."), True)},
    "correct": {"reply": (_("What the reporter is told"), _("Say what was wrong, in words that name nobody."), True)},
}


def sanction_choices(kinds: Iterable[SanctionKind], status: str) -> list[tuple[str, object]]:
    """Return the kinds of sanction grouped by whom they are for; with a status ("pns", "pppk") only those that fit."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for kind in kinds:
        if not status or kind.applies_to in (status, SanctionKind.AppliesTo.ANYONE):
            groups.setdefault(str(kind.get_applies_to_display()), []).append((kind.pk, str(kind)))
    return [("", _("choose")), *groups.items()]


class BodyStepForm(SeenForm):
    """The form of a step that a body takes on its release, with the fields that this step needs."""

    record: StepRecord | None = None

    def __init__(self, *args: Any, action: Action, today: date, not_before: date | None = None, **kwargs: Any) -> None:
        """Make the form; ``not_before`` is the first day of the act, before which nobody was punished for it."""
        super().__init__(*args, **kwargs)
        self.fields["newest"] = forms.IntegerField(widget=forms.HiddenInput, required=False)
        self.today, self.not_before = today, not_before
        if action in (Action.SANCTION, Action.CORRECT):
            self._add_sanction()
        elif action is Action.NO_SANCTION:
            self._add_no_sanction()
        elif action in STEP_RECORDS:
            self.record = STEP_RECORDS[action]
            self.fields |= self.record.fields()
        for name, (label, help_text, required) in _BODY_FIELDS[action.value].items():
            self.fields[name] = text_field(label, help_text=help_text, required=required)
        if "reply" not in self.fields and action is not Action.RETURN:
            self.fields["reply"] = text_field(
                _("Words to the reporter, if you like"),
                help_text=_("The reporter reads them on the status page."),
                rows=3,
            )

    def _add_sanction(self) -> None:
        self.fields["accused_status"] = forms.ChoiceField(
            label=_("The accused is"),
            choices=[("", _("choose")), ("pns", _("PNS")), ("pppk", _("PPPK"))],
            help_text=_("On the day of the act. The kinds of sanction differ."),
        )
        self.fields["decided_on"] = forms.DateField(label=_("Date of the decision"), widget=DayInput)
        kinds = SanctionKind.objects.filter(active=True).order_by("order", "code")
        kind_field = forms.ModelChoiceField(label=_("Kind of sanction"), queryset=kinds, empty_label=_("choose"))
        kind_field.choices = sanction_choices(kinds, self._accused_status())
        self.fields["kind"] = kind_field
        self.fields["number"] = forms.CharField(
            label=_("Number of the decision"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
        )
        self.fields["rule"] = forms.CharField(
            label=_("Number and year of the agency's own rule"),
            max_length=120,
            required=False,
            help_text=_("Needed for a PPPK who is punished under the agency's own rule on discipline."),
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
        )
        self.fields["text"] = text_field(
            _("Details, if needed"), help_text=_("Kept on the release; the office reads it."), rows=3
        )

    def _add_no_sanction(self) -> None:
        self.fields["why"] = forms.ChoiceField(
            label=_("What ended the matter"), choices=[("", _("choose")), *NoSanction.choices]
        )
        self.fields["decided_on"] = forms.DateField(label=_("Date of the decision or event"), widget=DayInput)
        self.fields["number"] = forms.CharField(
            label=_("Number of the decision, if there is one"),
            max_length=120,
            required=False,
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
        )
        self.fields["text"] = text_field(
            _("Details, if needed"), help_text=_("Kept on the release; the office reads it."), rows=3
        )

    def _accused_status(self) -> str:
        values = self.data if self.is_bound else self.initial
        return str(values.get("accused_status") or "")

    def clean(self) -> dict[str, object]:
        """Refuse a kind of sanction that the law does not know for this person on the day of the decision."""
        values: dict[str, object] = super().clean() or {}
        for name, error in self.record.errors(self, self.today).items() if self.record else ():
            self.add_error(name, error)
        kind, day = values.get("kind"), values.get("decided_on")
        if not isinstance(kind, SanctionKind):
            return values
        if isinstance(day, date) and not kind.fits(str(values.get("accused_status", "")), day):
            self.add_error("kind", _("This kind does not exist for this status on the day of the decision."))
        if kind.asks_rule and not values.get("rule"):
            self.add_error("rule", _("Enter the rule of the agency on which this sanction rests."))
        return values

    def clean_decided_on(self) -> date:
        """Refuse a decision of a day that is still to come, or that lies before the act."""
        day: date = self.cleaned_data["decided_on"]
        if self.not_before and day < self.not_before:
            raise ValidationError(_("This day lies before the day of the act that was reported."))
        if day > self.today:
            raise ValidationError(_("This day is still to come."))
        return day


class FingerprintForm(BaseForm):
    """The fingerprint of a key, as its owner reads it out."""

    fingerprint = forms.CharField(
        label=_("The fingerprint that the person reads out to you"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )


class StaffForm(BaseModelForm):
    """A staff account; passwords, keys and memberships are edited elsewhere."""

    class Meta:
        model = Staff
        fields = [
            "username",
            "first_name",
            "last_name",
            "email",
            "role",
            "body",
            "nip",
            "agency",
            "language",
            "is_active",
        ]
        help_texts = {
            "username": _("The name to sign in with."),
            "email": _("For notices that work waits; they name no case."),
            "body": _("For oversight liaisons only."),
            "nip": _("Optional, in clear. Reports that name this number are kept from the person."),
            "agency": _("Optional, in clear, as it is written officially. Reports about it are kept from the person."),
            "is_active": _(
                "Without it nobody can sign in here. The person's place in a team ends, and a member then changes the "
                "team's key; no case is lost."
            ),
            "role": _("Another role ends the person's place in the team of the old one."),
        }

    def clean_username(self) -> str:
        """Refuse a name that differs from another account's by case only: the login would find neither of the two."""
        name = str(self.cleaned_data["username"])
        if Staff.objects.filter(username__iexact=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("There is an account of this name already."))
        return name

    def clean(self) -> dict[str, Any]:
        """Keep the role of the only person who holds a team's key: without them the team would have to be recovered."""
        values: dict[str, Any] = super().clean() or {}
        if self.instance._state.adding or values.get("role") not in Role.values:
            return values
        changed_person = Staff(role=values["role"], body=values.get("body"))
        if any(not access.may_join(changed_person, row.team) for row in rotation.teams_held_alone(self.instance)):
            self.add_error("role", _("Nobody else holds this team's key: have another person admitted first."))
        return values


class CategoryForm(BaseModelForm):
    """A category of reports, with the other portals that exist."""

    door = forms.ChoiceField(
        label=_("Another door"),
        required=False,
        choices=[("", _("none")), ("bawaslu", "Bawaslu"), ("sp4n", "SP4N-LAPOR!")],
    )

    class Meta:
        model = Category
        fields = "__all__"


class SanctionKindForm(BaseModelForm):
    """A kind of sanction, with the levels of the law."""

    level = forms.ChoiceField(label=_("level"), choices=list(LEVELS.items()))

    class Meta:
        model = SanctionKind
        fields = "__all__"


class AccusedKindForm(BaseModelForm):
    """A kind of accused; who judges it is said by the rules of the law and is no column here."""

    class Meta:
        model = AccusedKind
        fields = "__all__"
        help_texts = {
            "code": _(
                "The rules of the law say by this code who judges. A code that they do not name is judged as a "
                "civil servant."
            ),
        }


class StandardTextForm(BaseModelForm):
    """A standard text; an unknown placeholder would reach the reporter as it stands, so it is refused."""

    class Meta:
        model = StandardText
        fields = "__all__"
        help_texts = {
            name: _("May contain {reference}, {body}, {due_on} and {bawaslu_days}; name no person, office or law.")
            for name in ("body_id", "body_en")
        }

    def _checked_text(self, name: str) -> str:
        text: str = self.cleaned_data[name]
        unknown = unknown_placeholders(text)
        if unknown:
            raise ValidationError(_("Nothing fills in %(words)s.") % {"words": ", ".join(unknown)})
        return text

    def clean_body_id(self) -> str:
        """Refuse unknown placeholders in the Indonesian text."""
        return self._checked_text("body_id")

    def clean_body_en(self) -> str:
        """Refuse unknown placeholders in the English text."""
        return self._checked_text("body_en")
