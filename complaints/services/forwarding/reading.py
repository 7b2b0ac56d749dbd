"""Opens releases for liaisons of their body, and the body's decisions for triage; records what was opened."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import IntegerField, QuerySet, Value

from complaints import access
from complaints.domain import disclosure, workflow
from complaints.domain.disclosure import Disclosure
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import JSON, Context, open_record
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.fast_sql import with_many
from complaints.models.case import Case
from complaints.models.complaint import KeyGrant, Message
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import Decision, Finding, Recommendation, Release, ReleasedFile, Sanction
from complaints.services import case_membership, disclosure_check, transitions
from complaints.services.actor import Actor
from complaints.services.evidence import storage
from complaints.services.forwarding.release import file_context, release_context
from complaints.services.keyring import Keyring
from complaints.services.messages import read, read_released
from complaints.services.team_key_history import trusted_signer

DECISIONS: Final[tuple[type[Finding | Recommendation | Sanction], ...]] = (Finding, Recommendation, Sanction)


@dataclass(frozen=True)
class ReleasedItem:
    """A released file: the id of its row, its variant, and what is sealed beside it."""

    id: uuid.UUID
    variant: str
    info: storage.FileInfo


@dataclass(frozen=True)
class ReleaseMessage:
    """A message on a release, with its opened text."""

    message: Message
    text: str


@dataclass(frozen=True)
class DecisionEntry:
    """An opened decision; ``kind`` is "finding", "recommendation" or "sanction", ``content`` as it was sealed."""

    kind: str
    at: datetime
    content: dict[str, JSON]


@dataclass(frozen=True)
class ReleaseFile:
    """All that a body sees of a release: the released text, files, messages, decisions, and the available actions.

    With ``under_check`` the case is not as its steps and entries record it, and there are no actions.
    """

    release: Release
    case: Case
    content: dict[str, JSON]
    files: list[ReleasedItem]
    thread: list[ReleaseMessage]
    decisions: list[DecisionEntry]
    actions: list[workflow.Transition]
    under_check: bool


@transaction.atomic
def open_release(*, actor: Actor, release_id: uuid.UUID, is_replaced: bool | None = None) -> ReleaseFile:
    """Open a release for a liaison of its body, and audit it; raises Release.DoesNotExist, Locked.

    ``is_replaced`` says whether the case was released again after it; None where the caller does not know.
    """
    releases = access.releases_for(actor.staff).filter(pk=release_id)
    parents = ("case", "case__category", "case__accused_kind", "body")
    rows = with_many(releases, "grants", KeyGrant, *parents)
    if not rows:
        raise Release.DoesNotExist
    release, grants = rows[0]
    actor.keyring.release(release, grants)
    pair, content = open_content(actor.keyring, release)
    signer = bytes(release.signer)
    _steps, under_check = transitions.read_steps(release.case, first_due_on=None)
    actor.record("release.opened", case=release.case_id, facts={"release": str(release.pk)})
    return ReleaseFile(
        release=release,
        case=release.case,
        content=content,
        files=[open_released(item, pair, signer) for item in _released_files(release)],
        thread=messages_on(release, pair, reporters_of(content)),
        decisions=_decisions({release: pair})[release],
        actions=[] if under_check else actions(keyring=actor.keyring, release=release, is_replaced=is_replaced),
        under_check=under_check,
    )


def open_content(keyring: Keyring, release: Release) -> tuple[BoxPair, dict[str, JSON]]:
    """Return a release's pair and its content, signed by the team that holds the case.

    Raises Locked, SealError, UnpinnedKey.
    """
    pair = keyring.release(release)
    signer = trusted_signer(release.signer, release.case.held_by)
    return pair, dict(open_record(pair, release.sealed, release_context(release), signer))


def reporters_of(content: dict[str, JSON]) -> dict[str, bytes]:
    """Return the reporters' verifying keys by complaint id as triage released them; rows are not trusted."""
    return {item["complaint"]: bytes.fromhex(item["reporter"]) for item in content["complaints"]}


