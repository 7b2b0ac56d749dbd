"""Reference data, edited by administrators: categories, kinds, provinces, bodies, elections. Never deleted, because
cases stand on it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from complaints import access
from complaints.admin.base import TableAdmin, staff_request
from complaints.admin.forms import (
    LEVELS,
    ROUTES,
    AccusedKindForm,
    CategoryForm,
    DayInput,
    HouseModelForm,
    SanctionKindForm,
    StandardTextForm,
)
from complaints.models.oversight import OversightBody
from complaints.models.reference_data import AccusedKind, Category, Election, Province, SanctionKind, StandardText
from complaints.services import reference_data


def day(value: date | None) -> str:
    """Return a day as every other page of this door writes it."""
    return date_format(value, "j M Y") if value else "–"


class CatalogAdmin(TableAdmin):
    """One table of reference data; its code never changes once it stands."""

    form = HouseModelForm
    formfield_overrides = {models.DateField: {"widget": DayInput}}

    def opens_for(self, request: HttpRequest) -> bool:
        """Administrators."""
        return access.may_administer(request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Cases and files speak of a row by its code."""
        return ["code"] if obj else []

    def get_ordering(self, request: HttpRequest) -> Any:
        """As the reporter meets it."""
        return ("order", "code") if any(field.name == "order" for field in self.opts.fields) else ("code",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save it, written into the chain."""
        reference_data.save_row(row=obj, actor=staff_request(request).actor)


class CategoryAdmin(CatalogAdmin):
    """What happened."""

    form = CategoryForm
    list_display = ["code", "name_id", "group", "priority", "active"]


class AccusedKindAdmin(CatalogAdmin):
    """Who did it."""

    form = AccusedKindForm
    list_display = ["code", "label_id", "judged_by"]

    @admin.display(description=_("Who may judge"))
    def judged_by(self, kind: AccusedKind) -> str:
        """Return who may judge, in words."""
        return str(ROUTES.get(kind.route, kind.route))


class SanctionKindAdmin(CatalogAdmin):
    """What the law knows."""

    form = SanctionKindForm
    list_display = ["code", "label_id", "in_words", "basis", "active"]

    @admin.display(description=_("level"))
    def in_words(self, kind: SanctionKind) -> str:
        """Return the level, in words."""
        return str(LEVELS.get(kind.level, kind.level))


class ProvinceAdmin(CatalogAdmin):
    """Where."""

    list_display = ["code", "name", "order"]


class BodyAdmin(CatalogAdmin):
    """Who judges, and from which day to which."""

    list_display = ["code", "short_name", "name", "from_day", "until_day"]

    @admin.display(description=_("valid from"))
    def from_day(self, body: OversightBody) -> str:
        """Return the first day of its task."""
        return day(body.valid_from)

    @admin.display(description=_("valid until"))
    def until_day(self, body: OversightBody) -> str:
        """Return the last day of its task, if it is over."""
        return day(body.valid_until)


class ElectionAdmin(CatalogAdmin):
    """The election and its stages."""

    list_display = ["code", "name_id", "kind", "campaign_day", "voting_day", "fictional"]

    @admin.display(description=_("campaign from"))
    def campaign_day(self, election: Election) -> str:
        """Return the day on which the campaign begins."""
        return day(election.campaign_from)

    @admin.display(description=_("voting"))
    def voting_day(self, election: Election) -> str:
        """Return the day of voting."""
        return day(election.voting_on)


class StandardTextAdmin(CatalogAdmin):
    """What is written to reporters often."""

    form = StandardTextForm
    list_display = ["code", "moment", "group", "title_id", "active"]


TABLES: list[tuple[type[models.Model], type[CatalogAdmin]]] = [
    (Category, CategoryAdmin),
    (AccusedKind, AccusedKindAdmin),
    (SanctionKind, SanctionKindAdmin),
    (Province, ProvinceAdmin),
    (OversightBody, BodyAdmin),
    (Election, ElectionAdmin),
    (StandardText, StandardTextAdmin),
]


def register(site: admin.AdminSite) -> None:
    """Register every table."""
    for model, table in TABLES:
        site.register(model, table)
