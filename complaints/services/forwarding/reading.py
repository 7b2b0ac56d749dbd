"""Opens releases for liaisons of their body, and the body's decisions for triage; records what was opened."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeAlias

from django.db import transaction
from django.db.models import IntegerField, OuterRef, Q, QuerySet, Value

from complaints import access
from complaints.domain import disclosure, workflow
from complaints.domain.circle import CIRCLE
from complaints.domain.disclosure import Disclosure
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import JSON, Context, open_record
from complaints.domain.workflow import ActorKind, Status
from complaints.fast_sql import with_many
from complaints.models.case import Case
from complaints.models.complaint import KeyGrant, Message
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import (
    Decision,
    Finding,
    FindingProposal,
    Hearing,
    Recommendation,
    Release,
    ReleasedFile,
    ReleasedReport,
    ReleasePart,
    Sanction,
)
from complaints.models.step import Step
from complaints.services import disclosure_check, release_steps, transitions
from complaints.services.assessments import FactsContent
from complaints.services.audit import log, recorded_releases, recorded_told
from complaints.services.audit.log import row_digest
from complaints.services.audit.recorded_releases import RecordedOpening, ReleaseRecord
from complaints.services.audit.state import CONTENT, content_root, kept_content
from complaints.services.evidence import storage
from complaints.services.forwarding.contents import ANSWERS, Content, Held, ReleasedItem, arrange
from complaints.services.forwarding.release_thread import ReleaseMessage, opened_thread, thread_of
from complaints.services.keyring import Actor, Keyring, Locked, signer_of
from complaints.services.team_key_history import UnpinnedKey, trusted_signer

logger = logging.getLogger(__name__)
Variant = EvidenceObject.Variant
AnyDecision = Hearing | FindingProposal | Finding | Recommendation | Sanction
# The proposals are the body's own: the office reads a finding when a second person has confirmed it.
DECISIONS: Final[tuple[type[AnyDecision], ...]] = (Hearing, Finding, Recommendation, Sanction)
DECISIONS_OF_BODY: Final[tuple[type[AnyDecision], ...]] = (*DECISIONS, FindingProposal)


# What a decision seals, as its record made it.
SealedContent: TypeAlias = "Mapping[str, JSON]"


@dataclass(frozen=True)
class DecisionEntry:
    """An opened decision; ``kind`` is the name of its model in lower case, ``content`` as it was sealed."""

    id: uuid.UUID
    author: uuid.UUID
    kind: str
    at: datetime
    content: dict[str, JSON]


@dataclass(frozen=True)
class OpenedRelease:
    """A release with its pair, opened; ``reporters`` are verifying keys by complaint id, as the office released them.

    ``sources`` are the ids of the rows that its parts were made from, in their order.
    """

    release: Release
    pair: BoxPair
    content: Content
    reporters: dict[str, bytes]
    numbers: dict[uuid.UUID, int]
    sources: list[uuid.UUID]


@dataclass(frozen=True)
class ReleaseFile:
    """All that a body sees of a forwarding: it and its supplements, the messages, decisions, and available actions.

    ``opened`` begins with the newest supplement and ends with the forwarding itself. ``recorded`` is what
    the chain recorded of the forwarding before this opening. With ``under_check`` the case is not as its steps and
    entries record it, and there are no actions.
    """

    release: Release
    case: Case
    opened: list[OpenedRelease]
    thread: list[ReleaseMessage]
    decisions: list[DecisionEntry]
    actions: list[workflow.Transition]
    under_check: bool
    recorded: ReleaseRecord

    @property
    def previous(self) -> RecordedOpening | None:
        """The opening before this one by anybody of the body: what came since is new."""
        return self.recorded.opening

    @property
    def report_numbers(self) -> set[int]:
        """The numbers of the reports that the body holds, over all releases."""
        return {number for release in self.opened for number in release.numbers.values()}

    @property
    def answers(self) -> dict[int, dict[str, JSON]]:
        """What each report answers by its number, over all releases."""
        merged: dict[int, dict[str, JSON]] = {}
        for opened in reversed(self.opened):
            for report in opened.content.reports:
                merged.setdefault(report.number, {}).update(report.answers)
        return {number: answers for number, answers in sorted(merged.items()) if answers}

    @property
    def stated(self) -> dict[int, tuple[date, FactsContent]]:
        """What the office stated last of the act in each report, by its number, with the day."""
        reports = (report for opened in reversed(self.opened) for report in opened.content.reports)
        return {report.number: report.stated for report in reports if report.stated}


@transaction.atomic
def open_release(*, actor: Actor, release_id: uuid.UUID, is_replaced: bool | None = None) -> ReleaseFile:
    """Open a forwarding with its supplements for a liaison of its body, and audit it.

    ``is_replaced`` says whether the case was forwarded again after it; None where the caller does not know.

    Raises Release.DoesNotExist, also where it was recalled meanwhile, Locked, and SealError where a row is missing,
    was added or altered.
    """
    visible = access.releases_for(actor.staff)
    # Whoever recalls it waits for the entry below, or has deleted the body's key before.
    locked = visible.filter(Q(pk=release_id) | Q(first=release_id)).select_for_update(of=("self",)).order_by("pk")
    ids = list(locked.values_list("pk", flat=True))
    parents = ("case", "case__category", "case__accused_kind", "body")
    rows = with_many(Release.objects.filter(pk__in=ids).order_by("-number"), "grants", KeyGrant, *parents)
    release = next((row for row, _grants in rows if row.pk == release_id), None)
    if release is None or release.first_id is not None:
        raise Release.DoesNotExist
    for row, grants in rows:
        row.case = release.case
        actor.keyring.release(row, grants)
    opened = open_contents(actor.keyring, [row for row, _grants in rows])
    reporters = reporters_of(opened)
    reports = [uuid.UUID(report) for report in reporters]
    recorded = recorded_releases.record_of(release.pk, reports)
    of_reports = Message.objects.filter(complaint__in=reports).select_related("complaint", "release")
    messages = list(of_reports.order_by("day", "sequence"))
    threads = recorded_told.whole_threads(reports)
    sent = (entry for entry in recorded.sent if entry.subject in threads)
    is_whole = all(threads.values()) and recorded_told.are_stored(sent, messages)
    under_check = not is_whole or _is_under_check(release, [row for row, _grants in rows])
    pair = actor.keyring.release(release)
    thread = opened_thread(release, pair, reporters, [row for row in messages if row.release_id == release.pk])
    answers = sum(entry.message.direction == Message.Direction.FROM_REPORTER for entry in thread)
    facts = {"release": str(release.pk), "newest": rows[0][0].number, "answers": answers}
    actor.record(recorded_releases.OPENED, case=release.case_id, subject=release.pk, facts=facts)
    return ReleaseFile(
        release=release,
        case=release.case,
        opened=opened,
        thread=thread,
        decisions=decisions_of(release, pair),
        actions=[] if under_check else actions(keyring=actor.keyring, release=release, is_replaced=is_replaced),
        under_check=under_check,
        recorded=recorded,
    )


def _is_under_check(release: Release, rows: Sequence[Release]) -> bool:
    """Whether what a body reads of state and filing is not as recorded: of a further release its own state.

    ``rows`` are the forwarding and its supplements.
    """
    if not release.is_further:
        return transitions.read_steps(release.case, first_due_on=None, releases=rows).under_check
    filing = {"filing", "lane"} & transitions.read_steps(release.case, first_due_on=None).differing
    if filing or not recorded_told.are_further_as_made(rows):
        return True
    history = release_steps.read([release])[release.pk]
    release_steps.as_body_sees(release, history)
    return not history.is_recorded


def newest_number(first: Release) -> int:
    """Return the number of the newest release of a forwarding with its supplements: a form says what it showed."""
    return max(
        first.supplements.exclude(state=Release.State.RECALLED).values_list("number", flat=True), default=first.number
    )


def chain_of(first: Release) -> list[Release]:
    """Return a forwarding and its supplements that were not recalled, the newest first."""
    releases = Release.objects.filter(Q(pk=first.pk) | Q(first=first)).exclude(state=Release.State.RECALLED)
    rows = list(releases.select_related("case", "body").prefetch_related("grants").order_by("-number"))
    for row in rows:
        row.case = first.case
    return rows


def open_contents(keyring: Keyring, releases: Sequence[Release]) -> list[OpenedRelease]:
    """Open releases, each signed by the team that holds its case, with exactly the rows that its manifest covers.

    Four queries for all of them, more where a report in one was erased. Raises Locked, SealError, UnpinnedKey.
    """
    rows = {kind: _rows_by_release(kind, releases) for kind in CONTENT}
    erased = kept_content(row for release in releases for row in rows["report"][release.pk])
    return [
        _open_content(keyring, release, {kind: rows[kind][release.pk] for kind in CONTENT}, erased.get(release.pk, ()))
        for release in releases
    ]


def _rows_by_release(kind: str, releases: Sequence[Release]) -> dict[uuid.UUID, list[JSON]]:
    by_release: dict[uuid.UUID, list[JSON]] = {release.pk: [] for release in releases}
    by_id = {release.pk: release for release in releases}
    rows: QuerySet[JSON] = CONTENT[kind][0]._base_manager.filter(release__in=releases)
    for row in rows.select_related("stored") if kind == "file" else rows:
        row.release = by_id[row.release_id]
        by_release[row.release_id].append(row)
    return by_release


def _open_content(
    keyring: Keyring, release: Release, rows: Mapping[str, list[JSON]], erased: Iterable[bytes]
) -> OpenedRelease:
    pair, signer = keyring.release(release), signer_of(release)
    manifest = open_record(pair, release.sealed, release_context(release), signer)
    if (manifest["root"], manifest["further"]) != (content_root(rows, erased), release.is_further):
        raise SealError("manifest")
    parts = [
        open_record(pair, part.sealed, part_context(part), signer)
        for part in sorted(rows["part"], key=lambda part: part.number)
    ]
    files = [open_released(item, pair, signer) for item in rows["file"] if item.stored.variant != Variant.PAGE]
    files.sort(key=lambda item: (item.report, item.number, item.variant))
    return OpenedRelease(
        release=release,
        pair=pair,
        content=arrange(manifest, parts, files),
        reporters={report["complaint"]: bytes.fromhex(report["reporter"]) for report in manifest["reports"]},
        numbers={uuid.UUID(report["complaint"]): report["number"] for report in manifest["reports"]},
        sources=[uuid.UUID(source) for source in manifest["sources"]],
    )


def dangers(*, keyring: Keyring, firsts: Sequence[Release]) -> dict[uuid.UUID, tuple[str, bool]]:
    """Return by forwarding the grade of the danger to a reporter ("" where none was graded), and whether it is urgent.

    What the newest release of each says counts; one that does not open is left out. Two queries.
    """
    ids = [release.pk for release in firsts]
    releases = Release.objects.filter(Q(pk__in=ids) | Q(first__in=ids)).exclude(state=Release.State.RECALLED)
    dangers_by_release: dict[uuid.UUID, tuple[str, bool]] = {}
    for release in releases.select_related("case").prefetch_related("grants").order_by("number"):
        with suppress(Locked, SealError, UnpinnedKey):
            pair, signer = keyring.release(release), signer_of(release)
            manifest = open_record(pair, release.sealed, release_context(release), signer)
            dangers_by_release[release.first_id or release.pk] = (manifest["danger"], manifest["urgent"])
    return dangers_by_release


@transaction.atomic
def read_again(*, actor: Actor, release: Release) -> OpenedRelease:
    """Open a release for a member of triage, as its body reads it; recorded as an opening of the case.

    ``release`` has its grants. Raises Locked, SealError, UnpinnedKey.
    """
    (opened,) = open_contents(actor.keyring, [release])
    actor.record("case.opened", case=release.case_id, facts={"release": str(release.pk)})
    return opened


def reporters_of(opened: Iterable[OpenedRelease]) -> dict[str, bytes]:
    """Return the reporters' verifying keys by complaint id as the office released them; rows are not trusted."""
    return {complaint: key for release in opened for complaint, key in release.reporters.items()}


