"""The pages for linking and unlinking: what they offer, to whom, and that nothing typed gets lost."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from tests.cases import forwarded, in_review
from tests.views.walk import words
from tests.world import Cast, Sent, SignedIn, send_report

LINK = "https://instagram.com/p/AbC123"
pytestmark = pytest.mark.django_db


def url(sent: Sent, page: str = "link") -> str:
    return reverse(f"admin:complaints_case_{page}", args=[sent.case.pk])


def unlink_url(sent: Sent) -> str:
    complaint = Complaint.objects.get(pk=sent.ticket.complaint_id)
    return reverse("admin:complaints_case_unlink", args=[complaint.case_id, complaint.pk])


def met(client: Client) -> Client:
    """Whose session has met the reports that came in: only those are compared."""
    client.get(reverse("admin:complaints_case_changelist"))
    return client


def fields(content: str) -> dict[str, list[str]]:
    """What the form would send as it stands: its hidden fields, and the ticks that are set."""
    hidden = re.findall(r'<input type="hidden" name="(seen|references_found)"(?: value="([^"]*)")?', content)
    ticks = re.findall(r'name="cases" value="([^"]+)" id="[^"]+" checked', content)
    return {name: [value] for name, value in hidden} | {"cases": ticks}


def test_duplicates_are_offered_ticked_and_linked_in_one_act(signed_in: SignedIn, cast: Cast) -> None:
    target = in_review(cast, links=LINK)
    twins = [send_report(links=LINK, agency="", accused_name="") for _number in range(3)]
    other = send_report(agency="", accused_name="Orang Lain")
    client = met(signed_in("vera"))
    assert "Gabungkan laporan lain ke sini" in words(client.get(url(target, "change")))
    page = client.get(url(target))
    sent = fields(page.content.decode())
    assert len(sent["cases"]) == 3
    assert other.case.reference not in words(page)
    assert "postingan yang sama" in words(page)
    answer = client.post(url(target), sent | {"go": "link", "reason": "Satu postingan."}, follow=True)
    assert "3 laporan digabungkan." in words(answer)
    assert Case.objects.filter(linked_into=target.case).count() == 3
    assert "Satu postingan." in words(answer)
    # Old links and the reference that its reporter knows lead to where the report is now; steps there do not exist.
    assert client.get(url(twins[0], "change")).headers["Location"] == url(target, "change")
    result = client.post(reverse("admin:complaints_case_search"), {"words": twins[0].case.reference})
    assert result.headers["Location"] == url(target, "change")
    assert client.get(url(twins[0], "forward")).status_code == 404


def test_a_wave_is_ticked_by_one_press_and_the_reason_stays(signed_in: SignedIn, cast: Cast) -> None:
    target = in_review(cast, accused_name="Drs. Contoh Atasan")
    for _number in range(4):
        send_report(accused_name="Drs. Contoh Atasan")
    client = met(signed_in("vera"))
    before = fields(client.get(url(target)).content.decode())
    assert before["cases"] == []
    page = client.post(url(target), before | {"go": "all", "reason": "Satu atasan."})
    assert page.status_code == 200
    sent = fields(page.content.decode())
    assert len(sent["cases"]) == 4
    assert "Centang semua" not in words(page)
    assert "Satu atasan." in page.content.decode()
    client.post(url(target), sent | {"go": "link", "reason": "Satu atasan."})
    assert Case.objects.filter(linked_into=target.case).count() == 4


def test_looking_a_reference_up_shows_nobody_what_they_stand_in(signed_in: SignedIn, cast: Cast) -> None:
    target, source = in_review(cast), send_report(accused_name="Si Anu", agency="Dinas Anu")
    Staff.objects.filter(username="vera").update(first_name="Si", last_name="Anu")
    # Nobody's session has met the report yet.
    page = signed_in("vera").post(url(target), {"references": source.case.reference, "reason": "", "go": "look"})
    assert f"Tidak ditemukan di antara kasus Anda: {source.case.reference}" in words(page)
    assert str(source.case.pk) not in page.content.decode()


def test_references_are_looked_up_first_and_what_was_typed_stays(signed_in: SignedIn, cast: Cast) -> None:
    target, other = in_review(cast), send_report(agency="", accused_name="Orang Lain")
    client = met(signed_in("vera"))
    typed = {"references": f"{other.case.reference.lower()}\nKN-26-TIDAK0", "reason": "Alasan saya.", "seen": "x"}
    # Whatever button was pressed: nothing is linked that the officer has not seen.
    page = client.post(url(target), typed | {"go": "link"})
    assert "Tidak ditemukan di antara kasus Anda: KN-26-TIDAK0" in words(page)
    assert "Alasan saya." in page.content.decode()
    assert other.case.reference in words(page)
    assert not Case.objects.exclude(linked_into=None).exists()
    ticked = re.findall(r'name="cases" value="([^"]+)"', page.content.decode())
    form = fields(page.content.decode()) | {"cases": ticked, "reason": "Alasan saya.", "go": "link"}
    assert client.post(url(target), form).status_code == 302
    assert Case.objects.get(linked_into=target.case) == other.case


def test_what_changed_meanwhile_is_said_and_nothing_is_written(signed_in: SignedIn, cast: Cast) -> None:
    target = in_review(cast, links=LINK)
    twin = send_report(links=LINK)
    client = met(signed_in("vera"))
    form = fields(client.get(url(target)).content.decode()) | {"reason": "Satu postingan.", "go": "link"}
    forwarded_twin = form | {"cases": [f"{twin.case.pk}:in_review.4.1"]}
    page = client.post(url(target), forwarded_twin)
    assert page.status_code == 409
    assert "berubah" in words(page)
    assert "Satu postingan." in page.content.decode()
    assert client.post(url(target), form | {"reason": " "}).status_code == 409
    assert client.post(url(target), form | {"cases": ["bukan", "juga:bukan"]}).status_code == 409
    assert not Case.objects.exclude(linked_into=None).exists()


def test_forwarded_case_warns_that_a_report_is_not_released(signed_in: SignedIn, cast: Cast) -> None:
    target, _release = forwarded(cast, links=LINK)
    twin = send_report(links=LINK, agency="", accused_name="")
    client = met(signed_in("vera"))
    page = client.get(url(target))
    assert "Karena tahapnya tiba-tiba berubah" in words(page)
    assert "diperlukan penerusan baru" in words(page)
    client.post(url(target), fields(page.content.decode()) | {"reason": "Sama.", "go": "link"})
    shown = words(client.get(url(target, "change")))
    assert "Lembaga belum menerimanya." in shown
    assert client.get(unlink_url(target)).status_code == 409
    assert client.post(unlink_url(target), {"reason": "x", "seen": "forwarded"}).status_code == 409
    assert client.get(unlink_url(twin)).status_code == 200
    # The other way round is refused with the reason, and offers no tick.
    third = send_report(links=LINK, agency="", accused_name="")
    met(client)
    page = client.get(url(third))
    assert "sudah pernah diteruskan ke lembaga" in words(page)
    assert fields(page.content.decode())["cases"] == []


def test_unlinking_asks_why_and_leads_to_the_own_case(signed_in: SignedIn, cast: Cast) -> None:
    target, twin = in_review(cast, links=LINK), send_report(links=LINK)
    client = met(signed_in("vera"))
    form = fields(client.get(url(target)).content.decode()) | {"reason": "Sama.", "go": "link"}
    client.post(url(target), form)
    address = unlink_url(twin)
    page = client.get(address)
    seen = fields(page.content.decode())["seen"]
    assert client.post(address, {"seen": seen, "reason": " "}).status_code == 400
    answer = client.post(address, {"seen": seen, "reason": "Ternyata lain."})
    assert answer.headers["Location"] == url(twin, "change")
    assert "Ternyata lain." in words(client.get(url(twin, "change")))
    assert client.get(address).status_code == 404


def test_earlier_cases_about_the_accused_stand_beside(signed_in: SignedIn, cast: Cast) -> None:
    earlier, _release = forwarded(cast, accused_nip="197001011990031001")
    again = send_report(accused_nip="197001011990031001")
    client = met(signed_in("vera"))
    shown = words(client.get(url(again, "change")))
    about = shown.partition("Kasus lain tentang terlapor")[2]
    assert earlier.case.reference in about
    assert "Diteruskan ke lembaga pengawas" in about


@pytest.mark.parametrize("name", ["fitri", "super", "audi", "kirana", "luar"])
def test_nobody_else_links(signed_in: SignedIn, cast: Cast, name: str) -> None:
    target = in_review(cast)
    client = signed_in(name)
    for address in (url(target), unlink_url(target)):
        assert client.get(address).status_code == 404
        assert client.post(address, {"reason": "x"}).status_code == 404


def test_a_case_under_check_offers_neither_form(signed_in: SignedIn, cast: Cast) -> None:
    target, twin = in_review(cast, links=LINK), send_report(links=LINK, agency="", accused_name="")
    client = met(signed_in("vera"))
    form = fields(client.get(url(target)).content.decode())
    client.post(url(target), form | {"go": "link", "reason": "Satu postingan."})
    page = client.get(url(target, "change")).content.decode()
    assert url(target) in page and unlink_url(twin) in page
    Case.objects.filter(pk=target.case.pk).update(status="verified")
    page = client.get(url(target, "change")).content.decode()
    assert url(target) not in page and unlink_url(twin) not in page
    for address in (url(target), unlink_url(twin)):
        answer = client.get(address)
        assert "Catatan perjalanan salah satu kasus ini tidak sesuai dengan rantai audit." in words(answer)
        assert 'name="reason"' not in answer.content.decode()
