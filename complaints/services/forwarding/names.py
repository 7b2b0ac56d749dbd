"""A liaison asks the reporter of a released report for their name, and opens it.

The answer is the same where none was given, where it was taken back, and where it is for another body.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date
from typing import Final

from django.db import transaction

from complaints import access
from complaints.domain import workflow
from complaints.domain.forbidden_questions import ForbiddenQuestionPut
from complaints.domain.sealing.records import Context, seal_record
from complaints.domain.workflow import Status, TransitionRefused
from complaints.models.identity import NameRequest, ReadName
from complaints.models.oversight import Release
from complaints.models.team import Team
from complaints.services import (
    case_membership,
    forbidden_questions,
    name_requests,
    release_steps,
    reporter_identity,
    resealing_registry,
    transitions,
)
from complaints.services.audit import recorded_acts
from complaints.services.audit.log import row_digest
from complaints.services.forwarding.reading import chain_of, is_acted_on, open_contents, reporters_of
from complaints.services.keyring import Actor, check_keys
from complaints.services.reporter_identity import SLOT_SIZES, Name
from complaints.services.reporter_reading import reason_context
from complaints.services.team_key_history import pinned_team

logger = logging.getLogger(__name__)
# How often a body may ask the reporter of one report, with a reason; the request of a release does not count.
ASKED_AT_MOST: Final = 3


@dataclass(frozen=True)
class ReportRequest:
    """The open request of a release for the name of one report, and how often the body may still ask with a reason."""

    complaint_id: uuid.UUID
    day: date
    is_asked: bool
    left: int


@transitions.retry_on_change
@transaction.atomic
def ask(*, actor: Actor, release_id: uuid.UUID, complaint_id: uuid.UUID, reason: str) -> None:
    """Ask the reporter of a released report for their name; only they and the body read the reason.

    Raises:
        Release.DoesNotExist, NameRequest.DoesNotExist: not this body's, its release has ended, or the case is not as
            its steps and entries record it.
        CaseChanged: officers linked or unlinked the case at every attempt; nothing was written.
        TransitionRefused: the body acts on it no more, or has asked ASKED_AT_MOST times.
        ForbiddenQuestionPut: the reason asks for more than the name.
        Locked, SealError, UnpinnedKey: as for opening the release.
    """
    if hits := forbidden_questions.find_beside_name(reason):
        raise ForbiddenQuestionPut(hits)
    release, request, team = _open_request(actor, release_id, complaint_id)
    if _left(request) < 1:
        raise TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
    # As the office released it: whoever writes to the database could put another key into the row.
    opened = open_contents(actor.keyring, chain_of(release))
    check_keys(request.complaint, reporters_of(opened)[str(complaint_id)])
    name_requests.close(actor, NameRequest.objects.filter(pk=request.pk))
    new = NameRequest(
        complaint=request.complaint, release=release, body_id=release.body_id, by=actor.staff, day=actor.today
    )
    new.sealed_number = team.key_number
    new.sealed = actor.keyring.seal_for_team(team, reason_context(new, "name-request"), reason)
    signer, reporter = actor.keyring.team(team).sign, bytes(request.complaint.reporter_key)
    new.sealed_for_reporter = seal_record(reporter, reason_context(new), reason, signer)
    name_requests.store(actor, new)


@transitions.retry_on_change
@transaction.atomic
def open_name(*, actor: Actor, release_id: uuid.UUID, complaint_id: uuid.UUID) -> Name | None:
    """Open the name that the reporter of a released report gave to the body; None where none opens, whatever the cause.

    Each try is in the audit chain; so is each reading, which the reporter is told. Raises as :func:`ask`.
    """
    release, request, team = _open_request(actor, release_id, complaint_id)
    # The reporter takes a name back under the same lock.
    identity = reporter_identity.locked(request.complaint)
    facts = {"release": str(release.pk), "request": str(request.pk)}
    actor.record("name.tried", case=release.case_id, subject=request.complaint_id, facts=facts)
    known = ReadName.objects.filter(complaint=request.complaint, body=team.body_id).first()
    if known and not recorded_acts.name_was_read(request.complaint_id, row_digest(known)):
        # A colleague who writes to the database could say that somebody is the reporter; the night names the row.
        logger.error("The copy of a name that was read is in no entry; it is shown to nobody")
        return None
    if known:
        content = actor.keyring.read_for_team(
            team, known.sealed, _read_context(known), number=known.sealed_number, sizes=SLOT_SIZES
        )
        name: Name | None = Name(**content)
    else:
        name = reporter_identity.open_name(identity=identity, keyring=actor.keyring, team=team)
    if name is not None:
        facts |= {"body": release.body_id, "row": row_digest(known or _keep(actor, request, team, name))}
        actor.record("name.read", case=release.case_id, subject=request.complaint_id, facts=facts)
    return name


def requests_of_release(release: Release, *, is_replaced: bool | None = None) -> dict[str, ReportRequest]:
    """Return the open requests of a release by the id of the report; none where its body works on it no more.

    ``is_replaced`` is that of ``reading.open_release``. One query beside it.
    """
    if not is_worked_on(release, is_replaced=is_replaced):
        return {}
    of_release = NameRequest.objects.filter(release=release, closed_on=None)
    rows = list(NameRequest.objects.filter(complaint__in=of_release.values("complaint"), body=release.body_id))
    asked = Counter(row.complaint_id for row in rows if row.by_id is not None)
    return {
        str(row.complaint_id): ReportRequest(
            row.complaint_id, row.day, row.by_id is not None, ASKED_AT_MOST - asked[row.complaint_id]
        )
        for row in rows
        if row.release_id == release.pk and row.closed_on is None
    }


def is_worked_on(release: Release, *, is_replaced: bool | None = None) -> bool:
    """Whether the body works on the case of a release, which is its newest."""
    case = release_steps.as_body_sees(release).case
    is_with_body = workflow.with_body(Status(case.status), Status(case.asked_from) if case.asked_from else None)
    return is_with_body and is_acted_on(release, is_replaced=is_replaced)


def may_act_on(release: Release) -> bool:
    """As :func:`is_worked_on` of a release that is locked with its case, by a state that the chain records.

    Whoever writes to the database could otherwise let a body act, by the column of a case, after its release had ended.
    """
    if not is_worked_on(release):
        return False
    return release.is_further or recorded_acts.are_steps_recorded(release.case)


def _open_request(actor: Actor, release_id: uuid.UUID, complaint_id: uuid.UUID) -> tuple[Release, NameRequest, Team]:
    """Return a locked release, its open request for a report, and the pinned team whose key the person holds."""
    requests = NameRequest.objects.filter(
        release__in=access.releases_for(actor.staff), complaint=complaint_id, closed_on=None
    )
    if not requests.filter(release=release_id).exists():
        raise NameRequest.DoesNotExist
    # Before any other row, as an act of the reporter does: rows that are stored here name the report.
    case_membership.lock_around(complaint_id)
    releases = access.releases_for(actor.staff).select_for_update(of=("self",)).select_related("case", "body")
    release = releases.get(pk=release_id)
    actor.keyring.release(release)
    if not may_act_on(release):
        raise NameRequest.DoesNotExist
    rows = NameRequest.objects.select_related("complaint")
    request = rows.get(release=release, complaint=complaint_id, closed_on=None)
    if (str(request.pk), row_digest(request), "") not in recorded_acts.name_requests(complaint_id):
        raise NameRequest.DoesNotExist
    team = pinned_team(f"body-{release.body_id}")
    actor.keyring.team(team)
    return release, request, team


def _left(request: NameRequest) -> int:
    asked = NameRequest.objects.filter(complaint=request.complaint_id, body=request.body_id, by__isnull=False)
    return ASKED_AT_MOST - len(asked[:ASKED_AT_MOST])


def _keep(actor: Actor, request: NameRequest, team: Team, name: Name) -> ReadName:
    row = ReadName(complaint=request.complaint, request=request, body_id=str(team.body_id), day=actor.today)
    row.sealed_number = team.key_number
    row.sealed = actor.keyring.seal_for_team(team, _read_context(row), asdict(name), sizes=SLOT_SIZES)
    row.save(force_insert=True)
    return row


def _read_context(row: ReadName) -> Context:
    return Context("read-name", str(row.pk), str(row.complaint_id))


resealing_registry.register_records(
    "name request",
    rows=lambda team: NameRequest.objects.filter(body=team.body_id, sealed__isnull=False),
    context=lambda row: reason_context(row, "name-request"),
)
resealing_registry.register_records(
    "read name",
    rows=lambda team: ReadName.objects.filter(body=team.body_id),
    context=_read_context,
    sizes=SLOT_SIZES,
)
