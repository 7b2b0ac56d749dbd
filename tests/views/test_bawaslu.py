"""What a reporter reads of Bawaslu on pages 2 and 4, with the code and on the status page; and form B.1."""

from __future__ import annotations

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.services import case_actions, follow_up
from complaints.services.keyring import Actor
from tests.cases import act, in_review
from tests.views import walk
from tests.world import Cast, send_report

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("office")]
SECOND = "2026-12-02T05:00:00Z"
ALONE = "Untuk orang ini, hanya Bawaslu yang berwenang menilai"


def opened(client: Client, code: str) -> str:
    client.post("/cek/", {"code": code})
    return walk.words(client.get("/cek/laporan/"))


@time_machine.travel(SECOND, tick=False)
def test_pages_two_and_four_tell_the_days_and_what_it_takes(client: Client) -> None:
    walk.to_who(client, accused_kind="regional_head")
    before = walk.words(client.get("/lapor/siapa/"))
    assert ALONE in before
    assert "paling lambat 7 hari sejak" in before and "Pasal 134" in before, (
        "the limit and its source, by the rule table"
    )
    assert "Sisa" not in before, "no day is told yet"
    client.post("/lapor/siapa/", walk.WHO | {"event_from": "2026-12-01"})
    client.post("/lapor/cerita/", walk.STORY_PAGE)
    for path in ("/lapor/siapa/", "/lapor/periksa/"):
        page = walk.words(client.get(path))
        assert page.index("Senin, 7 Desember 2026") < page.index("Selasa, 8 Desember 2026")
        assert "Sisa 5 hari." in page
        assert '<progress max="7" value="1">' in client.get(path).content.decode()
        assert "KTP dan tanda tangan" in page
        assert "informasi awal" in page
    assert "5 days left." in walk.words(client.get("/en/lapor/periksa/"))


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ("2026-12-07T05:00:00Z", "Hari ini hari terakhir yang aman."),
        ("2026-12-08T05:00:00Z", "hari ini, Selasa, 8 Desember 2026 , hari terakhirnya"),
        ("2026-12-09T05:00:00Z", "Batas waktu melapor langsung ke Bawaslu sudah lewat"),
        # Papua has the next day two hours before Jakarta.
        ("2026-12-08T15:30:00Z", "Batas waktu melapor langsung ke Bawaslu sudah lewat"),
    ],
)
def test_code_page_tells_the_days_as_they_stand(client: Client, now: str, words: str) -> None:
    with time_machine.travel(now, tick=False):
        walk.to_who(client)
        client.post("/lapor/siapa/", walk.WHO | {"event_from": "2026-12-01"})
        client.post("/lapor/cerita/", walk.STORY_PAGE)
        page = client.get("/lapor/periksa/")
        client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": walk.token_of(page)})
        assert words in walk.words(client.get("/lapor/kode/"))


@time_machine.travel(SECOND, tick=False)
def test_status_page_keeps_the_days_and_the_empty_form(cast: Cast) -> None:
    told, silent = (send_report(event_from=day, learnt_on="") for day in ("2026-12-01", ""))
    page = opened(Client(), told.code)
    assert page.index("Senin, 7 Desember 2026") < page.index("Selasa, 8 Desember 2026")
    assert "Formulir B.1 kosong" in page
    assert "Melapor langsung ke Bawaslu" not in opened(Client(), silent.code)


