"""What runs in a case as staff see it: promises that can be late, targets of others, and the days of Bawaslu."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from complaints.admin import case_summary
from complaints.domain.workflow import PROMISED, Action, Status
from complaints.models.case import Case
from complaints.models.oversight import OversightBody
from complaints.models.reference_data import Election
from complaints.services import assignment, case_deadlines, reference_data
from complaints.services.keyring import Actor
from tests.admin.test_export import FORM, URL, rows_of
from tests.cases import body_act, forwarded
from tests.rules import record_table
from tests.world import Cast, SignedIn, send_report

QUEUE = "admin:complaints_case_changelist"
TODAY = date(2026, 11, 20)


@pytest.mark.parametrize("status", Status)
def test_only_our_promises_are_late(status: Status) -> None:
    case = Case(status=status.value, status_on=TODAY - timedelta(days=30), due_on=TODAY - timedelta(days=3))
    case.lead_body = OversightBody(short_name="BKN")
    shown = case_summary.case_deadline(case, TODAY, waiting_since=TODAY - timedelta(days=50))
    assert (shown.level == "late") == (status in PROMISED)
    waited = {
        Status.NEEDS_INFORMATION: "pelapor belum menjawab, 30 hari",
        Status.FORWARDED: "BKN belum menjawab, 30 hari",
        Status.UNDER_EXAMINATION: "BKN belum menjawab, 30 hari",
        Status.SUBSTANTIATED: "BKN belum menjawab, 30 hari",
        Status.AWAITING_AGENCY: "instansi belum menjawab, 50 hari",
        Status.OVERDUE_AGENCY: "instansi belum menjawab, 50 hari",
    }
    assert shown.words == waited.get(status, "terlambat 3 hari" if status in PROMISED else "tanpa tenggat")


def test_agency_that_does_not_answer_is_waited_for_and_never_late(cast: Cast, signed_in: SignedIn) -> None:
    sent, release = forwarded(cast)
    for action, text in ((Action.TAKE_UP, ""), (Action.SUBSTANTIATE, "Terbukti."), (Action.AWAIT_AGENCY, "Sedang.")):
        body_act(cast, "kirana", release, action, text=text)
    new = send_report(accused_name="Orang Lain").case
    later = timezone.now() + timedelta(days=60)
    assert case_deadlines.run_deadlines(now=later) == 1
    with time_machine.travel(later, tick=False):
        case = Case.objects.get(pk=sent.case.pk)
        assert (case.status, case.due_on is not None) == ("overdue_agency", True)
        vera = signed_in("vera")
        page = vera.get(reverse(QUEUE)).content.decode()
        assert "instansi belum menjawab, 60 hari" in page
        # By the day of the target among the others; the new report is late since long before.
        assert page.index(new.reference) < page.index(case.reference)
        late = vera.get(reverse(QUEUE) + "?due=late").content.decode()
        waiting = vera.get(reverse(QUEUE) + "?due=waiting").content.decode()
        assert new.reference in late and case.reference not in late
        assert case.reference in waiting and new.reference not in waiting
        text = vera.get(reverse("admin:complaints_case_change", args=[case.pk])).content.decode()
        assert "instansi belum menjawab, 60 hari" in text and "terlambat 6" not in text
        # The body reads the same number, in its list and on the release; so does who hands cases over.
        kirana, page = signed_in("kirana"), reverse("admin:complaints_release_change", args=[release.pk])
        for address in (reverse("admin:complaints_release_changelist"), page):
            assert "instansi belum menjawab, 60 hari" in kirana.get(address).content.decode(), address
        assignment.assign(actor=Actor(cast.ring("vera"), later), case_id=case.pk, assignee=cast["vera"])
        given = vera.get(reverse("admin:complaints_absence_changelist")).content.decode()
        assert "instansi belum menjawab, 60 hari" in given
        # And the reporter, from the day of the recommendation on.
        on_phone = Client()
        assert on_phone.post("/cek/", {"code": sent.code}).url == "/cek/laporan/"
        told = " ".join(on_phone.get("/cek/laporan/").content.decode().split())
        assert "Jawaban instansi belum tercatat, 60 hari sejak rekomendasi." in told
        columns = ["reference", "late", "due", "target", "waited"]
        rows = {row[0]: row[1:] for row in rows_of(vera.post(URL, FORM | {"columns": columns})) if row}
        assert rows[case.reference] == ["tidak", "", case.due_on.isoformat(), "60"]
        assert rows[new.reference][0] != "tidak" and rows[new.reference][2:] == ["", ""]
        # This week's share counts what is still open and late.
        punctual = vera.get(reverse("admin:index")).context["charts"][-1]
        assert punctual.bars[-1].words == "0% (0 dari 1)"


def test_operator_sets_when_an_agency_is_reminded(cast: Cast, settings: Settings) -> None:
    settings.AGENCY_REMINDER_DAYS = 30
    _sent, release = forwarded(cast)
    for action, text in ((Action.TAKE_UP, ""), (Action.SUBSTANTIATE, "Terbukti."), (Action.AWAIT_AGENCY, "Sedang.")):
        body_act(cast, "kirana", release, action, text=text)
    due_on, started = Case.objects.get().due_on, timezone.localdate()
    days = [started + timedelta(days=number) for number in range(1, (due_on - started).days + 1)]
    closed = reference_data.closed_days(started.year)
    assert sum(day.weekday() < 5 and day not in closed for day in days) == 30


def test_days_of_bawaslu_say_the_safe_day_first_and_never_refuse(cast: Cast) -> None:
    case = Case(status="in_review", due_on=TODAY, status_on=TODAY)
    answers = {"category": "A1", "event_from": "2026-12-01", "learnt_on": "2026-12-01"}

    def words(today: date, **changes: str) -> str:
        return case_summary.case_deadlines(case, [answers | changes], today)[2]["words"]

    live = words(date(2026, 12, 2))
    assert live == "paling aman Senin, 7 Des 2026, hari terakhir Selasa, 8 Des 2026 (7 hari kalender, perkiraan)"
    assert words(date(2026, 12, 8)) == "segera; hari terakhir Selasa, 8 Des 2026 (perkiraan)"
    after = words(date(2026, 12, 9))
    assert after == "hari terakhir Selasa, 8 Des 2026; masih dapat sebagai informasi awal"
    assert "tidak tercatat pemilihan" in words(TODAY, event_from="2025-06-02", learnt_on="2025-06-02")
    election = Election.objects.get(pk="cakrawala-2027")
    election.pk, election.kind, election.voting_on = "pemilu-uji", "pemilu", date(2027, 2, 17)
    election.save(force_insert=True)
    record_table(Election)
    asked = words(date(2026, 12, 2))
    assert asked == "paling aman Senin, 7 Des 2026; dua pemilihan berjalan pada tanggal itu: tanyakan yang mana"