def held_by(*, keyring: Keyring, first: Release) -> Held:
    """Return what the body holds by a forwarding and its supplements, for a member of triage."""
    held, releases = Held(), chain_of(first)
    for opened in open_contents(keyring, releases):
        held.numbers |= opened.numbers
        held.rows |= set(opened.sources)
        by_number = {number: complaint for complaint, number in opened.numbers.items()}
        for report in opened.content.reports:
            if report.has_answers:
                keys = [key for key, names in ANSWERS.items() if any(name in report.answers for name in names)]
                held.answers[by_number[report.number]].update(keys)
    rows = ReleasedReport.objects.filter(Q(release=first) | Q(release__first=first)).order_by("release__number")
    held.numbered |= dict(rows.values_list("complaint", "number"))
    stored = ReleasedFile.objects.filter(release__in=releases)
    held.objects |= set(stored.values_list("stored", flat=True))
    # A message that answered a question on this release was sealed to it, and is in its thread.
    held.rows |= set(first.messages.values_list("pk", flat=True))
    return held


def open_released(item: ReleasedFile, pair: BoxPair, signer: bytes) -> ReleasedItem:
    """Open what is sealed beside a released file; ``signer`` is that of :func:`signer_of`."""
    sealed = open_record(pair, item.sealed, file_context(item), signer)
    return ReleasedItem(
        item.pk, item.stored.variant, storage.FileInfo(**sealed["info"]), sealed["report"], sealed["number"]
    )


