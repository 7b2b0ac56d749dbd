"""A wave of reports about one superior, the first of them being examined, walked in browsers from the desk to an
outcome: every reporter's page is opened on a phone at the end and compared with what is true of that report alone.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.utils import timezone

from complaints.adapters import sample_files
from complaints.models.oversight import Release
from complaints.services.audit import verify
from complaints.services.evidence import processing
from tests.browser.files import Upload, photo
from tests.browser.measure import faults
from tests.browser.people import Officer, Reporter
from tests.browser.window import Opener
from tests.cases import competent_again
from tests.services.forwarding.test_wave import Wave, files_of, forwarded, pk
from tests.world import Cast, Sent, send_report

pytestmark = pytest.mark.django_db(transaction=True)

# Reports that arrive while the first is examined: a wave of fifty. A smaller one is quicker while this test is changed.
LATER = int(os.environ.get("WAVE", "49"))
PICTURES = os.environ.get("PICTURES", "")
NAMED = {"identity": "confidential", "contact": "", "recipient": "bkn"}
STORY = "Kami dikumpulkan di aula. Bu Sari Dewi mencatat siapa yang menolak, orang ke-{}."
ALL_READ, KASN_READS = "Pemeriksaan BKN selesai.", "KASN tidak berwenang atas hal ini."
QUESTION, ANSWER = "Siapa yang hadir di rapat itu?", "Dua rekan saya melihatnya."


@dataclass
class Walk:
    """The wave with the windows of its people; each later report has its own part in the story."""

    window: Opener
    wave: Wave
    others: list[Sent]
    staff: dict[str, Officer] = field(default_factory=dict)

    @property
    def first(self) -> Sent:
        return self.wave.first

    @property
    def giver(self) -> Sent:
        """Gave a name with the report; a passage of it is removed."""
        return self.others[0]

    @property
    def refuser(self) -> Sent:
        """Took the name back before anybody read it, and is asked for it."""
        return self.others[1]

    @property
    def both(self) -> Sent:
        """Goes to both bodies."""
        return self.others[2]

    @property
    def second(self) -> Sent:
        """Goes to the second body alone."""
        return self.others[-2]

    @property
    def waiting(self) -> Sent:
        """Goes to no body."""
        return self.others[-1]

    def officer(self, name: str) -> Officer:
        if name not in self.staff:
            self.staff[name] = Officer(self.window(), name)
        return self.staff[name]

    def reporter(self, sent: Sent) -> Reporter:
        reporter = Reporter(self.window(width=360, height=740))
        reporter.returns(sent.code)
        return reporter


def pictured(who: Officer | Reporter, name: str) -> None:
    """Keep a picture of the page where a developer asks for it."""
    if PICTURES:
        who.page.screenshot(path=Path(PICTURES) / f"wave-{name}.png", full_page=True)


def arrived(cast: Cast, window: Opener) -> Walk:
    """The first report is examined by BKN; later ones arrive, two of them with a name for BKN."""
    wave = forwarded(cast)
    named = [{**NAMED, "name": "Ratna Pemberi"}, {**NAMED, "name": "Tono Penarik"}]
    changes = [*named, *({} for _n in range(LATER - 2))]
    others = [send_report(story=STORY.format(n), **change) for n, change in enumerate(changes)]
    return Walk(window, wave, others)


def takes_the_name_back(walk: Walk) -> None:
    reporter = walk.reporter(walk.refuser)
    assert "Anda memberikan nama untuk BKN" in reporter.window.words
    reporter.page.get_by_text("Berikan nama Anda, atau tarik kembali").click()
    reporter.window.press("Tarik nama saya")
    assert "Kami tidak tahu siapa Anda." in reporter.window.words


def links(walk: Walk) -> None:
    vera = walk.officer("vera")
    vera.opens("case", walk.first.case.reference)
    vera.window.press("Gabungkan laporan lain ke sini")
    references = "\n".join(one.case.reference for one in walk.others)
    vera.page.locator("[name=references]").fill(references)
    vera.page.locator("[name=reason]").fill("Semuanya tentang atasan yang sama.")
    vera.window.press("Cari nomor")
    pictured(vera, "link")
    # The same accused or a typed reference alone ticks nothing.
    boxes = vera.page.locator("input[name=cases]").all()
    assert len(boxes) == len(walk.others) and not any(box.is_checked() for box in boxes)
    vera.window.press("Centang semua di atas")
    assert all(box.is_checked() for box in vera.page.locator("input[name=cases]").all())
    vera.window.press("Gabungkan yang dicentang")
    assert f"{len(walk.others)} laporan digabungkan." in vera.window.words
    pictured(vera, "linked")


def removes_a_passage(walk: Walk) -> None:
    """From the page on which the parts are chosen, which keeps what was ticked."""
    fitri = walk.officer("fitri")
    fitri.opens("case", walk.first.case.reference)
    pictured(fitri, "case-waiting")
    fitri.window.press("Teruskan tambahan")
    sends_only(fitri, without=[walk.second, walk.waiting])
    # What tells fifty reports of one category and day apart while they are folded.
    assert fitri.page.locator("details.parts > summary", has_text="siapa yang menolak, orang ke-1.").count() == 1
    unfolded(fitri, walk.giver)
    fitri.page.locator(f'input[name=answers][value="{pk(walk.giver)}.regency"]').uncheck()
    pictured(fitri, "supplement")
    fitri.window.follow(fitri.page.locator(f'button[value="redact:{pk(walk.giver)}"]'))
    fitri.window.press("Cerita pelapor")
    fitri.page.locator("[name=words]").fill("Bu Sari Dewi")
    fitri.page.get_by_label("pihak ketiga, yang tidak dilaporkan").check()
    fitri.window.press("Tandai dan lihat")
    assert "[dihilangkan: pihak ketiga] mencatat" in fitri.page.locator("#reads").inner_text()
    pictured(fitri, "redaction")
    fitri.window.press("Simpan tanda")


def unfolded(officer: Officer, sent: Sent) -> None:
    part = officer.page.locator("details.parts", has=officer.page.locator(f'[value="redact:{pk(sent)}"]'))
    if part.get_attribute("open") is None:
        part.locator("> summary").click()


def sends_only(officer: Officer, *, without: list[Sent]) -> None:
    for sent in without:
        unfolded(officer, sent)
        officer.page.locator(f'input[name=reports][value="{pk(sent)}"]').uncheck()


def supplements(walk: Walk) -> None:
    fitri = walk.officer("fitri")
    fitri.opens("case", walk.first.case.reference)
    fitri.window.press("Teruskan tambahan")
    held = fitri.page.locator("input[name=reports]:checked").count()
    assert held == len(walk.others) - 2, "what was ticked is kept"
    fitri.page.locator("[name=cover]").fill("Laporan lain tentang atasan yang sama.")
    confirms_supplement(fitri)
    assert "2 laporan kasus ini belum ada di " in fitri.window.words
    assert "bagian baru" not in fitri.window.words, "what was left out on purpose is not new"
    pictured(fitri, "case-supplemented")


def confirms_supplement(officer: Officer) -> None:
    for name in ("no_trace", "no_conflict"):
        officer.page.locator(f"[name={name}]").check()
    officer.window.follow(officer.page.locator("button.main"))
    assert "Sudah diteruskan ke BKN." in officer.window.words


def forwards_to_the_second_body(walk: Walk) -> None:
    competent_again("kasn")
    fitri = walk.officer("fitri")
    fitri.window.press("Teruskan juga ke lembaga lain")
    sends_only(fitri, without=[one for one in (walk.first, *walk.others) if one not in (walk.both, walk.second)])
    fitri.page.get_by_label(re.compile("KASN|Komisi Aparatur")).check()
    pictured(fitri, "forward-also")
    fitri.confirms(cover="Untuk KASN.")
    assert "Diteruskan ke KASN" in fitri.window.words


def reads_what_is_new(walk: Walk) -> None:
    kirana = walk.officer("kirana")
    kirana.window.go("/kantor/complaints/release/")
    pictured(kirana, "releases")
    kirana.opens("release", walk.first.case.reference)
    pictured(kirana, "release")
    kirana.window.go(f"{kirana.window.path}?all=1")
    words = kirana.window.words
    for there in (
        "Hal baru dalam penerusan 2",
        "Laporan lain tentang atasan yang sama.",
        "[dihilangkan: pihak ketiga]",
    ):
        assert there in words, there
    told = [n for n, _one in enumerate(walk.others) if f"orang ke-{n}." in words]
    assert told == list(range(len(walk.others) - 2))
    for hidden in ("Ratna Pemberi", "Tono Penarik", "Untuk KASN."):
        assert hidden not in words, hidden


def asks_through_the_office(walk: Walk) -> None:
    """The reporter of the first report alone is asked, reads it on a phone, answers, and adds a file."""
    kirana, vera = walk.officer("kirana"), walk.officer("vera")
    kirana.window.press("Tanya pelapor")
    pictured(kirana, "ask")
    boxes = kirana.page.locator("input[name=readers]")
    for box in boxes.all():
        box.set_checked(box.get_attribute("value") == str(pk(walk.first)))
    kirana.confirms(text=QUESTION)
    vera.opens("case", walk.first.case.reference)
    pictured(vera, "case-question")
    vera.passes_on(walk.first.case.reference)
    reporter = walk.reporter(walk.first)
    reporter.reads("Pertanyaan dari BKN", QUESTION)
    reporter.answers(ANSWER)
    reporter.attaches([photo("susulan.jpg")])
    reporter.page.locator("[data-kept] li", has_text="susulan.jpg").wait_for()
    reporter.window.press("Kirim berkas")
    assert "Berkas Anda sudah kami terima." in reporter.window.words, reporter.window.words
    while processing.process_pending():
        pass


def sends_exactly_what_is_new(walk: Walk) -> None:
    fitri, kirana = walk.officer("fitri"), walk.officer("kirana")
    fitri.opens("case", walk.first.case.reference)
    fitri.window.press("Teruskan hanya ini")
    assert fitri.page.locator("input[name=objects]:checked").count() == 1
    # What was left out before stays left out.
    assert fitri.page.locator("input[name=reports]:checked").count() == 0
    pictured(fitri, "supplement-new")
    confirms_supplement(fitri)
    kirana.opens("release", walk.first.case.reference)
    words = kirana.window.words
    assert "Hal baru dalam penerusan" in words and ANSWER in words
    assert words.count("belum pernah dibuka") >= 2
    assert faults(kirana.page, "light", least=0) == []
    pictured(kirana, "release-late-file")


def name_of(walk: Walk, sent: Sent) -> str:
    """What kirana reads when she opens the name of a report."""
    kirana = walk.officer("kirana")
    kirana.opens("release", walk.first.case.reference)
    kirana.window.follow(kirana.page.locator(f'form[action*="/nama/{pk(sent)}/"] button'))
    return kirana.window.words


def opens_names(walk: Walk) -> None:
    kirana = walk.officer("kirana")
    kirana.opens("release", walk.first.case.reference)
    kirana.window.follow(kirana.page.locator(f'a[href$="/nama/{pk(walk.refuser)}/minta/"]'))
    kirana.page.locator("[name=reason]").fill("Kami perlu saksi.")
    kirana.window.press("Minta nama kepada pelapor")
    assert "Ratna Pemberi" in name_of(walk, walk.giver)
    pictured(kirana, "name")
    assert "Saat ini tidak ada nama yang dapat dibuka." in name_of(walk, walk.refuser)


def decides(walk: Walk) -> None:
    """BKN: hearing, a finding by two people, recommendation and outcome side by side, with a copy of the decision."""
    kirana, kresna = walk.officer("kirana"), walk.officer("kresna")
    today = timezone.localdate().isoformat()
    kirana.opens("release", walk.first.case.reference)
    kirana.does("hear_accused", kind="in_person", decided_on=today, number="BAP-1")
    kirana.does("substantiate", text="Dua saksi bersesuaian.", reply=ALL_READ)
    kresna.opens("release", walk.first.case.reference)
    kresna.window.follow(kresna.page.locator("button[value=confirm]"))
    kirana.window.go(kirana.window.path)
    kirana.window.follow(kirana.step("await_agency"))
    kirana.page.locator("[name=kinds][value=heavy_demotion]").check()
    kirana.confirms(accused_status="pns", addressee="PPK Kabupaten", number="R-7", decided_on=today)
    kirana.window.follow(kirana.step("sanction"))
    copy = Upload("SK Bupati.pdf", "application/pdf", sample_files.document(["Keputusan"]))
    kirana.page.locator("[name=copy]").set_input_files(copy.given())
    kirana.confirms(kind="light_written", number="800/7", decided_on=today)
    for words in ("lebih ringan daripada rekomendasi", "R-7", "800/7"):
        assert words in kirana.window.words, words
    pictured(kirana, "outcome")
    button = kirana.page.get_by_role("button", name="Salinan seperti yang diunggah")
    assert kirana.window.download(button.click)[1] == copy.content


def the_second_body_dismisses(walk: Walk) -> None:
    bima, bayu = walk.officer("bima"), walk.officer("bayu")
    bima.opens("release", walk.first.case.reference)
    words = bima.window.words
    assert "Untuk KASN." in words and "BKN" not in words and QUESTION not in words
    pictured(bima, "second-body")
    bima.does("take_up")
    bima.does("dismiss", text="Bukan kewenangan.", reply=KASN_READS)
    bayu.opens("release", walk.first.case.reference)
    bayu.window.follow(bayu.page.locator("button[value=confirm]"))


def page_of(walk: Walk, reporter: Reporter, sent: Sent, name: str) -> str:
    """Open one ticket page on a phone."""
    reporter.returns(sent.code)
    assert reporter.window.path == "/cek/laporan/"
    assert faults(reporter.page, "light") == [], name
    pictured(reporter, f"ticket-{name}")
    return reporter.window.words


# What may stand on a page of this wave, each true of some reports only.
HAS_BKN, HAS_KASN = "Kepada BKN", "Kepada KASN"
SANCTIONED, DISMISSED = (
    "Sanksi sudah dijatuhkan kepada orang yang dilaporkan. Laporan ini selesai diproses.",
    "KASN menyatakan dugaan ini tidak terbukti.",
)
TOLD_OF_QUESTION, TOLD_OF_REQUEST = QUESTION, "Kami perlu saksi."
NAME_READ, PASSAGE, WITHOUT_REGENCY = "Nama Anda dibaca 1 kali", "1 bagian tulisan Anda dihilangkan", "tanpa: kabupaten"
WAS_ASKED, NAME_LIES, NAME_IS_READ = (
    "Perlu dilengkapi",
    "Nama itu belum dibaca.",
    "BKN sudah membaca nama yang Anda berikan",
)
LATE_FILE, AT_KASN, ENDED_WITHOUT = (
    "Pesan: 0, postingan: 0, berkas: 1.",
    "Laporan Anda di KASN",
    "Kasus ini berakhir tanpa laporan Anda",
)
PARTS = (HAS_BKN, HAS_KASN, ALL_READ, KASN_READS, TOLD_OF_QUESTION, TOLD_OF_REQUEST, NAME_READ, PASSAGE)
PARTS += (WITHOUT_REGENCY, LATE_FILE, AT_KASN, SANCTIONED, DISMISSED, ENDED_WITHOUT, WAS_ASKED, NAME_LIES, NAME_IS_READ)


def is_true_of(walk: Walk, sent: Sent) -> set[str]:
    """Which of the parts the page of that report has to tell; all others it must not."""
    true = {HAS_BKN, ALL_READ, SANCTIONED}
    if sent is walk.first:
        return true | {TOLD_OF_QUESTION, WAS_ASKED, PASSAGE, LATE_FILE, NAME_LIES}
    if sent is walk.giver:
        return true | {NAME_READ, NAME_IS_READ, PASSAGE, WITHOUT_REGENCY}
    if sent is walk.refuser:
        return true | {TOLD_OF_REQUEST}
    if sent is walk.both:
        return true | {HAS_KASN, KASN_READS, AT_KASN}
    if sent is walk.second:
        return {HAS_KASN, KASN_READS, DISMISSED}
    return {ENDED_WITHOUT} if sent is walk.waiting else true


def test_a_wave_from_the_desk_to_an_outcome(window: Opener, live_cast: Cast) -> None:
    walk = arrived(live_cast, window)
    takes_the_name_back(walk)
    links(walk)
    removes_a_passage(walk)
    supplements(walk)
    forwards_to_the_second_body(walk)
    reads_what_is_new(walk)
    asks_through_the_office(walk)
    sends_exactly_what_is_new(walk)
    opens_names(walk)
    decides(walk)
    the_second_body_dismisses(walk)
    assert Release.objects.count() == 4 and len(files_of(walk.first)) == 3
    reporter = Reporter(window(width=360, height=740))
    for number, sent in enumerate([walk.first, *walk.others]):
        words = page_of(walk, reporter, sent, str(number))
        assert {part for part in PARTS if part in words} == is_true_of(walk, sent), (number, words)
        assert sent.case.reference in words
        strangers = [one.case.reference for one in (walk.first, *walk.others) if one is not sent]
        for never in ("Ratna Pemberi", "Tono", "800/7", "R-7", "BAP-1", "Dua saksi", "Bukan kewenangan", *strangers):
            assert never not in words, (number, never)
        # Of an examination a reporter reads each state once, unless it was interrupted by a question to them.
        assert words.count("Sedang dikaji BKN") == (2 if sent is walk.first else 0), words
        assert words.count("Sedang dikaji KASN") == (sent in (walk.both, walk.second)), words
    assert verify.verify_chain().whole
