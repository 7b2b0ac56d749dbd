"""Choosing what goes to a body, reading it as the body will, and sending what came later."""

from __future__ import annotations

import re

from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.oversight import Release
from complaints.services import follow_up
from tests.browser.conftest import Opener
from tests.browser.people import Officer
from tests.cases import act, body_act, in_review, with_photo
from tests.world import Cast


def test_a_release_is_chosen_read_and_supplemented(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast, accused_nip="198001012005011001")
    with_photo(sent)
    act(live_cast, "vera", sent, Action.VERIFY)
    fitri = Officer(window(), "fitri")
    case = fitri.opens("case", sent.case.reference)
    fitri.window.follow(fitri.step("forward"))
    page = fitri.page
    nip = page.get_by_label("NIP", exact=True)
    assert nip.is_checked() and page.get_by_label("Laporan 1, bukti-1: salinan kerja").is_checked()
    assert not page.get_by_label("Laporan 1, bukti-1: asli").is_checked()
    nip.uncheck()
    page.locator("[name=cover]").fill("Mohon ditangani.")
    # Nobody here has opened the file: the portal says so.
    unseen = page.locator(".known.no", has_text="Setiap berkas")
    assert unseen.count() == 1
    fitri.window.follow(page.locator("button[value^='look:']").first)
    assert "/bukti/" in fitri.window.path
    fitri.window.go(case)
    fitri.window.follow(fitri.step("forward"))
    # What was chosen and typed is kept, and the look counts.
    assert not nip.is_checked()
    assert page.locator("[name=cover]").input_value() == "Mohon ditangani."
    assert unseen.count() == 0
    fitri.window.follow(page.locator("button[value=read]"))
    words = fitri.window.words
    for there in ("Mohon ditangani.", "Pada rapat pagi", "Ini fotonya.", "Tidak diikutkan oleh tim verifikasi: NIP."):
        assert there in words
    assert "198001012005011001" not in words
    fitri.window.follow(page.get_by_role("link", name="Kembali", exact=True))
    page.get_by_label(re.compile("BKN|Badan Kepegawaian")).check()
    fitri.confirms(cover="Mohon ditangani.")
    assert fitri.window.path == case
    fitri.window.follow(page.get_by_role("link", name="Isi penerusan 1"))
    again = fitri.window.words
    assert "Mohon ditangani." in again and "198001012005011001" not in again

    release = Release.objects.get()
    body_act(live_cast, "kirana", release, Action.TAKE_UP)
    follow_up.add_message(ticket=sent.ticket, text="Harinya 3 November.", files=[], today=timezone.localdate())
    fitri.window.go(case)
    fitri.window.follow(page.get_by_role("link", name="Teruskan tambahan"))
    assert page.locator("input[name=messages]").count() == 1
    assert not nip.is_checked()
    page.locator("[name=no_trace]").check()
    page.locator("[name=no_conflict]").check()
    # The menu keeps what was ticked and typed, too: the page is sent when it is left.
    page.locator("[name=cover]").fill("Harinya menyusul.")
    fitri.window.follow(page.locator("nav a").first)
    fitri.window.go(case)
    fitri.window.follow(page.get_by_role("link", name="Teruskan tambahan"))
    assert page.locator("[name=cover]").input_value() == "Harinya menyusul."
    assert page.locator("[name=no_trace]").is_checked()
    fitri.window.follow(page.locator("button.main"))
    assert "Sudah diteruskan ke BKN." in fitri.window.words

    kirana = Officer(window(), "kirana")
    kirana.opens("release", sent.case.reference)
    words = kirana.window.words
    assert words.index("Harinya 3 November.") < words.index("Pada rapat pagi")
    assert "1 pesan" in words and "198001012005011001" not in words
