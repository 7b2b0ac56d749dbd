"""What people keep of the queue: saved filters, shared ones among them, and the columns that they chose."""

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
from complaints.models.team import Role, Staff, Team
from complaints.services import resealing_registry
from complaints.services.actor import Actor
from complaints.services.audit import log
from complaints.services.keyring import Keyring, Locked
from complaints.services.team_key_history import UnpinnedKey, pinned_team

NAME_AT_MOST: Final = 60
# Per person and per team: more than these are no help any more, and each is opened with every page of the queue.
OWN_AT_MOST: Final = 12
SHARED_AT_MOST: Final = 24
_SIZES: Final = (1024, 4096)


class TooManyFilters(Exception):  # noqa: N818  said to an officer, not a fault of the program
    """There are as many saved filters as a page can show."""


@dataclass(frozen=True)
class OpenedFilter:
    """A saved filter, opened; ``name`` is "" where it does not open or was altered."""

    id: uuid.UUID
    name: str
    query: str
    is_shared: bool
    is_mine: bool
    may_delete: bool


def _context(row: SavedFilter) -> Context:
    return Context("saved-filter", str(row.pk), str(row.team_id))


def _body(row: SavedFilter, name: str) -> dict[str, str | bool]:
    # With what stands in clear beside it: whoever writes to the database cannot give a known name another meaning.
    return {"name": name, "query": row.query, "owner": str(row.owner_id), "shared": row.is_shared}


def _may_delete(person: Staff, row: SavedFilter) -> bool:
    return row.owner_id == person.pk or (row.is_shared and person.role == Role.FORWARDER)


def saved_filters(*, keyring: Keyring) -> list[OpenedFilter]:
    """Return a person's own saved filters and the shared ones, by name; one query. Nothing for who is not in triage."""
    person = keyring.staff
    if person is None or not access.is_triage(person):
        return []
    rows = SavedFilter.objects.filter(Q(owner=person) | Q(is_shared=True)).select_related("team").order_by("pk")
    found = []
    for row in rows:
        name = _name(keyring, row)
        mine = row.owner_id == person.pk
        found.append(OpenedFilter(row.pk, name, row.query, row.is_shared, mine, _may_delete(person, row)))
    return sorted(found, key=lambda one: (one.is_shared, one.name.casefold()))


def _name(keyring: Keyring, row: SavedFilter) -> str:
    try:
        number = row.sealed_number
        body = keyring.read_for_team(row.team, row.sealed, _context(row), number=number, sizes=_SIZES)
    except (Locked, UnpinnedKey, SealError):
        return ""
    return str(body["name"]) if body == _body(row, body["name"]) else ""


resealing_registry.register_records(
    "saved_filter", rows=lambda team: SavedFilter.objects.filter(team=team), context=_context, sizes=_SIZES
)


@transaction.atomic
def save_filter(*, actor: Actor, name: str, query: str, shared: bool) -> SavedFilter:
    """Save a choice of filters under a name.

    Args:
        query: the choice in its one spelling; the caller has made sure that it holds known filters only.
        shared: for all of triage; otherwise for this person.

    Raises:
        Locked, UnpinnedKey: the person holds no key of triage, or the team's key is not the pinned one.
        TooMany: one must be deleted first.
    """
    team = pinned_team(Team.Kind.TRIAGE)
    actor.keyring.team(team)
    person = actor.staff
    assert person is not None  # noqa: S101  a ring that holds a team's key has a person
    kept = SavedFilter.objects.filter(is_shared=True) if shared else person.saved_filters.filter(is_shared=False)
    if kept.count() >= (SHARED_AT_MOST if shared else OWN_AT_MOST):
        raise TooManyFilters
    row = SavedFilter(owner=person, team=team, is_shared=shared, query=query, sealed_number=team.key_number)
    body = _body(row, name[:NAME_AT_MOST])
    row.sealed = actor.keyring.seal_for_team(team, _context(row), body, sizes=_SIZES)
    row.save(force_insert=True)
    _record("filter.saved", actor, row)
    return row


@transaction.atomic
def delete_filter(*, actor: Actor, filter_id: uuid.UUID) -> None:
    """Delete a saved filter: one's own, or as a forwarder a shared one.

    Raises:
        SavedFilter.DoesNotExist: there is none for this person.
    """
    person = actor.staff
    row = SavedFilter.objects.select_for_update().get(pk=filter_id)
    if person is None or not access.is_triage(person) or not _may_delete(person, row):
        raise SavedFilter.DoesNotExist
    _record("filter.deleted", actor, row)
    row.delete()


def _record(event: str, actor: Actor, row: SavedFilter) -> None:
    facts = {"filter": str(row.pk), "shared": int(row.is_shared), "sealed": log.digest_of(row.sealed)}
    actor.record(event, facts=facts)


def choose_columns(*, person: Staff, codes: list[str]) -> None:
    """Keep which columns of the queue a person wants to see, in their order; none stand for the house's own choice.

    A matter of the person's own screen: it shows nothing that they could not see, and is no act in the chain.
    """
    person.queue_columns = ",".join(codes)
    person.save(update_fields=["queue_columns"])
