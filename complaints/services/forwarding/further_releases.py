"""A case with several bodies: further releases beside that of the body which leads the case.

The status of the case follows the leading body alone; each further release has steps of its own. No body learns of
another.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import transaction

from complaints import access
from complaints.domain import checklists, workflow
from complaints.domain.checklists import CheckedItem
from complaints.domain.workflow import Action, ActorKind, Permission, Refusal, TransitionRefused
from complaints.models.case import Case
from complaints.models.oversight import OversightBody, Release
from complaints.models.team import Staff
from complaints.services import case_membership, disclosure_check, name_requests, release_steps, transitions
from complaints.services.audit import recorded_acts
from complaints.services.forwarding import release as releases
from complaints.services.forwarding.bodies import bodies_on
from complaints.services.forwarding.contents import Choice, compose
from complaints.services.keyring import Actor
from complaints.services.messages import write_note
from complaints.services.release_steps import ReleaseHistory
from complaints.services.transitions import CaseChanged, CaseVersion

# Steps of staff after which nobody looks at a case any more: not while another body still works on it.
ENDING: Final = frozenset({Action.PROPOSE_INELIGIBLE, Action.CONFIRM_INELIGIBLE, Action.REFER, Action.DELIVER})


class NotOffered(Exception):
    """The body has the case already, or has no team with a confirmed key here, or is not competent today."""


@dataclass(frozen=True)
class FurtherRelease:
    """A further release with its steps; ``release.case`` is the case as its body sees it."""

    release: Release
    history: ReleaseHistory


def may_forward_also(staff: Staff, case: Case) -> bool:
    """Whether a person may release a case to another body: a forwarder, while a body has it and it has not ended."""
    is_open = case.status not in workflow.ENDED and releases.is_with_body(case)
    return is_open and Permission.FORWARD in access.permissions_of(staff)


def bodies_without(case: Case, today: date) -> list[OversightBody]:
    """Return the bodies of the day with a team here that do not have a case, in their order."""
    further = case.releases.filter(is_further=True, state=Release.State.OPEN)
    having: set[str | None] = set(further.values_list("body", flat=True))
    if releases.is_with_body(case):
        having.add(case.lead_body_id)
    return [body for body in bodies_on(today).with_team if body.pk not in having]


def open_further(case: Case) -> list[FurtherRelease]:
    """Return the further releases that their bodies have, the oldest first."""
    rows = case.releases.filter(first=None, is_further=True, state=Release.State.OPEN)
    return with_histories(list(rows.select_related("case__category", "body").order_by("at", "pk")))


def with_histories(rows: Sequence[Release]) -> list[FurtherRelease]:
    """Return further releases, read with case and body, each with its steps and as its body sees the case."""
    histories = release_steps.read(rows)
    return [FurtherRelease(release_steps.as_body_sees(row, histories[row.pk]), histories[row.pk]) for row in rows]


def working_bodies(case: Case) -> list[str]:
    """Return the short names of the other bodies that still work on a case."""
    return [further.release.body.short_name for further in open_further(case) if not further.history.is_ended]


def check_not_ended_over(case: Case) -> None:
    """Refuse to end a case while another body still works on it by a further release."""
    if working_bodies(case):
        raise TransitionRefused(Refusal.OTHER_BODY)


@transaction.atomic
def forward_also(
    *,
    actor: Actor,
    case_id: uuid.UUID,
    body: OversightBody,
    choice: Choice,
    cover: str = "",
    reply: str = "",
    seen: CaseVersion | None = None,
    checklist: Mapping[str, CheckedItem] | None = None,
    record: str = "",
    override: disclosure_check.Override | None = None,
) -> Release:
    """Release what was chosen of a case to another body than the one that leads it; the case stays where it is.

    Args:
        record: what the office keeps of the checklist, as an internal note: the case takes no step that could hold it.

    The others are those of ``release.forward``.

    Raises:
        NotOffered: the body cannot receive it, or has it.
        TransitionRefused: no body has the case, the person may not forward, or verified it.
        ChecklistIncomplete, NothingChosen, EvidenceObject.DoesNotExist, CaseChanged, Locked, UnpinnedKey, and
        Case.DoesNotExist for a case of another team: nothing was released.
    """
    if checklist is not None:
        checklists.settle(Action.FORWARD, checklist)
    case = case_membership.lock([case_id])[case_id]
    if actor.staff is None or access.is_closed_to(actor.staff, case, is_triaging=True):
        raise Case.DoesNotExist
    complaints = releases.reports_of_case(case_id)
    if seen is not None and not seen.agrees_with(transitions.case_version(case, releases.sequences_of(complaints))):
        raise CaseChanged
    if not may_forward_also(actor.staff, case) or not recorded_acts.are_steps_recorded(case):
        raise TransitionRefused(Refusal.NOT_FROM_HERE)
    if body not in bodies_without(case, actor.today):
        raise NotOffered
    making = releases.prepare(actor, body)
    making.row.is_further = True
    composed = compose(keyring=actor.keyring, case=case, complaints=complaints, choice=choice)
    release = releases.write(actor, making, case, complaints, composed, cover)
    step = release_steps.begin(release=release, actor=actor)
    released = [complaint for complaint in complaints if complaint.pk in composed.numbers]
    name_requests.request_for_release(actor=actor, release=release, complaints=released)
    if record:
        write_note(complaint=complaints[0], text=record, actor=actor)
    if reply:
        releases.send_messages(actor, released, reply, step, override)
    return release


@transaction.atomic
def take_back(
    *,
    actor: Actor,
    release_id: uuid.UUID,
    reason: str,
    seen: CaseVersion | None = None,
    override: disclosure_check.Override | None = None,
) -> None:
    """Take a further release back from its body; the reporters whose reports it holds read the reason.

    Before the body took it up its key is deleted, so that it opens nothing any more. Raises Release.DoesNotExist,
    TransitionRefused, CaseChanged and Locked.
    """
    case_id = Release.objects.values_list("case", flat=True).get(pk=release_id, is_further=True, first=None)
    case = case_membership.lock([case_id])[case_id]
    if actor.staff is None or access.is_closed_to(actor.staff, case, is_triaging=True):
        raise Release.DoesNotExist
    step = release_steps.perform(
        release_id=release_id, action=Action.RECALL, actor_kind=ActorKind.STAFF, actor=actor, reason=reason, seen=seen
    )
    held = set(case_membership.reports_of_release(step.release))
    complaints = [complaint for complaint in releases.reports_of_case(case_id) if complaint.pk in held]
    releases.send_messages(actor, complaints, reason, step, override)
    releases.end_releases(actor=actor, case=case, body=step.release.body_id, step=step)
