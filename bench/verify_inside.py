"""The part of bench/verify.py that needs the portal's services: filling a chain, and verifying it. Prints one JSON
object; run in processes of their own, because Django reads its settings once and memory is counted by the process."""

from __future__ import annotations

import json
import math
import resource
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

import django

django.setup()

from django.db import connection, models
from django.utils import timezone

from bench.crowd import bulk_loading
from bench.inprocess import InProcessBrowser
from bench.intake import report
from complaints.domain import hashchain, workflow
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.case import Case, CaseStep, InternalNote
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.models.verification import VerificationFault
from complaints.services.audit import batches, log, nightly_run
from complaints.services.audit.log import StepColumns, row_digest, step_facts

ROUND = 5_000
NOTE = bytes(4096)
# Steps that a case may take for ever, after it was taken up.
LOOP = (
    ("propose_ineligible", "in_review", "ineligible_proposed"),
    ("reject_ineligible", "ineligible_proposed", "in_review"),
)
OTHER_CASES = [uuid.uuid4() for _ in range(1000)]


class Chain:
    """Makes valid entries of the server about one real case and many others, with the rows that they refer to."""

    def __init__(self) -> None:
        """Send the report whose case the entries are about."""
        report(InProcessBrowser())
        self.complaint = Complaint.objects.get()
        self.case = Case.objects.get()
        self.author = Staff.objects.order_by("pk")[0]
        self.head = ChainHead.objects.get(pk=1)
        self.signer = log.server_signer()
        self.steps: list[CaseStep] = []
        self.notes: list[InternalNote] = []
        self.now = timezone.now()
        self.step_count = 0

    def entry(self, number: int) -> AuditEntry:
        """Return the next entry, signed."""
        event, case, facts = self._act(number)
        entry = AuditEntry(
            sequence=self.head.sequence + 1,
            at=self.now,
            event=event,
            case=case,
            facts=facts,
            signer=self.signer.public,
            previous=bytes(self.head.digest),
        )
        entry.digest = hashchain.next_digest(bytes(entry.previous), log.payload(entry))
        entry.signature = entry.countersignature = self.signer.sign(entry.digest)
        self.head.sequence, self.head.digest = entry.sequence, entry.digest
        return entry

    def _act(self, number: int) -> tuple[str, uuid.UUID, dict[str, Any]]:
        if number % 10 == 0:
            return "case.transition", self.case.pk, self._step()
        if number % 50 == 1:
            note = InternalNote(
                complaint=self.complaint,
                sequence=self.complaint.next_sequence,
                author=self.author,
                author_key=b"",
                sealed=NOTE,
                at=self.now,
            )
            self.complaint.next_sequence += 1
            self.notes.append(note)
            facts = {"note": str(note.pk), "digest": log.digest_of(NOTE), "row": row_digest(note)}
            return "note.written", self.case.pk, facts
        case = self.case.pk if number % 2 else OTHER_CASES[number % len(OTHER_CASES)]
        return "case.opened", case, {}

    def _step(self) -> dict[str, Any]:
        loop = LOOP[(self.step_count + 1) % 2]
        action, source, target = loop if self.step_count else ("start_review", "received", "in_review")
        self.step_count += 1
        stage = workflow.stage(workflow.Status(target))
        self.steps.append(
            CaseStep(
                case=self.case,
                sequence=self.step_count,
                action=action,
                source=source,
                target=target,
                actor_kind="staff",
                stage=stage,
                day=self.now.date(),
                at=self.now,
            )
        )
        self.case.status, self.case.stage_reached = target, max(self.case.stage_reached, stage)
        return step_facts(StepColumns(self.step_count, action, source, target, None, None, stage, None))

    def store(self, entries: list[AuditEntry]) -> None:
        """Store some entries and their rows; the head of the chain is moved once."""
        with bulk_loading():
            AuditEntry.objects.bulk_create(entries, batch_size=1000)
            CaseStep.objects.bulk_create(self.steps, batch_size=1000)
            InternalNote.objects.bulk_create(self.notes, batch_size=1000)
            status = {"status": self.case.status, "status_on": self.now.date(), "due_on": None}
            stage = {"stage_reached": self.case.stage_reached}
            self.complaint.save(update_fields=["next_sequence"])
            Case.objects.filter(pk=self.case.pk).update(step_count=self.step_count, **status, **stage)
            ChainHead.objects.filter(pk=1).update(sequence=self.head.sequence, digest=self.head.digest)
        self.steps.clear()
        self.notes.clear()


def rounds(entries: int) -> Iterator[range]:
    """Yield the numbers of all entries, some at a time."""
    for first in range(0, entries, ROUND):
        yield range(first, min(first + ROUND, entries))


def fill(entries: int) -> None:
    """Make a chain of about so many entries, and close the batch of the one report."""
    chain = Chain()
    for numbers in rounds(entries):
        chain.store([chain.entry(number) for number in numbers])
    batches.close_due(now=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def peak_mib() -> float:
    """Return the most memory that this process has ever held."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def verify() -> dict[str, float]:
    """Verify everything as the job does, without its time limit."""
    idle, begun = peak_mib(), time.perf_counter()
    assert nightly_run.run(today=timezone.localdate(), seconds=math.inf)
    return {
        "seconds": round(time.perf_counter() - begun, 1),
        "idle_mib": idle,
        "peak_mib": peak_mib(),
        "entries": AuditEntry.objects.aggregate(last=models.Max("sequence"))["last"],
        "faults": VerificationFault.objects.count(),
    }


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(int(sys.argv[2]))
    else:
        print(json.dumps(verify()))
