"""Forwards a case to an oversight body: a release with its own key pair, the answers, and the chosen files."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, replace
from typing import TypedDict

from django.db import transaction

from complaints.adapters.media import kinds, losses
from complaints.domain import checklists
from complaints.domain.checklists import CheckedItem
from complaints.domain.file_names import neutral_name
from complaints.domain.sealing import commitment
from complaints.domain.sealing.primitives import BoxPair, SignPair
from complaints.domain.sealing.records import Context, open_record, seal_record
from complaints.domain.workflow import Action, ActorKind
from complaints.models.case import CaseStep
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import OversightBody, Release, ReleasedFile
from complaints.services import assessments, case_membership, disclosure_check, name_requests, redactions, transitions
from complaints.services.actor import Actor
from complaints.services.audit import log
from complaints.services.audit.state import release_roots, row_digest
from complaints.services.evidence import storage
from complaints.services.evidence.posts import PostInfo, for_body, read_post
from complaints.services.keyring import Keyring, bind_keys, grant_key
from complaints.services.messages import send_to_reporter
from complaints.services.redactions import ReportRedactions
from complaints.services.team_key_history import pinned_teams
from complaints.services.transitions import CaseVersion


@transaction.atomic
def forward(
    *,
    actor: Actor,
    case_id: uuid.UUID,
    body: OversightBody,
    objects: Collection[uuid.UUID],
    cover: str = "",
    reply: str = "",
    seen: CaseVersion | None = None,
    checklist: Mapping[str, CheckedItem] | None = None,
    override: disclosure_check.Override | None = None,
) -> Release:
    """Forward a case: release the answers of its reports and the chosen ``objects`` to a body, under a new key pair.

    Args:
        objects: ids of evidence objects (originals or working copies) of the case.
        cover: triage's covering note, which the body reads.
        reply: a message to the reporters about the forwarding; "" sends none.
        seen: the version of the case that the person saw; None skips the comparison.
        checklist: the items that were ticked or explained, stored with the step; None where no checklist applies.
        override: why ``reply`` was sent despite a disclosure warning.

    Raises:
        ChecklistIncomplete: the checklist has open items.
        EvidenceObject.DoesNotExist: one of ``objects`` is not evidence of the case.
        TransitionRefused, CaseChanged, Locked, UnpinnedKey: nothing was released.
    """
    checked_items = checklists.settle(Action.FORWARD, checklist) if checklist is not None else {}
    holder = actor.keyring.report_team
    teams = pinned_teams(holder, f"body-{body.pk}")
    signer = actor.keyring.team(teams[holder]).sign
    step = transitions.perform(
        case_id=case_id,
        action=Action.FORWARD,
        actor_kind=ActorKind.STAFF,
        actor=actor,
        seen=seen,
        changes={"lead_body": body},
    )
    complaints = list(step.case.complaints.prefetch_related("grants").order_by("day", "pk"))
    box = BoxPair.new()
    release = Release(
        case=step.case,
        number=step.case.releases.count() + 1,
        body=body,
        public_key=box.public,
        signer=signer.public,
        released_by=actor.staff,
        at=actor.now,
    )
    bind_keys(release, signer)
    removed = redactions.of_reports(keyring=actor.keyring, complaints=complaints)
    chosen = _chosen_objects(complaints, objects, removed)
    reports = [_snapshot(actor.keyring, complaint, chosen, removed[complaint.pk]) for complaint in complaints]
    content = {"cover": cover, "complaints": reports}
    release.sealed = seal_record(box.public, release_context(release), content, signer)
    release.save(force_insert=True)
    for team in teams.values():
        grant_key(owner=release, box=box, team=team, signer=signer).save(force_insert=True)
    _release_files(actor.keyring, release, complaints, chosen, signer)
    digest = log.digest_of(release.sealed)
    facts = {"release": str(release.pk), "body": body.pk, "files": len(chosen), "digest": digest}
    facts |= {"root": release_roots([release.pk])[release.pk], "row": row_digest(release)}
    actor.record("release.made", case=release.case_id, subject=release.pk, facts=facts)
    name_requests.request_for_release(actor=actor, release=release, complaints=complaints)
    assessments.record_checklist(complaint=complaints[0], items=checked_items, step=step, actor=actor)
    if reply:
        _send_messages(actor, complaints, reply, step, override)
    return release


def _send_messages(
    actor: Actor,
    complaints: list[Complaint],
    message: str,
    step: CaseStep,
    override: disclosure_check.Override | None,
) -> None:
    for complaint in (report for report in complaints if report.has_reporter):
        send_to_reporter(
            complaint=complaint, text=case_membership.with_reference(message, complaint), actor=actor, step=step
        )
    if override:
        disclosure_check.record_override(actor=actor, complaints=complaints, override=override, about=step)


def release_context(release: Release) -> Context:
    """Return the context of a release's sealed content."""
    return Context("release", str(release.pk), str(release.case_id), release.number)


