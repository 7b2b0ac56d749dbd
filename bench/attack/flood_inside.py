"""Sends a flood through the services and lets two members handle it, as they would by the pages of the lane.

Django has to be set up. Nothing is undone here: the caller's transaction does that.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from django.utils import timezone

from bench.attack.flood import FloodReport, FloodResult
from complaints.models.case import Case, Lane
from complaints.models.complaint import Complaint
from complaints.services import case_file, first_look, lane_proposals, submission
from complaints.services.evidence import drafts
from complaints.services.keyring import Actor, Keyring
from complaints.services.lane_proposals import Words
from complaints.services.submission import Draft

# Makes the files of a report, sealed and stored, each time anew.
Files = Callable[[], Sequence[drafts.DraftFileInfo]]
# So many acts on, the junk is not going to be handled.
GIVES_UP = 40
WORDS = Words(reason="Kiriman massal.", text="Laporan {reference} kami tutup karena isinya sama dengan banyak laporan.")


@dataclass(frozen=True)
class Office:
    """Who handles the flood: ``officer`` proposes, ``colleague`` confirms; ``close_day`` closes the open batch."""

    officer: Callable[[], Keyring]
    colleague: Callable[[], Keyring]
    close_day: Callable[[], None]


def handle_flood(
    reports: Iterable[FloodReport],
    *,
    base: Draft,
    same_file: Callable[[], Sequence[drafts.DraftFileInfo]],
    office: Office,
) -> FloodResult:
    """Send reports that answer as ``base`` but for their own answers, and handle what comes into the lane."""
    today = timezone.localdate()
    kinds = {_send(report, base, same_file, today): report.kind for report in reports}
    while Complaint.objects.filter(index_entry=None, case__in=kinds).exists():
        first_look.process_new_reports(actor=_actor(office.officer))
    in_lane = Counter(
        kinds[key] for key in Case.objects.filter(lane=Lane.JUNK, pk__in=kinds).values_list("pk", flat=True)
    )
    office.close_day()
    acts = sampled = slices = 0
    while acts <= GIVES_UP and lane_proposals.open_lane(actor=_actor(office.officer)).ready:
        sampled += _read_sample(_actor(office.officer))
        lane_proposals.propose(actor=_actor(office.officer), words=WORDS)
        slices += _go_on(office.officer)
        view = lane_proposals.open_lane(actor=_actor(office.colleague))
        if view.proposal is not None:
            lane_proposals.confirm(actor=_actor(office.colleague), proposal_id=view.proposal.row.pk)
            slices += _go_on(office.colleague)
        acts += 2
    ended = Case.objects.filter(pk__in=kinds, status="ineligible").values_list("pk", flat=True)
    return FloodResult(dict(in_lane), dict(Counter(kinds[key] for key in ended)), acts, sampled, slices)


def _go_on(ring: Callable[[], Keyring]) -> int:
    """Move on slice by slice, as the script of the page does; return how many slices there were."""
    slices = 1
    while lane_proposals.go_on(actor=_actor(ring)):
        slices += 1
    return slices


def _actor(ring: Callable[[], Keyring]) -> Actor:
    return Actor(ring(), timezone.now())


def _send(report: FloodReport, base: Draft, same_file: Files, today: date) -> uuid.UUID:
    draft = cast(Draft, {**base, **report.answers})
    submission.start_code(draft)
    receipt = submission.submit(draft=draft, files=list(same_file()) if report.same_file else [], today=today)
    return Case.objects.get(reference=receipt.reference).pk


def _read_sample(actor: Actor) -> int:
    """Open the cases of the sample one by one; return how many."""
    sample = lane_proposals.open_lane(actor=actor).sample
    for sampled in sample:
        case_file.open_case(actor=actor, case_id=sampled.case.pk)
    return len(sample)
