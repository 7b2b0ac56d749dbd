"""Reference data, edited by administrators: categories, kinds, provinces, bodies, elections. Never deleted, because
cases stand on it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models, transaction
from django.http import HttpRequest

from complaints import access
from complaints.admin.base import TableAdmin
from complaints.admin.forms import AccusedKindForm, CategoryForm, DayInput, HouseModelForm, StandardTextForm
from complaints.models.catalog import AccusedKind, Category, Election, Province, SanctionKind, StandardText
from complaints.models.oversight import OversightBody
from complaints.services import catalog


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
        """Save, and let this process read anew what it remembers."""
        super().save_model(request, obj, form, change)
        transaction.on_commit(catalog.forget)


class CategoryAdmin(CatalogAdmin):
    """What happened."""

    form = CategoryForm
    list_display = ["code", "name_id", "group", "priority", "active"]


class AccusedKindAdmin(CatalogAdmin):
    """Who did it."""

    form = AccusedKindForm
    list_display = ["code", "label_id", "route"]


class SanctionKindAdmin(CatalogAdmin):
    """What the law knows."""

    list_display = ["code", "label_id", "level", "basis", "active"]


class ProvinceAdmin(CatalogAdmin):
    """Where."""

    list_display = ["code", "name", "order"]


class BodyAdmin(CatalogAdmin):
    """Who judges, and from which day to which."""

    list_display = ["code", "short_name", "name", "valid_from", "valid_until"]


class ElectionAdmin(CatalogAdmin):
    """The election and its stages."""

    list_display = ["code", "name_id", "kind", "campaign_from", "voting_on", "fictional"]


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