def release_context(release: Release) -> Context:
    """Return the context of a release's manifest."""
    return Context("release", str(release.pk), str(release.case_id), release.number)


def sources_of(keyring: Keyring, release: Release) -> list[uuid.UUID]:
    """Return from which row each part of a release was made; raises Locked, SealError, UnpinnedKey."""
    manifest = open_record(keyring.release(release), release.sealed, release_context(release), signer_of(release))
    return [uuid.UUID(source) for source in manifest["sources"]]


def part_context(part: ReleasePart) -> Context:
    """Return the context of a part of a release."""
    return Context("release-part", str(part.pk), str(part.release_id), part.number)


def file_context(released: ReleasedFile) -> Context:
    """Return the context of what is sealed beside a released file."""
    return Context("released-file", str(released.pk), str(released.release_id))


def decisions_of(release: Release, pair: BoxPair) -> list[DecisionEntry]:
    """Return the opened decisions of a release with its proposals, for its body; raises SealError, UnpinnedKey."""
    return _decisions({release: pair}, DECISIONS_OF_BODY)[release]


def _decisions(
    pairs: Mapping[Release, BoxPair], models: Sequence[type[AnyDecision]]
) -> dict[Release, list[DecisionEntry]]:
    """Return the opened decisions by release, in the order of ``models`` and of time; reads all tables at once."""
    by_id = {release.pk: release for release in pairs}
    columns = ("kind", "pk", "release_id", "author_id", "signer", "sealed", "at")
    first, *others = (
        model.objects.filter(release__in=by_id)
        .annotate(kind=Value(index, output_field=IntegerField()))
        .values_list(*columns)
        for index, model in enumerate(models)
    )
    decisions: dict[Release, list[DecisionEntry]] = {release: [] for release in pairs}
    rows = sorted(first.union(*others, all=True) if by_id else (), key=lambda row: (row[0], row[6]))
    recorded = log.recorded_decisions({release.case_id for release in pairs}) if rows else {}
    for index, pk, release_id, author, stored_signer, sealed, at in rows:
        release, model = by_id[release_id], models[index]
        row = model(pk=pk, release=release, author_id=author, signer=stored_signer, sealed=sealed, at=at)
        if (author, row_digest(row), log.digest_of(sealed)) not in recorded.get(str(pk), ()):
            if str(pk) in recorded:
                raise SealError("decision")
            # One person with the body's key could decide in the name of two, past the portal.
            logger.error("A decision of a body is recorded by no genuine entry; it is shown to nobody")
            continue
        signer = trusted_signer(stored_signer, f"body-{release.body_id}")
        content = open_record(pairs[release], sealed, decision_context(row, release), signer)
        decisions[release].append(DecisionEntry(pk, author, model.__name__.lower(), at, content))
    return decisions