def _released_files(release: Release) -> list[ReleasedFile]:
    # Pages are shown with their working copy.
    files = release.files.exclude(stored__variant=EvidenceObject.Variant.PAGE).select_related("stored")
    return list(files.order_by("stored__evidence__sequence", "stored__variant"))


def open_released(item: ReleasedFile, pair: BoxPair, signer: bytes) -> ReleasedItem:
    """Open what is sealed beside a released file; ``signer`` is the triage key that signed the release."""
    info = storage.FileInfo(**open_record(pair, item.sealed, file_context(item), signer))
    return ReleasedItem(item.pk, item.stored.variant, info)


def messages_on(release: Release, pair: BoxPair, reporters: dict[str, bytes]) -> list[ReleaseMessage]:
    """Return the messages on a release in order, opened; ``reporters`` are those of :func:`reporters_of`."""
    messages = []
    for message in release.messages.select_related("complaint", "release").order_by("day", "sequence"):
        if message.direction == Message.Direction.FROM_REPORTER:
            signer = reporters.get(str(message.complaint_id), b"")
            text = read_released(message, pair=pair, signer=signer)
        else:
            text = read(message, pair=pair, complaint=message.complaint, team=release.case.held_by)
        messages.append(ReleaseMessage(message, text))
    return messages


def _decisions(pairs: Mapping[Release, BoxPair]) -> dict[Release, list[DecisionEntry]]:
    """Return the opened decisions by release, in the order of DECISIONS and of time; reads the three tables at once."""
    by_id = {release.pk: release for release in pairs}
    columns = ("kind", "pk", "release_id", "signer", "sealed", "at")
    first, *others = (
        model.objects.filter(release__in=by_id)
        .annotate(kind=Value(index, output_field=IntegerField()))
        .values_list(*columns)
        for index, model in enumerate(DECISIONS)
    )
    decisions: dict[Release, list[DecisionEntry]] = {release: [] for release in pairs}
    rows = first.union(*others, all=True) if by_id else first.none()
    for index, pk, release_id, stored_signer, sealed, at in sorted(rows, key=lambda row: (row[0], row[5])):
        release, model = by_id[release_id], DECISIONS[index]
        row = model(pk=pk, release=release)
        signer = trusted_signer(stored_signer, f"body-{release.body_id}")
        content = open_record(pairs[release], sealed, decision_context(row, release), signer)
        decisions[release].append(DecisionEntry(model.__name__.lower(), at, content))
    return decisions


def decisions_for_triage(*, keyring: Keyring, releases: Sequence[Release]) -> dict[Release, list[DecisionEntry]]:
    """Return the opened decisions of bodies by release, for a member of triage; raises as :func:`open_content`."""
    return _decisions({release: keyring.release(release) for release in releases})


def decision_context(row: Decision, release: Release) -> Context:
    """Return the context of a sealed decision."""
    return Context(type(row).__name__.lower(), str(row.pk), str(release.pk))


def is_acted_on(release: Release, *, is_replaced: bool | None = None) -> bool:
    """Whether a release, which was read with its case, was neither returned nor replaced by a later one."""
    if release.state != Release.State.OPEN or release.case.lead_body_id != release.body_id:
        return False
    if is_replaced is None:
        is_replaced = release.case.releases.filter(number__gt=release.number).exists()
    return not is_replaced


def actions(*, keyring: Keyring, release: Release, is_replaced: bool | None = None) -> list[workflow.Transition]:
    """Return the transitions available to the body; none on a release that was returned or replaced by a later one."""
    case = release.case
    if not is_acted_on(release, is_replaced=is_replaced):
        return []
    asked_from = Status(case.asked_from) if case.asked_from else None
    permissions = access.permissions_of(keyring.staff)
    rows = workflow.allowed(Status(case.status), ActorKind.BODY, permissions, asked_from=asked_from)
    if any(row.action is Action.ASK_REPORTER for row in rows) and not _has_reporter(case):
        return [row for row in rows if row.action is not Action.ASK_REPORTER]
    return rows


