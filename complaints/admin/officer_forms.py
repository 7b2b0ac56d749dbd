"""Forms about officers themselves: conflicts of interest, their directory data."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from complaints.admin.forms import HouseForm, HouseModelForm, words
from complaints.models.team import Staff


class ConflictForm(HouseForm):
    """Why a person stands in a case."""

    reason = words(
        _("Your reason"),
        help_text=_("Stays in the house, as an internal note that the other officers of this case read."),
        required=True,
    )


class LiftForm(HouseForm):
    """Why a person may find a case again."""

    reason = words(_("Your reason"), help_text=_("Stays in the house, as an internal note of the case."), required=True)


class LanguageForm(HouseModelForm):
    """The language in which this door speaks to a person."""

    class Meta:
        model = Staff
        fields = ["language"]


class OwnDataForm(HouseModelForm):
    """What of a person is compared with reports, so that they do not meet one about themselves."""

    class Meta:
        model = Staff
        fields = ["nip", "agency"]
        help_texts = {
            "nip": _("Optional. Reports that name this number are kept from you."),
            "agency": _("Optional, as it is written officially. Reports about this agency are kept from you."),
        }
