"""The work of the job worker on evidence: which file is next, who has it, and what became of it.

What is made of a file is in ``copies``, which runs in threads and touches no row. All rows are read and written here,
in the thread that called. The file report is sealed to the complaint and signed by the server, which cannot open it
afterwards.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain, zip_longest
from typing import Final

from django.db import DatabaseError, transaction
from django.db.models import Count, F, Min

from complaints.adapters import machine, sandbox
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair, SignPair
from complaints.domain.sealing.records import open_record, seal_record
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services.audit import batches, leaves, log
from complaints.services.evidence import copies, file_locks, worker_key
from complaints.services.evidence.copies import FileCopies, ScannerDown
from complaints.services.evidence.storage import (
    FileInfo,
    FileReport,
    gives_other_objects,
    object_context,
    read_info,
    report_context,
)
from complaints.services.keyring import check_keys

logger = logging.getLogger(__name__)
MAX_ATTEMPTS: Final = 3
# The worker's key is replaced weekly; a file it has not processed by then waits for the session of a triage member.
GRANT_DAYS: Final = 7
# Files worked on at once; the sandbox has as many places.
PARALLEL: Final = 2
# After this the next minute's run goes on; with the limits of a file's jobs it ends well before it is ended.
RUN_SECONDS: Final = 50
# A file that waits for the storage or the scanner so long is given back; the runner ends a job after 300 seconds.
HANGING_SECONDS: Final = 240
# What a file under way gets to end in after the worker was asked to end.
STOP_SECONDS: Final = 10
LOOK_SECONDS: Final = 0.5
# So many files in a run that the storage does not give are enough to know that it is down.
STORAGE_FAULTS: Final = 3
# Faults of a reader or of its limits, which another release or a better hour may not have: such a file is left to an
# officer, in whose session it can be read again.
_TRY_AGAIN: Final = frozenset({"crashed", "memory", "time"})
# No copy is possible of these, whatever reads them.
_NEVER: Final = frozenset({"opaque", "legacy", "encrypted", "too_large", "infected"})
Variant = EvidenceObject.Variant
_SEALED_OF_REPORT: Final = [f"evidence__complaint__sealed_{name}" for name in ("answers", "summary", "days")]
# The event of a file that failed and waits for an officer again.
RETRIED: Final = "object.retried"


@dataclass
class _Claim:
    """A file that this process has to itself: its rows, what opens it, and since when (monotonic clock)."""

    evidence: Evidence
    work: copies.Work
    since: float = field(default_factory=time.monotonic)


def process_pending(
    *, limit: int = 20, seconds: float = RUN_SECONDS, is_stopping: Callable[[], bool] = lambda: False
) -> int:
    """Process pending evidence in rounds, the oldest reports first, one file of each; return the number of files tried.

    An attempt is counted before it starts, so that a file which takes its worker with it is left to an officer after
    MAX_ATTEMPTS. What is no fault of the file costs no attempt. A node without the worker's private key tries nothing,
    because each of its attempts would fail. The run ends when another file would begin after ``seconds``, and soon
    after ``is_stopping`` says so: what is under way then is given back.

    Raises:
        sandbox.Unconfined: this node opens no file; nothing was tried.
        OSError: the storage did not give a file; others were tried all the same.
    """
    if not worker_key.pairs():
        return 0
    run = _Run(_in_rounds(limit, until=time.monotonic() + seconds), is_stopping)
    run.work()
    if run.errors:
        raise run.errors[0]
    return run.tried


class _Run:
    """One run over the files that wait: PARALLEL of them at a time, each claimed, worked on in a thread, and ended."""

    def __init__(self, waiting: Iterator[uuid.UUID], is_stopping: Callable[[], bool]) -> None:
        self._waiting, self._is_stopping = waiting, is_stopping
        self._claims: dict[Future[FileCopies], _Claim] = {}
        self._stopped_at: float | None = None
        self._ends_soon = self._left_behind = False
        self._storage_faults = 0
        self.tried = 0
        self.errors: list[Exception] = []

    def work(self) -> None:
        """Work until no file is left, or something is down that all files need."""
        pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="copies")
        file_locks.prepare()
        try:
            while self._fill(pool):
                for future in wait(self._claims, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED).done:
                    self._follow(pool, future)
                self._give_back_late()
        except BaseException:
            self._give_back_rest()
            raise
        finally:
            # A thread that still waits for the storage or the scanner holds nobody up: its file was given back.
            pool.shutdown(wait=not self._claims and not self._left_behind, cancel_futures=True)

    def _fill(self, pool: ThreadPoolExecutor) -> bool:
        """Claim files until PARALLEL are under way; return whether any is."""
        if self._stopped_at is None and self._is_stopping():
            self._stopped_at = time.monotonic()
        while len(self._claims) < PARALLEL and not self._ends_soon and self._stopped_at is None:
            identifier = next(self._waiting, None)
            if identifier is None:
                break
            self.tried += 1
            sandbox.DEFAULT.start_soon()
            if claim := _claim(identifier):
                self._claims[pool.submit(claim.work.run)] = claim
        return bool(self._claims)

    def _follow(self, pool: ThreadPoolExecutor, future: Future[FileCopies]) -> None:
        """End a file; where its work was done, the next one is begun first, and read while the copies are recorded."""
        claim = self._claims.pop(future)
        try:
            if future.exception() is None:
                self._fill(pool)
        finally:
            self._end(claim, future)

    def _end(self, claim: _Claim, future: Future[FileCopies]) -> None:
        try:
            with file_locks.released(claim.evidence.pk):
                _end(claim.evidence, future)
        except sandbox.Unconfined as error:
            self.errors.insert(0, error)
            self._ends_soon = True
        except (ScannerDown, sandbox.Unavailable):
            self._ends_soon = True  # it would be the same with every file
        except OSError as error:
            self.errors.append(error)
            self._storage_faults += 1
            self._ends_soon = self._ends_soon or isinstance(error, TimeoutError)
            self._ends_soon = self._ends_soon or self._storage_faults >= STORAGE_FAULTS

    def _give_back_late(self) -> None:
        """Give back what hangs outside of the sandbox, and all that is under way after STOP_SECONDS of a stop."""
        now = time.monotonic()
        must_stop = self._stopped_at is not None and now - self._stopped_at > STOP_SECONDS
        for future, claim in list(self._claims.items()):
            hangs = now - claim.since > HANGING_SECONDS and not claim.work.is_in_sandbox
            if must_stop or hangs:
                del self._claims[future]
                with file_locks.released(claim.evidence.pk):
                    _give_back(claim.evidence)
                self._ends_soon = self._left_behind = True
        if must_stop:
            sandbox.DEFAULT.close()

    def _give_back_rest(self) -> None:
        """Give back what has not reached the sandbox; of what has, nobody knows whether it ended the run."""
        for claim in self._claims.values():
            if not claim.work.is_in_sandbox:
                with contextlib.suppress(DatabaseError), file_locks.released(claim.evidence.pk):
                    _give_back(claim.evidence)


def _in_rounds(limit: int, *, until: float) -> Iterator[uuid.UUID]:
    """Yield the ids of at most ``limit`` pending files, none twice, and none after ``until`` on the monotonic clock.

    What came meanwhile is looked for where all that waited before was yielded.
    """
    seen: set[uuid.UUID] = set()
    while len(seen) < limit and (files := _waiting_files(seen, limit - len(seen))):
        for identifier in files:
            if time.monotonic() > until:
                return
            seen.add(identifier)
            yield identifier


def _waiting_files(seen: set[uuid.UUID], limit: int) -> list[uuid.UUID]:
    """Return the next pending files, one of each of the oldest reports, then the second of each, and so on.

    Reports whose files were all tried before come last.
    """
    waiting = Evidence.objects.filter(state=Evidence.State.PENDING).exclude(pk__in=seen)
    by_age = waiting.values("complaint").annotate(tries=Min("attempts"), since=Min("day"), first=Min("batch"))
    reports = [row["complaint"] for row in by_age.order_by("tries", "since", "first", "complaint")[:limit]]
    of_report: dict[uuid.UUID, list[uuid.UUID]] = {report: [] for report in reports}
    files = waiting.filter(complaint__in=reports).order_by("attempts", "sequence")
    for identifier, report in files.values_list("pk", "complaint"):
        of_report[report].append(identifier)
    rounds = chain.from_iterable(zip_longest(*of_report.values()))
    return [identifier for identifier in rounds if identifier is not None][:limit]


# --- One file: claimed, ended, given back


def _claim(identifier: uuid.UUID) -> _Claim | None:
    """Take a pending file and count the attempt; None where somebody has it, or where there is nothing to try."""
    if not file_locks.take(identifier):
        return None
    claim = None
    try:
        original = _count_attempt(identifier)
        claim = _opened(original) if original else None
    finally:
        if claim is None:
            file_locks.release(identifier)
    return claim


def _count_attempt(identifier: uuid.UUID) -> EvidenceObject | None:
    """Count an attempt on a pending file and return its original; None where it is none any more.

    An attempt that this machine began before it last started was ended with the machine, by no fault of the file.
    """
    originals = EvidenceObject.objects.filter(evidence=identifier, variant=Variant.ORIGINAL)
    waiting = originals.filter(evidence__state=Evidence.State.PENDING)
    # What is sealed of a report is not read with each of its files.
    original = waiting.select_related("evidence__complaint").defer(*_SEALED_OF_REPORT).first()
    if original is None:
        return None
    evidence = original.evidence
    before = evidence.attempts
    if machine.restarted_since(evidence.tried_by):
        evidence.attempts = max(0, before - 1)
    # Of two that read the same number of attempts, one takes the file.
    pending = Evidence.objects.filter(pk=identifier, state=Evidence.State.PENDING)
    counted = pending.filter(attempts=before, tried_by=evidence.tried_by)
    if not counted.update(attempts=evidence.attempts + 1, tried_by=machine.this_start()):
        return None
    return original


def _opened(original: EvidenceObject) -> _Claim | None:
    """Return the claim of a file whose attempt is counted; None where it is not to be worked on."""
    evidence = original.evidence
    if evidence.sealed_report is not None:
        # Somebody has set it back in the database; the existing report must not be overwritten.
        logger.error("An evidence item whose work was done stood as pending")
        Evidence.objects.filter(pk=evidence.pk, state=Evidence.State.PENDING).update(
            state=Evidence.State.FAILED, tried_by=""
        )
        return None
    if evidence.attempts >= MAX_ATTEMPTS:
        _leave_to_officer(evidence)
        return None
    try:
        info = _open_worker_grant(evidence, original)
    except SealError:
        # The grant was altered, or its key is gone. That says nothing of the file, which a member's key opens.
        logger.error("A worker's grant does not open; its file waits for an officer")
        _leave_to_officer(evidence)
        return None
    return _Claim(evidence, copies.Work(original, info))


def _end(evidence: Evidence, future: Future[FileCopies]) -> None:
    """Store what the work on a file came to; raises what is no fault of the file, after the attempt was given back."""
    try:
        _store(evidence, future.result)
    except NotRead:
        _leave_to_officer(evidence)
    except (ScannerDown, sandbox.Unavailable, OSError, DatabaseError):
        _give_back(evidence)
        raise


def _give_back(evidence: Evidence) -> None:
    pending = Evidence.objects.filter(pk=evidence.pk, state=Evidence.State.PENDING, attempts__gt=0)
    pending.update(attempts=F("attempts") - 1, tried_by="")


def _leave_to_officer(evidence: Evidence) -> None:
    """Delete the worker's grant of a file that it did not get through; the file can be read in an officer's session."""
    pending = Evidence.objects.filter(pk=evidence.pk, state=Evidence.State.PENDING)
    pending.update(state=Evidence.State.OFFICER, worker_grant=None, attempts=0, tried_by="")


def _open_worker_grant(evidence: Evidence, original: EvidenceObject) -> FileInfo:
    """Open the worker's grant with the current or a previous worker key; raises SealError."""
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


