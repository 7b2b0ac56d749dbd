"""Further filters and orders of the queue: danger and urgency in the member's session, evidence, officer, days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from complaints.domain.risk import RiskGrade
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.search_document import SearchDoc
from complaints.services import case_actions, search_scan
from complaints.services.keyring import Actor
from tests.cases import in_review, with_photo
from tests.views.walk import words
from tests.world import Cast, SignedIn, send_report

QUEUE = "/kantor/complaints/case/"
pytestmark = pytest.mark.django_db


def listed(client: Client, **query: str) -> list[str]:
    return [case.reference for case in client.get(QUEUE, query).context["cl"].result_list]


def graded(cast: Cast, grade: RiskGrade, **changes: Any) -> Case:
    sent = in_review(cast, **changes)
    report = Complaint.objects.get(case=sent.case)
    actor = Actor(cast.ring("vera"), timezone.now())
    case_actions.assess_risk(actor=actor, complaint_id=report.pk, answers={}, grade=grade, why="Dinilai.")
    return sent.case


def test_danger_narrows_and_sorts_and_is_counted(cast: Cast, signed_in: SignedIn) -> None:
    low, high, ungraded = graded(cast, RiskGrade.LOW), graded(cast, RiskGrade.HIGH), in_review(cast).case
    vera = signed_in("vera")
    assert listed(vera, risk="high") == [high.reference]
    assert listed(vera, sort="risk") == [high.reference, low.reference, ungraded.reference]
    page = vera.get(QUEUE, {"risk": "low"})
    assert [case.reference for case in page.context["cl"].result_list] == [low.reference]
    assert dict(page.context["risk"].counts()) == {"tinggi": 1, "sedang": 0, "rendah": 1}
    assert listed(vera, risk="x") == listed(vera)


def test_pages_by_danger_go_on_where_the_last_one_ended(
    cast: Cast, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [graded(cast, grade).reference for grade in (RiskGrade.HIGH, RiskGrade.MEDIUM, RiskGrade.LOW)]
    monkeypatch.setattr("complaints.admin.queue_list.PAGE_SIZE", 1)
    vera, seen, after = signed_in("vera"), [], ""
    for _page in expected:
        page = vera.get(QUEUE, {"sort": "risk", "after": after})
        seen += [case.reference for case in page.context["cl"].result_list]
        after = page.context["page"].after
    assert seen == expected and after == ""


def test_no_column_tells_a_grade(cast: Cast, signed_in: SignedIn) -> None:
    graded(cast, RiskGrade.HIGH)
    vera = signed_in("vera")
    before = list(SearchDoc.objects.order_by("pk").values())
    listed(vera, risk="high")
    after = list(SearchDoc.objects.order_by("pk").values())
    assert {bytes(row["sealed"]) for row in before} <= {bytes(row["sealed"]) for row in after}
    assert b"high" not in b"".join(bytes(row["sealed"]) for row in after)


def test_urgent_are_urgent_categories_and_reporters_in_danger(cast: Cast, signed_in: SignedIn) -> None:
    high, threat = graded(cast, RiskGrade.HIGH), in_review(cast, category="A2").case
    in_review(cast)
    assert set(listed(signed_in("vera"), urgent="yes")) == {high.reference, threat.reference}


def test_too_many_reports_ask_for_other_filters(
    cast: Cast, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded(cast, RiskGrade.HIGH)
    graded(cast, RiskGrade.HIGH)
    monkeypatch.setattr(search_scan, "READ_AT_MOST", 1)
    page = signed_in("vera").get(QUEUE, {"risk": "high"})
    assert "Pilih filter lain dahulu" in words(page) and not page.context["cl"].result_list


def test_evidence_channel_officer_and_days(cast: Cast, signed_in: SignedIn) -> None:
    today = timezone.localdate()
    with_file, without, old = in_review(cast), in_review(cast), in_review(cast)
    with_photo(with_file)
    Case.objects.filter(pk=without.case.pk).update(assignee=cast["vino"])
    Case.objects.filter(pk=old.case.pk).update(received_on=today - timedelta(90))
    vera = signed_in("vera")
    assert listed(vera, evidence="some") == [with_file.case.reference]
    assert with_file.case.reference not in listed(vera, evidence="none")
    assert listed(vera, person=str(cast["vino"].pk)) == [without.case.reference]
    assert listed(vera, until=(today - timedelta(30)).isoformat()) == [old.case.reference]
    assert listed(vera, channel="monitoring") == []
    assert listed(vera, sort="oldest")[0] == old.case.reference
    assert listed(vera, sort="newest")[-1] == old.case.reference
    page = vera.get(QUEUE, {"person": str(cast["vino"].pk), "since": date(2020, 1, 1).isoformat()})
    assert "Vino" in page.context["in_words"] and page.context["further"]["number"] == 2


def test_saved_filters_are_counted_when_asked_and_come_back(cast: Cast, signed_in: SignedIn) -> None:
    send_report(province="71")
    vera = signed_in("vera")
    vera.post(f"{QUEUE}saringan/", {"name": "Sulut", "back": "province=71"})
    assert [number for _row, number in vera.get(QUEUE).context["saved"]] == [""]
    ((row, number),) = vera.get(QUEUE, {"count": "saved"}).context["saved"]
    assert (row.name, number) == ("Sulut", "1")
    page = vera.post(f"{QUEUE}saringan/{row.id}/hapus/", follow=True)
    assert page.context["deleted_filter"] == "Sulut" and page.context["saved"] == []
    page = vera.post(f"{QUEUE}saringan/batal/", follow=True)
    assert [row.name for row, _number in page.context["saved"]] == ["Sulut"] and not page.context["deleted_filter"]


def test_only_members_of_triage_read_danger(cast: Cast, signed_in: SignedIn) -> None:
    graded(cast, RiskGrade.HIGH)
    page = signed_in("super").get(QUEUE, {"risk": "high"})
    assert page.status_code == 200 and page.context["risk"] is None and page.context["further"] is None
