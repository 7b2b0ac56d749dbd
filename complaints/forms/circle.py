"""The question how many people could know what is told, on page 3 and with a message."""

from __future__ import annotations

from typing import Final

from crispy_forms.layout import Field, Layout
from django import forms
from django.utils.translation import gettext_lazy as _

from complaints.domain.circle import Circle

CIRCLE_LABELS: Final = {
    Circle.ONE.value: "1",
    Circle.FEW.value: "2–5",
    Circle.SOME.value: "6–20",
    Circle.MANY.value: ">20",
}


# A row of radio buttons, without the markup that would take up as much as the rest of the page's words.
CIRCLE_LAYOUT: Final = Layout(Field("circle", template="complaints/circle.html"))


def circle_field() -> forms.ChoiceField:
    """Return the field; "" where nothing was chosen."""
    return forms.ChoiceField(
        label=_("How many people could know this?"),
        required=False,
        choices=[*CIRCLE_LABELS.items(), ("", _("Skip"))],
        widget=forms.RadioSelect,
    )
