"""Redactions of a report: their records, and the functions by which every release derives what a body reads.

A record holds instructions over an original, never an edited text; of each text or file the newest counts. So a member
of triage can work out again what was released, and compare (``forwarding.redaction_check``).

A text is named by its target: ``answer-<field>``, ``message-<id>`` or ``post-<id>-<field>``; a file ``file-<id>``.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final, TypedDict

from django.db import transaction
from django.db.models import Max

from complaints.domain import redaction
from complaints.domain.redaction import Box, Reason, Span
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import open_record, seal_record
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.redaction import Redaction
from complaints.models.team import Staff
from complaints.services.audit import log, recorded_told
from complaints.services.evidence import storage
from complaints.services.evidence.intake import SealedUpload
from complaints.services.evidence.posts import PostInfo, for_body, read_post
from complaints.services.evidence.redacted_copies import PLAIN, Removal, manner, read_text, render
from complaints.services.keyring import Actor, Keyring, read_answers
from complaints.services.messages import read, row_context, store_for_team
from complaints.services.team_key_history import trusted_signer

KIND: Final = "redaction"
# The answers that are text of the reporter; the others are codes and days.
TEXT_ANSWERS: Final = ("story", "accused_name", "accused_position", "accused_nip", "agency", "regency", "links")
POST_FIELDS: Final = ("url", "typed", "account")
Variant = EvidenceObject.Variant


class NoSuchText(Exception):
    """The report has no text or file of this target."""


class NoWorkingCopy(Exception):
    """A file without a working copy, or of a kind that is not rendered: it is left out, or released as it is."""


class RedactedMeanwhile(Exception):
    """Somebody has redacted the same text or file since the page was shown; nothing was stored."""


class Content(TypedDict):
    """What a redaction seals; the lists are those of ``Span.stored`` and ``Box.stored``."""

    target: str
    spans: list[list[object]]
    boxes: list[list[object]]
    mutes: list[list[object]]
    cuts: list[list[object]]


@dataclass(frozen=True)
class Instructions:
    """One redaction, opened; ``stored`` is the redacted copy of a file, None where nothing of it goes."""

    target: str
    sequence: int
    spans: tuple[Span, ...]
    removal: Removal
    stored: EvidenceObject | None
    author: Staff | None = None
    at: datetime | None = None

    def __bool__(self) -> bool:
        """Whether anything is removed."""
        return bool(self.spans or self.removal)


@dataclass(frozen=True)
class ReportRedactions:
    """What counts for one report: the newest instructions, by target."""

    by_target: Mapping[str, Instructions] = field(default_factory=dict)

    def of(self, target: str) -> Instructions | None:
        """Return the instructions for a target, also where they remove nothing any more; None without any."""
        return self.by_target.get(target)

    def sequence(self, target: str) -> int:
        """Return the number of the row that counts for a target, which a form sends back; 0 where there is none."""
        instructions = self.of(target)
        return instructions.sequence if instructions else 0

    def with_spans(self, target: str, spans: Iterable[Span]) -> ReportRedactions:
        """Return these redactions with other spans for one text, as a page tries them before they are stored."""
        tried = Instructions(target, self.sequence(target), tuple(spans), Removal(), None)
        return ReportRedactions({**self.by_target, target: tried})


# --- What is released: one function for a text, one for a file --------------------------------------------------------


def released_text(redactions: ReportRedactions, target: str, text: str) -> str:
    """Return a text of a report as a body reads it; raises redaction.NothingLeft, which saving has ruled out."""
    instructions = redactions.of(target)
    return redaction.redact(text, instructions.spans) if instructions else text


def released_answers(redactions: ReportRedactions, answers: Mapping[str, object]) -> dict[str, object]:
    """Return the answers of a report as a body reads them."""
    return {
        name: released_text(redactions, f"answer-{name}", value) if isinstance(value, str) else value
        for name, value in answers.items()
    }


def released_post(redactions: ReportRedactions, row: Evidence, post: PostInfo) -> PostInfo:
    """Return a post, already as ``posts.for_body`` gives it, as a body reads it."""
    texts = {name: str(getattr(post, name)) for name in POST_FIELDS}
    changed = {name: released_text(redactions, f"post-{row.pk}-{name}", text) for name, text in texts.items()}
    return PostInfo(**{**asdict(post), **changed, "is_link": post.is_link and changed["url"] == post.url})


def released_object(redactions: ReportRedactions, stored: EvidenceObject) -> EvidenceObject:
    """Return the object that is released in place of ``stored``: the redacted copy, once its file has one.

    It stands for the original too: whoever chooses that by mistake must not undo the redaction.
    """
    instructions = redactions.of(f"file-{stored.evidence_id}")
    return instructions.stored if instructions and instructions.stored else stored


def passages(redactions: ReportRedactions, target: str, text: str) -> dict[Reason, int]:
    """Return how many passages of a text are removed, by reason: what a reporter is told, without the words."""
    instructions, counts = redactions.of(target), defaultdict[Reason, int](int)
    for run in redaction.removed_runs(text, instructions.spans if instructions else ()):
        for reason in run.reasons:
            counts[reason] += 1
    return dict(counts)


# --- Reading ----------------------------------------------------------------------------------------------------------


def of_reports(
    *, keyring: Keyring, complaints: Collection[Complaint], only: Collection[uuid.UUID] | None = None
) -> dict[uuid.UUID, ReportRedactions]:
    """Return by report the redactions that count, of all or of those with the ids ``only``; one query.

    Raises Locked, SealError, and UnpinnedKey where its team did not sign one; SealError also where one is missing that
    the chain records (one query more): a body would read what was removed.
    """
    by_id = {complaint.pk: complaint for complaint in complaints}
    rows = (
        Redaction.objects.filter(complaint__in=by_id).select_related("author", "stored__evidence").order_by("sequence")
    )
    counting = recorded_told.recorded_redactions(rows, by_id) if only is None else list(rows.filter(pk__in=only))
    newest: dict[uuid.UUID, dict[str, Instructions]] = {report: {} for report in by_id}
    for row in counting:
        opened = _open(row, keyring.complaint(by_id[row.complaint_id]), keyring.report_team)
        newest[row.complaint_id][opened.target] = opened
    return {report: ReportRedactions(by_target) for report, by_target in newest.items()}


def of_report(*, keyring: Keyring, complaint: Complaint) -> ReportRedactions:
    """Return the redactions of one report; raises as :func:`of_reports`."""
    return of_reports(keyring=keyring, complaints=[complaint])[complaint.pk]


def _open(row: Redaction, pair: BoxPair, team: str) -> Instructions:
    signer = trusted_signer(row.author_key, team)
    content: Content = open_record(pair, row.sealed, row_context(row, KIND), signer)
    boxes, spans = tuple(map(Box.read, content["boxes"])), tuple(map(Span.read, content["spans"]))
    mutes, cuts = (tuple(map(Span.read, content[name])) for name in ("mutes", "cuts"))
    is_file = content["target"].startswith("file-")
    removal = Removal(boxes, mutes, cuts, spans if is_file else ())
    return Instructions(
        content["target"], row.sequence, () if is_file else spans, removal, row.stored, row.author, row.at
    )


def read_texts(*, keyring: Keyring, complaints: Collection[Complaint]) -> dict[uuid.UUID, dict[str, str]]:
    """Return by report its texts by target, answers first; two queries. Empty ones are left out.

    Of messages those of the reporter and of triage: what a body wrote stands in its own release. Posts are as a body
    reads them. Raises Locked, SealError.
    """
    by_id = {complaint.pk: complaint for complaint in complaints}
    texts = {report: _answers(keyring.complaint(complaint), complaint) for report, complaint in by_id.items()}
    of_office = [Message.Direction.FROM_REPORTER, Message.Direction.TO_REPORTER]
    for message in Message.objects.filter(complaint__in=by_id, direction__in=of_office).order_by("sequence"):
        complaint = by_id[message.complaint_id]
        text = read(message, pair=keyring.complaint(complaint), complaint=complaint, team=keyring.report_team)
        texts[complaint.pk][f"message-{message.pk}"] = text
    for row in Evidence.objects.filter(complaint__in=by_id, kind=Evidence.Kind.POST).order_by("sequence"):
        complaint = by_id[row.complaint_id]
        post = for_body(read_post(keyring.complaint(complaint), row, complaint))
        texts[complaint.pk] |= {f"post-{row.pk}-{name}": str(getattr(post, name)) for name in POST_FIELDS}
    return {report: {target: text for target, text in by_target.items() if text} for report, by_target in texts.items()}


def _answers(pair: BoxPair, complaint: Complaint) -> dict[str, str]:
    answers = read_answers(pair, complaint)
    return {f"answer-{name}": str(answers.get(name) or "") for name in TEXT_ANSWERS}


def words_left(
    removed_from: Mapping[str, str], redactions: ReportRedactions, released: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return the removed words of a report that still stand in released texts, each with the names of these.

    Args:
        removed_from: the texts of the report, by target.
        released: by a name for the reader, whatever leaves with the report: texts, file names.
    """
    removed: set[str] = set()
    for target, text in removed_from.items():
        instructions = redactions.of(target)
        removed |= redaction.removed_words(text, instructions.spans) if instructions else set()
    return redaction.leftovers(removed, released)


