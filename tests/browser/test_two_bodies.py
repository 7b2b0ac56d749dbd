"""A case goes to a second body; both ask, and the reporter says on a phone whose question is answered."""

from __future__ import annotations

import re

from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.oversight import Release
from complaints.services.keyring import Actor
from tests.browser.conftest import Opener
from tests.browser.people import Officer, Reporter
from tests.cases import body_act, competent_again, forwarded, passed_on
from tests.world import Cast


def test_two_bodies_ask_and_are_answered(window: Opener, live_cast: Cast) -> None:
    competent_again("kasn")
    sent, first = forwarded(live_cast)
    body_act(live_cast, "kirana", first, Action.TAKE_UP)
    fitri = Officer(window(), "fitri")
    case = fitri.opens("case", sent.case.reference)
    fitri.window.follow(fitri.page.get_by_role("link", name="Teruskan juga ke lembaga lain"))
    assert "Status kasus tidak berubah" in fitri.window.words
    body = fitri.page.get_by_label(re.compile("KASN|Komisi Aparatur"))
    body.check()
    fitri.window.follow(fitri.page.locator("button[value=read]"))
    fitri.window.follow(fitri.page.get_by_role("link", name="Kembali", exact=True))
    assert body.is_checked() and fitri.page.locator("input[name=body]").count() == 1
    fitri.confirms(cover="Untuk KASN.")
    assert fitri.window.path == case and "Diteruskan ke KASN" in fitri.window.words
    second = Release.objects.get(is_further=True)

    bima = Officer(window(width=768), "bima")
    bima.opens("release", sent.case.reference)
    assert "Untuk KASN." in bima.window.words and "BKN" not in bima.window.words
    bima.does("take_up")
    for liaison, row, text in (("bima", second, "Di ruang mana?"), ("kirana", first, "Siapa saksinya?")):
        people = (Actor(live_cast.ring(name), timezone.now()) for name in (liaison, "vera"))
        passed_on(*people, row, text)

    reporter = Reporter(window(width=360, height=740))
    reporter.returns(sent.code)
    reporter.reads("Pertanyaan dari BKN", "Pertanyaan dari KASN", "Laporan Anda di KASN")
    reporter.answers("Ruang rapat lantai dua.")
    assert "Belum terkirim" in reporter.window.words
    assert reporter.page.get_by_label("Jawaban Anda").input_value() == "Ruang rapat lantai dua."
    reporter.page.get_by_label(re.compile("Pertanyaan dari KASN")).check()
    reporter.window.press("Kirim jawaban")
    words = reporter.reads("Pertanyaan dari BKN")
    assert "Pertanyaan dari KASN" not in words
    bima.window.go(f"/kantor/complaints/release/{second.pk}/change/")
    assert "Ruang rapat lantai dua." in bima.window.words and "Siapa saksinya?" not in bima.window.words
    fitri.window.go(case)
    fitri.window.follow(fitri.page.get_by_role("link", name="Tarik kembali"))
    fitri.confirms(reason="Cukup satu lembaga.")
    assert fitri.window.path == case
    reporter.reads("Cukup satu lembaga.", "KASN tidak lagi menanganinya.")
