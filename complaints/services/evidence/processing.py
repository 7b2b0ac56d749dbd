"""The worker's part: what a file is and betrays, whether it is clean, and copies of it without metadata.

A stranger's bytes are read in the sandbox alone; plaintext is in memory files while that lasts and nowhere else. What
was found is sealed to the complaint and signed by the server, which holds no key to anything afterwards.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from complaints.adapters import malware, media, sandbox
from complaints.domain.sealing.primitives import BoxPair, SealError
from complaints.domain.sealing.records import Context, open_record, seal_record
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services.audit import log
from complaints.services.evidence import worker_key
from complaints.services.evidence.intake import SealedUpload, Sink
from complaints.services.evidence.storage import FileInfo, delete_object, object_context, read_info, stream
from complaints.services.keyring import check_keys

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 3
# The worker's key is replaced weekly; what it has not done by then waits for an officer's session.
GRANT_DAYS = 7
MAX_PAGES = 20
Variant = EvidenceObject.Variant


class ScannerDown(Exception):  # noqa: N818
    """The scanner did not answer; the file waits and is tried again, at no cost to its attempts."""


@dataclass
class FileReport:
    """What is sealed beside an item when its work is done; codes only, worded where they are shown."""

    scan: str = "off"
    threat: str = ""
    disagrees: bool = False
    betrays: list[str] = field(default_factory=list)
    no_copy: str = ""
    pages: int = 0


@dataclass
class _Made:
    variant: EvidenceObject.Variant
    number: int
    upload: SealedUpload


def process_pending(*, limit: int = 20) -> int:
    """Do the work that is due; return how many items were tried.

    Attempts are counted before the work, so that a file that kills its worker is given up after three. A node without
    the worker's private key tries nothing: it would count attempts of which none can succeed.
    """
    if not worker_key.pairs():
        return 0
    ids = list(Evidence.objects.filter(state=Evidence.State.PENDING).values_list("pk", flat=True)[:limit])
    for identifier in ids:
        _process(identifier)
    return len(ids)


def _process(identifier: uuid.UUID) -> None:
    claimed = Evidence.objects.filter(pk=identifier, state=Evidence.State.PENDING)
    if not claimed.update(attempts=F("attempts") + 1):
        return
    evidence = Evidence.objects.select_related("complaint").get(pk=identifier)
    if evidence.sealed_report is not None:
        # Done before: whoever set it back in the database must not have what was found written over.
        logger.error("An evidence item whose work was done stood as pending")
        Evidence.objects.filter(pk=identifier).update(state=Evidence.State.FAILED)
        return
    if evidence.attempts > MAX_ATTEMPTS:
        _finish(evidence, FileReport(no_copy="crashed"), [])
        return
    try:
        info = _granted(evidence)
    except SealError:
        _finish(evidence, FileReport(no_copy="damaged"), [])
        return
    try:
        process_item(evidence, info)
    except (ScannerDown, sandbox.Unavailable):
        Evidence.objects.filter(pk=identifier).update(attempts=F("attempts") - 1)


def _granted(evidence: Evidence) -> FileInfo:
    """Open the worker's grant with its key or the one before."""
    original = evidence.objects_stored.get(variant=Variant.ORIGINAL)
    context = object_context(original, evidence, kind="worker")
    signer = bytes(evidence.complaint.reporter_verify_key)
    check_keys(evidence.complaint, signer)
    fault: SealError | None = None
    for pair in worker_key.pairs():
        try:
            return FileInfo(**open_record(pair, evidence.worker_grant or b"", context, signer))
        except SealError as error:
            fault = error
    raise fault or SealError("worker")


def process_item(evidence: Evidence, info: FileInfo) -> None:
    """Scan an item, read it in the sandbox, and store what was made and found.

    Raises:
        ScannerDown, sandbox.Unavailable: nothing was decided about the file.
    """
    original = evidence.objects_stored.get(variant=Variant.ORIGINAL)
    findings, made = FileReport(disagrees=media.disagrees(info.name, info.type)), list[_Made]()
    try:
        _scan(original, info, findings)
        if findings.scan == "infected":
            findings.no_copy = "infected"
        else:
            _make(original, info, findings, made)
        _finish(evidence, findings, made)
    except SealError:
        _discard(made)
        _finish(evidence, FileReport(no_copy="damaged"), [])
    except BaseException:
        _discard(made)
        raise


def _scan(original: EvidenceObject, info: FileInfo, findings: FileReport) -> None:
    if not settings.CLAMD_SOCKET:
        return
    verdict = malware.scan(stream(original, info), socket_path=settings.CLAMD_SOCKET)
    if verdict.may_pass:
        raise ScannerDown
    findings.scan, findings.threat = verdict.state, verdict.name or verdict.reason


def _make(original: EvidenceObject, info: FileInfo, findings: FileReport, made: list[_Made]) -> None:
    findings.no_copy = media.no_copy_reason(info.type)
    if info.length > settings.EVIDENCE_CLEAN_MAX_BYTES:
        findings.no_copy = findings.no_copy or "too_large"
        return
    if findings.no_copy and info.type != "application/zip":  # which may be an office document in an odd order
        return
    with sandbox.hold(stream(original, info), settings.EVIDENCE_CLEAN_MAX_BYTES) as held:
        kind = _recognised(held, info)
        findings.no_copy = media.no_copy_reason(kind)
        if findings.no_copy:
            return
        try:
            with sandbox.run("inspect", held, kind) as result:
                findings.betrays = list(result.codes)
            with sandbox.run("clean", held, kind) as result:
                held.close()
                copy = result.parts[0]
                made.append(_keep(Variant.WORKING, 0, copy))
                with contextlib.suppress(sandbox.JobFailed):
                    _draw(copy, findings, made)
        except sandbox.JobFailed as failure:
            findings.no_copy = failure.code


