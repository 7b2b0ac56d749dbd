"""The audit log as auditors read it: what narrows it, whole names and references, facts in words, paged by number."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.admin.labels import status_label
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.job import JobName, JobRun
from complaints.services import audit_reading, audit_unusual, case_actions
from complaints.services.audit import entitlement, log, nightly_run
from complaints.services.keyring import Actor
from tests.world import Cast, SignedIn, send_report

AUDIT = "admin:complaints_auditentry_changelist"


def events(client: Client, query: str) -> set[str]:
    """Return the words of the events of a page."""
    return {line.event for line in client.get(f"{reverse(AUDIT)}?{query}").context["lines"]}


def test_the_log_is_narrowed_by_person_case_event_and_days(signed_in: SignedIn, cast: Cast) -> None:
    sent, other = send_report(), send_report()
    now = timezone.now()
    case_actions.act(actor=Actor(cast.ring("vera"), now), case_id=sent.case.pk, action=Action.START_REVIEW)
    client = signed_in("audi")
    lines = client.get(f"{reverse(AUDIT)}?person={cast['vera'].pk}").context["lines"]
    assert lines
    assert all("(vera)" in line.person for line in lines)
    assert "(vera)" not in {line.person for line in client.get(f"{reverse(AUDIT)}?person=system").context["lines"]}
    lines = client.get(f"{reverse(AUDIT)}?case={sent.case.pk}").context["lines"]
    assert {line.reference for line in lines} == {sent.case.reference}
    assert other.case.reference not in client.get(f"{reverse(AUDIT)}?case={sent.case.pk}").content.decode()
    assert len(events(client, "event=case.transition")) == 1
    today = timezone.localdate().isoformat()
    assert events(client, f"first={today}&last={today}&event=case.transition")
    assert not events(client, "last=2020-01-01")
    for odd in ("person=x", "case=x", "event=x", "first=gestern", "last=9999-12-31", "first=0001-01-01", "before=-1"):
        assert events(client, odd), odd


def test_facts_are_told_in_words_and_as_stored(signed_in: SignedIn, cast: Cast) -> None:
    sent = send_report()
    actor = Actor(cast.ring("vera"), timezone.now())
    case_actions.act(actor=actor, case_id=sent.case.pk, action=Action.START_REVIEW)
    actor.record("case.assigned", case=sent.case.pk, facts={"assignee": str(cast["vino"].pk), "odd": "1"})
    client = signed_in("audi")
    moved, *_earlier = client.get(f"{reverse(AUDIT)}?event=case.transition").context["lines"]
    told = {str(status_label("received")), str(status_label("in_review"))}
    assert told <= {value for _name, value in moved.facts}
    given, *_earlier = client.get(f"{reverse(AUDIT)}?event=case.assigned").context["lines"]
    assert len(given.facts) == 1
    assert "(vino)" in given.facts[0][1]
    assert ("odd", "1") in given.raw


def test_a_typed_reference_leads_to_its_case_by_id(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = send_report(), signed_in("audi")
    typed = sent.case.reference.lower().replace("-", " ")
    response = client.post(reverse("admin:audit_case"), {"reference": typed})
    assert response["Location"] == f"{reverse(AUDIT)}?case={sent.case.pk}"
    response = client.post(reverse("admin:audit_case"), {"reference": "KN-20-000000"})
    assert response["Location"] == reverse(AUDIT)


def test_pages_follow_by_number_and_nothing_is_counted(
    signed_in: SignedIn, cast: Cast, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: object
) -> None:
    for _entry in range(5):
        log.append(event="queue.opened", now=timezone.now(), facts={"shown": 3})
    monkeypatch.setattr(audit_reading, "ENTRIES_PER_PAGE", 2)
    numbers: list[int] = []
    client, query = signed_in("audi"), "event=queue.opened"
    while query:
        with django_assert_max_num_queries(12) as asked:  # type: ignore[operator]
            page = client.get(f"{reverse(AUDIT)}?{query}").context
        assert not [query for query in asked.captured_queries if "COUNT(" in query["sql"] and "audite" in query["sql"]]
        numbers += [line.sequence for line in page["lines"]]
        query = page["further"]
    stored = AuditEntry.objects.filter(event="queue.opened").order_by("-sequence").values_list("sequence", flat=True)
    assert numbers == list(stored)


def test_an_auditor_sets_the_verification_due_and_the_night_knows(signed_in: SignedIn, cast: Cast) -> None:
    assert nightly_run.run(today=timezone.localdate(), seconds=60)
    assert nightly_run.is_finished(today=timezone.localdate())
    assert signed_in("audi").post(reverse("admin:audit_verify")).status_code == 302
    due = JobRun.objects.get(name=JobName.VERIFY_CHAIN)
    assert due.due_at <= timezone.now()
    entry = AuditEntry.objects.get(event="verification.asked")
    assert entry.actor == cast["audi"].pk
    assert entitlement.is_entitled(entry)
    entry.rights = "verifier"
    assert not entitlement.is_entitled(entry)
    assert not nightly_run.is_finished(today=timezone.localdate())
    assert signed_in("adi").post(reverse("admin:audit_verify")).status_code == 404


def test_an_export_is_an_entry_and_holds_what_is_selected(
    signed_in: SignedIn, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _entry in range(5):
        log.append(event="queue.opened", now=timezone.now(), facts={"shown": 3, "odd": "-1"})
    monkeypatch.setattr(audit_reading, "_CHUNK", 2)
    monkeypatch.setattr(audit_reading, "EXPORTED_AT_MOST", 3)
    client = signed_in("audi")
    response = client.post(reverse("admin:audit_export") + "?event=queue.opened")
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 1 + 3
    assert all("odd -1" in line for line in lines[1:])
    entry = AuditEntry.objects.get(event="audit.exported")
    assert (entry.actor, entry.facts) == (cast["audi"].pk, {"rows": 3, "event": "queue.opened"})
    assert signed_in("vera").post(reverse("admin:audit_export")).status_code == 404


def test_unusual_reading_is_listed_person_by_person(signed_in: SignedIn, cast: Cast) -> None:
    sent, worked = send_report(), send_report()
    Case.objects.filter(pk=sent.case.pk).update(assignee=cast["vino"])
    day = timezone.localtime().replace(minute=10) - timedelta(days=1)
    for hour, case in ((23, sent.case.pk), (12, worked.case.pk)):
        log.append(event="case.opened", now=day.replace(hour=hour), actor=cast["vera"], case=case)
    log.append(event="note.written", now=day, actor=cast["vera"], case=worked.case.pk)
    old = day - timedelta(days=30)
    log.append(event="case.opened", now=old.replace(hour=23), actor=cast["fitri"], case=sent.case.pk)
    listed = audit_unusual.unusual_readers(reader=cast["audi"], now=timezone.now())
    assert [(row.person, row.at_night, row.in_an_hour, row.of_others, row.without_step) for row in listed] == [
        (cast["vera"].pk, 1, 0, 1, 1)
    ]
    page = signed_in("audi").get(reverse("admin:audit_unusual")).content.decode()
    assert str(cast["vera"].pk) in page
    assert signed_in("adi").get(reverse("admin:audit_unusual")).status_code == 404
