"""The work of the job worker on evidence: scanning a file, reading its metadata, and making copies without metadata.

Untrusted bytes are read in the sandbox only, and plaintext exists only in memory files meanwhile. The file report is
sealed to the complaint and signed by the server, which cannot open it afterwards.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Min

from complaints.adapters import malware, sandbox
from complaints.adapters.media import kinds
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import open_record, seal_record
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services.audit import batches, leaves, log
from complaints.services.evidence import worker_key
from complaints.services.evidence.intake import SealedUpload, Sink
from complaints.services.evidence.storage import (
    FileInfo,
    FileReport,
    delete_object,
    object_context,
    read_info,
    report_context,
    stream,
)
from complaints.services.keyring import check_keys

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 3
# The worker's key is replaced weekly; a file it has not processed by then waits for the session of a triage member.
GRANT_DAYS = 7
MAX_PAGES = 20
# After this the next minute's run goes on; with the limits of a file's jobs it ends well before it is ended.
RUN_SECONDS = 50
# So many files in a run that the storage does not give are enough to know that it is down.
STORAGE_FAULTS = 3
# Faults of a reader or of its limits, which another release or a better hour may not have: such a file is left to an
# officer, in whose session it can be read again.
_TRY_AGAIN = frozenset({"crashed", "memory", "time"})
Variant = EvidenceObject.Variant
# The event of a file that failed and waits for an officer again.
RETRIED = "object.retried"


class ScannerDown(Exception):  # noqa: N818
    """The scanner did not answer; the file is tried again, and the attempt is not counted."""


class NotRead(Exception):  # noqa: N818
    """A reader broke down on the file, or ran into its limits; ``code`` is that of the sandbox."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class _Derived:
    variant: EvidenceObject.Variant
    number: int
    upload: SealedUpload


def process_pending(*, limit: int = 20, seconds: float = RUN_SECONDS) -> int:
    """Process pending evidence in rounds, the oldest reports first, one file of each; return the number of files tried.

    An attempt is counted before it starts, so that a file which takes its worker with it is left to an officer after
    MAX_ATTEMPTS. What is no fault of the file costs no attempt. A node without the worker's private key tries nothing,
    because each of its attempts would fail. The run ends when another file would begin after ``seconds``.

    Raises:
        sandbox.Unconfined: this node opens no file; nothing was tried.
        OSError: the storage did not give a file; others were tried all the same.
    """
    if not worker_key.pairs():
        return 0
    tried, faults = 0, list[OSError]()
    for identifier in _in_rounds(limit, until=time.monotonic() + seconds):
        tried += 1
        try:
            _process(identifier)
        except sandbox.Unconfined:
            raise
        except (ScannerDown, sandbox.Unavailable):
            break  # it would be the same with every file
        except OSError as error:
            faults.append(error)
            if len(faults) == STORAGE_FAULTS:
                break
    if faults:
        raise faults[0]
    return tried


def _in_rounds(limit: int, *, until: float) -> Iterator[uuid.UUID]:
    """Yield the ids of at most ``limit`` pending files, none twice, and none after ``until`` on the monotonic clock."""
    seen: set[uuid.UUID] = set()
    while len(seen) < limit and (files := _one_of_each_report(seen, limit - len(seen))):
        for identifier in files:
            if time.monotonic() > until:
                return
            seen.add(identifier)
            yield identifier


def _one_of_each_report(seen: set[uuid.UUID], limit: int) -> list[uuid.UUID]:
    """Return the next pending file of each of the oldest reports; those whose files were all tried before come last."""
    waiting = Evidence.objects.filter(state=Evidence.State.PENDING).exclude(pk__in=seen)
    by_age = waiting.values("complaint").annotate(tries=Min("attempts"), since=Min("day"), first=Min("batch"))
    reports = [row["complaint"] for row in by_age.order_by("tries", "since", "first", "complaint")[:limit]]
    following: dict[uuid.UUID, uuid.UUID] = {}
    files = waiting.filter(complaint__in=reports).order_by("attempts", "sequence")
    for identifier, report in files.values_list("pk", "complaint"):
        following.setdefault(report, identifier)
    return [following[report] for report in reports if report in following]


def _process(identifier: uuid.UUID) -> None:
    """Process a pending file in one attempt; raises ScannerDown, sandbox.Unavailable and OSError, which cost none."""
    pending = Evidence.objects.filter(pk=identifier, state=Evidence.State.PENDING)
    evidence = pending.select_related("complaint").first()
    # Of two that read the same number of attempts, one takes the file.
    if evidence is None or not pending.filter(attempts=evidence.attempts).update(attempts=F("attempts") + 1):
        return
    if evidence.sealed_report is not None:
        # Somebody has set it back in the database; the existing report must not be overwritten.
        logger.error("An evidence item whose work was done stood as pending")
        pending.update(state=Evidence.State.FAILED)
        return
    if evidence.attempts >= MAX_ATTEMPTS:
        _leave_to_officer(evidence)
        return
    try:
        info = _open_worker_grant(evidence)
    except SealError:
        # The grant was altered, or its key is gone. That says nothing of the file, which a member's key opens.
        logger.error("A worker's grant does not open; its file waits for an officer")
        _leave_to_officer(evidence)
        return
    try:
        process_item(evidence, info)
    except NotRead:
        _leave_to_officer(evidence)
    except (ScannerDown, sandbox.Unavailable, OSError, DatabaseError):
        pending.filter(attempts__gt=0).update(attempts=F("attempts") - 1)
        raise


