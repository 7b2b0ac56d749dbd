"""Lists and exports hold each line against the chain: what somebody has just written into the database is not told."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models import triggers
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, CaseStep
from complaints.services import assignment, case_links, first_look, follow_up
from complaints.services.audit import recorded_lines
from complaints.services.audit.state import states_of
from complaints.services.keyring import Actor
from complaints.services.transitions import CaseVersion
from tests.cases import act, forwarded, in_review
from tests.database import editor
from tests.world import Cast, Sent, SignedIn, send_report

QUEUE = "admin:complaints_case_changelist"
WORDS = "Not shown: it differs from the audit chain. Tell an auditor."
FAR = timezone.localdate() + timedelta(days=400)

# What each does to a case in review that has an officer, and what the queue would say without a comparison.
COLUMNS: list[dict[str, Any]] = [
    {"status": "verified"},
    {"status": "received", "step_count": 0, "stage_reached": 1},
    {"due_on": FAR},
    {"due_on": None},
    {"status_on": FAR},
    {"lead_body": "bkn"},
    {"assignee": None},
    {"stands_for": "vera"},
    {"confirmed_on": None},
    {"category": "C1"},
    {"accused_kind": "colleague"},
    {"province": "31"},
    {"agency_kind": "village"},
    {"received_on": date(2020, 1, 1)},
    {"reference": "KN-26-OTHER0"},
    {"lane": "out"},
]


def altered_in_turn(sent: Sent, cast: Cast) -> Iterator[str]:
    """Alter the case by each of COLUMNS alone; yield its reference each time, then put it back."""
    kept = Case.objects.filter(pk=sent.case.pk).values().get()
    for columns in COLUMNS:
        values = {name: cast[value] if name == "stands_for" else value for name, value in columns.items()}
        Case.objects.filter(pk=sent.case.pk).update(**values)
        yield str(columns.get("reference", sent.case.reference))
        Case.objects.filter(pk=sent.case.pk).update(**kept)


def exported(client: Client) -> list[list[str]]:
    form = {"columns": ["reference", "status", "due"], "form": "csv", "reason": "report"}
    page: Any = client.post(reverse("admin:complaints_case_export") + "?status=every", form)
    return list(csv.reader(b"".join(page.streaming_content).decode("utf-8-sig").splitlines()))


def differs(sent: Sent) -> bool:
    return bool(recorded_lines.differing([Case.objects.get(pk=sent.case.pk)]))


def test_an_altered_case_is_told_in_no_list_and_no_export(cast: Cast, signed_in: SignedIn) -> None:
    sent, other = in_review(cast), in_review(cast)
    assignment.assign(actor=Actor(cast.ring("vera"), timezone.now()), case_id=sent.case.pk, assignee=cast["vino"])
    assignment.confirm(actor=Actor(cast.ring("vino"), timezone.now()), case_id=sent.case.pk)
    client = signed_in("vera")
    client.post(reverse("admin:me"), {"language": "en"})
    queue = reverse(QUEUE) + "?status=every"
    assert WORDS not in client.get(queue).content.decode()
    for number, reference in enumerate(altered_in_turn(sent, cast)):
        text = client.get(queue).content.decode()
        assert text.count(WORDS) == 1, COLUMNS[number]
        assert reference in text and other.case.reference in text
        rows = [row for row in exported(client) if row and row[0] in (reference, other.case.reference)]
        told = {row[0]: row[1:] for row in rows}
        assert told[reference] == [WORDS], COLUMNS[number]
        assert len(told[other.case.reference]) == 2


def test_steps_that_were_deleted_or_planted_are_told_in_no_list(cast: Cast) -> None:
    deleted, planted, asked = in_review(cast), send_report(), in_review(cast)
    act(cast, "vino", asked, Action.ASK_REPORTER, "Apa?")
    follow_up.add_message(ticket=asked.ticket, text="Ini.", files=[], today=timezone.localdate())
    assert CaseStep.objects.filter(case=asked.case, actor_kind="reporter").exists()
    assert not any(differs(sent) for sent in (deleted, planted, asked))
    triggers.remove_append_only(editor())
    CaseStep.objects.filter(case=deleted.case).delete()
    Case.objects.filter(pk=deleted.case.pk).update(status="received", step_count=0)
    step = CaseStep.objects.filter(case=asked.case).latest("sequence")
    CaseStep.objects.filter(pk=step.pk).update(signature=b"\0" * 64)
    step.pk, step.case_id, step.sequence = uuid.uuid4(), planted.case.pk, 1
    step.save(force_insert=True)
    Case.objects.filter(pk=planted.case.pk).update(status=step.target, step_count=1)
    triggers.install_append_only(editor())
    assert all(differs(sent) for sent in (deleted, planted, asked))


def test_an_entry_that_the_portal_did_not_write_makes_no_row_true(cast: Cast) -> None:
    sent = in_review(cast)
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), timezone.now()))
    newest = AuditEntry.objects.latest("sequence")
    filed = AuditEntry.objects.get(case=sent.case.pk, event="index.written")
    Case.objects.filter(pk=sent.case.pk).update(category="C1")
    filed.sequence, filed.event = newest.sequence + 1, "case.changed"
    filed.subject = sent.case.pk
    filed.facts = {"state": states_of([sent.case.pk], "filing")[sent.case.pk]}
    filed.save(force_insert=True)
    assert differs(sent)


def test_what_is_true_is_told_and_costs_two_queries(cast: Cast) -> None:
    """A case with a body, a new, a withdrawn and a joint one: whose deadline came with a report that was linked."""
    today = timezone.localdate()
    sent, _release = forwarded(cast)
    new, gone, target, linked = send_report(), send_report(), in_review(cast), send_report(today=today - timedelta(9))
    follow_up.withdraw(ticket=gone.ticket, reason="", today=today)
    case_links.link(
        actor=Actor(cast.ring("vera"), timezone.now()),
        target_id=target.case.pk,
        sources={linked.case.pk: CaseVersion("received")},
        seen=CaseVersion("in_review"),
        reason="Sama.",
    )
    keys = [one.case.pk for one in (sent, new, gone)]
    cases = list(Case.objects.filter(pk__in=keys))
    with CaptureQueriesContext(connection) as queries:
        assert not recorded_lines.differing(cases)
    assert len(queries) == 2
    assert not differs(target)