@time_machine.travel(SECOND, tick=False)
def test_stages_of_a_matter_for_bawaslu_promise_no_sanction(cast: Cast) -> None:
    sent = in_review(cast, accused_kind="campaign_team", event_from="2026-12-01")
    page = opened(Client(), sent.code)
    assert "Disampaikan ke Bawaslu lewat surat, sebagai informasi awal" in page
    assert "Jawaban Bawaslu; di luar kendali kami" in page
    assert "Keputusan" not in page
    stages = follow_up.status_page(ticket=sent.ticket, today=sent.case.received_on).stages
    assert [(stage.reached, stage.current) for stage in stages] == [(True, True), *[(False, False)] * 3]
    act(cast, "vera", sent, Action.PREPARE_REFERRAL, "Bawaslu yang berwenang.")
    stages = follow_up.status_page(ticket=sent.ticket, today=sent.case.received_on).stages
    assert [stage.reached for stage in stages] == [True, True, False, False], "a letter that lies here is not passed on"
    officer = Actor(cast.ring("fitri"), timezone.now())
    words = {"reason": "Disampaikan ke Bawaslu.", "record": "Tanda terima 12/B"}
    case_actions.act(actor=officer, case_id=sent.case.pk, action=Action.DELIVER, **words)
    stages = follow_up.status_page(ticket=sent.ticket, today=sent.case.received_on).stages
    assert [stage.reached for stage in stages] == [True, True, True, False]
    ordinary = opened(Client(), in_review(cast).code)
    assert "Jawaban Bawaslu" not in ordinary and "Keputusan" in ordinary


@time_machine.travel(SECOND, tick=False)
def test_code_page_of_a_matter_for_bawaslu_says_what_follows(client: Client) -> None:
    walk.to_who(client, accused_kind="village_head")
    client.post("/lapor/siapa/", walk.WHO | {"event_from": "2026-12-01"})
    client.post("/lapor/cerita/", walk.STORY_PAGE)
    page = client.get("/lapor/periksa/")
    client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": walk.token_of(page)})
    assert "disampaikan ke Bawaslu lewat surat sebagai informasi awal, dan jawaban" in walk.words(
        client.get("/lapor/kode/")
    )


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_form_b1_has_the_answers_and_neither_code_nor_name(client: Client, prefix: str) -> None:
    walk.to_check(client, prefix)
    page = client.get(f"{prefix}/lapor/periksa/")
    assert page.status_code == 200
    typed = walk.ANONYMOUS | {"identity": "confidential", "name": "Ratna Pelapor", "token": walk.token_of(page)}
    file = client.post(f"{prefix}/lapor/periksa/", typed | {"go": "form"})
    client.post(f"{prefix}/lapor/periksa/", walk.ANONYMOUS | {"token": typed["token"]})
    code = walk.code_on(client.get(f"{prefix}/lapor/kode/"))
    text = file.content.decode()
    assert file["Content-Disposition"] == 'attachment; filename="catatan-cetak.html"'
    assert "no-store" in file["Cache-Control"]
    for answer in (walk.WHO["accused_name"], "Senin, 2 November 2026", "Diancam bila menolak", walk.STORY[:40]):
        assert answer in text
    assert "Ratna" not in text
    assert code not in text.replace("-", "") and code[:5] not in text
    assert "Kanal" not in text and "<script" not in text


def test_form_b1_is_empty_without_a_draft(client: Client) -> None:
    text = client.get("/lapor/catatan-cetak/").content.decode()
    assert "Formulir Laporan" in text and walk.STORY[:20] not in text
    assert client.post("/lapor/catatan-cetak/").status_code == 405


def test_what_was_typed_is_text_in_the_form(client: Client) -> None:
    walk.to_check(client, story=f"<script>alert(1)</script> {walk.STORY}")
    assert b"<script>" not in client.post("/lapor/periksa/", {"go": "form"}).content


def test_a_time_long_past_is_not_told_of_a_report_that_ended(cast: Cast) -> None:
    sent = in_review(cast, event_from="2026-11-02")
    past = "Batas waktu melapor langsung ke Bawaslu sudah lewat"
    with time_machine.travel("2027-01-04T05:00:00Z"):
        assert past in opened(Client(), sent.code)
        follow_up.withdraw(ticket=sent.ticket, reason="", today=timezone.localdate())
        assert past not in opened(Client(), sent.code)


def test_the_front_page_leads_to_bawaslu(client: Client) -> None:
    assert 'href="/lapor/pintu-lain/bawaslu/"' in client.get("/").content.decode()
