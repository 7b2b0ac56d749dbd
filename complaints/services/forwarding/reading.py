"""Opening a release: by the liaison of its body, and its decisions by triage. All of it audited."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import IntegerField, QuerySet, Value

from complaints import access
from complaints.domain import disclosure, workflow
from complaints.domain.disclosure import Disclosure
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import Context, open_record
from complaints.domain.workflow import Action, ActorKind, Status
from complaints.models.case import Case
from complaints.models.complaint import Message
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import (
    Decision,
    Finding,
    Recommendation,
    Release,
    ReleasedFile,
    Sanction,
)
from complaints.models.team import Team
from complaints.services import case_membership, disclosure_check
from complaints.services.actor import Actor
from complaints.services.evidence import storage
from complaints.services.forwarding.release import file_context, release_context
from complaints.services.keyring import Keyring
from complaints.services.messages import read, read_released
from complaints.services.team_key_history import trusted_signer

DECISIONS: Final[tuple[type[Finding | Recommendation | Sanction], ...]] = (Finding, Recommendation, Sanction)


@dataclass(frozen=True)
class ReleasedItem:
    """A released file, as the body sees it."""

    id: uuid.UUID
    variant: str
    info: storage.FileInfo


@dataclass(frozen=True)
class ReleaseMessage:
    """A message on a release."""

    message: Message
    text: str


@dataclass(frozen=True)
class DecisionEntry:
    """A finding, recommendation or sanction, opened."""

    kind: str
    at: datetime
    content: dict[str, Any]


@dataclass(frozen=True)
class ReleaseFile:
    """All that a body holds: the text as released, the files as chosen, what was said and decided on it."""

    release: Release
    case: Case
    content: dict[str, Any]
    files: list[ReleasedItem]
    thread: list[ReleaseMessage]
    decisions: list[DecisionEntry]
    actions: list[workflow.Transition]


@transaction.atomic
def open_release(*, actor: Actor, release_id: uuid.UUID) -> ReleaseFile:
    """Open a release for an admitted liaison of its body; written into the chain.

    Raises:
        Release.DoesNotExist, Locked: nothing for this person.
    """
    release = (
        access.releases_for(actor.staff)
        .select_related("case__category", "case__accused_kind", "body")
        .prefetch_related("grants")
        .get(pk=release_id)
    )
    pair, content = open_content(actor.keyring, release)
    signer = bytes(release.signer)
    case = release.case
    facts = {"release": str(release.pk)}
    actor.record("release.opened", case=case.pk, facts=facts)
    return ReleaseFile(
        release=release,
        case=case,
        content=content,
        files=[open_released(item, pair, signer) for item in _released(release)],
        thread=messages_on(release, pair, reporters_of(content)),
        decisions=_decided({release: pair})[release],
        actions=actions(keyring=actor.keyring, release=release),
    )


def open_content(keyring: Keyring, release: Release) -> tuple[BoxPair, dict[str, Any]]:
    """Return a release's pair and its text, which the triage team must have signed."""
    pair = keyring.release(release)
    signer = trusted_signer(release.signer, Team.Kind.TRIAGE)
    return pair, dict(open_record(pair, release.sealed, release_context(release), signer))


def reporters_of(content: dict[str, Any]) -> dict[str, bytes]:
    """Return the reporters' verifying keys by complaint, as triage released them: the rows could name others."""
    return {item["complaint"]: bytes.fromhex(item["reporter"]) for item in content["complaints"]}


def _released(release: Release) -> list[ReleasedFile]:
    # Pages go with their working copy and are looked at with it.
    files = release.files.exclude(stored__variant=EvidenceObject.Variant.PAGE).select_related("stored")
    return list(files.order_by("stored__evidence__sequence", "stored__variant"))


def open_released(item: ReleasedFile, pair: BoxPair, signer: bytes) -> ReleasedItem:
    """Open what is sealed beside a released file; ``signer`` is the triage team's key, as the release names it."""
    info = storage.FileInfo(**open_record(pair, item.sealed, file_context(item), signer))
    return ReleasedItem(item.pk, item.stored.variant, info)


def messages_on(release: Release, pair: BoxPair, reporters: dict[str, bytes]) -> list[ReleaseMessage]:
    """Open what was said on a release."""
    said = []
    for message in release.messages.select_related("complaint", "release").order_by("day", "sequence"):
        if message.direction == Message.Direction.FROM_REPORTER:
            signer = reporters.get(str(message.complaint_id), b"")
            text = read_released(message, pair=pair, signer=signer)
        else:
            text = read(message, pair=pair, complaint=message.complaint)
        said.append(ReleaseMessage(message, text))
    return said


def _decided(pairs: Mapping[Release, BoxPair]) -> dict[Release, list[DecisionEntry]]:
    """Open all decisions on some releases, of the three kinds in one query, by release and in the kinds' order."""
    by_id = {release.pk: release for release in pairs}
    columns = ("kind", "pk", "release_id", "signer", "sealed", "at")
    one, *others = (
        model.objects.filter(release__in=by_id)
        .annotate(kind=Value(place, output_field=IntegerField()))
        .values_list(*columns)
        for place, model in enumerate(DECISIONS)
    )
    found: dict[Release, list[DecisionEntry]] = {release: [] for release in pairs}
    rows: Iterable[Any] = one.union(*others, all=True) if by_id else []
    for place, pk, release_id, said_by, sealed, at in sorted(rows, key=lambda row: (row[0], row[5])):
        release, model = by_id[release_id], DECISIONS[place]
        row = model(pk=pk, release=release)
        signer = trusted_signer(said_by, f"body-{release.body_id}")
        content = open_record(pairs[release], sealed, decision_context(row, release), signer)
        found[release].append(DecisionEntry(model.__name__.lower(), at, content))
    return found


