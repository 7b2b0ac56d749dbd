"""Reference data, edited by administrators: categories, kinds, provinces, oversight bodies, elections, standard texts.

Rows are never deleted, because cases refer to them.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from complaints import access
from complaints.admin.base import BaseModelForm, DayInput, TableAdmin, staff_request, text_field
from complaints.admin.forms import (
    LEVELS,
    AccusedKindForm,
    CategoryForm,
    SanctionKindForm,
    StandardTextForm,
)
from complaints.admin.rule_changes import REFUSALS
from complaints.models.delivered import DeliveredRow
from complaints.models.oversight import OversightBody
from complaints.models.reference_data import (
    AccusedKind,
    Category,
    ClosedDay,
    Election,
    Province,
    SanctionKind,
    StandardText,
)
from complaints.services import reference_data, rule_changes
from complaints.services.rule_changes import RuleChangeRefused

# The attribute of a request that holds the proposal it made.
_PROPOSAL: Final = "rule_change"


def day(value: date | None) -> str:
    """Return a day as every other page for the staff writes it, "–" for none."""
    return date_format(value, "j M Y") if value else "–"


class DayForm(BaseModelForm):
    """The form of a row of the calendar, which is proposed with a reason."""

    reason = text_field(
        _("Your reason"),
        help_text=_("State the source. It is read by those who decide; name no report here."),
        required=True,
        rows=3,
    )


class ReferenceAdmin(TableAdmin):
    """A table of reference data; the code of a row never changes once the row exists."""

    form = BaseModelForm
    formfield_overrides = {models.DateField: {"widget": DayInput}}
    opens_for = staticmethod(access.may_administer)
    # Whether a row that is saved waits for another person: of the tables by which days are counted.
    proposes = False

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[str]:
        return ["code"] if obj else []

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order in which a reporter sees the rows."""
        return ("order", "code") if any(field.name == "order" for field in self.opts.fields) else ("code",)

    @admin.display(description=_("edited here"))
    def edited_here(self, row: DeliveredRow) -> str:
        """Say whether a row differs from what the program delivers, and whether an update changed the same."""
        if reference_data.conflicts(row):
            return str(_("yes; an update changed the same"))
        return str(_("yes")) if reference_data.is_edited(row) else ""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Show the form, above it the texts of an update that an earlier edit keeps out."""
        row = self.get_object(request, object_id)
        conflicts = reference_data.conflicts(row) if isinstance(row, DeliveredRow) else {}
        names = {field.name: str(field.verbose_name) for field in self.opts.fields}
        context = {"update": [(names[column], value) for column, value in conflicts.items()]}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def save_model(self, request: HttpRequest, obj: DeliveredRow, form: BaseModelForm, change: bool) -> None:
        actor = staff_request(request).actor
        if not self.proposes:
            reference_data.save_row(row=obj, actor=actor)
            return
        try:
            proposal = rule_changes.propose_day(actor=actor, row=obj, reason=form.cleaned_data["reason"])
        except RuleChangeRefused as refusal:
            messages.error(request, str(REFUSALS[refusal.code]))
        else:
            done = _("Proposed. Another administrator or a member of the verification team decides on it.")
            messages.success(request, str(done))
            setattr(request, _PROPOSAL, proposal.pk)

    def response_add(
        self, request: HttpRequest, obj: models.Model, post_url_continue: str | None = None
    ) -> HttpResponse:
        if self.proposes:
            return self.response_change(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: models.Model) -> HttpResponse:
        """Lead to what was proposed; Django's own words would say that it is saved."""
        if not self.proposes:
            return super().response_change(request, obj)
        proposal = getattr(request, _PROPOSAL, None)
        if proposal is None:
            return self.response_post_save_change(request, obj)
        return redirect("admin:rule_change", proposal)


class CategoryAdmin(ReferenceAdmin):
    """Categories of misconduct."""

    form = CategoryForm
    list_display = ["code", "name_id", "group", "priority", "active", "edited_here"]


class AccusedKindAdmin(ReferenceAdmin):
    """Kinds of accused persons."""

    form = AccusedKindForm
    list_display = ["code", "label_id", "staff_label_id", "edited_here"]


class SanctionKindAdmin(ReferenceAdmin):
    """Sanctions that the law provides for."""

    form = SanctionKindForm
    list_display = ["code", "label_id", "in_words", "for_whom", "basis", "active", "edited_here"]

    @admin.display(description=_("level"))
    def in_words(self, kind: SanctionKind) -> str:
        return str(LEVELS.get(kind.level, kind.level))

    @admin.display(description=_("applies to"))
    def for_whom(self, kind: SanctionKind) -> str:
        return str(kind.get_applies_to_display())


class ProvinceAdmin(ReferenceAdmin):
    """Provinces."""

    list_display = ["code", "name", "order", "edited_here"]


class BodyAdmin(ReferenceAdmin):
    """Oversight bodies: from which day to which each has its task, and whether cases can be forwarded to it here."""

    list_display = ["code", "short_name", "name", "task", "from_day", "until_day", "team_here", "edited_here"]
    list_select_related = ["team"]

    @admin.display(description=_("valid from"))
    def from_day(self, body: OversightBody) -> str:
        return day(body.valid_from)

    @admin.display(description=_("valid until"))
    def until_day(self, body: OversightBody) -> str:
        return day(body.valid_until)

    @admin.display(description=_("team here"))
    def team_here(self, body: OversightBody) -> str:
        return str(_("yes")) if hasattr(body, "team") else str(_("no, by letter"))


class ElectionAdmin(ReferenceAdmin):
    """Elections and the days on which their stages begin."""

    form = DayForm
    proposes = True
    list_display = ["code", "name_id", "kind", "campaign_day", "voting_day", "fictional", "edited_here"]

    @admin.display(description=_("campaign from"))
    def campaign_day(self, election: Election) -> str:
        return day(election.campaign_from)

    @admin.display(description=_("voting"))
    def voting_day(self, election: Election) -> str:
        return day(election.voting_on)


class ClosedDayAdmin(ReferenceAdmin):
    """Days on which offices are closed, or work after all, beside the national list of the program."""

    form = DayForm
    proposes = True
    list_display = ["code", "on_day", "kind", "name", "source", "active", "edited_here"]

    @admin.display(description=_("date"))
    def on_day(self, closed: ClosedDay) -> str:
        return day(closed.day)


class StandardTextAdmin(ReferenceAdmin):
    """Standard texts for messages to reporters."""

    form = StandardTextForm
    list_display = ["code", "moment", "group", "title_id", "active", "edited_here"]


# Each table with its change list; the order of the dashboard.
TABLES: Final[list[tuple[type[models.Model], type[ReferenceAdmin]]]] = [
    (Category, CategoryAdmin),
    (AccusedKind, AccusedKindAdmin),
    (SanctionKind, SanctionKindAdmin),
    (Province, ProvinceAdmin),
    (OversightBody, BodyAdmin),
    (Election, ElectionAdmin),
    (ClosedDay, ClosedDayAdmin),
    (StandardText, StandardTextAdmin),
]
