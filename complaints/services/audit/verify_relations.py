"""Verifies what hangs on reports and releases: conflicts of interest, index entries, released files and keys, files."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from complaints.domain.sealing.primitives import blake2b
from complaints.domain.workflow import Action
from complaints.models.audit import CONFLICT_EVENTS, CONFLICT_LIFTED, AuditEntry, ChainHead
from complaints.models.batch import Batch
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import Release, ReleaseStep
from complaints.models.removal import RemovalRequest
from complaints.models.team import Staff
from complaints.services.audit import recorded_erasures, verify_states
from complaints.services.audit.faults import Fault, RowCheck, Rows, Scope, lock, once
from complaints.services.audit.state import index_roots, release_roots

Variant = EvidenceObject.Variant
# A batch that does not exist takes no file.
NOT_WORKED: Final = Q(worked_batch=None) | ~Q(worked_batch__in=Batch.objects.values("number"))
State = Evidence.State
_REMOVAL_STATES: Final = {
    "teamkey.removal_asked": RemovalRequest.State.OPEN,
    "teamkey.removal_stopped": RemovalRequest.State.STOPPED,
    "teamkey.removal_withdrawn": RemovalRequest.State.WITHDRAWN,
    "teamkey.removal_confirmed": RemovalRequest.State.DONE,
    "teamkey.removal_completed": RemovalRequest.State.DONE,
}


_RELEASE_EVENTS: Final = ("release.made", "release.recalled")
_REMOVAL_COLUMNS: Final = ("state", "team__slug", "membership", "asked_by", "asked_at", "decided_by", "decided_at")


# --- Conflicts of interest: each entry names a report and a person ----------------------------------------------------


def _conflict_faults(people: Sequence[uuid.UUID]) -> Iterator[Fault]:
    entries = AuditEntry.objects.filter(subject__in=people, event__in=CONFLICT_EVENTS)
    concerned = set(entries.order_by().values_list("subject", flat=True).distinct())
    concerned |= set(Conflict.objects.filter(staff__in=people).values_list("staff", flat=True).distinct())
    for person in sorted(concerned, key=str):
        if person and any(_faults_of_person(person)):
            # Again with the person's reports locked, as whoever writes a conflict does.
            with transaction.atomic():
                lock(Complaint.objects.filter(conflicts__staff=person))
                faults = list(_faults_of_person(person))
            yield from faults


def _faults_of_person(person: uuid.UUID) -> Iterator[Fault]:
    recorded: dict[uuid.UUID, tuple[str, bool, int]] = {}
    entries = AuditEntry.objects.filter(subject=person, event__in=CONFLICT_EVENTS).order_by("sequence")
    for sequence, event, facts in entries.values_list("sequence", "event", "facts").iterator():
        report = uuid.UUID(str(facts["complaint"]))
        kind = recorded[report][0] if event == CONFLICT_LIFTED and report in recorded else event.partition(".")[2]
        recorded[report] = (kind, event == CONFLICT_LIFTED, sequence)
    rows = Conflict.objects.filter(staff=person).values_list("complaint", "kind", "is_lifted")
    for report, kind, is_lifted in rows.iterator():
        subject = f"conflict {report.hex} {person.hex}"
        if report not in recorded:
            yield Fault(None, "conflict.unrecorded", subject)
            continue
        recorded_kind, lifted, sequence = recorded.pop(report)
        if (kind, is_lifted) != (recorded_kind, lifted):
            yield Fault(sequence, "conflict.altered", subject)
    erased = recorded_erasures.erased_reports(recorded) if recorded else set()
    for report, (_kind, _lifted, sequence) in recorded.items():
        if report not in erased:
            yield Fault(sequence, "conflict.gone", f"conflict {report.hex} {person.hex}")


# --- The blind index: each entry holds the root of a report's rows, and the report names its newest entry -------------


def _index_faults(reports: Sequence[uuid.UUID]) -> Iterator[Fault]:
    for report in [key for key, fault in _index_faults_of(reports).items() if fault]:
        with transaction.atomic():
            lock(Complaint.objects.filter(pk=report))
            fault = _index_faults_of([report]).get(report)
        if fault:
            yield fault


def _index_faults_of(reports: Collection[uuid.UUID]) -> dict[uuid.UUID, Fault | None]:
    numbers = dict(Complaint.objects.filter(pk__in=reports).values_list("pk", "index_entry"))
    stored = {report: roots.root for report, roots in index_roots(list(numbers)).items()}
    empty = index_roots([uuid.UUID(int=0)])[uuid.UUID(int=0)].root
    compared = verify_states.compare(stored, dict.fromkeys(numbers, empty), ["index.written"])
    rows = IndexEntry.objects.filter(complaint__in=reports)
    other_days = set(rows.exclude(day=F("complaint__day")).values_list("complaint", flat=True))
    faults: dict[uuid.UUID, Fault | None] = {}
    for report, (sequence, code) in compared.items():
        # Without an entry the report names none; one that names none is read by the office as if nobody had seen it.
        altered = bool(code) or numbers[report] != sequence or report in other_days
        faults[report] = Fault(sequence, "index.altered", f"complaint {report}", stored[report]) if altered else None
    return faults


# --- Releases: the root in their entry takes all that belongs to them; their state follows from steps and entries ----


def _releases(scope: Scope) -> Rows:
    return Release.stored.filter(case__in=scope.cases().values("pk"))


def _release_faults(keys: Sequence[uuid.UUID]) -> Iterator[Fault]:
    for key in _altered_releases(keys):
        with transaction.atomic():
            lock(Case.objects.filter(releases=key))
            lock(Release.stored.filter(pk=key))
            still = _altered_releases([key])
        if key in still:
            yield Fault(still[key][0], "release.altered", f"release {key}", still[key][1])


def _altered_releases(keys: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[int | None, str]]:
    """Return the releases that are not as made, each with its entry and its present root."""
    roots, recalled = release_roots(keys), set[uuid.UUID]()
    recorded: dict[uuid.UUID, tuple[int, str]] = {}
    entries = AuditEntry.objects.filter(subject__in=keys, event__in=_RELEASE_EVENTS).order_by("sequence")
    for subject, sequence, event, facts in entries.values_list("subject", "sequence", "event", "facts").iterator():
        if subject is not None:
            recorded[subject] = (sequence, str(facts.get("root")))
            recalled |= {subject} if event == "release.recalled" else set()
    expected = _release_states(keys, recalled)
    altered: dict[uuid.UUID, tuple[int | None, str]] = {}
    for key, state in Release.stored.filter(pk__in=keys).values_list("pk", "state"):
        entry = recorded.get(key)
        if entry is None or roots[key] != entry[1] or state != expected[key]:
            altered[key] = (entry[0] if entry else None, f"{roots[key]}.{state}")
    return altered


def _release_states(keys: Collection[uuid.UUID], recalled: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the state of each release: as recalled, or returned where its body gave the case back since.

    A further release, and what was sent with it, ends by the last of its own steps.
    """
    columns = ("pk", "case", "body", "after_step")
    releases = list(Release.stored.filter(pk__in=keys, is_further=False).values_list(*columns))
    actions = [action.value for action in (Action.RETURN, Action.DECLINE, Action.RECALL)]
    steps = CaseStep.objects.filter(case__in={case for _pk, case, _body, _after in releases}, action__in=actions)
    ends: dict[tuple[uuid.UUID, str | None], int] = {}
    for case, body, sequence in steps.order_by("sequence").values_list("case", "body", "sequence").iterator():
        ends[case, body] = sequence
    states = Release.State
    returned = {pk for pk, case, body, after in releases if ends.get((case, body), 0) > after}
    given_back = ReleaseStep.objects.filter(action__in=actions).values("release")
    further = Release.stored.filter(pk__in=keys, is_further=True)
    releases += further.values_list(*columns)
    returned |= set(further.filter(Q(pk__in=given_back) | Q(first__in=given_back)).values_list("pk", flat=True))
    return {
        pk: (states.RECALLED if pk in recalled else states.RETURNED if pk in returned else states.OPEN).value
        for pk, *_columns in releases
    }