# --- Writing ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_text(
    *, actor: Actor, complaint_id: uuid.UUID, target: str, spans: Sequence[Span], seen: int | None = None
) -> Redaction:
    """Store which passages of a text go; without spans it is released whole again.

    Args:
        seen: the number of the redaction that the page showed, 0 for none; None skips the comparison.

    Raises:
        NoSuchText: the report has no such text.
        redaction.NothingLeft: no word would be left of it.
        RedactedMeanwhile: another redaction of it was stored since.
        Locked, SealError, UnpinnedKey: see services.messages.
    """
    complaint = _locked(complaint_id)
    text = read_texts(keyring=actor.keyring, complaints=[complaint])[complaint.pk].get(target)
    if text is None or len(spans) > redaction.MOST_PASSAGES:
        raise NoSuchText
    redaction.redact(text, spans)
    _compare(actor, complaint, target, seen)
    return _store(actor, complaint, target, spans=sorted(set(spans)))


def save_file(*, actor: Actor, evidence_id: uuid.UUID, removal: Removal, seen: int | None = None) -> Redaction:
    """Render a file's working copy without what goes, and store which areas or spans those are.

    Raises as :func:`save_text` and ``redacted_copies.render``, and NoWorkingCopy; nothing is stored then.
    """
    files = Evidence.objects.filter(kind=Evidence.Kind.FILE).select_related("complaint")
    row = files.filter(pk=evidence_id).first()
    if row is None or _is_too_much(removal):
        raise NoSuchText
    pair = actor.keyring.complaint(row.complaint)
    upload = _rendered(pair, row, removal) if removal else None
    try:
        return _store_file(actor, row, removal, upload, seen)
    except BaseException:
        if upload:
            storage.delete_object(upload.object_name)
        raise


