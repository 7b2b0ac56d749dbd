"""Who of a body has a release: a liaison takes it, gives it to a colleague, or lays it down.

The audit chain alone records it: the newest entry says whose the release is, and no row can say otherwise.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import transaction

from complaints import access
from complaints.models.oversight import Release
from complaints.models.team import Role, Staff
from complaints.services.assignment import AlreadyTaken, NotAssignable, name_of
from complaints.services.audit import recorded_releases
from complaints.services.forwarding import body_notes
from complaints.services.keyring import Actor


def colleagues(body_id: str) -> list[Staff]:
    """Return the admitted liaisons of a body, to whom its releases can go, by name."""
    people = Staff.objects.filter(is_active=True, is_superuser=False, role=Role.OVERSEER, body=body_id)
    admitted = people.filter(memberships__team__body=body_id, memberships__sealed_key__isnull=False)
    return list(admitted.order_by("first_name", "username"))


def owners(releases: Iterable[uuid.UUID]) -> dict[uuid.UUID, Staff]:
    """Return who has each of these forwardings, as the chain records it; two queries."""
    recorded = recorded_releases.owners(list(releases))
    people = Staff.objects.in_bulk(recorded.values()) if recorded else {}
    return {release: people[person] for release, person in recorded.items() if person in people}


def owner_among(people: Iterable[Staff], owner: uuid.UUID | None) -> Staff | None:
    """Return who has a forwarding by the id that the chain records; a query only where ``people`` lack that person."""
    if owner is None:
        return None
    known = next((person for person in people if person.pk == owner), None)
    return known or Staff.objects.filter(pk=owner).first()


@transaction.atomic
def claim(*, actor: Actor, release_id: uuid.UUID, seen: uuid.UUID | None) -> None:
    """Take a forwarding that showed the owner ``seen``; of two who do so at once, the second gets AlreadyTaken.

    Raises Release.DoesNotExist, Locked.
    """
    release = _lock(actor, release_id)
    owner = owners([release.pk]).get(release.pk)
    if owner == actor.staff:
        return
    if (owner.pk if owner else None) != seen:
        raise AlreadyTaken(name_of(owner))
    _record(actor, release, actor.staff)


@transaction.atomic
def assign(*, actor: Actor, release_id: uuid.UUID, to: Staff | None, words: str = "") -> None:
    """Give a forwarding to a liaison of the same body, or lay it down; ``words``, where not blank, become a note.

    Raises NotAssignable where that person is not admitted or has a conflict of interest; Release.DoesNotExist, Locked.
    """
    release = _lock(actor, release_id)
    if to is not None and not _may_own(to, release):
        raise NotAssignable(f"body-{release.body_id}")
    if words.strip():
        body_notes.append(actor, release, words)
    if owners([release.pk]).get(release.pk) != to:
        _record(actor, release, to)


def take_by_acting(actor: Actor, release: Release) -> None:
    """Give a forwarding that nobody has to the liaison who took a step on it, in the caller's transaction."""
    locked = _lock(actor, release.pk)
    if locked.pk not in owners([locked.pk]):
        _record(actor, locked, actor.staff)


def _lock(actor: Actor, release_id: uuid.UUID) -> Release:
    """Return a forwarding under its lock, for an admitted liaison of its body whose key is open."""
    rows = access.releases_for(actor.staff).filter(first=None)
    release = rows.select_for_update(of=("self",)).get(pk=release_id)
    actor.keyring.keys_of(f"body-{release.body_id}")
    return release


def _may_own(person: Staff, release: Release) -> bool:
    is_liaison = access.is_overseer(person) and person.body_id == release.body_id
    return is_liaison and not access.has_conflict(person, release.case_id)


def _record(actor: Actor, release: Release, person: Staff | None) -> None:
    facts = {"assignee": str(person.pk) if person else ""}
    actor.record(recorded_releases.ASSIGNED, case=release.case_id, subject=release.pk, facts=facts)