def decisions_for_triage(*, keyring: Keyring, releases: Sequence[Release]) -> dict[Release, list[DecisionEntry]]:
    """Return the opened decisions of bodies by release, for a member of triage; raises as :func:`open_contents`."""
    return _decisions({release: keyring.release(release) for release in releases}, DECISIONS)


def decision_context(row: Decision, release: Release) -> Context:
    """Return the context of a sealed decision."""
    return Context(type(row).__name__.lower(), str(row.pk), str(release.pk))


def is_acted_on(release: Release, *, is_replaced: bool | None = None) -> bool:
    """Whether a release, which was read with its case, was neither returned nor replaced by a later one."""
    release_steps.as_body_sees(release)
    is_here = release.state == Release.State.OPEN and release.case.lead_body_id == release.body_id
    if not is_here or release_steps.is_under_check(release):
        return False
    if is_replaced is None:
        is_replaced = not release.is_further and replacing(release.case_id, release.after_step).exists()
    return not is_replaced


def replacing(case: uuid.UUID | OuterRef, after_step: int | OuterRef) -> QuerySet[Release]:
    """The forwardings that replace one of a case that was made at its step ``after_step``.

    A further release replaces none, and none replaces it: no other is made to its body while it has the case.
    """
    return Release.objects.filter(case=case, first=None, is_further=False, after_step__gt=after_step)