# --- What the work came to


class NotRead(Exception):
    """A reader broke down on the file, or ran into its limits; ``code`` is that of the sandbox."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _store(evidence: Evidence, work: Callable[[], FileCopies], *, is_last: bool = False) -> None:
    """Store the report and the copies that ``work`` returns; raises as ``copies.make`` and :class:`NotRead`.

    A file that the storage lacks, while it gives others, is reported so: waiting would bring nothing.
    """
    made = FileCopies(FileReport())
    try:
        made = work()
        if made.report.no_copy in _TRY_AGAIN and not is_last:
            raise NotRead(made.report.no_copy)
        _finish(evidence, made)
    except FileNotFoundError:
        made.discard()
        if not gives_other_objects(evidence):
            raise
        _finish(evidence, FileCopies(FileReport(no_copy="missing")))
    except SealError:
        made.discard()
        _finish(evidence, FileCopies(FileReport(no_copy="damaged")))
    except BaseException:
        made.discard()
        raise


def _finish(evidence: Evidence, made: FileCopies) -> None:
    """Store the report and the copies in one transaction; a second worker on the same file discards its copies."""
    complaint, signer, report = evidence.complaint, log.server_signer(), made.report
    without = Evidence.State.NO_COPY if report.no_copy in _NEVER else Evidence.State.FAILED
    state = Evidence.State.READY if made.working else without
    with transaction.atomic():
        batch = batches.open_batch()
        waiting = [Evidence.State.PENDING, Evidence.State.OFFICER]
        rows = Evidence.objects.select_for_update().filter(pk=evidence.pk, state__in=waiting, sealed_report=None)
        tried_by = rows.values_list("tried_by", flat=True).first()
        if tried_by is None:
            made.discard()
            return
        EvidenceObject.objects.bulk_create(_rows_of_copies(evidence, made, signer))
        sealed = seal_record(bytes(complaint.public_key), report_context(evidence), asdict(report), signer)
        # The web server, on which officers read files, has no right to this column, and none of theirs is being tried.
        freed = {"tried_by": ""} if tried_by else {}
        row = Evidence.objects.filter(pk=evidence.pk)
        row.update(state=state, worker_grant=None, worked_batch=batch, sealed_report=sealed, **freed)


def _rows_of_copies(evidence: Evidence, made: FileCopies, signer: SignPair) -> list[EvidenceObject]:
    public_key = bytes(evidence.complaint.public_key)
    return [
        EvidenceObject(
            pk=item.upload.id,
            evidence=evidence,
            variant=item.variant,
            number=item.number,
            object_name=item.upload.object_name,
            object_digest=item.upload.object_digest,
            sealed=seal_record(public_key, object_context(item.upload.id, evidence), asdict(item.upload.info), signer),
        )
        for item in made.stored
        if item.upload.info is not None
    ]


def end_grants(*, today: date) -> int:
    """Delete the worker's grants that are older than a week; return the number of files that now wait for triage."""
    overdue = Evidence.objects.filter(state=Evidence.State.PENDING, day__lt=today - timedelta(days=GRANT_DAYS))
    return overdue.update(state=Evidence.State.OFFICER, worker_grant=None, attempts=0, tried_by="")


def counts() -> list[tuple[str, int]]:
    """Return how many files stand in each state that an operator has to know of, with words for it."""
    by_state = Evidence.objects.filter(kind=Evidence.Kind.FILE).values("state").annotate(number=Count("pk"))
    numbers = {row["state"]: row["number"] for row in by_state}
    words = {
        Evidence.State.PENDING: "Files that wait for the worker",
        Evidence.State.OFFICER: "Files that wait for an officer",
        Evidence.State.FAILED: "Files of which no working copy could be made",
    }
    return [(label, numbers.get(state, 0)) for state, label in words.items()]


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
    """Process a file in the session of a triage member, with the complaint's pair.

    What a reader breaks down on here too is reported so, and no longer waits. Raises ScannerDown, sandbox.Unavailable
    or OSError where nothing was stored and the file waits on.
    """
    original = evidence.objects_stored.get(variant=Variant.ORIGINAL)
    info = read_info(pair, original, evidence, evidence.complaint)
    _store(evidence, copies.Work(original, info).run, is_last=True)
