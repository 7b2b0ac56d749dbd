"""The pages of erasure: proposed by one officer, confirmed by another, refused, held back, asked for."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.erasure import Erasure, LegalHold
from complaints.services import erasure_days, follow_up
from complaints.services.erasure import erasing, erasure_requests
from tests.cases import act, in_review
from tests.views.walk import words
from tests.world import Cast, Sent, SignedIn, send_report

pytestmark = pytest.mark.django_db
LIST = "/kantor/penghapusan/"


@pytest.fixture
def no_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every period be over on the day on which it begins."""

    def last_day_of(_limit: str, since: date) -> date:
        return since

    monkeypatch.setattr(erasure_days, "last_day_of", last_day_of)
    monkeypatch.setattr(erasure_days, "limit_rule", lambda _name, _edition: SimpleNamespace(number=0))


def withdrawn() -> Sent:
    sent = send_report()
    follow_up.withdraw(ticket=sent.ticket, reason="", today=timezone.localdate())
    return sent


def page_of(sent: Sent) -> str:
    return reverse("admin:report_erasure", args=[sent.case.pk, sent.ticket.complaint_id])


def closed(cast: Cast) -> Sent:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN.")
    act(cast, "vino", sent, Action.CONFIRM_INELIGIBLE, "Bukan ASN menurut data.")
    return sent


def ticked(client: Client, name: str) -> list[str]:
    """The values of the boxes of a name that are ticked after the link that ticks all."""
    page = client.get(f"{LIST}?tick=all").content.decode().split("<input")
    return [part.split('value="')[1].split('"')[0] for part in page if f'name="{name}"' in part and "checked" in part]


@pytest.mark.usefixtures("no_periods")
def test_from_the_list_to_the_page_of_the_code(cast: Cast, signed_in: SignedIn) -> None:
    sent, other = withdrawn(), withdrawn()
    vera, vino = signed_in("vera"), signed_in("vino")
    assert "Masa simpan berakhir" in words(vera.get(reverse("admin:index")))
    page = words(vera.get(LIST))
    assert sent.case.reference in page and "masa simpan laporan yang dicabut" in page
    assert "Centang paling sedikit satu baris." in words(vera.post(LIST, {}, follow=True))
    reports = ticked(vera, "report")
    assert set(reports) == {str(sent.ticket.complaint_id), str(other.ticket.complaint_id)}
    assert "2 penghapusan diusulkan." in words(vera.post(LIST, {"report": reports}, follow=True))
    assert ticked(vera, "erasure") == [], "nobody confirms what they proposed"
    assert "Penghapusan menunggu persetujuan" in words(vino.get(reverse("admin:index")))
    assert "Penghapusan menunggu persetujuan" not in words(vera.get(reverse("admin:index")))
    erasures = ticked(vino, "erasure")
    assert len(erasures) == 2
    told = words(vino.post(f"{LIST}keputusan/", {"erasure": erasures[:1]}, follow=True))
    assert "1 penghapusan disetujui." in told
    row = Erasure.objects.get(pk=erasures[0])
    assert erasing.erase(row.pk, now=timezone.now())
    assert Complaint.stored.get(pk=row.complaint_id).erased_on is not None
    code = {str(item.ticket.complaint_id): item.code for item in (sent, other)}[str(row.complaint_id)]
    assert "Dihapus pada" in words(Client().post("/cek/", {"code": code}, follow=True))
    assert len(ticked(vino, "erasure")) == 1


@pytest.mark.usefixtures("no_periods")
def test_a_refusal_asks_why_and_a_proposer_takes_back(cast: Cast, signed_in: SignedIn) -> None:
    sent = withdrawn()
    vera, vino = signed_in("vera"), signed_in("vino")
    for client, button in ((vino, "Tolak"), (vera, "Tarik usulan")):
        vera.post(LIST, {"report": [str(sent.ticket.complaint_id)]})
        address = reverse("admin:erasure_refuse", args=[Erasure.objects.get(state="proposed").pk])
        assert address in client.get(LIST).content.decode()
        assert button in words(client.get(address))
        assert client.post(address, {"reason": ""}).status_code == 400
        assert "Laporan kembali ke daftar" in words(client.post(address, {"reason": "Belum."}, follow=True))
        assert client.get(address).status_code == 404
    assert ticked(vera, "report") == [str(sent.ticket.complaint_id)]


