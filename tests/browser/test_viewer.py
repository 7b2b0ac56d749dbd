"""An officer judges evidence in the admin without leaving it: pictures, pages, a video that seeks, and the keys."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page

from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.job import JobFailure, JobRun
from complaints.models.oversight import OversightBody
from complaints.services import follow_up
from complaints.services.evidence import processing, storage
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from tests.adapters import samples
from tests.browser.people import Officer
from tests.browser.window import Opener
from tests.cases import verified
from tests.world import Cast, sealed_upload, send_report

pytestmark = pytest.mark.django_db(transaction=True)
DRAWN = "() => [...document.images].every((element) => element.complete && element.naturalWidth > 0)"


def all_drawn(page: Page) -> int:
    """Wait until every picture on the page is drawn; return how many there are."""
    for picture in page.locator("img").all():
        picture.scroll_into_view_if_needed()
    page.wait_for_function(DRAWN)
    return page.locator("img").count()


def test_an_officer_judges_evidence_without_leaving(window: Opener, live_cast: Cast) -> None:
    sent, today = send_report(), timezone.localdate()
    film = samples.track("webm", "libvpx", "libopus", frames=60)
    contents = {"a.jpg": samples.jpeg(), "surat.pdf": samples.pdf(pages=2), "film.webm": film}
    files = [sealed_upload(content, name) for name, content in contents.items()]
    follow_up.add_message(ticket=sent.ticket, text="", files=files, today=today)
    processing.process_pending()
    items = list(Evidence.objects.order_by("sequence"))
    addresses = [reverse("admin:complaints_case_view", args=[sent.case.pk, item.pk]) for item in items]
    vera = Officer(window(), "vera")
    page = vera.page
    vera.opens("case", sent.case.reference)
    assert all_drawn(page) >= 2

    vera.window.go(addresses[0])
    assert all_drawn(page) == 1
    stage = page.locator(".stage")
    for key, shows in (("r", "turn-90"), ("r", "turn-180"), ("+", "zoom-1"), ("-", "zoom-fit")):
        page.keyboard.press(key)
        assert shows in (stage.get_attribute("class") or "").split()
    page.locator("[data-does=turn]").click()
    assert "turn-270" in (stage.get_attribute("class") or "")

    with page.expect_navigation():
        page.keyboard.press("n")
    assert vera.window.path == addresses[1]
    assert all_drawn(page) == 2
    with page.expect_navigation():
        page.keyboard.press("n")
    assert vera.window.path == addresses[2]
    seeks(page)
    with page.expect_navigation():
        page.keyboard.press("p")
    assert vera.window.path == addresses[1]


def test_an_officer_sees_that_no_file_is_opened(window: Opener, live_cast: Cast) -> None:
    sent, today = send_report(), timezone.localdate()
    follow_up.add_message(ticket=sent.ticket, text="", files=[sealed_upload(samples.jpeg(), "a.jpg")], today=today)
    JobRun.objects.update_or_create(name="process_evidence", defaults={"due_at": timezone.now(), "failures": 1})
    JobFailure.objects.create(name="process_evidence", day=today, type="Unconfined")
    vera = Officer(window(), "vera")
    words = "server tidak memiliki perlindungan untuk membuka berkas berbahaya"
    assert vera.page.get_by_text(words).is_visible()
    vera.opens("case", sent.case.reference)
    assert vera.page.get_by_text(f"belum dibuka: {words}").is_visible()


def seeks(page: Page) -> None:
    """The video knows its length and goes where it is sent."""
    page.wait_for_function("() => document.querySelector('video').readyState >= 1")
    where = page.evaluate(
        """() => new Promise((done) => {
            const film = document.querySelector("video");
            film.addEventListener("seeked", () => done(film.currentTime), { once: true });
            film.currentTime = 1;
        })"""
    )
    assert where == pytest.approx(1, abs=0.2)


def test_viewer_works_without_scripts(window: Opener, live_cast: Cast) -> None:
    sent, today = send_report(), timezone.localdate()
    files = [sealed_upload(samples.jpeg(), "a.jpg"), sealed_upload(samples.png(), "b.png")]
    follow_up.add_message(ticket=sent.ticket, text="", files=files, today=today)
    processing.process_pending()
    first, second = Evidence.objects.order_by("sequence")
    vera = Officer(window(script=False), "vera")
    vera.window.go(reverse("admin:complaints_case_view", args=[sent.case.pk, first.pk]))
    assert not vera.page.locator(".viewer-tools").is_visible()
    vera.window.follow(vera.page.locator("a[rel=next]"))
    assert vera.window.path == reverse("admin:complaints_case_view", args=[sent.case.pk, second.pk])
    assert vera.page.locator(".stage img").bounding_box() is not None


def test_officer_and_body_read_the_state_of_a_copy_and_what_it_lacks(window: Opener, live_cast: Cast) -> None:
    sent = verified(live_cast)
    files = [sealed_upload(samples.docx(), "nota.docx"), sealed_upload(samples.jpeg(), "a.jpg")]
    follow_up.add_message(ticket=sent.ticket, text="", files=files, today=timezone.localdate())
    processing.process_pending()
    vera, case = Officer(window(), "vera"), reverse("admin:complaints_case_change", args=[sent.case.pk])
    vera.window.go(case)
    state = "Salinan kerja siap, isinya tidak lengkap"
    assert vera.page.get_by_text(state).is_visible()
    assert vera.page.get_by_text("Salinan kerja siap").count() == 2
    reads_what_it_lacks(vera.page)

    fitri = Officer(window(), "fitri")
    fitri.window.go(case)
    fitri.window.follow(fitri.step("forward"))
    assert fitri.page.get_by_text("salinan kerja, isinya tidak lengkap").is_visible()
    reads_what_it_lacks(fitri.page)

    copies = EvidenceObject.objects.filter(evidence__complaint__case=sent.case, variant="working")
    forward(
        actor=Actor(live_cast.ring("fitri"), timezone.now()),
        case_id=sent.case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=whole(sent.case.pk, objects=list(copies.values_list("pk", flat=True))),
    )
    kirana = Officer(window(), "kirana")
    kirana.opens("release", sent.case.reference)
    assert kirana.page.get_by_text("salinan kerja, isinya tidak lengkap").is_visible()
    reads_what_it_lacks(kirana.page)


def reads_what_it_lacks(page: Page) -> None:
    """The page names what the copy of one file lacks, and what people do not see in it at first."""
    lacking = page.get_by_text("Salinan kerja tidak memuat semua isi berkas asli.")
    hidden = page.get_by_text(
        "Salinan kerja memuat isi yang tidak langsung terlihat: perubahan yang dilacak, komentar."
    )
    assert lacking.count() == hidden.count() == 1
    assert "berkas lain di dalamnya" in lacking.inner_text()
    for words in (lacking, hidden):
        box = words.bounding_box()
        assert box is not None
        assert box["width"] > 200  # not one letter beneath the other


def test_an_officer_is_led_to_a_file_that_the_storage_lost_and_reads_it_when_it_is_back(
    window: Opener, live_cast: Cast
) -> None:
    sent, today = send_report(), timezone.localdate()
    files = [sealed_upload(samples.jpeg(), "a.jpg"), sealed_upload(samples.png(), "b.png")]
    follow_up.add_message(ticket=sent.ticket, text="", files=files, today=today)
    name = Evidence.objects.order_by("sequence")[0].objects_stored.get().object_name
    content = storage.storage().get(name)
    storage.delete_object(name)
    processing.process_pending()
    vera = Officer(window(), "vera")
    vera.window.follow(vera.page.get_by_role("link", name="Ada berkas yang belum terbaca"))
    vera.window.follow(vera.page.get_by_role("link", name=sent.case.reference).first)
    lost = vera.page.get_by_text("tanpa salinan kerja: berkas ini tidak ada lagi di tempat penyimpanan")
    again = vera.page.get_by_role("button", name="Baca lagi")
    assert lost.is_visible()
    again.click()
    assert vera.page.get_by_text("Salinan kerja berkas ini gagal dibuat.").is_visible()
    storage.storage().put(name, content)
    again.click()
    assert vera.page.get_by_text("Berkas sudah dipindai dan dibaca.").is_visible()
    assert lost.count() == again.count() == 0
