"""Filters of the queue that officers save for themselves or for triage, and the columns that they choose."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Q

from complaints import access
from complaints.domain.errors import SealError
from complaints.domain.sealing.records import Context
from complaints.models.saved_filters import SavedFilter
from complaints.models.team import Role, Staff
from complaints.services import resealing_registry
from complaints.services.audit import log
from complaints.services.keyring import Actor, Keyring, Locked
from complaints.services.team_key_history import UnpinnedKey, pinned_team

NAME_AT_MOST: Final = 60
# For each person, and for the team; every page of the queue opens all of them.
OWN_AT_MOST: Final = 12
SHARED_AT_MOST: Final = 24
_SIZES: Final = (1024, 4096)


class TooManyFilters(Exception):
    """The limit of saved filters is reached; one must be deleted first."""


@dataclass(frozen=True)
class OpenedFilter:
    """A saved filter, opened; ``query`` is a query string, ``name`` "" where the row does not open or was altered."""

    id: uuid.UUID
    name: str
    query: str
    is_shared: bool
    is_mine: bool
    may_delete: bool


def _context(row: SavedFilter) -> Context:
    return Context("saved-filter", str(row.pk), str(row.team_id))


def _sealed_content(row: SavedFilter, name: str) -> dict[str, str | bool]:
    # The plaintext columns are sealed too, so that a write to the database cannot give a known name another query.
    return {"name": name, "query": row.query, "owner": str(row.owner_id), "shared": row.is_shared}


def _may_delete(person: Staff, row: SavedFilter) -> bool:
    return row.owner_id == person.pk or (row.is_shared and person.role == Role.FORWARDER)


def saved_filters(*, keyring: Keyring) -> list[OpenedFilter]:
    """Return a person's own saved filters and the shared ones, by name, in one query; [] outside triage."""
    person = keyring.staff
    if person is None or not access.is_triage(person):
        return []
    # Of the person's team alone: what was saved in another one does not open.
    of_team = SavedFilter.objects.filter(Q(owner=person) | Q(is_shared=True), team__kind=keyring.report_team)
    rows = of_team.select_related("team").order_by("pk")
    filters = [
        OpenedFilter(
            id=row.pk,
            name=_name(keyring, row),
            query=row.query,
            is_shared=row.is_shared,
            is_mine=row.owner_id == person.pk,
            may_delete=_may_delete(person, row),
        )
        for row in rows
    ]
    return sorted(filters, key=lambda saved: (saved.is_shared, saved.name.casefold()))


def _name(keyring: Keyring, row: SavedFilter) -> str:
    try:
        content = keyring.read_for_team(row.team, row.sealed, _context(row), number=row.sealed_number, sizes=_SIZES)
    except (Locked, UnpinnedKey, SealError):
        return ""
    return str(content["name"]) if content == _sealed_content(row, content["name"]) else ""


resealing_registry.register_records(
    "saved_filter", rows=lambda team: SavedFilter.objects.filter(team=team), context=_context, sizes=_SIZES
)


@transaction.atomic
def save_filter(*, actor: Actor, name: str, query: str, shared: bool) -> SavedFilter:
    """Save filters under a name, for this person or, where ``shared``, for the person's team.

    ``query`` is a normalised query string, which the caller has checked. Raises Locked, UnpinnedKey, TooManyFilters.
    """
    team = pinned_team(actor.keyring.report_team)
    actor.keyring.team(team)
    person = actor.staff
    of_team = SavedFilter.objects.filter(team=team, is_shared=shared)
    others = of_team if shared else of_team.filter(owner=person)
    if others.count() >= (SHARED_AT_MOST if shared else OWN_AT_MOST):
        raise TooManyFilters
    row = SavedFilter(owner=person, team=team, is_shared=shared, query=query, sealed_number=team.key_number)
    content = _sealed_content(row, name[:NAME_AT_MOST])
    row.sealed = actor.keyring.seal_for_team(team, _context(row), content, sizes=_SIZES)
    row.save(force_insert=True)
    _record("filter.saved", actor, row)
    return row


@transaction.atomic
def delete_filter(*, actor: Actor, filter_id: uuid.UUID) -> None:
    """Delete the actor's own filter or, for a forwarder, a shared one; raises SavedFilter.DoesNotExist for others."""
    person = actor.staff
    row = SavedFilter.objects.select_for_update(of=("self",)).get(pk=filter_id, team__kind=access.report_team(person))
    if not access.is_triage(person) or not _may_delete(person, row):
        raise SavedFilter.DoesNotExist
    _record("filter.deleted", actor, row)
    row.delete()


def _record(event: str, actor: Actor, row: SavedFilter) -> None:
    facts = {"filter": str(row.pk), "shared": int(row.is_shared), "sealed": log.digest_of(row.sealed)}
    actor.record(event, facts=facts)


def choose_columns(*, person: Staff, codes: list[str]) -> None:
    """Store the codes of the columns that a person displays, in order; [] for the default columns.

    Not audited, because the columns reveal nothing that the person could not see.
    """
    person.queue_columns = ",".join(codes)
    person.save(update_fields=["queue_columns"])
