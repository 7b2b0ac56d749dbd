"""The access review: who holds which team's key, since when and by whom, and when it was last used; and its sign-off.

Reads clear columns and the chain only; nobody needs a key for it.
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
from complaints.services.actor import Actor
from complaints.services.audit import log
from complaints.services.audit.log import RecordedEntry
from complaints.services.team_keys.membership import recovery_digest
from complaints.services.team_keys.personal import fingerprint
from complaints.services.team_keys.resealing import Progress, progress
from complaints.services.team_keys.rotation import leavers

OPENINGS = ("case.opened", "queue.opened", "object.opened", "release.opened")


@dataclass(frozen=True)
class Holder:
    """One membership: the person's fingerprint and the days on which they last signed in and last opened something."""

    row: TeamMembership
    fingerprint: str
    signed_in: date | None
    opened: date | None


@dataclass(frozen=True)
class TeamAccess:
    """One team: its key of today, who holds it, who waits, who has left, and who left and may still remember it.

    ``recovery`` is the digest of the keepers' public keys; "" where the key of today has none.
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
    wanted = list(teams)
    rows = TeamMembership.objects.filter(team__in=wanted).select_related(
        "staff__body", "team__body", "admitted_by", "removed_by"
    )
    by_team: dict[object, list[TeamMembership]] = {team.pk: [] for team in wanted}
    for row in rows.order_by("staff__username", "left_at", "pk"):
        by_team[row.team_id].append(row)
    actors = {row.staff_id for found in by_team.values() for row in found}
    signed_in = log.last_days(actors=actors, events=("staff.signed_in",))
    opened = log.last_days(actors=actors, events=OPENINGS)
    gone = leavers(wanted)

    def holder(row: TeamMembership) -> Holder:
        return Holder(row, fingerprint(row.staff), signed_in.get(row.staff_id), opened.get(row.staff_id))

    return [
        TeamAccess(
            team=team,
            key=team.keys.filter(number=team.key_number).first(),
            fingerprint=team_key_history.team_fingerprint(team),
            pinned=_pinned(team),
            pinned_itself=team_key_history.is_pinned_itself(team),
            recovery=recovery_digest(team) if team.recovery_a and team.recovery_b else "",
            progress=progress(team=team),
            holders=[holder(row) for row in by_team[team.pk] if not row.left_at and row.sealed_key],
            waiting=[holder(row) for row in by_team[team.pk] if not row.left_at and not row.sealed_key],
            left=[row for row in by_team[team.pk] if row.left_at],
            leavers=[row for row in gone if row.team_id == team.pk],
        )
        for team in wanted
    ]


def _pinned(team: Team) -> bool:
    try:
        team_key_history.pinned_team(team.slug)
    except team_key_history.UnpinnedKey:
        return False
    return True


@transaction.atomic
def sign_off(*, by: Staff, actor: Actor) -> None:
    """Write into the chain that a person has looked at all access as it stands; a digest says what they looked at."""
    seen = [
        [one.team.slug, one.team.key_number, one.fingerprint, sorted(_of(holder) for holder in one.holders)]
        for one in review(teams=Team.objects.order_by("slug"))
    ]
    digest = blake2b(hashchain.canonical({"access": seen}), person=b"access review").hex()
    facts = {"digest": digest, "teams": len(seen)}
    log.append(event="team.reviewed", now=actor.now, actor=by, signer=actor.keyring.signer, facts=facts)


def _of(holder: Holder) -> list[str]:
    return [str(holder.row.staff_id), holder.fingerprint]


def reviewed() -> tuple[date, str] | None:
    """Return the day of the last sign-off and who gave it (username), or None."""
    last: RecordedEntry | None = log.last_entry("team.reviewed")
    if last is None or last.actor is None:
        return None
    who = Staff.objects.filter(pk=last.actor).values_list("username", flat=True).first()
    return timezone.localdate(last.at), who or ""
