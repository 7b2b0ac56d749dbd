"""The forms of the status pages: ticket code, message, evidence, withdrawal."""

from __future__ import annotations

from crispy_forms.layout import Layout
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from complaints.forms.fields import EvidenceField, ReporterForm, line, shortened, text

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


class WithdrawForm(ReporterForm):
    """The reason of a withdrawal, which is optional."""

    reason = text(_("Why, if you want to say"), rows=3, required=False, validators=[shortened(2_000)])
