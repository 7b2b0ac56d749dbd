"""A case of more reports than a page opens: pages that leave nothing out, and what stands elsewhere is told."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.domain.risk import RiskGrade
from complaints.models.case import Case, InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence
from complaints.services import blind_index, case_actions, case_file, case_links, follow_up
from complaints.services.evidence import processing
from complaints.services.keyring import Actor
from complaints.services.transitions import CaseVersion
from tests.adapters import samples
from tests.views.walk import words
from tests.world import Cast, Sent, SignedIn, change_account, sealed_upload, send_report

pytestmark = pytest.mark.django_db


@pytest.fixture
def joint(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """Five reports of one case in the order of their numbers, of which a page opens two."""
    monkeypatch.setattr(case_file, "REPORTS_A_PAGE", 2)
    sent = [send_report(story=f"Cerita {number}.") for number in range(5)]
    sources = {report.case.pk: CaseVersion("received") for report in sent[1:]}
    case_links.link(actor=actor(cast), target_id=sent[0].case.pk, sources=sources, reason="Satu perkara.")
    by_id = {report.ticket.complaint_id: report for report in sent}
    return [by_id[pk] for pk in Complaint.objects.order_by("day", "pk").values_list("pk", flat=True)]


def actor(cast: Cast, name: str = "vera") -> Actor:
    return Actor(cast.ring(name), timezone.now())


def case_of(joint: list[Sent]) -> Case:
    return Complaint.objects.get(pk=joint[0].ticket.complaint_id).case


def url(joint: list[Sent], page: int = 0, *, name: str = "change", of: Sent | None = None) -> str:
    ids = [case_of(joint).pk, *([of.ticket.complaint_id] if of else [])]
    return reverse(f"admin:complaints_case_{name}", args=ids) + (f"?reports={page}" if page else "")


def numbers(client: Client, address: str) -> list[int]:
    """The numbers of the reports that a page opens."""
    return [int(number) for number in re.findall(r'<h3 id="report-(\d+)"', client.get(address).content.decode())]


def mark_on(client: Client, address: str) -> str:
    return client.get(address).content.decode().split('name="seen" value="')[1].split('"')[0]


def test_every_report_is_on_one_page_and_pages_lead_to_each_other(joint: list[Sent], signed_in: SignedIn) -> None:
    client = signed_in("vera")
    assert [numbers(client, url(joint, page)) for page in (1, 2, 3)] == [[1, 2], [3, 4], [5]]
    for address in (url(joint), url(joint, 9), url(joint) + "?reports=0", url(joint) + "?reports=x"):
        assert numbers(client, address) == [1, 2], address
    first, second, last = (client.get(url(joint, page)) for page in (1, 2, 3))
    assert "Laporan 1 sampai 2 dari 5" in words(first)
    assert "5 laporan" in words(last)
    links = {
        number: re.findall(r'href="\?reports=(\d)#story"', page.content.decode())
        for number, page in enumerate((first, second, last), 1)
    }
    assert {number: set(found) for number, found in links.items()} == {1: {"2"}, 2: {"1", "3"}, 3: {"2"}}
    shown = [set(re.findall(r"Cerita \d", words(page))) for page in (first, second, last)]
    assert [len(stories) for stories in shown] == [2, 2, 1]
    assert len(set.union(*shown)) == 5


def test_a_new_answer_elsewhere_is_told_and_stays_unread_until_its_page(joint: list[Sent], signed_in: SignedIn) -> None:
    client = signed_in("vera")
    client.get(url(joint))
    follow_up.add_message(ticket=joint[4].ticket, text="Ada saksi lain.", files=[], today=timezone.localdate())
    for page in (1, 2):
        text = client.get(url(joint, page)).content.decode()
        assert 'href="?reports=3#report-5"' in text
        assert "Ada saksi lain." not in text
    assert Message.objects.unread().count() == 1
    assert "Ada saksi lain." in words(client.get(url(joint, 3)))
    assert Message.objects.unread().count() == 0
    assert "#report-5" not in client.get(url(joint)).content.decode()


def test_high_risk_elsewhere_is_told_on_each_page(joint: list[Sent], signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vera")
    assert "mendesak:" not in words(client.get(url(joint)))
    case_actions.assess_risk(
        actor=actor(cast), complaint_id=joint[4].ticket.complaint_id, answers={}, grade=RiskGrade.HIGH, why="Diancam."
    )
    assert ["mendesak:" in words(client.get(url(joint, page))) for page in (1, 2, 3)] == [True] * 3


def test_whoever_a_report_elsewhere_names_sees_no_page(joint: list[Sent], signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vino")
    assert client.get(url(joint)).status_code == 200
    other = send_report(accused_name="Vino Contoh", accused_nip="", agency="Dinas Lain")
    sources = {other.case.pk: CaseVersion("received")}
    case_links.link(actor=actor(cast), target_id=case_of(joint).pk, sources=sources, reason="Satu perkara.")
    change_account("vino", first_name="Vino", last_name="Contoh")
    last = Complaint.objects.order_by("-day", "-pk").values_list("pk", flat=True)[0]
    assert last in {report.ticket.complaint_id for report in [*joint, other]}
    for page in (1, 2, 3):
        assert signed_in("vino").get(url(joint, page)).status_code == 404


def test_reports_that_are_left_to_compare_are_told(
    joint: list[Sent], signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blind_index, "REPORTS_AT_ONCE", 3)
    client = signed_in("vera")
    told = ["Belum semua laporan, postingan, dan gambar" in words(client.get(url(joint))) for _ in range(3)]
    assert told == [True, False, False]


def test_a_reporter_is_told_of_openings_of_the_own_page_only(
    joint: list[Sent], signed_in: SignedIn, cast: Cast
) -> None:
    def told() -> list[int]:
        today = timezone.localdate()
        return [follow_up.status_page(ticket=sent.ticket, today=today).opened_count for sent in joint]

    before = told()
    signed_in("vino").get(url(joint))
    assert [now - was for was, now in zip(before, told(), strict=True)] == [1, 1, 0, 0, 0]
    for page in (1, 2):
        signed_in("vino").get(url(joint, page))
    assert [now - was for was, now in zip(before, told(), strict=True)] == [1, 1, 1, 1, 0]
    case_file.open_case(actor=actor(cast, "vino"), case_id=case_of(joint).pk, is_whole=True)
    assert [now - was for was, now in zip(before, told(), strict=True)] == [1] * 5
    assert "Setiap pelapor melihat berapa kali halaman yang memuat laporannya dibuka." in words(
        signed_in("vino").get(url(joint))
    )
    sheet = words(signed_in("vino").get(url(joint, name="custody")))
    assert "sebagian laporan dalam kasus dibuka" in sheet and "kasus dibuka" in sheet


def test_a_form_of_a_later_page_is_saved_and_leads_back_to_it(joint: list[Sent], signed_in: SignedIn) -> None:
    client, last = signed_in("vera"), joint[4]
    mark, address = mark_on(client, url(joint, 3)), url(joint, 3, name="reply", of=last)
    answer = client.post(address, {"text": "Terima kasih, kami baca.", "seen": mark, "do": "send"})
    assert answer.headers["Location"] == url(joint, 3)
    # Nothing typed is lost where the case has changed: the page that holds the report is shown again.
    stale = client.post(url(joint, 3, name="reply", of=last), {"text": "Sekali lagi.", "seen": mark, "do": "send"})
    assert stale.status_code == 409
    assert re.findall(r'<h3 id="report-(\d+)"', stale.content.decode()) == ["5"]
    assert "Sekali lagi." in stale.content.decode()


def test_files_of_a_later_page_lead_back_to_it(joint: list[Sent], signed_in: SignedIn) -> None:
    client, last = signed_in("vera"), joint[4]
    upload = sealed_upload(samples.jpeg(), "foto.jpg")
    follow_up.add_message(ticket=last.ticket, text="", files=[upload], today=timezone.localdate())
    item = Evidence.objects.get(complaint=last.ticket.complaint_id, kind="file")
    processing.end_grants(today=timezone.localdate() + timedelta(days=8))
    evidence = [case_of(joint).pk, item.pk]
    work = reverse("admin:complaints_case_work", args=evidence) + "?reports=3"
    view = reverse("admin:complaints_case_view", args=evidence) + "?reports=3"
    stored = item.objects_stored.get(variant="original").pk
    original = reverse("admin:complaints_case_file", args=[case_of(joint).pk, stored]) + "?reports=3"
    page = client.get(url(joint, 3)).content.decode()
    for address in (f'action="{work}"', f'action="{original}"', f'href="{view}"'):
        assert address in page
    look = client.get(view).content.decode()
    for address in (f'href="{url(joint, 3)}"', f'action="{original}"'):
        assert address in look
    assert client.post(original, {"reason": ""}).headers["Location"] == url(joint, 3)
    assert client.post(work).headers["Location"] == url(joint, 3)
    assert client.post(work).headers["Location"] == url(joint, 3), "nothing left to do"


def test_notes_are_added_on_the_first_page(joint: list[Sent], signed_in: SignedIn) -> None:
    client = signed_in("vera")
    assert 'name="text"' in client.get(url(joint)).content.decode()
    assert "?reports=1#notes" in client.get(url(joint, 2)).content.decode()
    mark = mark_on(client, url(joint))
    client.post(url(joint, name="note", of=joint[0]), {"text": "Catatan.", "seen": mark})
    assert InternalNote.objects.filter(complaint=joint[0].ticket.complaint_id).exists()
    assert "Catatan." in words(client.get(url(joint)))


def test_the_risk_page_of_any_report_opens_and_forwarding_reads_all(
    joint: list[Sent], signed_in: SignedIn, cast: Cast
) -> None:
    client = signed_in("vera")
    for number, sent in enumerate(joint, 1):
        assert client.get(url(joint, name="risk", of=sent)).status_code == 200, number
    whole = case_file.open_case(actor=actor(cast), case_id=case_of(joint).pk, is_whole=True)
    assert [file.complaint.pk for file in whole.complaints] == [sent.ticket.complaint_id for sent in joint]