def _leave_to_officer(evidence: Evidence) -> None:
    """Delete the worker's grant of a file that it did not get through; the file can be read in an officer's session."""
    pending = Evidence.objects.filter(pk=evidence.pk, state=Evidence.State.PENDING)
    pending.update(state=Evidence.State.OFFICER, worker_grant=None, attempts=0)


def _open_worker_grant(evidence: Evidence) -> FileInfo:
    """Open the worker's grant with the current or a previous worker key; raises SealError."""
    original = evidence.objects_stored.get(variant=Variant.ORIGINAL)
    context = object_context(original, evidence, kind="worker")
    signer = bytes(evidence.complaint.reporter_verify_key)
    check_keys(evidence.complaint, signer)
    refused = SealError("worker")
    for pair in worker_key.pairs():
        try:
            return FileInfo(**open_record(pair, evidence.worker_grant or b"", context, signer))
        except SealError as error:
            refused = error
    raise refused


def process_item(evidence: Evidence, info: FileInfo, *, is_last: bool = False) -> None:
    """Scan a file, process it in the sandbox, and store its report and copies.

    Raises ScannerDown, sandbox.Unavailable or OSError where nothing was stored and the file can be tried again; and,
    unless this is the last try, NotRead where the fault may be the reader's.
    """
    original = evidence.objects_stored.get(variant=Variant.ORIGINAL)
    report, derived = FileReport(disagrees=kinds.disagrees(info.name, info.type)), list[_Derived]()
    try:
        _scan(original, info, report)
        if report.scan == "infected":
            report.no_copy = "infected"
        else:
            _derive(original, info, report, derived)
        if report.no_copy in _TRY_AGAIN and not is_last:
            raise NotRead(report.no_copy)
        _finish(evidence, report, derived)
    except SealError:
        _discard(derived)
        _finish(evidence, FileReport(no_copy="damaged"), [])
    except BaseException:
        _discard(derived)
        raise


def _scan(original: EvidenceObject, info: FileInfo, report: FileReport) -> None:
    if not settings.CLAMD_SOCKET:
        return
    verdict = malware.scan(stream(original, info), socket_path=settings.CLAMD_SOCKET)
    if verdict.may_pass:
        raise ScannerDown
    report.scan, report.threat = verdict.state, verdict.name or verdict.reason


def _derive(original: EvidenceObject, info: FileInfo, report: FileReport, derived: list[_Derived]) -> None:
    report.no_copy = kinds.no_copy_reason(info.type)
    if info.length > settings.EVIDENCE_CLEAN_MAX_BYTES:
        report.no_copy = report.no_copy or "too_large"
        return
    if report.no_copy and info.type != "application/zip":  # a zip may be an office document
        return
    with sandbox.hold(stream(original, info), settings.EVIDENCE_CLEAN_MAX_BYTES) as held:
        media_type = _recognise(held, info)
        report.no_copy = kinds.no_copy_reason(media_type)
        if report.no_copy:
            return
        try:
            limits = sandbox.limits_of(held)
            with sandbox.run("inspect", held, media_type, limits=limits) as result:
                report.betrays = list(result.codes)
            with sandbox.run("clean", held, media_type, limits=limits) as result:
                held.close()
                report.losses = list(result.codes)
                copy = result.parts[0]
                derived.append(_seal_part(Variant.WORKING, 0, copy))
                with contextlib.suppress(sandbox.JobFailed):
                    _draw(copy, report, derived)
        except sandbox.JobFailed as failure:
            report.no_copy = failure.code


def _draw(copy: sandbox.Part, report: FileReport, derived: list[_Derived]) -> None:
    """Draw preview and pages of the clean copy, so that no picture shows metadata that was removed."""
    with sandbox.hold(copy.chunks(), settings.EVIDENCE_CLEAN_MAX_BYTES * 2) as held:
        for variant, job in ((Variant.PREVIEW, "preview"), (Variant.PAGE, "pages")):
            with contextlib.suppress(sandbox.JobFailed):
                _picture(held, copy.type, variant, job, report, derived)


def _recognise(held: sandbox.Held, info: FileInfo) -> str:
    """Return the type from the whole file: by its first bytes, some office documents are a plain zip."""
    try:
        with sandbox.run("recognise", held, limits=sandbox.limits_of(held)) as result:
            return result.type or info.type
    except sandbox.JobFailed:
        return info.type


def _picture(
    held: sandbox.Held,
    media_type: str,
    variant: EvidenceObject.Variant,
    job: str,
    report: FileReport,
    derived: list[_Derived],
) -> None:
    if job == "pages" and media_type != "application/pdf":
        return
    with sandbox.run(job, held, media_type, limits=sandbox.limits_of(held), limit=MAX_PAGES) as result:
        report.pages = max(report.pages, result.pages)
        first = 1 if variant == Variant.PAGE else 0
        for number, part in enumerate(result.parts, start=first):
            derived.append(_seal_part(variant, number, part))


