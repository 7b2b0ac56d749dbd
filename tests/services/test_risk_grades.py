"""The risk of cases for lists: read from sealed search documents in the session, kept up to date, never a column."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone

from complaints import access
from complaints.domain.risk import RiskGrade
from complaints.models.case import Case
from complaints.models.search_document import SearchDoc
from complaints.services import assessments, case_file, case_links, conflicts, follow_up, risk_grades, search_scan
from complaints.services.keyring import Actor, Locked
from complaints.services.risk_grades import TooManyCases
from complaints.services.search_documents import DocumentKeys
from complaints.services.transitions import CaseVersion
from tests.cases import complaint_of
from tests.floods import first_looks
from tests.world import Cast, Sent, send_report


def actor(cast: Cast, name: str = "vera") -> Actor:
    return Actor(cast.ring(name), timezone.now())


def assess(cast: Cast, sent: Sent, grade: RiskGrade) -> None:
    assessments.record_risk(complaint=complaint_of(sent), answers={}, grade=grade, why="x", actor=actor(cast))


def grades(cast: Cast, name: str = "vera") -> risk_grades.RiskGrades:
    return risk_grades.risk_grades(actor=actor(cast, name), cases=access.cases_for(actor(cast, name).staff))


def test_the_last_grade_of_each_case_is_read_from_documents(cast: Cast) -> None:
    high, low, linked, _none = (send_report() for _number in range(4))
    first_looks(cast)
    assert grades(cast).by_case == {}
    assess(cast, high, RiskGrade.LOW)
    assess(cast, high, RiskGrade.HIGH)
    assess(cast, low, RiskGrade.LOW)
    assert grades(cast).by_case == {high.case.pk: RiskGrade.HIGH, low.case.pk: RiskGrade.LOW}
    assess(cast, linked, RiskGrade.MEDIUM)
    sources = {linked.case.pk: CaseVersion("received")}
    case_links.link(actor=actor(cast), target_id=low.case.pk, sources=sources, reason="Sama.")
    result = grades(cast, "vino")
    assert result.by_case == {high.case.pk: RiskGrade.HIGH, low.case.pk: RiskGrade.MEDIUM}
    assert (list(result.cases_of(RiskGrade.MEDIUM)), result.unread) == ([low.case.pk], 0)


def test_a_case_in_conflict_is_never_decrypted(cast: Cast) -> None:
    mine, other = send_report(), send_report()
    first_looks(cast)
    assess(cast, mine, RiskGrade.HIGH)
    assess(cast, other, RiskGrade.HIGH)
    conflicts.declare_conflict(actor=actor(cast, "vino"), case_id=mine.case.pk, reason="Saudara saya.")
    opened: list[object] = []
    original = DocumentKeys.open

    def spied(self: DocumentKeys, report: Any, *columns: Any) -> bytes:
        opened.append(report)
        return original(self, report, *columns)

    with patch.object(DocumentKeys, "open", spied):
        assert set(grades(cast, "vino").by_case) == {other.case.pk}
    assert opened == [complaint_of(other).pk]
    # Also where a caller narrows by nothing.
    everything = search_scan.SearchScan(actor=actor(cast, "vino"), cases=Case.objects.all())
    assert {case for case, _content in everything} == {other.case.pk}


def test_what_is_missing_is_written_in_slices_and_counted(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_scan, "WRITTEN_AT_ONCE", 2)
    sent = [send_report() for _number in range(3)]
    first_looks(cast)
    for report in sent:
        assess(cast, report, RiskGrade.HIGH)
    SearchDoc.objects.filter(complaint=complaint_of(sent[0])).delete()
    # Of the third the document is read that the first look wrote.
    assert (len(grades(cast).by_case), grades(cast).unread) == (2, 0)
    assert (len(grades(cast).by_case), SearchDoc.objects.count()) == (3, 3)


def test_opening_a_case_brings_its_document_up_to_date(cast: Cast) -> None:
    sent = send_report()
    first_looks(cast)
    follow_up.add_message(ticket=sent.ticket, text="Ada satu lagi.", files=[], today=timezone.localdate())
    case_file.open_case(actor=actor(cast), case_id=sent.case.pk)
    row, report = SearchDoc.objects.get(), complaint_of(sent)
    assert (row.version, row.next_sequence) == (2, report.next_sequence)
    SearchDoc.objects.update(next_sequence=row.next_sequence + 1)
    assert (grades(cast).by_case, grades(cast).unread) == ({}, 1)


def test_too_many_cases_are_narrowed_first_and_a_body_reads_none(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_scan, "READ_AT_MOST", 1)
    send_report(), send_report()
    first_looks(cast)
    with pytest.raises(TooManyCases):
        grades(cast)
    with pytest.raises(Locked):
        grades(cast, "kirana")