@pytest.mark.usefixtures("no_periods")
def test_a_hold_set_at_once_stops_what_is_due_until_two_lift_it(cast: Cast, signed_in: SignedIn) -> None:
    sent = withdrawn()
    vera, vino = signed_in("vera"), signed_in("vino")
    page = page_of(sent)
    assert vera.post(page, {"do": "hold"}).status_code == 400
    assert vera.post(page, {"do": "nothing"}).status_code == 404
    assert "Penghapusan ditunda." in words(vera.post(page, {"do": "hold", "ground": "court"}, follow=True))
    assert LegalHold.objects.get().ground == "court"
    assert "penundaan penghapusan" in words(vera.get(LIST)) and ticked(vera, "report") == []
    assert "Penghalang sekarang: penundaan penghapusan." in words(vera.get(page))
    refused = words(vera.post(LIST, {"report": [str(sent.ticket.complaint_id)]}, follow=True))
    assert "ada penghalang: penundaan penghapusan" in refused
    assert "Diminta." in words(vera.post(page, {"do": "ask_lift"}, follow=True))
    assert "Akhiri penundaan" not in words(vera.get(page)) and "Akhiri penundaan" in words(vino.get(page))
    assert "harus diputuskan orang lain" in words(vera.post(page, {"do": "lift"}, follow=True))
    assert "Penundaan penghapusan diakhiri." in words(vino.post(page, {"do": "lift"}, follow=True))
    assert ticked(vera, "report") == [str(sent.ticket.complaint_id)]


def test_a_request_of_the_reporter_is_recorded_answered_and_read(cast: Cast, signed_in: SignedIn) -> None:
    sent, today = closed(cast), timezone.localdate()
    erasure_requests.ask_as_reporter(ticket=sent.ticket, text="Mohon dihapus.", today=today)
    vera = signed_in("vera")
    case = reverse("admin:complaints_case_change", args=[sent.case.pk])
    shown = vera.get(case)
    assert "minta dihapus: catat permintaannya" in words(shown)
    assert page_of(sent) in shown.content.decode()
    asked = {"do": "request", "asker": "reporter", "asked_on": today.isoformat(), "words": "Mohon dihapus."}
    assert vera.post(page_of(sent), {**asked, "words": ""}).status_code == 400
    assert "Permintaan dicatat." in words(vera.post(page_of(sent), asked, follow=True))
    assert "Permintaan penghapusan" in words(vera.get(reverse("admin:index")))
    assert "Permintaan yang harus dijawab" in words(vera.get(LIST))
    page = words(vera.get(page_of(sent)))
    assert "Mohon dihapus." in page and "pelapor masih dapat menyatakan keberatan" in page
    assert "Kabulkan" not in page, "nothing can be granted while something stops it"
    assert vera.post(page_of(sent), {"do": "decline", "reason": ""}).status_code == 400
    declined = {"do": "decline", "reason": "Masa keberatan belum lewat."}
    assert "ditolak" in words(vera.post(page_of(sent), declined, follow=True))
    client = Client()
    client.post("/cek/", {"code": sent.code})
    assert "Masa keberatan belum lewat." in words(client.get("/cek/laporan/"))


@pytest.mark.usefixtures("no_periods")
def test_a_granted_request_and_an_order_are_proposals_too(cast: Cast, signed_in: SignedIn) -> None:
    sent, other, today = withdrawn(), withdrawn(), timezone.localdate()
    vera = signed_in("vera")
    asked = {"do": "request", "asker": "accused", "asked_on": today.isoformat(), "words": "Surat 12."}
    vera.post(page_of(sent), asked)
    assert "Diusulkan." in words(vera.post(page_of(sent), {"do": "grant"}, follow=True))
    assert "Diusulkan." in words(vera.post(page_of(other), {"do": "court"}, follow=True))
    grounds = dict(Erasure.objects.values_list("complaint_id", "ground"))
    assert grounds == {sent.ticket.complaint_id: "request", other.ticket.complaint_id: "court"}
    assert "sudah diusulkan rekan" in words(vera.post(page_of(other), {"do": "court"}, follow=True))


def test_who_finds_the_pages(cast: Cast, signed_in: SignedIn) -> None:
    sent = withdrawn()
    for name, status in (("vera", 200), ("sari", 404), ("kirana", 404), ("audi", 404), ("adi", 404), ("super", 404)):
        assert signed_in(name).get(page_of(sent)).status_code == status, name
    for name, status in (("vera", 200), ("sari", 200), ("kirana", 404), ("audi", 404), ("adi", 404), ("super", 404)):
        assert signed_in(name).get(LIST).status_code == status, name
    assert sent.case.reference not in words(signed_in("sari").get(LIST))
