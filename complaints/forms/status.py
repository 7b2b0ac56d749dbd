"""The forms of the status pages: ticket code, message, evidence, withdrawal."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from complaints.forms.fields import EvidenceField, ReporterForm, shortened, text

CODE_ATTRS = {
    "autocomplete": "off",
    "autocapitalize": "characters",
    "spellcheck": "false",
    "inputmode": "text",
    "class": "code",
}


class CodeForm(ReporterForm):
    """The ticket code; its format is not validated here, so that all wrong codes get the same answer."""

    code = forms.CharField(
        label=_("Ticket code"),
        help_text=_("24 letters and digits. Spaces, hyphens and small letters do not matter."),
        error_messages={"required": _("Write or paste your ticket code.")},
        widget=forms.TextInput(attrs=CODE_ATTRS),
    )


class MessageForm(ReporterForm):
    """The text of an answer or of further information."""

    text = text(
        _("Your message"),
        rows=5,
        help_text=_("Do not write your own name here."),
        validators=[shortened(10_000)],
        error_messages={"required": _("Write something before you send it.")},
    )


class MoreEvidenceForm(ReporterForm):
    """More files for a report already sent."""

    evidence = EvidenceField(
        label=_("Photos, documents, recordings"), error_messages={"required": _("Choose at least one file.")}
    )


class WithdrawForm(ReporterForm):
    """The reason of a withdrawal, which is optional."""

    reason = text(_("Why, if you want to say"), rows=3, required=False, validators=[shortened(2_000)])