def _draw(copy: sandbox.Part, findings: FileReport, made: list[_Made]) -> None:
    """Draw previews and pages of the clean copy: what was taken out of it can stand in no picture either."""
    with sandbox.hold(copy.chunks(), settings.EVIDENCE_CLEAN_MAX_BYTES * 2) as held:
        for variant, job in ((Variant.PREVIEW, "preview"), (Variant.PAGE, "pages")):
            with contextlib.suppress(sandbox.JobFailed):
                _picture(held, copy.type, variant, job, findings, made)


def _recognised(held: sandbox.Held, info: FileInfo) -> str:
    """Look at the whole file: an office document with an odd order is a zip to its first bytes."""
    try:
        with sandbox.run("recognise", held) as result:
            return result.type or info.type
    except sandbox.JobFailed:
        return info.type


def _picture(
    held: sandbox.Held, kind: str, variant: EvidenceObject.Variant, job: str, findings: FileReport, made: list[_Made]
) -> None:
    if job == "pages" and kind != "application/pdf":
        return
    with sandbox.run(job, held, kind, limit=MAX_PAGES) as result:
        findings.pages = max(findings.pages, result.pages)
        first = 1 if variant == Variant.PAGE else 0
        for number, part in enumerate(result.parts, start=first):
            made.append(_keep(variant, number, part))


def _keep(variant: EvidenceObject.Variant, number: int, part: sandbox.Part) -> _Made:
    """Seal a file that a job made, under a key of its own and a name that says nothing."""
    suffix = media.ALLOWED[part.type].lower()
    sink = Sink(f"{variant.value}-{number}.{suffix}" if number else f"{variant.value}.{suffix}")
    for chunk in part.chunks():
        sink.write(chunk)
    upload = sink.finish()
    if upload.refused or upload.info is None:
        raise sandbox.JobFailed("unsupported" if upload.refused == "type" else "too_large")
    upload.info.type, upload.info.betrays = part.type, []
    return _Made(variant, number, upload)


def _discard(made: list[_Made]) -> None:
    for item in made:
        delete_object(item.upload.object_name)


def _finish(evidence: Evidence, findings: FileReport, made: list[_Made]) -> None:
    """Write what was made and found in one transaction; a second worker on the same item throws its own away."""
    complaint, signer = evidence.complaint, log.server_signer()
    working = any(item.variant == Variant.WORKING for item in made)
    refused = findings.no_copy in {"opaque", "legacy", "too_large", "infected"}
    state = Evidence.State.READY if working else Evidence.State.NO_COPY if refused else Evidence.State.FAILED
    with transaction.atomic():
        waiting = [Evidence.State.PENDING, Evidence.State.OFFICER]
        rows = Evidence.objects.select_for_update().filter(pk=evidence.pk, state__in=waiting, sealed_report=None)
        row = rows.first()
        if row is None:
            _discard(made)
            return
        for item in made:
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
        row.state, row.worker_grant = state, None
        row.sealed_report = seal_record(bytes(complaint.public_key), _findings_context(row), asdict(findings), signer)
        row.save(update_fields=["state", "worker_grant", "sealed_report"])


def _findings_context(evidence: Evidence) -> Context:
    return Context("findings", str(evidence.pk), str(evidence.complaint_id), evidence.sequence)


def read_file_report(pair: BoxPair, evidence: Evidence) -> FileReport | None:
    """Open what the worker found with the complaint's pair; None before its work is done, or where it gave up.

    Raises:
        SealError: altered, or taken away: a warning must not be silenced in the database.
    """
    if evidence.sealed_report is None and evidence.state not in {Evidence.State.READY, Evidence.State.NO_COPY}:
        if any(stored.variant != Variant.ORIGINAL for stored in evidence.objects_stored.all()):
            raise SealError("findings")  # copies are written together with what was found
        return None
    signer = log.server_signer().public
    sealed = evidence.sealed_report or b""
    content: dict[str, Any] = open_record(pair, sealed, _findings_context(evidence), signer)
    return FileReport(**content)


def risk(findings: FileReport | None) -> str:
    """Return what the scanner found, "?" where there is a scanner that has said nothing yet, "" for no known danger."""
    if findings is None:
        return "?" if settings.CLAMD_SOCKET else ""
    return (findings.threat or "?") if findings.scan == "infected" else ""


def end_grants(*, today: date) -> int:
    """Take back what the worker has not done within a week; return how many items wait for an officer now."""
    overdue = Evidence.objects.filter(state=Evidence.State.PENDING, day__lt=today - timedelta(days=GRANT_DAYS))
    return overdue.update(state=Evidence.State.OFFICER, worker_grant=None, attempts=0)


def process_for_officer(*, pair: BoxPair, evidence: Evidence) -> None:
    """Do the worker's work in a member's session, with the complaint's pair; raises as :func:`process_item`."""
    original = evidence.objects_stored.get(variant=Variant.ORIGINAL)
    process_item(evidence, read_info(pair, original, evidence, evidence.complaint))
