"""A liaison's morning: the list says what is new, the page marks it; the release is taken, noted on, found again."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.services import follow_up
from complaints.services.forwarding import reading
from complaints.services.keyring import Actor
from tests.browser.conftest import Opener
from tests.browser.people import Officer
from tests.cases import body_act, forwarded, passed_on
from tests.world import Cast

WORDS = "Sudah menelepon BKD, menunggu berkas kepegawaian."


def test_a_liaisons_morning(window: Opener, live_cast: Cast) -> None:
    sent, release = forwarded(live_cast, accused_name="Sastro Kertapati", agency="Dinas Perikanan Tirtamerapi")
    forwarded(live_cast, accused_name="", accused_unknown=True)
    body_act(live_cast, "kresna", release, Action.TAKE_UP)
    kresna = Actor(live_cast.ring("kresna"), timezone.now())
    passed_on(kresna, Actor(live_cast.ring("vera"), kresna.now), release, "Pada hari apa hal itu terjadi?")
    reading.open_release(actor=kresna, release_id=release.pk)
    follow_up.add_message(ticket=sent.ticket, text="Bidan Marsinah.", files=[], today=timezone.localdate())

    kirana = Officer(window(), "kirana")
    page = kirana.page
    kirana.window.go(reverse("admin:index"))
    tile = page.get_by_role("link", name="Jawaban baru")
    assert "1" in tile.inner_text()
    kirana.window.follow(tile)
    (line,) = page.locator("tbody tr").all()
    for words in ("Sastro Kertapati", "Dinas Perikanan Tirtamerapi", "1 jawaban", live_cast["kresna"].get_full_name()):
        assert words in line.inner_text(), words
    kirana.window.follow(line.get_by_role("link"))
    answer = page.locator("li.from_reporter", has_text="Bidan Marsinah.")
    assert "belum pernah dibuka" in answer.inner_text()
    assert "Sastro Kertapati" in page.locator("#content-main, main").first.inner_text()

    kirana.window.press("Ambil penerusan ini")
    assert "Penerusan ini sekarang Anda tangani." in kirana.window.words
    assert "belum pernah dibuka" not in kirana.window.words
    page.locator("[name=text]").fill(WORDS)
    kirana.window.press("Tambah catatan")
    assert WORDS in page.locator("section", has=page.locator("#notes")).inner_text()

    # Nobody is named in the other one; whatever stands in the first is found by a part of a word.
    kirana.window.go(reverse("admin:complaints_release_changelist"))
    assert "tidak disebut" in kirana.window.words and "belum ada petugas" not in kirana.window.words
    page.locator("[name=words]").fill("marsin")
    kirana.window.press("Cari")
    assert kirana.window.path == reverse("admin:complaints_release_search")
    assert page.locator("tbody tr").count() == 1 and "Sastro Kertapati" in kirana.window.words
    kirana.window.press("Akhiri pencarian")
    assert page.locator("tbody tr").count() == 2
    # Leaving ends it: the address of the search leads back to the list.
    kirana.window.go(reverse("admin:complaints_release_search"))
    assert kirana.window.path == reverse("admin:complaints_release_changelist")