# --- Files that were not worked on yet: what was is a leaf of the batch in which it was done --------------------------


def _evidence(scope: Scope) -> Rows:
    return Evidence.objects.filter(NOT_WORKED, complaint__in=scope.reports().values("pk"))


def _evidence_faults(keys: Sequence[uuid.UUID]) -> Iterator[Fault]:
    for key in _misplaced(keys):
        with transaction.atomic():
            lock(Evidence.objects.filter(pk=key))
            still = _misplaced([key])
        if still:
            yield Fault(None, "evidence.state", f"evidence {key}")


def _misplaced(keys: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """Return the files that nobody has worked on, and that do not wait or have a copy; and posts that do not rest."""
    rows = Evidence.objects.filter(NOT_WORKED, pk__in=keys)
    waiting = {State.PENDING.value, State.OFFICER.value}
    files = rows.filter(kind=Evidence.Kind.FILE)
    wrong = set(files.exclude(state__in=waiting).values_list("pk", flat=True))
    wrong |= set(files.exclude(sealed_report=None).values_list("pk", flat=True))
    copies = EvidenceObject.objects.filter(evidence__in=rows).exclude(variant=Variant.ORIGINAL)
    wrong |= set(copies.values_list("evidence", flat=True))
    posts = rows.filter(kind=Evidence.Kind.POST).exclude(state=State.NO_COPY)
    return sorted(wrong | set(posts.values_list("pk", flat=True)))


# --- Requests to remove a member: their entries say who asked when for whom, and who decided --------------------------


def _removal_faults(_head: Sequence[object]) -> Iterator[Fault]:
    """Yield the faults of all requests, which are few; with the head locked, behind which each change waits."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        recorded = _recorded_removals()
        stored = {row[0]: row[1:] for row in RemovalRequest.objects.values_list("pk", *_REMOVAL_COLUMNS)}
        for key in sorted(stored.keys() | recorded.keys()):
            sequence, columns = recorded.get(key, (None, ()))
            if stored.get(key, ()) != columns:
                code = "state.altered" if sequence else "state.unrecorded"
                state = blake2b(repr(stored.get(key, ())).encode(), person=b"removal request", size=16).hex()
                yield Fault(sequence, code, f"removal request {key}", state)


def _recorded_removals() -> dict[uuid.UUID, tuple[int, tuple[object, ...]]]:
    """Return by request the number of its newest entry, and its columns as its entries lead to."""
    recorded: dict[uuid.UUID, tuple[int, tuple[object, ...]]] = {}
    entries = AuditEntry.objects.filter(event__in=_REMOVAL_STATES, subject__isnull=False).order_by("sequence")
    columns = ("subject", "sequence", "event", "actor", "at", "facts")
    for subject, sequence, event, actor, at, facts in entries.values_list(*columns).iterator():
        state = str(_REMOVAL_STATES[event])
        if state == RemovalRequest.State.OPEN or subject not in recorded:
            asked = (str(facts.get("team")), uuid.UUID(str(facts.get("membership"))), actor, at)
            recorded[subject] = sequence, (state, *asked, None, None)
        else:
            recorded[subject] = sequence, (state, *recorded[subject][1][1:5], actor, at)
    return recorded


def _staff(_scope: Scope) -> Rows:
    return Staff.objects.all()


CHECKS: tuple[RowCheck, ...] = (
    RowCheck("conflict", _staff, _conflict_faults),
    RowCheck("index", lambda scope: scope.reports(), _index_faults),
    RowCheck("release", _releases, _release_faults),
    RowCheck("evidence", _evidence, _evidence_faults),
    RowCheck("removal", once, _removal_faults),
)