def decisions_for_triage(*, keyring: Keyring, releases: Sequence[Release]) -> dict[Release, list[DecisionEntry]]:
    """Open what bodies decided on some releases, for a member of triage."""
    return _decided({release: keyring.release(release) for release in releases})


def decision_context(row: Decision, release: Release) -> Context:
    return Context(type(row).__name__.lower(), str(row.pk), str(release.pk))


def actions(*, keyring: Keyring, release: Release) -> list[workflow.Transition]:
    """Return the steps that the body may take; none on a release that was returned or replaced by a later one."""
    case = release.case
    latest = case.releases.order_by("-number").values_list("pk", flat=True).first()
    if release.state != Release.State.OPEN or latest != release.pk or case.lead_body_id != release.body_id:
        return []
    asked_from = Status(case.asked_from) if case.asked_from else None
    permissions = access.permissions_of(keyring.staff)
    rows = workflow.allowed(Status(case.status), ActorKind.BODY, permissions, asked_from=asked_from)
    if any(row.action is Action.ASK_REPORTER for row in rows) and not _somebody_to_ask(case):
        return [row for row in rows if row.action is not Action.ASK_REPORTER]
    return rows


def _somebody_to_ask(case: Case) -> bool:
    """Whether a report of the release has a reporter: staff's findings have none, what came later is not released."""
    reports = case.complaints.with_reporter().order_by("day", "pk")
    return any(not case_membership.came_after_forwarding(report, case) for report in reports)


@transaction.atomic
def open_file(*, actor: Actor, file_id: uuid.UUID, knowing: bool = False) -> tuple[storage.FileInfo, Iterator[bytes]]:
    """Open a released file for a liaison of the body; audited before the first byte leaves.

    Raises:
        ReleasedFile.DoesNotExist, Locked: nothing for this person.
        evidence.InfectedFile: the scanner found something in it, and nobody said that they know (``knowing``).
    """
    mine = ReleasedFile.objects.filter(release__in=access.releases_for(actor.staff))
    item = mine.select_related("release", "stored").get(pk=file_id)
    pair, signer = actor.keyring.release(item.release), bytes(item.release.signer)
    info = open_released(item, pair, signer).info
    if info.threat and not knowing:
        raise storage.InfectedFile(info.threat)
    facts = {"object": str(item.stored_id), "variant": item.stored.variant, "release": str(item.release_id)}
    actor.record("object.opened", case=item.release.case_id, facts=facts)
    return info, storage.stream(item.stored, info)


# Looking at the files of a release, for a liaison of its body: recorded once, read in pieces after that.


Variant = EvidenceObject.Variant


def _mine(keyring: Keyring) -> QuerySet[ReleasedFile]:
    files = ReleasedFile.objects.filter(release__in=access.releases_for(keyring.staff))
    return files.select_related("release", "stored")


@transaction.atomic
def view_file(*, actor: Actor, file_id: uuid.UUID) -> tuple[ReleasedItem, list[ReleasedItem]]:
    """Open a released file to look at, with its pages; written into the chain once. An original is never looked at.

    Raises:
        ReleasedFile.DoesNotExist, Locked: nothing for this person.
    """
    item = _mine(actor.keyring).exclude(stored__variant=Variant.PAGE).get(pk=file_id)
    pair, signer = actor.keyring.release(item.release), bytes(item.release.signer)
    pages: list[ReleasedFile] = []
    if item.stored.variant != Variant.ORIGINAL:
        facts = {"object": str(item.stored_id), "variant": item.stored.variant, "release": str(item.release_id)}
        actor.record("object.opened", case=item.release.case_id, facts=facts)
        siblings = item.release.files.filter(stored__evidence=item.stored.evidence_id, stored__variant=Variant.PAGE)
        pages = list(siblings.select_related("stored").order_by("stored__number"))
    return open_released(item, pair, signer), [open_released(page, pair, signer) for page in pages]


def open_copy(*, keyring: Keyring, file_id: uuid.UUID) -> tuple[EvidenceObject, storage.FileInfo]:
    """Return a released copy or page with what opens it; the caller has made sure that the looking is recorded.

    Raises:
        ReleasedFile.DoesNotExist, Locked: nothing for this person; originals are never given out here.
    """
    item = _mine(keyring).exclude(stored__variant=Variant.ORIGINAL).get(pk=file_id)
    pair, signer = keyring.release(item.release), bytes(item.release.signer)
    return item.stored, open_released(item, pair, signer).info


# What a body's words to the reporters would give away, held against what was released to it and nothing else.


@transaction.atomic
def check(*, actor: Actor, release_id: uuid.UUID, text: str) -> list[Disclosure]:
    """Return what ``text`` would give away to the reporters of a release; written into the chain.

    Raises:
        Release.DoesNotExist, Locked: nothing for this person.
    """
    release = access.releases_for(actor.staff).select_related("case").get(pk=release_id)
    pair, content = open_content(actor.keyring, release)
    answered: dict[str, list[str]] = {}
    for one in messages_on(release, pair, reporters_of(content)):
        if one.message.direction == Message.Direction.FROM_REPORTER:
            answered.setdefault(str(one.message.complaint_id), []).append(one.text)
    told = [
        disclosure_check.ReporterWords(part["answers"], tuple(answered.get(part["complaint"], ())))
        for part in content["complaints"]
    ]
    found = disclosure.check(text, disclosure_check.known_facts(told, told))
    disclosure_check.record_check(actor=actor, case_id=release.case_id, found=found)
    return found
