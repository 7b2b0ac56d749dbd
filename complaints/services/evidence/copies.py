"""What is made of a file: the scanner's result, the report on it, and copies without metadata. Touches no row.

Untrusted bytes are read in the sandbox only, and plaintext exists only in memory files meanwhile. So two files can be
worked on at once, in threads that need no connection to the database.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings

from complaints.adapters import malware, sandbox
from complaints.adapters.media import inspection, kinds
from complaints.models.evidence import EvidenceObject
from complaints.services.evidence.intake import SealedUpload, Sink
from complaints.services.evidence.storage import FileInfo, FileReport, delete_object, stream

MAX_PAGES: Final = 20
# The jobs of the sequences "derive" and "draw" of the sandbox; each can be asked for alone.
RECOGNISE, INSPECT, CLEAN, PREVIEW, PAGES = "recognise", "inspect", "clean", "preview", "pages"
Variant = EvidenceObject.Variant


class ScannerDown(Exception):
    """The scanner did not answer; the file is tried again, and the attempt is not counted."""


@dataclass
class Derived:
    """A stored copy: what it is, its number among the pages (from 1, else 0), and where it lies."""

    variant: EvidenceObject.Variant
    number: int
    upload: SealedUpload


@dataclass
class FileCopies:
    """The report on a file and its copies, which are stored already; :meth:`discard` deletes them."""

    report: FileReport
    stored: list[Derived] = field(default_factory=list)

    @property
    def working(self) -> bool:
        """Whether there is a working copy."""
        return any(item.variant == Variant.WORKING for item in self.stored)

    def discard(self) -> None:
        """Delete the stored copies."""
        for item in self.stored:
            delete_object(item.upload.object_name)
        self.stored.clear()


@dataclass
class Work:
    """The work on one file; ``is_in_sandbox`` tells a watcher that it waits for neither the storage nor the scanner."""

    original: EvidenceObject
    info: FileInfo
    is_in_sandbox: bool = False

    def run(self) -> FileCopies:
        """Scan the file, process it in the sandbox, and store its copies.

        Raises ScannerDown, sandbox.Unavailable, OSError (FileNotFoundError where the storage lacks the original) and
        SealError; nothing is stored then.
        """
        made = FileCopies(FileReport(disagrees=kinds.disagrees(self.info.name, self.info.type)))
        try:
            _scan(self.original, self.info, made.report)
            if made.report.scan == "infected":
                made.report.no_copy = "infected"
            else:
                self._derive(made)
        except BaseException:
            made.discard()
            raise
        return made

    def _derive(self, made: FileCopies) -> None:
        report, info = made.report, self.info
        report.no_copy = kinds.no_copy_reason(info.type)
        if info.length > settings.EVIDENCE_CLEAN_MAX_BYTES:
            report.no_copy = report.no_copy or "too_large"
            return
        # A container may be an office document, an old one one under a password.
        if report.no_copy and not (inspection.looks_into(info.type) or kinds.is_container(info.type)):
            return
        with sandbox.hold(stream(self.original, info), settings.EVIDENCE_CLEAN_MAX_BYTES) as held:
            self.is_in_sandbox = True
            kind = _Reading(held, info.type, made).read()
        report.disagrees = kinds.disagrees(info.name, kind)


def _scan(original: EvidenceObject, info: FileInfo, report: FileReport) -> None:
    if not settings.CLAMD_SOCKET:
        return
    verdict = malware.scan(stream(original, info), socket_path=settings.CLAMD_SOCKET)
    if verdict.may_pass:
        raise ScannerDown
    report.scan, report.threat = verdict.state, verdict.name or verdict.reason


class _Reading:
    """The work on one file in the sandbox: a sequence in one process, and what its end left undone, one by one."""

    def __init__(self, held: sandbox.Held, media_type: str, copies: FileCopies) -> None:
        self._held, self._type, self._copies = held, media_type, copies

    def read(self) -> str:
        """Fill the report, store the copies and return the file's type; raises sandbox.Unavailable and OSError."""
        with contextlib.ExitStack() as open_results:
            steps = open_results.enter_context(self._sequence())
            if (media_type := self._recognised(steps)) != self._type:
                self._type = media_type
                # The sandbox loads readers for the type that it is asked for; a process with a file can load none.
                if CLEAN not in steps.done and CLEAN not in steps.failed and not kinds.no_copy_reason(media_type):
                    steps = open_results.enter_context(self._sequence())
            self._copies.report.no_copy = kinds.no_copy_reason(self._type)
            if inspection.looks_into(self._type):
                self._inspect(steps)
            if self._copies.report.no_copy:
                return self._type
            try:
                copy = self._clean(steps, open_results)
                self._held.close()
                self._store_and_draw(copy)
            except sandbox.JobFailed as failure:
                self._copies.discard()
                self._copies.report.no_copy = failure.code
        return self._type

    def _sequence(self) -> sandbox.Steps:
        limits = sandbox.limits_of(self._held, jobs=2)
        return sandbox.run_steps("derive", self._held, self._type, limits=limits, limit=MAX_PAGES)

    def _recognised(self, steps: sandbox.Steps) -> str:
        """Return the type from the whole file: by its first bytes, some office documents are a plain zip."""
        result = steps.done.get(RECOGNISE)
        return (result.type if result else "") or self._type

    def _inspect(self, steps: sandbox.Steps) -> None:
        """Report what metadata tells; metadata that cannot be read costs no copy."""
        report = self._copies.report
        try:
            result = steps.result(INSPECT)
            if result is None:
                with self._alone(INSPECT) as result:
                    pass
            report.betrays, report.looked = list(result.codes), "read"
        except sandbox.JobFailed:
            report.looked = "unreadable"

    def _alone(self, job: str) -> sandbox.Result:
        return sandbox.run(job, self._held, self._type, limits=sandbox.limits_of(self._held))

    def _clean(self, steps: sandbox.Steps, open_results: contextlib.ExitStack) -> sandbox.Part:
        """Return the working copy; raises sandbox.JobFailed where there is none."""
        result = steps.result(CLEAN) or open_results.enter_context(self._alone(CLEAN))
        (copy,) = checked_parts(result, kinds.copy_types(self._type), 1)
        self._copies.report.losses = list(result.codes)
        return copy

    def _store_and_draw(self, copy: sandbox.Part) -> None:
        """Store the working copy while its pictures are drawn, so that disk and processor do not wait for each other.

        Raises as :func:`seal_part`.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="store") as pool:
            storing = pool.submit(seal_part, Variant.WORKING, 0, copy)
            try:
                if kinds.is_shown(copy.type):
                    with contextlib.suppress(sandbox.JobFailed):
                        self._draw(copy)
            finally:
                self._copies.stored.insert(0, storing.result())

    def _draw(self, copy: sandbox.Part) -> None:
        """Store preview and pages, drawn in a process that never met the original; raises sandbox.JobFailed."""
        with sandbox.hold(copy.chunks(), settings.EVIDENCE_CLEAN_MAX_BYTES * 2) as held:
            limits = sandbox.limits_of(held, jobs=2)
            with sandbox.run_steps("draw", held, copy.type, limits=limits, limit=MAX_PAGES) as steps:
                for variant, job in ((Variant.PREVIEW, PREVIEW), (Variant.PAGE, PAGES)):
                    with contextlib.suppress(sandbox.JobFailed), contextlib.ExitStack() as open_results:
                        result = steps.result(job)
                        # The preview took its process with it.
                        if result is None and steps.ended_early and copy.type == "application/pdf":
                            alone = sandbox.run(job, held, copy.type, limits=sandbox.limits_of(held), limit=MAX_PAGES)
                            result = open_results.enter_context(alone)
                        if result is not None:
                            self._store_pictures(variant, result)

    def _store_pictures(self, variant: EvidenceObject.Variant, result: sandbox.Result) -> None:
        parts = checked_parts(result, frozenset({"image/jpeg"}), MAX_PAGES if variant == Variant.PAGE else 1)
        self._copies.report.pages = max(self._copies.report.pages, result.pages)
        for number, part in enumerate(parts, start=1 if variant == Variant.PAGE else 0):
            self._copies.stored.append(seal_part(variant, number, part))


def checked_parts(result: sandbox.Result, types: Collection[str], most: int) -> Sequence[sandbox.Part]:
    """Return the files of a result; raises JobFailed where a job that was taken over gives others than asked for."""
    if not 0 < len(result.parts) <= most or any(part.type not in types for part in result.parts):
        raise sandbox.JobFailed("crashed")
    return result.parts


def seal_part(variant: EvidenceObject.Variant, number: int, part: sandbox.Part) -> Derived:
    """Encrypt and store a file that a sandbox job made, under a key of its own and with a neutral name.

    Raises OSError where the storage refuses it, and JobFailed where it is no file that the portal takes.
    """
    suffix = kinds.ALLOWED[part.type].lower()
    sink = Sink(f"{variant.value}-{number}.{suffix}" if number else f"{variant.value}.{suffix}")
    for chunk in part.chunks():
        sink.write(chunk)
    upload = sink.finish()
    if upload.refused in {"store", "full"}:
        raise OSError("the storage refused a copy")
    if upload.refused or upload.info is None:
        raise sandbox.JobFailed("unsupported" if upload.refused == "type" else "too_large")
    upload.info.type, upload.info.betrays = part.type, []
    return Derived(variant, number, upload)
