"""Compares a release with what the originals and the redactions of its time give: any member of triage may ask.

What a body reads is signed by the office's key. So the office could leave out in secret, or alter, unless somebody
works the release out again. This does, and names each difference.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from complaints import access
from complaints.domain.errors import SealError
from complaints.models.case import InternalNote
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import Release, ReleasedFile
from complaints.services import assessments, case_membership, redactions
from complaints.services.assessments import FactsContent
from complaints.services.audit import log
from complaints.services.evidence import storage
from complaints.services.evidence.posts import for_body, read_post
from complaints.services.evidence.redacted_copies import render
from complaints.services.forwarding.reading import OpenedRelease, open_contents
from complaints.services.keyring import Actor, Keyring, Locked, read_answers
from complaints.services.messages import read_note
from complaints.services.redactions import POST_FIELDS, ReportRedactions

Variant = EvidenceObject.Variant


@dataclass(frozen=True)
class Difference:
    """What differs of a report: a text or file by its target, an answer by its name, ``answer-event_from``.

    ``messages``, ``posts``, ``notes`` or ``facts`` where the release holds one of them that no row of the report gives.
    """

    report: uuid.UUID
    target: str


def check(*, actor: Actor, release_id: uuid.UUID) -> list[Difference]:
    """Return each part and file of a release that is not what originals and redactions give; recorded in the chain.

    Files are rendered again, which takes seconds each. Raises Release.DoesNotExist, Locked, SealError, also where no
    entry records the release, and as ``redacted_copies.render``.
    """
    if not access.is_triage(actor.staff):
        raise Locked("triage")
    release = Release.objects.select_related("case").prefetch_related("grants").get(pk=release_id)
    (opened,) = open_contents(actor.keyring, [release])
    complaints = list(Complaint.objects.filter(pk__in=opened.numbers).prefetch_related("grants"))
    removed = redactions.of_reports(
        keyring=actor.keyring, complaints=complaints, only=_recorded_before(release, complaints)
    )
    differing = [
        Difference(complaint.pk, target)
        for complaint in complaints
        for target in _texts_that_differ(actor.keyring, complaint, removed[complaint.pk], opened)
    ]
    differing += list(_files_that_differ(actor.keyring, release, complaints, removed))
    with transaction.atomic():
        actor.record("redaction.checked", case=release.case_id, subject=release.pk, facts={"found": len(differing)})
    return differing


def _recorded_before(release: Release, complaints: Sequence[Complaint]) -> list[uuid.UUID]:
    """Return the redactions that the chain records before the release, in whatever case a report was then."""
    cases = case_membership.cases_of(complaints) | {release.case_id}
    entries = log.entries_of_cases(cases=cases, events=["redaction.made", "release.made"])
    made = next((entry.sequence for entry in entries if entry.facts.get("release") == str(release.pk)), None)
    if made is None:
        raise SealError("release")
    return [
        uuid.UUID(str(entry.facts["redaction"]))
        for entry in entries
        if "redaction" in entry.facts and entry.sequence < made
    ]


def _texts_that_differ(
    keyring: Keyring, complaint: Complaint, removed: ReportRedactions, opened: OpenedRelease
) -> Iterator[str]:
    """Yield the targets of released parts that differ; what was left out does not: a body reads that it was."""
    number, pair = opened.numbers[complaint.pk], keyring.complaint(complaint)
    report = next((item for item in opened.content.reports if item.number == number), None)
    if report is None:
        return
    answers = redactions.released_answers(removed, read_answers(pair, complaint))
    yield from (f"answer-{name}" for name, value in report.answers.items() if value != answers.get(name))
    texts = redactions.read_texts(keyring=keyring, complaints=[complaint])[complaint.pk]
    targets = [target for source in opened.sources if (target := f"message-{source}") in texts]
    messages = {target: redactions.released_text(removed, target, texts[target]) for target in targets}
    yield from _rows_that_differ("messages", messages, [text for _day, text in report.messages])
    rows = InternalNote.objects.filter(complaint=complaint, pk__in=opened.sources)
    notes = [read_note(row, pair=pair, team=keyring.report_team) for row in rows]
    if sorted(text for _day, text in report.notes) != sorted(notes):
        yield "notes"
    if report.stated and report.stated[1] not in _statements(keyring, complaint, opened.sources):
        yield "facts"
    posts = [tuple(str(post[name]) for name in POST_FIELDS) for post in report.posts]
    yield from _rows_that_differ("posts", dict(_posts(keyring, complaint, removed, opened.sources)), posts)


def _rows_that_differ(kind: str, expected: Mapping[str, object], released: Sequence[object]) -> Iterator[str]:
    """Yield the targets of rows that were released otherwise than ``expected``, or ``kind`` where none is missing."""
    rest, missing = list(released), []
    for target, content in expected.items():
        if content in rest:
            rest.remove(content)
        else:
            missing.append(target)
    yield from missing
    if rest and not missing:
        yield kind


def _statements(keyring: Keyring, complaint: Complaint, sources: Sequence[uuid.UUID]) -> list[FactsContent]:
    """Return what the office stated of a report in the rows that a release was made from."""
    rows = complaint.assessments.filter(kind=assessments.FACTS, pk__in=sources).select_related("author")
    pair, team = keyring.complaint(complaint), keyring.report_team
    return [assessments.facts_content(assessments.read_facts(row, pair=pair, team=team).stated) for row in rows]


def _posts(
    keyring: Keyring, complaint: Complaint, removed: ReportRedactions, sources: Sequence[uuid.UUID]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the fields of each released post, by the target of its address."""
    pair = keyring.complaint(complaint)
    for row in complaint.evidence.filter(kind=Evidence.Kind.POST, pk__in=sources).order_by("sequence"):
        post = redactions.released_post(removed, row, for_body(read_post(pair, row, complaint)))
        yield f"post-{row.pk}-url", tuple(str(getattr(post, name)) for name in POST_FIELDS)


def _files_that_differ(
    keyring: Keyring, release: Release, complaints: Sequence[Complaint], removed: Mapping[uuid.UUID, ReportRedactions]
) -> Iterator[Difference]:
    by_id = {complaint.pk: complaint for complaint in complaints}
    files = ReleasedFile.objects.filter(release=release).exclude(stored__variant=Variant.PAGE)
    for item in files.select_related("stored__evidence__complaint"):
        row = item.stored.evidence
        target = f"file-{row.pk}"
        if row.complaint_id not in by_id or redactions.released_object(removed[row.complaint_id], item.stored) != (
            item.stored
        ):
            yield Difference(row.complaint_id, target)
        elif item.stored.variant == Variant.REDACTED:
            instructions = removed[row.complaint_id].of(target)
            if instructions is None or not _is_rendered_so(keyring, item.stored, instructions):
                yield Difference(row.complaint_id, target)


def _is_rendered_so(keyring: Keyring, stored: EvidenceObject, instructions: redactions.Instructions) -> bool:
    """Whether rendering the working copy again gives the bytes of a redacted copy."""
    row = stored.evidence
    pair = keyring.complaint(row.complaint)
    kept = storage.read_info(pair, stored, row, row.complaint)
    working, info = redactions.working_copy(pair, row)
    upload = render(working, info, instructions.removal, number=stored.number)
    storage.delete_object(upload.object_name)
    return upload.info is not None and upload.info.sha256 == kept.sha256
