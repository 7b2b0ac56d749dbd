"""The work of the job worker on evidence: scanning a file, reading its metadata, and making copies without metadata.

Untrusted bytes are read in the sandbox only, and plaintext exists only in memory files meanwhile. The file report is
sealed to the complaint and signed by the server, which cannot open it afterwards.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from complaints.adapters import malware, sandbox
from complaints.adapters.media import kinds
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.records import open_record, seal_record
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services.audit import batches, log
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
Variant = EvidenceObject.Variant


class ScannerDown(Exception):  # noqa: N818
    """The scanner did not answer; the file is tried again, and the attempt is not counted."""


@dataclass
class _Derived:
    variant: EvidenceObject.Variant
    number: int
    upload: SealedUpload


def process_pending(*, limit: int = 20) -> int:
    """Process pending evidence; return the number of items tried.

    An attempt is counted before it starts, so that a file that crashes the worker is given up after MAX_ATTEMPTS. A
    node without the worker's private key tries nothing, because each of its attempts would fail.
    """
    if not worker_key.pairs():
        return 0
    ids = list(Evidence.objects.filter(state=Evidence.State.PENDING).values_list("pk", flat=True)[:limit])
    for identifier in ids:
        _process(identifier)
    return len(ids)


def _process(identifier: uuid.UUID) -> None:
    pending = Evidence.objects.filter(pk=identifier, state=Evidence.State.PENDING)
    if not pending.update(attempts=F("attempts") + 1):
        return
    evidence = Evidence.objects.select_related("complaint").get(pk=identifier)
    if evidence.sealed_report is not None:
        # Somebody has set it back in the database; the existing report must not be overwritten.
        logger.error("An evidence item whose work was done stood as pending")
        Evidence.objects.filter(pk=identifier).update(state=Evidence.State.FAILED)
        return
    if evidence.attempts > MAX_ATTEMPTS:
        _finish(evidence, FileReport(no_copy="crashed"), [])
        return
    try:
        info = _open_worker_grant(evidence)
    except SealError:
        _finish(evidence, FileReport(no_copy="damaged"), [])
        return
    try:
        process_item(evidence, info)
    except (ScannerDown, sandbox.Unavailable):
        Evidence.objects.filter(pk=identifier).update(attempts=F("attempts") - 1)


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


def process_item(evidence: Evidence, info: FileInfo) -> None:
    """Scan a file, process it in the sandbox, and store its report and copies.

    Raises ScannerDown or sandbox.Unavailable where nothing was stored and the file can be tried again.
    """
    original = evidence.objects_stored.get(variant=Variant.ORIGINAL)
    report, derived = FileReport(disagrees=kinds.disagrees(info.name, info.type)), list[_Derived]()
    try:
        _scan(original, info, report)
        if report.scan == "infected":
            report.no_copy = "infected"
        else:
            _derive(original, info, report, derived)
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
            with sandbox.run("inspect", held, media_type) as result:
                report.betrays = list(result.codes)
            with sandbox.run("clean", held, media_type) as result:
                held.close()
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
        with sandbox.run("recognise", held) as result:
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
    with sandbox.run(job, held, media_type, limit=MAX_PAGES) as result:
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


def process_for_officer(*, pair: BoxPair, evidence: Evidence) -> None:
    """Process a file in the session of a triage member, with the complaint's pair; raises as :func:`process_item`."""
    original = evidence.objects_stored.get(variant=Variant.ORIGINAL)
    process_item(evidence, read_info(pair, original, evidence, evidence.complaint))