def _is_too_much(removal: Removal) -> bool:
    areas = len(removal) - len(removal.passages)
    return areas > redaction.MOST_AREAS or len(removal.passages) > redaction.MOST_PASSAGES


def _rendered(pair: BoxPair, row: Evidence, removal: Removal) -> SealedUpload:
    """Render outside of any transaction: it takes seconds."""
    working, info = working_copy(pair, row)
    if not removal.fits(info.type):
        raise NoSuchText
    return render(working, info, removal, number=_next_number(row))


def working_copy(pair: BoxPair, row: Evidence) -> tuple[EvidenceObject, storage.FileInfo]:
    """Return what a redacted copy of a file is made of; raises NoWorkingCopy where there is nothing.

    A plain text has no working copy: what is read of it on the page of marking is all that it holds.
    """
    working = row.objects_stored.filter(variant=Variant.WORKING).first()
    source = working or row.objects_stored.get(variant=Variant.ORIGINAL)
    info = storage.read_info(pair, source, row, row.complaint)
    if not manner(info.type) or (working is None and info.type != PLAIN):
        raise NoWorkingCopy
    return source, info


def document_text(*, keyring: Keyring, row: Evidence) -> str:
    """Return the text of a document as it can be marked; raises NoWorkingCopy, and as ``redacted_copies.read_text``."""
    return read_text(*working_copy(keyring.complaint(row.complaint), row))


@transaction.atomic
def _store_file(
    actor: Actor, row: Evidence, removal: Removal, upload: SealedUpload | None, seen: int | None
) -> Redaction:
    complaint, target = _locked(row.complaint_id), f"file-{row.pk}"
    _compare(actor, complaint, target, seen)
    stored, more = None, dict[str, str]()
    if upload and upload.info:
        signer, context = actor.keyring.keys_of(actor.keyring.report_team).sign, storage.object_context(upload.id, row)
        stored = EvidenceObject.objects.create(
            pk=upload.id,
            evidence=row,
            variant=Variant.REDACTED,
            number=_next_number(row),
            object_name=upload.object_name,
            object_digest=upload.object_digest,
            sealed=seal_record(actor.keyring.complaint(complaint).public, context, asdict(upload.info), signer),
        )
        more = {"object": str(stored.pk), "copy": log.digest_of(stored.sealed)}
    return _store(actor, complaint, target, removal=removal, stored=stored, more=more)


def _locked(complaint_id: uuid.UUID) -> Complaint:
    """Return a complaint, locked so that of two redactions of one text the second meets the first."""
    return Complaint.objects.select_for_update().get(pk=complaint_id)


def _next_number(row: Evidence) -> int:
    last = row.objects_stored.filter(variant=Variant.REDACTED).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def _compare(actor: Actor, complaint: Complaint, target: str, seen: int | None) -> None:
    if seen is not None and of_report(keyring=actor.keyring, complaint=complaint).sequence(target) != seen:
        raise RedactedMeanwhile


def _store(
    actor: Actor,
    complaint: Complaint,
    target: str,
    *,
    spans: Iterable[Span] = (),
    removal: Removal | None = None,
    stored: EvidenceObject | None = None,
    more: Mapping[str, str] | None = None,
) -> Redaction:
    removal = removal or Removal()
    content = Content(
        target=target,
        spans=[span.stored() for span in (*spans, *sorted(removal.passages))],
        boxes=[box.stored() for box in sorted(removal.boxes)],
        mutes=[mute.stored() for mute in sorted(removal.mutes)],
        cuts=[cut.stored() for cut in sorted(removal.cuts)],
    )
    row = Redaction(complaint=complaint, stored=stored)
    store_for_team(row, KIND, content, actor=actor, event="redaction.made", more=more)
    return row
