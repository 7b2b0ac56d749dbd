"""What a reporter reads of the erasure of a report: before it is withdrawn, after the end, and once it is erased."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import override

from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint, Message
from complaints.models.erasure import LegalHold
from complaints.services.erasure import holds
from complaints.services.keyring import Actor
from tests.cases import act, forwarded, in_review
from tests.erasures import erased
from tests.views.walk import words
from tests.world import Cast, Sent, SignedIn, send_report

pytestmark = pytest.mark.django_db
PAGE, WITHDRAW, ASK = "/cek/laporan/", "/cek/laporan/cabut/", "/cek/laporan/hapus/"


def opened(sent: Sent) -> Client:
    client = Client()
    client.post("/cek/", {"code": sent.code})
    return client


def said(days: int) -> str:
    """A day from today on as pages write it."""
    with override("id"):
        return date_format(timezone.localdate() + timedelta(days=days), "l, j F Y")


def closed(cast: Cast) -> Sent:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN.")
    act(cast, "vino", sent, Action.CONFIRM_INELIGIBLE, "Bukan ASN menurut data.")
    return sent


def test_a_withdrawal_names_the_days_before_and_after_it(cast: Cast) -> None:
    client = opened(send_report())
    erased_by, gone_by = said(30 + 14), said(30 + 14 + 36)
    page = words(client.get(WITHDRAW))
    assert f"dihapus dengan persetujuan dua petugas paling lambat {erased_by}" in page
    assert f"Cadangan data terakhir yang memuatnya dihapus paling lambat {gone_by}".lower() in page.lower()
    client.post(WITHDRAW, {"reason": ""})
    page = words(client.get(PAGE))
    assert "Anda sudah mencabut laporan ini." in page
    assert erased_by in page and gone_by in page
    assert "Minta laporan dihapus" not in page, "it is erased by the withdrawal"


def test_the_end_names_the_days_and_a_hold_takes_them_away(cast: Cast) -> None:
    sent = closed(cast)
    client = opened(sent)
    page = words(client.get(PAGE))
    assert said(90 + 14) in page and said(90 + 14 + 36) in page
    assert "yang sudah diunduh" not in page.lower()
    actor = Actor(cast.ring("vera"), timezone.now())
    holds.set_hold(actor=actor, complaint_id=sent.ticket.complaint_id, ground=LegalHold.Ground.COURT)
    page = words(client.get(PAGE))
    assert "penghapusannya ditunda" in page
    assert said(90 + 14) not in page


def test_no_day_is_named_while_a_body_has_it_and_one_can_ask(cast: Cast) -> None:
    sent, _release = forwarded(cast)
    client = opened(sent)
    page = client.get(PAGE)
    assert "dihapus dengan persetujuan" not in words(page)
    assert client.post(f"{PAGE}jawab/", {"text": "Belum.", "go": "erasure"}).url == ASK
    form = words(client.get(ASK))
    assert f"Petugas menjawab paling lambat {said(3)}" in form
    assert client.post(ASK, {"reason": "Saya takut."}).url == PAGE
    page = words(client.get(PAGE))
    assert "Permintaan penghapusan Anda sudah kami terima." in page
    assert "Belum." in page, "words for another box are kept"
    assert Message.objects.from_reporter().count() == 1


def test_what_can_be_withdrawn_is_not_asked_for(cast: Cast) -> None:
    client = opened(send_report())
    assert "Minta laporan dihapus" not in words(client.get(PAGE))
    assert client.get(ASK).url == client.post(ASK, {"reason": ""}).url == PAGE
    assert Client().get(ASK).url == "/cek/"
    assert "Saya takut." in words(Client().post(ASK, {"reason": "Saya takut."}))
    assert not Message.objects.exists()


def test_the_code_of_an_erased_report_says_on_which_day(cast: Cast) -> None:
    sent = send_report()
    opened(sent).post(WITHDRAW, {"reason": ""})
    erased(sent.ticket.complaint_id, now=timezone.now() + timedelta(days=40))
    day = Complaint.stored.get(pk=sent.ticket.complaint_id).erased_on
    assert day is not None
    with override("id"):
        told = f"Dihapus pada {date_format(day, 'l, j F Y')}."
        gone = date_format(day + timedelta(days=36), "l, j F Y")
    page = words(Client().post("/cek/", {"code": sent.code}, follow=True))
    assert told in page and gone in page
    # A page that was open before leads there too, whatever it sends.
    for path in (f"{PAGE}jawab/", f"{PAGE}nama/", WITHDRAW, ASK):
        assert told in words(opened(sent).post(path, {"text": "Halo."})), path


def test_a_report_that_only_a_column_calls_erased_is_not_taken_for_gone(cast: Cast, signed_in: SignedIn) -> None:
    """Whoever writes to the database hides a report from its reporter and from the office, and both are told."""
    sent = in_review(cast)
    client = opened(sent)
    case_page = reverse("admin:complaints_case_change", args=[sent.case.pk])
    Complaint.stored.filter(pk=sent.ticket.complaint_id).update(erased_on=timezone.localdate())
    answer = client.get(PAGE)
    assert answer.status_code == 503
    assert "Laporan ini belum dapat kami tampilkan." in words(answer)
    assert "Dihapus pada" not in words(answer)
    assert "catatannya tidak sesuai dengan rantai audit" in words(signed_in("vera").get(case_page))