def _seal_part(variant: EvidenceObject.Variant, number: int, part: sandbox.Part) -> _Derived:
    """Encrypt and store a file that a sandbox job made, under a key of its own and with a neutral name."""
    suffix = kinds.ALLOWED[part.type].lower()
    sink = Sink(f"{variant.value}-{number}.{suffix}" if number else f"{variant.value}.{suffix}")
    for chunk in part.chunks():
        sink.write(chunk)
    upload = sink.finish()
    if upload.refused or upload.info is None:
        raise sandbox.JobFailed("unsupported" if upload.refused == "type" else "too_large")
    upload.info.type, upload.info.betrays = part.type, []
    return _Derived(variant, number, upload)


def _discard(derived: list[_Derived]) -> None:
    for item in derived:
        delete_object(item.upload.object_name)


def _finish(evidence: Evidence, report: FileReport, derived: list[_Derived]) -> None:
    """Store the report and the copies in one transaction; a second worker on the same file discards its copies."""
    complaint, signer = evidence.complaint, log.server_signer()
    has_copy = any(item.variant == Variant.WORKING for item in derived)
    no_copy_possible = report.no_copy in {"opaque", "legacy", "too_large", "infected"}
    state = Evidence.State.READY if has_copy else Evidence.State.NO_COPY if no_copy_possible else Evidence.State.FAILED
    with transaction.atomic():
        batch = batches.open_batch()
        waiting = [Evidence.State.PENDING, Evidence.State.OFFICER]
        rows = Evidence.objects.select_for_update().filter(pk=evidence.pk, state__in=waiting, sealed_report=None)
        row = rows.first()
        if row is None:
            _discard(derived)
            return
        for item in derived:
            upload = item.upload
            if upload.info is None:
                continue
            context = object_context(upload.id, evidence)
            EvidenceObject.objects.create(
                pk=upload.id,
                evidence=evidence,
                variant=item.variant,
                number=item.number,
                object_name=upload.object_name,
                object_digest=upload.object_digest,
                sealed=seal_record(bytes(complaint.public_key), context, asdict(upload.info), signer),
            )
        row.state, row.worker_grant, row.worked_batch = state, None, batch
        row.sealed_report = seal_record(bytes(complaint.public_key), report_context(row), asdict(report), signer)
        row.save(update_fields=["state", "worker_grant", "worked_batch", "sealed_report"])


def end_grants(*, today: date) -> int:
    """Delete the worker's grants that are older than a week; return the number of files that now wait for triage."""
    overdue = Evidence.objects.filter(state=Evidence.State.PENDING, day__lt=today - timedelta(days=GRANT_DAYS))
    return overdue.update(state=Evidence.State.OFFICER, worker_grant=None, attempts=0)


def retry(identifier: uuid.UUID) -> dict[str, int | str] | None:
    """Let a file that could not be read wait for an officer again; return the facts of its entry, or None.

    None where it did not fail, and where it has copies: nothing that failed has any, so somebody has altered its row,
    and a second set of copies would not fit beside the first. The caller's transaction appends an entry
    "object.retried" with these facts and the file as its subject: by it the batch that took the old report keeps its
    leaf.
    """
    batches.open_batch()
    failed = Evidence.objects.select_for_update().filter(pk=identifier, state=Evidence.State.FAILED)
    row = failed.exclude(sealed_report=None).exclude(worked_batch=None).first()
    if row is None or row.worked_batch is None:
        return None
    stored = list(row.objects_stored.all())
    if [item.variant for item in stored] != [Variant.ORIGINAL]:
        return None
    report = leaves.report_digest(row.sealed_report or b"").hex()
    facts: dict[str, int | str] = {"object": str(stored[0].pk), "batch": row.worked_batch, "report": report}
    row.state, row.sealed_report, row.worked_batch = Evidence.State.OFFICER, None, None
    row.save(update_fields=["state", "sealed_report", "worked_batch"])
    return facts


def retry_failed(*, now: datetime) -> int:
    """Let each file that could not be read wait for an officer again; return how many, recorded each for itself."""
    failed = Evidence.objects.filter(state=Evidence.State.FAILED).order_by("pk")
    count = 0
    for identifier, case in list(failed.values_list("pk", "complaint__case")):
        with transaction.atomic():
            facts = retry(identifier)
            if facts is not None:
                log.append(event=RETRIED, now=now, case=case, subject=identifier, facts=facts)
                count += 1
    return count


def process_for_officer(*, pair: BoxPair, evidence: Evidence) -> None:
    """Process a file in the session of a triage member, with the complaint's pair; raises as :func:`process_item`.

    What a reader breaks down on here too is reported so, and no longer waits.
    """
    original = evidence.objects_stored.get(variant=Variant.ORIGINAL)
    process_item(evidence, read_info(pair, original, evidence, evidence.complaint), is_last=True)
