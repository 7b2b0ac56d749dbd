"""Makes releases: what was chosen of a case, sealed part by part under a key pair of the release, for one body.

A forwarding is a step of the case. A supplement to it takes no step: it brings the body what is new while it has the
case.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from django.db import transaction
from django.db.models import Model, Q
from django.utils import timezone

from complaints import access
from complaints.domain import checklists, workflow
from complaints.domain.checklists import CheckedItem
from complaints.domain.errors import SealError
from complaints.domain.retaliation import FORWARDED
from complaints.domain.sealing.primitives import BoxPair, SignPair
from complaints.domain.sealing.records import seal_record
from complaints.domain.workflow import Action, ActorKind, Permission, Refusal, Status, TransitionRefused
from complaints.models.case import Case
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import (
    OversightBody,
    Release,
    ReleasedFile,
    ReleasedReport,
    ReleasePart,
    ReleaseStep,
)
from complaints.models.step import Step
from complaints.models.team import Team
from complaints.services import (
    assessments,
    case_membership,
    disclosure_check,
    name_requests,
    transitions,
    urgent_register,
)
from complaints.services.actor import Actor
from complaints.services.audit import log, recorded_told
from complaints.services.audit.log import row_digest
from complaints.services.audit.state import content_root, release_roots
from complaints.services.forwarding.contents import Choice, Composed, Held, compose
from complaints.services.forwarding.reading import file_context, held_by, part_context, release_context, sources_of
from complaints.services.keyring import bind_keys, grant_key, told_context
from complaints.services.messages import send_to_reporter
from complaints.services.team_key_history import UnpinnedKey, pinned_teams
from complaints.services.transitions import CaseChanged, CaseVersion


class NothingChosen(Exception):
    """Nothing would go: no report was chosen, or the body holds all of it."""


class HasItAlready(Exception):
    """The body has the case by a release of its own: it has to end before another one is made."""


@dataclass(frozen=True)
class Making:
    """A release that is being made: its row, its key pair, the teams that receive the pair, and the signer."""

    row: Release
    box: BoxPair
    teams: Mapping[str, Team]
    signer: SignPair


@dataclass(frozen=True)
class _Rows:
    """The rows that a release consists of, before they are written."""

    parts: list[ReleasePart]
    files: list[ReleasedFile]
    reports: list[ReleasedReport]

    @property
    def by_kind(self) -> dict[str, Sequence[Model]]:
        return {"part": self.parts, "file": self.files, "report": self.reports}


@transaction.atomic
def forward(
    *,
    actor: Actor,
    case_id: uuid.UUID,
    body: OversightBody,
    choice: Choice,
    cover: str = "",
    reply: str = "",
    seen: CaseVersion | None = None,
    checklist: Mapping[str, CheckedItem] | None = None,
    override: disclosure_check.Override | None = None,
) -> Release:
    """Forward a case: release what was chosen of it to a body, under a new key pair.

    Args:
        cover: the office's covering note, which the body reads.
        reply: a message to the reporters about the forwarding; "" sends none.
        seen: the version of the case that the person saw; None skips the comparison.
        checklist: the items that were ticked or explained, stored with the step; None where no checklist applies.
        override: why ``reply`` was sent despite a disclosure warning.

    Raises:
        ChecklistIncomplete: the checklist has open items.
        NothingChosen: no report was chosen.
        EvidenceObject.DoesNotExist: a chosen object belongs to none of the chosen reports.
        HasItAlready: the body has the case by a further release.
        TransitionRefused, CaseChanged, Locked, UnpinnedKey: nothing was released.
    """
    checked_items = checklists.settle(Action.FORWARD, checklist) if checklist is not None else {}
    making = prepare(actor, body)
    step = transitions.perform(
        case_id=case_id,
        action=Action.FORWARD,
        actor_kind=ActorKind.STAFF,
        actor=actor,
        seen=seen,
        changes={"lead_body": body},
    )
    if step.case.releases.filter(body=body, is_further=True, state=Release.State.OPEN).exists():
        raise HasItAlready
    complaints = reports_of_case(case_id)
    composed = compose(keyring=actor.keyring, case=step.case, complaints=complaints, choice=choice)
    release = write(actor, making, step.case, complaints, composed, cover)
    released = [complaint for complaint in complaints if complaint.pk in composed.numbers]
    name_requests.request_for_release(actor=actor, release=release, complaints=released)
    assessments.record_checklist(complaint=complaints[0], items=checked_items, step=step, actor=actor)
    if reply:
        send_messages(actor, released, reply, step, override)
    return release


@transaction.atomic
def supplement(
    *, actor: Actor, first: Release, choice: Choice, cover: str = "", seen: CaseVersion | None = None
) -> Release:
    """Release to the body of ``first`` what of ``choice`` it does not hold yet; the case stays where it is.

    Raises:
        NothingChosen: the body holds all of it.
        TransitionRefused: the body does not have the case by this release, or the person may not forward.
        CaseChanged, EvidenceObject.DoesNotExist, Locked, UnpinnedKey: nothing was released.
    """
    if Permission.FORWARD not in access.permissions_of(actor.staff):
        raise TransitionRefused(Refusal.MISSING_PERMISSION)
    case = case_membership.lock([first.case_id])[first.case_id]
    making = prepare(actor, first.body)
    complaints = reports_of_case(case.pk)
    if seen is not None and not seen.agrees_with(transitions.case_version(case, sequences_of(complaints))):
        raise CaseChanged
    if not is_held_by_body(first, case):
        raise TransitionRefused(Refusal.NOT_FROM_HERE)
    making.row.first, making.row.is_further = first, first.is_further
    held = held_by(keyring=actor.keyring, first=first)
    composed = compose(keyring=actor.keyring, case=case, complaints=complaints, choice=choice, held=held)
    release = write(actor, making, case, complaints, composed, cover)
    joined = [row for row in complaints if row.pk in composed.numbers and row.pk not in held.numbers]
    name_requests.request_for_release(actor=actor, release=first, complaints=joined)
    return release


def is_with_body(case: Case) -> bool:
    """Whether a body has a case, so that it can receive what is new."""
    return workflow.with_body(Status(case.status), Status(case.asked_from) if case.asked_from else None)


def is_held_by_body(first: Release, case: Case) -> bool:
    """Whether the body of a forwarding has the case by it, so that it can receive what is new."""
    if first.is_further:
        return Release.objects.filter(pk=first.pk, state=Release.State.OPEN).exists()
    return current_first(case) == first and is_with_body(case)


def current_first(case: Case) -> Release | None:
    """Return the forwarding by which the lead body has a case, or None; one query."""
    open_firsts = case.releases.filter(first=None, is_further=False, state=Release.State.OPEN, body=case.lead_body_id)
    return open_firsts.select_related("body", "case").order_by("-after_step").first()


def preview(*, actor: Actor, case: Case, choice: Choice, first: Release | None = None) -> Composed:
    """Return what a release of ``choice`` would consist of; nothing is written.

    Raises as :func:`compose`; the caller has recorded that the case was opened.
    """
    held = held_by(keyring=actor.keyring, first=first) if first else Held()
    complaints = reports_of_case(case.pk)
    return compose(keyring=actor.keyring, case=case, complaints=complaints, choice=choice, held=held)


def reports_of_case(case_id: uuid.UUID) -> list[Complaint]:
    """Return the reports of a case with their grants, in order."""
    return list(Complaint.objects.filter(case=case_id).prefetch_related("grants").order_by("day", "pk"))


def sequences_of(complaints: Collection[Complaint]) -> dict[uuid.UUID, int]:
    """Return the next number in the thread of each report, as a version of the case compares them."""
    return {complaint.pk: complaint.next_sequence for complaint in complaints}


def prepare(actor: Actor, body: OversightBody) -> Making:
    """Begin a release to a body: its row, a new key pair, and who receives it; raises Locked, UnpinnedKey."""
    holder = actor.keyring.report_team
    teams = pinned_teams(holder, f"body-{body.pk}")
    signer, box = actor.keyring.team(teams[holder]).sign, BoxPair.new()
    row = Release(body=body, public_key=box.public, signer=signer.public, released_by=actor.staff, at=actor.now)
    return Making(row, box, teams, signer)


def write(
    actor: Actor, making: Making, case: Case, complaints: list[Complaint], composed: Composed, cover: str
) -> Release:
    """Write a release with all that belongs to it, and the entry that binds it."""
    if not (composed.parts or composed.files):
        raise NothingChosen
    release, signer = making.row, making.signer
    release.case, release.after_step = case, case.step_count
    numbers = Release.stored.filter(case=case, body=release.body).order_by("-number").values_list("number", flat=True)
    release.number = (numbers.first() or 0) + 1
    bind_keys(release, signer)
    rows = _Rows(
        _parts(release, composed, signer),
        _files(release, composed, signer),
        _reports_told(release, complaints, composed, signer),
    )
    by_id = {complaint.pk: complaint for complaint in complaints}
    manifest = {
        "cover": cover,
        "danger": composed.danger,
        "urgent": composed.urgent,
        # The column alone would show a body another's steps: whoever writes to the database can alter it.
        "further": release.is_further,
        # The body verifies the reporter's later answers with the key released here, not with the one in the row.
        "reports": [
            {"number": number, "complaint": str(pk), "reporter": bytes(by_id[pk].reporter_verify_key).hex()}
            for pk, number in composed.numbers.items()
        ],
        # From which row each part was made, in the order of the parts; no reader of the parts needs it.
        "sources": [str(part.source) for part in composed.parts],
        "root": content_root(rows.by_kind),
    }
    release.sealed = seal_record(bytes(release.public_key), release_context(release), manifest, signer)
    release.save(force_insert=True)
    ReleasePart.objects.bulk_create(rows.parts)
    ReleasedFile.objects.bulk_create(rows.files)
    ReleasedReport.objects.bulk_create(rows.reports)
    for team in making.teams.values():
        grant_key(owner=release, box=making.box, team=team, signer=signer).save(force_insert=True)
    _record(actor, release, rows)
    # Written anew with every release: that one tells of retaliation shows nowhere.
    urgent_register.follow(actor=actor, reports=_told_places(composed), marks={FORWARDED: True})
    return release


def _told_places(composed: Composed) -> dict[uuid.UUID, int]:
    """Return by report the place of the newest message about retaliation that goes with a release."""
    sources = [part.source for part in composed.parts if "told" in part.body]
    rows = Message.objects.filter(pk__in=sources).order_by("sequence") if sources else Message.objects.none()
    return dict(rows.values_list("complaint", "sequence"))


def _record(actor: Actor, release: Release, rows: _Rows) -> None:
    facts = {"release": str(release.pk), "body": release.body_id, "number": release.number}
    facts |= {"files": len(rows.files), "parts": len(rows.parts), "digest": log.digest_of(release.sealed)}
    facts |= {"root": release_roots([release.pk])[release.pk], "row": row_digest(release)}
    facts["reports"] = recorded_told.reports_digest((row.complaint_id, row.number) for row in rows.reports)
    actor.record("release.made", case=release.case_id, subject=release.pk, facts=facts)


def _parts(release: Release, composed: Composed, signer: SignPair) -> list[ReleasePart]:
    rows = []
    for number, part in enumerate(composed.parts, start=1):
        row = ReleasePart(release=release, number=number, report=part.body["report"])
        row.sealed = seal_record(bytes(release.public_key), part_context(row), part.body, signer)
        rows.append(row)
    return rows


def _files(release: Release, composed: Composed, signer: SignPair) -> list[ReleasedFile]:
    """Seal the keys of the chosen objects to the release."""
    rows = []
    for item in composed.files:
        row = ReleasedFile(pk=item.id, release=release, stored=item.stored)
        content = {"report": item.report, "number": item.number, "info": asdict(item.info)}
        row.sealed = seal_record(bytes(release.public_key), file_context(row), content, signer)
        rows.append(row)
    return rows


def _reports_told(
    release: Release, complaints: list[Complaint], composed: Composed, signer: SignPair
) -> list[ReleasedReport]:
    """Name the reports of which something goes, and tell each reporter what of theirs."""
    rows = []
    for complaint in complaints:
        if complaint.pk not in composed.numbers:
            continue
        row = ReleasedReport(release=release, complaint=complaint, number=composed.numbers[complaint.pk])
        content = {
            "case": str(release.case_id),
            "body": release.body.short_name,
            "after": release.after_step,
            "supplement": release.first_id is not None,
            "further": release.is_further,
            "day": timezone.localdate(release.at).isoformat(),
            **_told_of(composed, row.number),
        }
        row.told = seal_record(bytes(complaint.reporter_key), told_context(row), content, signer)
        rows.append(row)
    return rows


def _told_of(composed: Composed, number: int) -> dict[str, object]:
    """Return what of a report goes: whether its answers and which not, and how many messages, posts and files."""
    bodies = [part.body for part in composed.parts if part.body["report"] == number]
    report = next((body for body in bodies if body["kind"] == "report"), None)
    kinds = [body["kind"] for body in bodies]
    files = {item.number for item in composed.files if item.report == number}
    return {
        "answers": report is not None,
        "left_out": report["left_out"] if report else [],
        "messages": kinds.count("message"),
        "posts": kinds.count("post"),
        "files": len(files),
        "retaliation": sum("told" in body for body in bodies),
        "passages": composed.passages.get(number, 0),
        "redacted": sum(
            item.report == number and item.variant == EvidenceObject.Variant.REDACTED for item in composed.files
        ),
    }


def send_messages(
    actor: Actor,
    complaints: list[Complaint],
    message: str,
    step: Step,
    override: disclosure_check.Override | None,
) -> None:
    """Send a text of the office to the reporters among ``complaints`` with a step."""
    given = override.kinds if override else ()
    for complaint in (report for report in complaints if report.has_reporter):
        text = case_membership.with_reference(message, complaint)
        send_to_reporter(complaint=complaint, text=text, actor=actor, step=step, given=given)
    if override:
        disclosure_check.record_override(actor=actor, complaints=complaints, override=override, about=step)


# --- Recall: before the body has taken a release up, it can be called back --------------------------------------------


class RecallRefusal(StrEnum):
    """Why a release is not recalled here, in the order of the checks."""

    MISSING_PERMISSION = "missing_permission"
    FORWARDING = "forwarding"
    RECALLED = "recalled"
    RETURNED = "returned"
    TAKEN_UP = "taken_up"


class RecallRefused(Exception):
    """A release that is not recalled; it carries a code and never anything of the case."""

    def __init__(self, code: RecallRefusal) -> None:
        self.code = code
        super().__init__(code.value)


def recall_refusal(release: Release) -> RecallRefusal | None:
    """Return why a release cannot be recalled as a supplement, None where it can.

    A forwarding is called back by a step of the case, and nothing is after the body took a step.
    """
    if release.first_id is None:
        return RecallRefusal.FORWARDING
    if release.state != Release.State.OPEN:
        return RecallRefusal(release.state)
    # The office passes a question on in its own step, but it is the body that asks.
    by_body = Q(actor_kind=ActorKind.BODY) | Q(action=Action.ASK_REPORTER.value)
    if release.is_further:
        steps = ReleaseStep.objects.filter(by_body, release=release.first_id)
        return RecallRefusal.TAKEN_UP if steps.filter(at__gte=release.at).exists() else None
    later = release.case.steps.filter(by_body, sequence__gt=release.after_step)
    return RecallRefusal.TAKEN_UP if later.exists() else None


def was_opened_before_recall(release: Release) -> bool:
    """Whether its body had opened a recalled release; one query."""
    entry = log.last_entry_about(release.pk, "release.recalled")
    return bool(entry and entry.facts["opened"])


@transaction.atomic
def recall(*, actor: Actor, release_id: uuid.UUID) -> bool:
    """Call back a supplement that its body has not taken up; return whether the body had opened it.

    The body's key is deleted, what it read is not undone. A forwarding is called back by a step of the case
    (``case_actions.act``).

    Raises Release.DoesNotExist, RecallRefused, and CaseChanged where a report joined or left the case meanwhile.
    """
    if Permission.FORWARD not in access.permissions_of(actor.staff):
        raise RecallRefused(RecallRefusal.MISSING_PERMISSION)
    case_id = Release.objects.values_list("case", flat=True).get(pk=release_id)
    case = case_membership.lock([case_id])[case_id]
    if access.is_closed_to(actor.staff, case, is_triaging=True):
        raise Release.DoesNotExist
    release = Release.objects.select_for_update(of=("self",)).select_related("case").get(pk=release_id)
    if (refusal := recall_refusal(release)) or (first := release.first) is None:
        raise RecallRefused(refusal or RecallRefusal.FORWARDING)
    opened = take_back(actor=actor, release=release)
    _follow_recall(actor, case_id)
    gone = set(release.reports.values_list("complaint", flat=True)) - set(case_membership.reports_of_release(first))
    # The body may ask for no name of a report that it lost with the supplement.
    signer = actor.keyring.keys_of(actor.keyring.report_team).sign
    name_requests.end_for_release(actor=actor, release=first, signer=signer, reports=gone)
    return opened


def _follow_recall(actor: Actor, case_id: uuid.UUID) -> None:
    """Let the register of urgent matters say what bodies still hold; written anew with every recall."""
    held: set[uuid.UUID] = set()
    for row in Release.objects.filter(case=case_id).exclude(state=Release.State.RECALLED):
        try:
            held.update(sources_of(actor.keyring, row))
        except (SealError, UnpinnedKey):
            # A recall does not wait for another release to be whole: what only that one holds is listed again.
            continue
    reports = Complaint.objects.filter(case=case_id).values_list("pk", flat=True)
    urgent_register.follow_recall(actor=actor, reports=set(reports), held=held)


def take_back(*, actor: Actor, release: Release) -> bool:
    """Delete the body's key of a locked release; record and return whether it was opened."""
    opened = log.was_release_opened(release.first_id or release.pk, number=release.number)
    Release.objects.filter(pk=release.pk).update(state=Release.State.RECALLED)
    release.grants.filter(team__kind=Team.Kind.BODY).delete()
    facts = {"release": str(release.pk), "opened": int(opened), "root": release_roots([release.pk])[release.pk]}
    actor.record("release.recalled", case=release.case_id, subject=release.pk, facts=facts)
    return opened


@transaction.atomic
def end_releases(*, actor: Actor, case: Case, body: str | None, step: Step) -> None:
    """End the releases by which a body has a case: by ``step`` it gave the case back, or the office took it back.

    A forwarding that was not taken up, and its supplements, are recalled: the body can open them no more. With a step
    on a further release only that one and its supplements end: its body has the case by no other.
    """
    # The team that signs the emptied places of names: the body's, or that of the case.
    team = f"body-{body}" if step.actor_kind == ActorKind.BODY else actor.keyring.report_team
    signer = actor.keyring.keys_of(team).sign
    rows = Release.stored.select_for_update().filter(case=case, body=body, state=Release.State.OPEN)
    is_recalled = step.action == Action.RECALL and step.source == Status.FORWARDED
    for release in rows.order_by("number"):
        release.case = case
        if is_recalled:
            take_back(actor=actor, release=release)
        else:
            Release.stored.filter(pk=release.pk).update(state=Release.State.RETURNED)
        name_requests.end_for_release(actor=actor, release=release, signer=signer)
    if is_recalled:
        _follow_recall(actor, case.pk)
