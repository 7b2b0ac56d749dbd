"""The fields of a delivery: to whom a letter was handed, when, and under which receipt."""

from __future__ import annotations

from datetime import date
from typing import Final

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from complaints.admin.forms import DayInput

NAMES: Final = ("to", "delivered_on", "receipt")


def fields() -> dict[str, forms.Field]:
    """Return the fields by name."""
    text = forms.TextInput(attrs={"autocomplete": "off"})
    return {
        "to": forms.CharField(label=_("Delivered to"), max_length=120, widget=text),
        "delivered_on": forms.DateField(label=_("Date of the delivery"), widget=DayInput),
        "receipt": forms.CharField(label=_("Number of the receipt"), max_length=120, widget=text),
    }


def day_error(day: date, prepared: date) -> str:
    """Return why a letter that was ``prepared`` on that day was not delivered on ``day``; "" where it may be."""
    if prepared <= day <= timezone.localdate():
        return ""
    return _("The letter was delivered on the day on which it was prepared or later, and not in the future.")


def texts(to: str, day: date, receipt: str) -> tuple[str, str]:
    """Return what the reporters read of a delivery, and what the office keeps: the receipt stays in the office."""
    with override("id"):
        values = {"to": to, "day": date_format(day, "j F Y"), "receipt": receipt}
        told = _("Delivered to %(to)s on %(day)s.") % values
        return told, _("Delivered to %(to)s on %(day)s, receipt %(receipt)s.") % values
