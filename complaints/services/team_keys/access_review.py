"""The access review: who holds which team's key, who admitted them, when they last used it; and its sign-off.

It reads unencrypted columns and the audit chain only, so that no key is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.utils import timezone

from complaints.domain import hashchain
from complaints.domain.sealing.primitives import blake2b
from complaints.models.team import Staff, Team, TeamKey, TeamMembership
from complaints.services import team_key_history
from complaints.services.audit import log
from complaints.services.keyring import Actor
from complaints.services.team_keys.membership import recovery_digest
from complaints.services.team_keys.personal import fingerprint
from complaints.services.team_keys.resealing import Progress, progress
from complaints.services.team_keys.rotation import leavers

OPENINGS = ("case.opened", "queue.opened", "object.opened", "release.opened", "release.downloaded")


@dataclass(frozen=True)
class Holder:
    """A membership, with the person's key fingerprint and the days of their last sign-in and last opening (or None)."""

    row: TeamMembership
    fingerprint: str
    signed_in: date | None
    opened: date | None


@dataclass(frozen=True)
class TeamAccess:
    """A team's access: its current key, who holds it, who waits for admission, and who has left.

    ``leavers`` left and may still know the current key. ``recovery`` is the digest of the recovery public keys, or "".
    """

    team: Team
    key: TeamKey | None
    fingerprint: str
    pinned: bool
    pinned_itself: bool
    recovery: str
    progress: Progress
    holders: list[Holder]
    waiting: list[Holder]
    left: list[TeamMembership]
    leavers: list[TeamMembership]


def review(*, teams: Iterable[Team]) -> list[TeamAccess]:
    """Return the access of each of ``teams``."""
    teams = list(teams)
    memberships = TeamMembership.objects.filter(team__in=teams).select_related(
        "staff__body", "team__body", "admitted_by", "removed_by"
    )
    by_team: dict[object, list[TeamMembership]] = {team.pk: [] for team in teams}
    for row in memberships.order_by("staff__username", "left_at", "pk"):
        by_team[row.team_id].append(row)
    actors = {row.staff_id for rows in by_team.values() for row in rows}
    signed_in = log.last_days(actors=actors, events=("staff.signed_in",))
    opened = log.last_days(actors=actors, events=OPENINGS)
    all_leavers = leavers(teams)

    def holder(row: TeamMembership) -> Holder:
        return Holder(row, fingerprint(row.staff), signed_in.get(row.staff_id), opened.get(row.staff_id))

    return [
        TeamAccess(
            team=team,
            key=team.keys.filter(number=team.key_number).first(),
            fingerprint=team_key_history.team_fingerprint(team),
            pinned=team_key_history.is_pinned(team),
            pinned_itself=team_key_history.is_pinned_itself(team),
            recovery=recovery_digest(team) if team.recovery_a and team.recovery_b else "",
            progress=progress(team=team),
            holders=[holder(row) for row in by_team[team.pk] if not row.left_at and row.sealed_key],
            waiting=[holder(row) for row in by_team[team.pk] if not row.left_at and not row.sealed_key],
            left=[row for row in by_team[team.pk] if row.left_at],
            leavers=[row for row in all_leavers if row.team_id == team.pk],
        )
        for team in teams
    ]


@transaction.atomic
def sign_off(*, by: Staff, actor: Actor) -> None:
    """Record that a person has reviewed the access to all teams, with a digest of what they reviewed."""
    reviewed_access = []
    for access in review(teams=Team.objects.order_by("slug")):
        holders = sorted([str(holder.row.staff_id), holder.fingerprint] for holder in access.holders)
        reviewed_access.append([access.team.slug, access.team.key_number, access.fingerprint, holders])
    digest = blake2b(hashchain.canonical({"access": reviewed_access}), person=b"access review").hex()
    facts = {"digest": digest, "teams": len(reviewed_access)}
    log.append(event="team.reviewed", now=actor.now, actor=by, signer=actor.keyring.signer, facts=facts)


def reviewed() -> tuple[date, str] | None:
    """Return the day of the last sign-off and the username of the person who gave it, or None."""
    last = log.last_entry("team.reviewed")
    if last is None or last.actor is None:
        return None
    username = Staff.objects.filter(pk=last.actor).values_list("username", flat=True).first()
    return timezone.localdate(last.at), username or ""