def _has_reporter(case: Case) -> bool:
    """Whether a released report has a reporter: monitoring reports have none, later reports are not released."""
    reports = case.complaints.with_reporter().order_by("day", "pk")
    return any(not case_membership.came_after_forwarding(report, case) for report in reports)


@transaction.atomic
def open_file(*, actor: Actor, file_id: uuid.UUID, knowing: bool = False) -> tuple[storage.FileInfo, Iterator[bytes]]:
    """Return a released file and its plaintext in pieces, for a liaison of the body; audited before the first byte.

    Raises ReleasedFile.DoesNotExist, Locked, and storage.InfectedFile unless the person is ``knowing`` of the warning.
    """
    item = _files_for(actor.keyring).get(pk=file_id)
    pair, signer = actor.keyring.release(item.release), bytes(item.release.signer)
    info = open_released(item, pair, signer).info
    if info.threat and not knowing:
        raise storage.InfectedFile(info.threat)
    _record_opening(actor, item)
    return info, storage.stream(item.stored, info)


def _record_opening(actor: Actor, item: ReleasedFile) -> None:
    facts = {"object": str(item.stored_id), "variant": item.stored.variant, "release": str(item.release_id)}
    actor.record("object.opened", case=item.release.case_id, facts=facts)


# --- Viewing files of a release: the opening is recorded once, copies and pages are then read without an entry --------


Variant = EvidenceObject.Variant


def _files_for(keyring: Keyring) -> QuerySet[ReleasedFile]:
    files = ReleasedFile.objects.filter(release__in=access.releases_for(keyring.staff))
    return files.select_related("release", "stored")


@transaction.atomic
def view_file(*, actor: Actor, file_id: uuid.UUID) -> tuple[ReleasedItem, list[ReleasedItem]]:
    """Return a released file with its pages for the viewer, and audit it; raises ReleasedFile.DoesNotExist, Locked.

    Nothing is audited for an original, because the viewer shows no content of it.
    """
    item = _files_for(actor.keyring).exclude(stored__variant=Variant.PAGE).get(pk=file_id)
    pair, signer = actor.keyring.release(item.release), bytes(item.release.signer)
    pages: list[ReleasedFile] = []
    if item.stored.variant != Variant.ORIGINAL:
        _record_opening(actor, item)
        siblings = item.release.files.filter(stored__evidence=item.stored.evidence_id, stored__variant=Variant.PAGE)
        pages = list(siblings.select_related("stored").order_by("stored__number"))
    return open_released(item, pair, signer), [open_released(page, pair, signer) for page in pages]


def open_copy(*, keyring: Keyring, file_id: uuid.UUID) -> tuple[EvidenceObject, storage.FileInfo]:
    """Return a released copy or page, no original, with what opens it; raises ReleasedFile.DoesNotExist, Locked.

    The caller ensures that the opening was recorded.
    """
    item = _files_for(keyring).exclude(stored__variant=Variant.ORIGINAL).get(pk=file_id)
    pair, signer = keyring.release(item.release), bytes(item.release.signer)
    return item.stored, open_released(item, pair, signer).info


# --- The disclosure check of a body's texts, against the released content only ----------------------------------------


@transaction.atomic
def check(*, actor: Actor, release_id: uuid.UUID, text: str) -> list[Disclosure]:
    """Return what ``text`` would disclose to a release's reporters; audited; raises Release.DoesNotExist, Locked."""
    release = access.releases_for(actor.staff).select_related("case").get(pk=release_id)
    pair, content = open_content(actor.keyring, release)
    messages: dict[str, list[str]] = {}
    for entry in messages_on(release, pair, reporters_of(content)):
        if entry.message.direction == Message.Direction.FROM_REPORTER:
            messages.setdefault(str(entry.message.complaint_id), []).append(entry.text)
    reporter_words = [
        disclosure_check.ReporterWords(report["answers"], tuple(messages.get(report["complaint"], ())))
        for report in content["complaints"]
    ]
    disclosures = disclosure.check(text, disclosure_check.known_facts(reporter_words, reporter_words))
    disclosure_check.record_check(actor=actor, case_id=release.case_id, disclosures=disclosures)
    return disclosures
