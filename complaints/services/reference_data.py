"""Reference data: loaded from files by one idempotent act, read by the public pages through a small memory."""

from __future__ import annotations

import json
import time
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models, transaction

from complaints.models.oversight import OversightBody
from complaints.models.reference_data import AccusedKind, Category, Election, Province, SanctionKind, StandardText
from complaints.services.actor import Actor

# How old what the public pages show of the catalogue may be: an edit reaches every process by itself.
MEMORY_SECONDS = 60
DATA = Path(__file__).resolve().parent.parent / "data" / "catalog"
TABLES: dict[str, type[models.Model]] = {
    "categories": Category,
    "accused_kinds": AccusedKind,
    "sanction_kinds": SanctionKind,
    "provinces": Province,
    "bodies": OversightBody,
    "elections": Election,
    "standard_texts": StandardText,
}


@transaction.atomic
def load(*, overwrite: bool = False) -> dict[str, int]:
    """Create what is missing from the files and return how many rows each table gained.

    Rows that exist keep what an administrator has edited, unless ``overwrite``.
    """
    gained = {name: _load_table(name, model, overwrite=overwrite) for name, model in TABLES.items()}
    clear_cache()
    return gained


def _load_table(name: str, model: type[models.Model], *, overwrite: bool) -> int:
    rows = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    given = {field.name for field in model._meta.get_fields()} & {key for row in rows for key in row}
    found = [model(**{key: _flat(value) for key, value in row.items() if key in given}) for row in rows]
    table = model._default_manager
    known = set(table.values_list("pk", flat=True))
    if overwrite:
        # Those of the files alone: what they do not speak of keeps its edits.
        table.bulk_update([row for row in found if row.pk in known], sorted(given - {"code"}))
    missing = [row for row in found if row.pk not in known]
    table.bulk_create(missing)
    return len(missing)


def _flat(value: Any) -> Any:
    return "\n".join(value) if isinstance(value, list) else value


_forgotten = 0


def clear_cache() -> None:
    """Empty the memory after an edit in this process; the others follow within MEMORY_SECONDS."""
    global _forgotten
    _forgotten += 1


def edition() -> tuple[int, int]:
    """Return what changes whenever the memory is renewed, for whoever keeps what was made of it."""
    return _forgotten, int(time.monotonic() // MEMORY_SECONDS)


@lru_cache(maxsize=1)
def _categories(edition: tuple[int, int]) -> tuple[Category, ...]:
    return tuple(Category.objects.filter(active=True).order_by("order", "code"))


@lru_cache(maxsize=1)
def _accused_kinds(edition: tuple[int, int]) -> tuple[AccusedKind, ...]:
    return tuple(AccusedKind.objects.order_by("order", "code"))


@lru_cache(maxsize=1)
def _provinces(edition: tuple[int, int]) -> tuple[Province, ...]:
    return tuple(Province.objects.order_by("order", "name"))


@lru_cache(maxsize=2)
def _body_for(day: date, edition: tuple[int, int]) -> OversightBody | None:
    return OversightBody.objects.valid_on(day).first()


@lru_cache(maxsize=1)
def _elections(edition: tuple[int, int]) -> tuple[Election, ...]:
    return tuple(Election.objects.order_by("starts_on", "code"))


def elections() -> list[Election]:
    """Return all elections, from memory."""
    return list(_elections(edition()))


def election_kind(day: date) -> str:
    """Return the kind of the election that ``day`` lies in; "pilkada", the stricter, where two do, "" for none."""
    kinds = {row.kind for row in _elections(edition()) if row.starts_on <= day <= row.ends_on}
    return "pilkada" if "pilkada" in kinds else next(iter(kinds), "")


def categories(door: str = "") -> list[Category]:
    """Return the categories of a door ("pressed", "witnessed"), of both where empty; other doors' cards come last."""
    wanted = {"pressed": {"pressure"}, "witnessed": {"offline", "online"}}.get(door, {"pressure", "offline", "online"})
    return [row for row in _categories(edition()) if row.group in wanted | {"elsewhere"}]


def category(code: str) -> Category | None:
    """Return one category."""
    return next((row for row in _categories(edition()) if row.code == code), None)


def accused_kinds() -> list[AccusedKind]:
    """Return the kinds of accused."""
    return list(_accused_kinds(edition()))


def accused_kind(code: str) -> AccusedKind | None:
    """Return one kind of accused."""
    return next((row for row in _accused_kinds(edition()) if row.code == code), None)


def provinces() -> list[Province]:
    """Return the provinces in order."""
    return list(_provinces(edition()))


@lru_cache(maxsize=1)
def _standard_texts(edition: tuple[int, int]) -> tuple[StandardText, ...]:
    return tuple(StandardText.objects.filter(active=True).order_by("order", "code"))


def standard_texts(moment: str, group: str) -> list[StandardText]:
    """Return the texts for a step ("reply" for a message), those of the category's group before the general ones."""
    rows = [row for row in _standard_texts(edition()) if row.moment == moment and row.group in ("", group)]
    return sorted(rows, key=lambda row: row.group == "")


def body_for(day: date) -> OversightBody | None:
    """Return the body that holds the task on ``day``."""
    return _body_for(day, edition())


@lru_cache(maxsize=8)
def door(code: str, language: str) -> dict[str, Any]:
    """Return what is known of another door ("bawaslu", "sp4n") in a language: name, address, lines."""
    rows = json.loads((DATA / "doors.json").read_text(encoding="utf-8"))
    row = next(row for row in rows if row["code"] == code)
    suffix = "_en" if language.startswith("en") else "_id"
    return {key.removesuffix(suffix): value for key, value in row.items() if key.endswith(suffix) or "_" not in key}


def sample_mode() -> bool:
    """Whether this is a portal with sample data, which every page says."""
    return bool(settings.SAMPLE_MODE)


@transaction.atomic
def save_row(*, row: models.Model, actor: Actor) -> None:
    """Save a row that an administrator wrote, and let this process read anew what it remembers.

    Staff speak to reporters in these words, so the chain says who changed which row; never what it says.
    """
    row.save()
    facts = {"table": row._meta.model_name or "", "row": str(row.pk)}
    actor.record("catalog.changed", facts=facts)
    transaction.on_commit(clear_cache)
