"""Forms that several screens of the staff share: they parse and check what was typed; services decide what it does."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from complaints import access
from complaints.admin.base import BaseForm, BaseModelForm, text_field
from complaints.admin.reply_composer import unknown_placeholders
from complaints.models.reference_data import AccusedKind, Category, SanctionKind, StandardText
from complaints.models.team import Role, Staff
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
            "staff_label_id": _("What officers and bodies read. Left empty, they read the label of the reporter."),
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
