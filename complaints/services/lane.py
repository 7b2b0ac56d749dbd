"""The lane of likely junk: puts cases into it when a session of triage meets new reports, and takes them out again.

The rule is ``domain.lane``. It is worked out in the member's session, from search documents that only members can open;
the server compares nothing. Clocks run in the lane as elsewhere, and the reporter's page is the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from complaints import access
from complaints.domain.errors import SealError
from complaints.domain.lane import DAYS_APART, ComparedReport, Verdict, likely_junk, may_be_junk
from complaints.domain.search_document import SearchDocument
from complaints.domain.workflow import Status
from complaints.models.case import IS_ACTIVE, Assessment, Case, InternalNote, Lane
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence
from complaints.models.search_document import SearchDoc
from complaints.services import search_documents
from complaints.services.audit import log
from complaints.services.audit.state import change_facts, state_of, states_of
from complaints.services.keyring import Actor, Locked

# What a comparison reads of each document, of its report and its case.
_COLUMNS: Final = ("complaint", *search_documents.COLUMNS, "complaint__day")
_OF_CASE: Final = ("complaint__case__category__priority", "complaint__case__lane")


# Documents of other reports that a slice of a first look opens, the newest first; so many take half a second.
COMPARED_AT_MOST: Final = 20_000
# Something was written in the case or sent to it since its document was: it is read like any other.
WRITTEN_SINCE: Final = (
    Exists(Message.objects.filter(complaint__case=OuterRef("pk")))
    | Exists(Evidence.objects.filter(complaint__case=OuterRef("pk"), batch__gt=F("complaint__batch")))
    | Exists(
        SearchDoc.objects.filter(complaint__case=OuterRef("pk"))
        .annotate(number=Count("complaint__evidence"))
        .filter(number__gt=F("evidence"))
    )
)


@transaction.atomic
def list_likely_junk(*, actor: Actor, new: Collection[uuid.UUID]) -> int:
    """Put the cases into the lane that are likely junk since these ``new`` reports came; return how many.

    Reports in which the person has a conflict of interest are not opened, and count in a colleague's session. Raises
    Locked, UnpinnedKey, SealError where the search key does not open.
    """
    reports = Complaint.objects.filter(pk__in=new, channel=Complaint.Channel.WEB)
    days = list(reports.values_list("day", flat=True)) if new else []
    if not days:
        return 0
    keys = search_documents.keys_of_team(actor.keyring)
    opened = dict(_compared(actor, keys, Q(complaint__in=new)))
    if not any(may_be_junk(report.document) for report in opened):
        return 0
    opened |= dict(_compared(actor, keys, _came_near(min(days), max(days)) & ~Q(complaint__in=new)))
    # Those that have left the lane never come back, so nothing is asked of them anew.
    known = [report.key for report, lane in opened.items() if lane != Lane.NORMAL]
    verdicts = likely_junk(opened, new=new, known=known)
    return _put_into_lane(actor, verdicts, {report.key: report.document.evidence for report in opened})


def _came_near(first: date, last: date) -> Q:
    """Return the condition on documents of reports that came within DAYS_APART days of a span of days."""
    span = (first - timedelta(days=DAYS_APART), last + timedelta(days=DAYS_APART))
    # By the case's day as well, for which there is an index.
    return Q(complaint__day__range=span, complaint__case__received_on__range=span)


def _compared(actor: Actor, keys: search_documents.DocumentKeys, condition: Q) -> Iterable[tuple[ComparedReport, str]]:
    """Yield the reports of reporters whose documents open, each with the lane of its case."""
    rows = SearchDoc.objects.filter(
        condition,
        team__slug=actor.keyring.report_team,
        complaint__channel=Complaint.Channel.WEB,
        complaint__case__is_practice=False,
    ).exclude(complaint__case__in=access.conflicted_cases(actor.staff))
    newest = rows.order_by("-complaint__day", "-complaint__batch", "pk").values_list(*_COLUMNS, *_OF_CASE)
    for key, *columns, day, priority, lane in newest[:COMPARED_AT_MOST].iterator():
        with suppress(SealError, Locked):
            document = SearchDocument.decode(keys.open(key, *columns))
            yield ComparedReport(key, day, priority == "urgent", document), lane


def _put_into_lane(actor: Actor, verdicts: dict[uuid.UUID, Verdict], evidence: Mapping[uuid.UUID, int]) -> int:
    """Put the cases of these reports into the lane on which nobody has acted, and record why.

    ``evidence`` says how many files and posts each report had, by its sealed document.
    """
    if not verdicts:
        return 0
    locked = Complaint.objects.select_for_update().filter(pk__in=verdicts).order_by("pk")
    report_of = {case: key for key, case in locked.values_list("pk", "case")}
    verdict_of = {case: verdicts[key] for case, key in report_of.items()}
    cases = list(untouched(verdict_of).filter(lane=Lane.NORMAL).select_for_update(of=("self",)).order_by("pk"))
    ids = [case.pk for case in cases]
    before = states_of(ids, "lane")
    Case.objects.filter(pk__in=ids).update(lane=Lane.JUNK)
    after = states_of(ids, "lane")
    for case in ids:
        facts = {"rule": verdict_of[case].rule.value, "count": verdict_of[case].count}
        facts["evidence"] = evidence[report_of[case]]
        states = {"before": before[case], "state": after[case]}
        # Recorded without an actor: the officer in whose session it happens did not act.
        log.append(event="lane.set", now=actor.now, case=case, subject=case, facts={**facts, **states})
    return len(ids)


def untouched(cases: Collection[uuid.UUID]) -> QuerySet[Case]:
    """Return those of the cases that are as they came: no person has acted on them, and no reporter written again."""
    texts = (InternalNote, Assessment)
    written = (Exists(model._default_manager.filter(complaint__case=OuterRef("pk"))) for model in texts)
    return Case.objects.filter(
        IS_ACTIVE,
        ~WRITTEN_SINCE,
        *(~condition for condition in written),
        ~Exists(CaseMove.objects.filter(target=OuterRef("pk"))),
        pk__in=cases,
        status=Status.RECEIVED,
        step_count=0,
        assigned_by=None,
        confirmed_on=None,
    )


def leave_lane(*, actor: Actor, case: Case, why: str) -> None:
    """Take a locked case out of the lane for good, in the caller's transaction; nothing where it is not in it.

    ``why`` is a code: "person" (somebody says that it is no junk), "act" (somebody acted on it alone), "closed".
    """
    if case.lane != Lane.JUNK:
        return
    before = state_of(case, "lane")
    case.lane = Lane.OUT
    case.save(update_fields=["lane"])
    facts = {"why": why, **change_facts(case, "lane", before=before)}
    actor.record("lane.left", case=case.pk, subject=case.pk, facts=facts)