def actions(*, keyring: Keyring, release: Release, is_replaced: bool | None = None) -> list[workflow.Transition]:
    """Return the transitions available to the body; none on a release that was returned or replaced by a later one."""
    if not is_acted_on(release, is_replaced=is_replaced):
        return []
    case = release.case
    asked_from = Status(case.asked_from) if case.asked_from else None
    permissions = access.permissions_of(keyring.staff)
    rows = workflow.allowed(Status(case.status), ActorKind.BODY, permissions, asked_from=asked_from)
    if any(row.proposal for row in rows):
        state = "open" if workflow.has_open_proposal(actions_taken(release)) else "none"
        rows = [row for row in rows if row.proposal in ("", state)]
    return rows


def was_heard(release: Release) -> bool:
    """Whether the body recorded that it heard the accused, or summoned them in vain; one query."""
    return workflow.was_heard(actions_taken(release))


def last_step(release: Release) -> Step | None:
    """Return the last step that moved a release: of a further one its own, else that of its case."""
    steps = release.steps if release.is_further else release.case.steps
    return steps.order_by("-sequence").first()


def actions_taken(release: Release) -> list[str]:
    """Return the actions of all steps that moved a release: of a further one its own, else those of its case."""
    steps = release.steps if release.is_further else release.case.steps
    return list(steps.order_by("sequence").values_list("action", flat=True))


# --- The disclosure check of a body's texts, against the released content only ----------------------------------------


@transaction.atomic
def circles_told(*, keyring: Keyring, release: Release) -> list[object]:
    """Return how many people could know it by the reports of a release, as codes; none where the office kept it back.

    Raises Locked and SealError.
    """
    opened = open_contents(keyring, chain_of(release))
    return [report.answers.get(CIRCLE) for item in opened for report in item.content.reports]


def check(*, actor: Actor, release_id: uuid.UUID, text: str) -> list[Disclosure]:
    """Return what ``text`` would disclose to a release's reporters; audited; raises Release.DoesNotExist, Locked."""
    release = access.releases_for(actor.staff).select_related("case", "body").get(pk=release_id)
    opened = open_contents(actor.keyring, chain_of(release))
    words: dict[str, tuple[dict[str, JSON], list[str]]] = {key: ({}, []) for key in reporters_of(opened)}
    for item in opened:
        by_number = {number: str(complaint) for complaint, number in item.numbers.items()}
        for report in item.content.reports:
            answers, texts = words[by_number[report.number]]
            answers.update(report.answers)
            texts += [text for _day, text in report.messages]
    for entry in thread_of(release, actor.keyring.release(release), reporters_of(opened)):
        if entry.message.direction == Message.Direction.FROM_REPORTER:
            words[str(entry.message.complaint_id)][1].append(entry.text)
    reporter_words = [disclosure_check.ReporterWords(answers, tuple(texts)) for answers, texts in words.values()]
    disclosures = disclosure.check(text, disclosure_check.known_facts(reporter_words, reporter_words))
    disclosure_check.record_check(actor=actor, case_id=release.case_id, disclosures=disclosures)
    return disclosures