def _snapshot(
    keyring: Keyring, complaint: Complaint, chosen: list[EvidenceObject], removed: ReportRedactions
) -> dict[str, object]:
    owner, pair = str(complaint.pk), keyring.complaint(complaint)
    signer = bytes(complaint.reporter_verify_key)
    context = Context("answers", owner, owner)
    answers = open_record(pair, complaint.sealed_answers, context, signer)
    # With the seed a body could guess at answers that a later release leaves out.
    answers.pop(commitment.SEED, None)
    posts = [asdict(post) for post in _posts(pair, complaint, chosen, removed)]
    day = complaint.day.isoformat()
    # The body verifies the reporter's later answers with the key released here, not with the one in the row.
    answers = redactions.released_answers(removed, answers)
    return {"complaint": owner, "day": day, "answers": answers, "posts": posts, "reporter": signer.hex()}


def _posts(
    pair: BoxPair, complaint: Complaint, chosen: list[EvidenceObject], removed: ReportRedactions
) -> Iterator[PostInfo]:
    """Yield a complaint's posts, each with the number of its screenshot among the released files (0: not released)."""
    numbers: dict[int, int] = {}
    for number, item in enumerate(chosen, start=1):
        if item.evidence.complaint_id == complaint.pk:
            numbers.setdefault(item.evidence.sequence, number)
    for row in complaint.evidence.filter(kind=Evidence.Kind.POST).order_by("sequence"):
        post = redactions.released_post(removed, row, for_body(read_post(pair, row, complaint)))
        yield replace(post, screenshot=numbers.get(post.screenshot, 0))


def _chosen_objects(
    complaints: list[Complaint], objects: Collection[uuid.UUID], removed: Mapping[uuid.UUID, ReportRedactions]
) -> list[EvidenceObject]:
    """Return what is released for the chosen objects, each once, in the order of their numbers.

    A redacted copy stands for each object of its file. Raises DoesNotExist for an object of another case.
    """
    stored = EvidenceObject.objects.filter(pk__in=objects, evidence__complaint__in=complaints)
    rows = list(stored.select_related("evidence").order_by("evidence__complaint", "evidence__sequence", "variant"))
    if len(rows) != len(set(objects)):
        raise EvidenceObject.DoesNotExist
    released = [redactions.released_object(removed[row.evidence.complaint_id], row) for row in rows]
    return list({item.pk: item for item in released}.values())


def _release_files(
    keyring: Keyring, release: Release, complaints: list[Complaint], chosen: list[EvidenceObject], signer: SignPair
) -> None:
    """Seal the keys of the chosen objects to the release, with neutral names: a file name may identify the reporter."""
    by_id = {complaint.pk: complaint for complaint in complaints}
    for number, item in enumerate(chosen, start=1):
        complaint = by_id[item.evidence.complaint_id]
        pair = keyring.complaint(complaint)
        for stored in (item, *_pages(item)):
            info = storage.read_info(pair, stored, stored.evidence, complaint)
            page = stored.number if stored.variant == EvidenceObject.Variant.PAGE else 0
            name = neutral_name(number, kinds.ending(info.type, info.name), page)
            neutral = replace(info, name=name, looked="", **_findings(pair, stored, info))
            released = ReleasedFile(release=release, stored=stored)
            context = file_context(released)
            released.sealed = seal_record(bytes(release.public_key), context, asdict(neutral), signer)
            released.save(force_insert=True)


class _Findings(TypedDict):
    threat: str
    betrays: list[str]
    losses: list[str]


def _findings(pair: BoxPair, item: EvidenceObject, info: storage.FileInfo) -> _Findings:
    """Return what the body needs to know and cannot open: it is in the worker's file report.

    Of an original the scanner's result, and the codes of what it tells beside its content; of a working copy what it
    lacks or hides.
    """
    found: _Findings = {"threat": "", "betrays": [], "losses": []}
    if item.variant == EvidenceObject.Variant.PAGE:
        return found
    report = storage.read_file_report(pair, item.evidence)
    if item.variant == EvidenceObject.Variant.ORIGINAL:
        found["threat"] = storage.threat_in(report)
        found["betrays"] = list(dict.fromkeys([*info.betrays, *(report.betrays if report else [])]))
    else:
        found["losses"] = [*_losses(item, report), *info.losses]
    return found


def _losses(item: EvidenceObject, report: storage.FileReport | None) -> list[str]:
    """Return what a copy lacks or hides; one that is drawn anew hides nothing."""
    found = report.losses if report else []
    is_drawn = item.variant == EvidenceObject.Variant.REDACTED
    return [code for code in found if code not in losses.HIDDEN] if is_drawn else found


def _pages(item: EvidenceObject) -> list[EvidenceObject]:
    """Return the pages of a working copy, which are released with it: they show nothing that the copy does not."""
    if item.variant != EvidenceObject.Variant.WORKING:
        return []
    pages = EvidenceObject.objects.filter(evidence=item.evidence_id, variant=EvidenceObject.Variant.PAGE)
    return list(pages.select_related("evidence").order_by("number"))


def file_context(released: ReleasedFile) -> Context:
    """Return the context of what is sealed beside a released file."""
    return Context("released-file", str(released.pk), str(released.release_id))
