"""The forms of the status pages: ticket code, message, evidence, withdrawal."""

from __future__ import annotations

from crispy_forms.layout import Layout
from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from complaints.domain import codes
from complaints.forms.circle import CIRCLE_LAYOUT, circle_field
from complaints.forms.fields import DAY_FORMATS, FORGET, DayField, EvidenceField, ReporterForm, line, shortened, text

CODE_ATTRS = {
    "autocomplete": "off",
    "autocapitalize": "characters",
    "spellcheck": "false",
    "inputmode": "text",
    "class": "code",
}


class CodeForm(ReporterForm):
    """The ticket code; what is wrong with its spelling is said before anything is looked up."""

    code = forms.CharField(
        label=_("Ticket code"),
        help_text=_("30 letters and digits in six groups. Spaces, hyphens and small letters do not matter."),
        error_messages={"required": _("Write or paste your ticket code.")},
        widget=forms.TextInput(attrs=CODE_ATTRS),
    )

    def clean_code(self) -> str:
        """Return the canonical spelling of the code."""
        try:
            return codes.normalise(self.cleaned_data["code"])
        except codes.MalformedCode as mistake:
            raise ValidationError(_mistake(mistake)) from None


def _mistake(mistake: codes.MalformedCode) -> str:
    """Say what is wrong with a code; its length and the number of a group tell nothing of it."""
    values = {"length": mistake.length, "all": codes.LENGTH, "group": mistake.group}
    if not mistake.length:
        return str(CodeForm.base_fields["code"].error_messages["required"])
    if mistake.length > codes.LENGTH:
        return gettext("A ticket code has %(all)d letters and digits; these are %(length)d.") % values
    if mistake.length == codes.LENGTH:
        return gettext("Group %(group)d has a mistake. Compare its five letters and digits with your note.") % values
    if mistake.group:
        return gettext("These are %(length)d of %(all)d letters and digits. Look at group %(group)d first.") % values
    return gettext("These are %(length)d of %(all)d letters and digits. The last ones are missing.") % values


class LastGroupForm(ReporterForm):
    """The last group of a code that was just shown, by which a reporter sees that they noted it."""

    last = forms.CharField(
        label=_("Type the last group from your note"),
        required=False,
        widget=forms.TextInput(attrs=CODE_ATTRS),
    )

    def __init__(self, data: QueryDict | None = None, *, code: str) -> None:
        super().__init__(data)
        self._code = code

    def clean_last(self) -> str:
        """Return what was typed: the last group, or the whole code, in any spelling."""
        typed = codes.symbols(self.cleaned_data["last"])
        if typed not in (self._code[-codes.GROUP :], self._code):
            raise ValidationError(_("That is not the last group. Compare your note with the code above."))
        return typed


class LostCodeForm(ReporterForm):
    """What a reporter remembers of a report whose code is lost."""

    known = text(
        _("What only you can know of the earlier report"),
        rows=6,
        help_text=_(
            "For example its report number, the day you sent it, which files you added, what we asked you. Do not "
            "write your own name here."
        ),
        validators=[shortened(2_000)],
        error_messages={"required": _("Write what you remember; without it nobody can know which report was yours.")},
    )


class ReminderForm(ReporterForm):
    """A day to look at the status page again, for the calendar of the reporter's own device."""

    title = line(_("What the calendar shows"), limit=60)
    day = DayField(label=_("On which day"), input_formats=DAY_FORMATS, widget=forms.DateInput(attrs=FORGET))


class MessageForm(ReporterForm):
    """The text of an answer or of further information."""

    text = text(
        _("Your message"),
        rows=5,
        help_text=_("Do not write your own name here."),
        validators=[shortened(10_000)],
        error_messages={"required": _("Write something before you send it.")},
    )
    circle = circle_field()

    def parts(self) -> tuple[Layout, ...]:
        """Return separate layouts for the text and the circle."""
        return Layout("text"), CIRCLE_LAYOUT


class MoreEvidenceForm(ReporterForm):
    """More files for a report already sent."""

    evidence = EvidenceField(
        label=_("Photos, documents, recordings"), error_messages={"required": _("Choose at least one file.")}
    )


class NameForm(ReporterForm):
    """The name that a reporter gives to the body which the page names."""

    name = line(_("Full name"), limit=200)
    contact = line(_("How to reach you"), limit=300, help_text=_("Not needed; you can be asked on the status page."))
    # The body that the page named; the template writes it.
    recipient = forms.CharField(required=False, max_length=20)

    def parts(self) -> tuple[Layout, ...]:
        """Return the layout of what is typed."""
        return (Layout("name", "contact"),)

    def clean(self) -> None:
        """Require the name."""
        if not self.cleaned_data.get("name") and "name" not in self.errors:
            self.add_error("name", ValidationError(_("Write your name, or skip this part.")))


class ObjectionForm(ReporterForm):
    """Why the end of a report is wrong."""

    reason = text(
        _("Why do you object?"),
        rows=6,
        help_text=_("Do not write your own name here."),
        validators=[shortened(4_000)],
        error_messages={"required": _("Write why you object.")},
    )


class WithdrawForm(ReporterForm):
    """The reason of a withdrawal, which is optional."""

    reason = text(_("Reason (optional)"), rows=3, required=False, validators=[shortened(2_000)])


class ErasureForm(ReporterForm):
    """Why a report is to be erased, which is optional."""

    reason = text(_("Why it should be erased (optional)"), rows=3, required=False, validators=[shortened(2_000)])
