"""A wave of reports about one superior, the first of them being examined already, from the desk to a recorded outcome.

Every reporter's page is compared at the end with what is true of that report alone.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.admin.release_choice import all_lines
from complaints.domain import redaction
from complaints.domain.redaction import Box, Reason
from complaints.domain.workflow import Action
from complaints.models.complaint import Message
from complaints.models.evidence import Evidence
from complaints.models.identity import NameRequest, ReadName
from complaints.models.oversight import OversightBody, Release, ReleasedReport, ReleasePart
from complaints.models.redaction import Redaction
from complaints.services import case_links, custody, follow_up, own_name, redactions
from complaints.services.audit import verify
from complaints.services.evidence import processing
from complaints.services.evidence.redacted_copies import Removal
from complaints.services.forwarding import (
    asking,
    further_releases,
    names,
    reading,
    redaction_check,
    release,
)
from complaints.services.forwarding.contents import ANSWERS, Choice
from complaints.services.keyring import Actor, Keyring
from complaints.services.reporter_identity import Name
from tests.cases import act, competent_again, in_review, passed_on
from tests.cases import forwarded as to_body
from tests.decisions import decide
from tests.images import photo
from tests.views import walk
from tests.world import Cast, Sent, SignedIn, ring, sealed_upload, send_report

# Reports that arrive while the first is examined; a larger wave is run by hand.
LATER = int(os.environ.get("WAVE", "5"))
STORY = "Kepala dinas meminta dukungan. Pak Budi Santosa mencatat nama kami di rapat itu."
NAMED = Name("Ratna Penanda", "0812-3456")


@dataclass
class Wave:
    """The wave with who acts, the first report, the others, and the first release."""

    rings: dict[str, Keyring]
    first: Sent
    others: list[Sent] = field(default_factory=list)
    release: Release = field(default_factory=Release)
    late: dict[str, uuid.UUID] = field(default_factory=dict)

    def actor(self, name: str) -> Actor:
        return Actor(self.rings[name], timezone.now())

    def body_act(self, action: Action, **words: Any) -> None:
        decide(actor=self.actor("kirana"), release_id=self.release.pk, action=action, **words)

    def supplement(self, choice: Choice) -> Release:
        return release.supplement(actor=self.actor("fitri"), first=self.release, choice=choice)

    def opened(self) -> reading.ReleaseFile:
        return reading.open_release(actor=self.actor("kirana"), release_id=self.release.pk)


def pk(sent: Sent) -> uuid.UUID:
    return uuid.UUID(str(sent.ticket.complaint_id))


def adds(sent: Sent, text: str, *files: str) -> None:
    uploads = [sealed_upload(photo(), name) for name in files]
    follow_up.add_message(ticket=sent.ticket, text=text, files=uploads, today=timezone.localdate())
    while files and processing.process_pending():
        pass


def files_of(sent: Sent) -> list[Evidence]:
    return list(Evidence.objects.filter(complaint=pk(sent), kind="file").order_by("sequence"))


def working(row: Evidence) -> uuid.UUID:
    return row.objects_stored.get(variant="working").pk


def forwarded(cast: Cast) -> Wave:
    """The first report: its name given to the body, a passage and a part of a file removed, one answer left out."""
    sent = in_review(
        cast,
        identity="confidential",
        name=NAMED.name,
        contact=NAMED.contact,
        recipient="bkn",
        story=STORY,
        accused_nip="198001012005011001",
    )
    wave = Wave({name: ring(name) for name in ("vera", "fitri", "kirana", "kresna")}, sent)
    adds(sent, "Dua foto.", "satu.jpg", "dua.jpg")
    one, two = files_of(sent)
    vera = wave.actor("vera")
    spans = redaction.find_words(STORY, "Budi Santosa", Reason.THIRD_PERSON)
    redactions.save_text(actor=vera, complaint_id=pk(sent), target="answer-story", spans=spans)
    box = Removal(boxes=(Box(1, 1000, 1000, 6000, 6000, Reason.THIRD_PERSON),))
    redactions.save_file(actor=vera, evidence_id=one.pk, removal=box)
    act(cast, "vera", sent, Action.VERIFY)
    message = Message.objects.from_reporter().get(complaint=pk(sent))
    choice = Choice({pk(sent): set(ANSWERS) - {"nip"}}, messages={message.pk}, objects={working(one), working(two)})
    wave.release = release.forward(
        actor=wave.actor("fitri"), case_id=sent.case.pk, body=OversightBody.objects.get(pk="bkn"), choice=choice
    )
    wave.body_act(Action.TAKE_UP)
    return wave


def joined(cast: Cast, wave: Wave) -> None:
    """The body asks the first reporter, who answers with a late file; more reports arrive and are linked."""
    passed_on(wave.actor("kirana"), wave.actor("vera"), wave.release, "Siapa saksinya?")
    adds(wave.first, "Dua rekan saya.", "susulan.jpg")
    wave.others = [in_review(cast, story=f"Saya diminta hal yang sama, orang ke-{n}.") for n in range(LATER)]
    sources = dict.fromkeys(one.case.pk for one in wave.others)
    case_links.link(actor=wave.actor("vera"), target_id=wave.first.case.pk, sources=sources, reason="Atasan yang sama.")


def brought(wave: Wave) -> Release:
    """A supplement brings the reports but the last, and the late file; what the body asked for it holds already."""
    answer = Message.objects.from_reporter().filter(complaint=pk(wave.first)).latest("sequence")
    choice = Choice(
        {pk(wave.first): set(ANSWERS), **{pk(one): set(ANSWERS) for one in wave.others[:-1]}},
        messages={answer.pk},
        objects={working(files_of(wave.first)[2])},
    )
    return wave.supplement(choice)


def asked(wave: Wave, sent: Sent) -> None:
    do = {"release_id": wave.release.pk, "complaint_id": pk(sent)}
    names.ask(actor=wave.actor("kirana"), reason="Kami perlu saksi.", **do)


def opens(wave: Wave, sent: Sent) -> Name | None:
    return names.open_name(actor=wave.actor("kirana"), release_id=wave.release.pk, complaint_id=pk(sent))


def page_of(sent: Sent) -> str:
    client = Client()
    assert client.post("/cek/", {"code": sent.code}).url == "/cek/laporan/"
    return walk.words(client.get("/cek/laporan/"))


def told(sent: Sent) -> follow_up.StatusPage:
    return follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())


def outcome(wave: Wave) -> None:
    wave.body_act(Action.SUBSTANTIATE, text="Terbukti.", reply="Terbukti.")
    wave.body_act(Action.AWAIT_AGENCY, text="Sanksi sedang.")
    wave.body_act(Action.SANCTION)


def test_every_page_of_a_wave_tells_its_own_story(cast: Cast) -> None:
    wave = forwarded(cast)
    first = wave.first
    content = wave.opened().opened[0].content
    assert [(item.variant, item.number) for item in content.files] == [("redacted", 1), ("working", 2)]
    assert "Budi" not in repr(content) and "[dihilangkan: pihak ketiga]" in repr(content)
    joined(cast, wave)
    *brought_others, last = wave.others
    giver, refuser = brought_others[:2]
    more = brought(wave)
    content = wave.opened().opened[0].content
    assert len([report for report in content.reports if report.has_answers]) == LATER
    assert [(item.variant, item.report, item.number) for item in content.files] == [("working", 1, 3)]
    assert "Dua rekan saya." in [entry.text for entry in wave.opened().thread]
    # The last report goes with a supplement that is recalled before the body has opened it.
    recalled = wave.supplement(Choice({pk(last): set(ANSWERS)}))
    assert told(last).body_name == "BKN"
    assert release.recall(actor=wave.actor("fitri"), release_id=recalled.pk) is False
    asked(wave, giver)
    asked(wave, refuser)
    own_name.give(ticket=giver.ticket, name=Name("Ibu A", ""), body="BKN", today=timezone.localdate())
    assert (opens(wave, giver), opens(wave, refuser)) == (Name("Ibu A", ""), None)
    with pytest.raises(NameRequest.DoesNotExist):
        opens(wave, last)
    with pytest.raises(NameRequest.DoesNotExist):
        asked(wave, last)
    outcome(wave)
    said = {entry.text: entry.readers for entry in wave.opened().thread if entry.message.step_id}
    assert (said["Siapa saksinya?"], said["Terbukti."]) == (1, LATER)
    assert len(said) == len([entry for entry in wave.opened().thread if entry.message.step_id])
    assert redaction_check.check(actor=wave.actor("vera"), release_id=wave.release.pk) == []
    assert redaction_check.check(actor=wave.actor("vera"), release_id=more.pk) == []

    first_page = page_of(first)
    for words in [
        "Jawaban Anda, tanpa: NIP",
        "Pesan: 1, postingan: 0, berkas: 2.",
        "1 bagian tulisan Anda dihilangkan sebelum diteruskan. Pada 1 berkas, sebagian isinya dihitamkan "
        "atau dibisukan. Laporan yang Anda kirim tetap utuh.",
        "Pesan: 0, postingan: 0, berkas: 1.",
        "Nama itu belum dibaca.",
        "Siapa saksinya?",
        "Dibuka petugas 1 kali.",
        "Dari Anda: 2 pesan, 3 bukti.",
    ]:
        assert words in first_page, words
    pages = {pk(one): page_of(one) for one in wave.others}
    for one in brought_others:
        page = pages[pk(one)]
        assert told(one).status == "sanctioned"
        assert page.count("Kepada BKN") == 1 and "Pesan: 0, postingan: 0, berkas: 0." in page
        # Neither a question to another reporter, nor what was removed there, nor their name.
        for words in ("Siapa saksinya?", "dihilangkan", "Ratna", "Kepada KASN", first.case.reference):
            assert words not in page, words
        assert ("Kami perlu saksi." in page) == (one in (giver, refuser))
        assert ("Nama Anda dibaca 1 kali" in page) == (one is giver)
        assert "Dibuka petugas 1 kali." in page
    page = pages[pk(last)]
    # The body has ended the case without this report, which may still leave it.
    assert (told(last).status, told(last).told, told(last).may_withdraw) == ("sanctioned", [], True)
    assert "Kepada BKN" not in page and "Belum dibuka petugas." in page
    assert "Bila Anda memberikan nama untuk lembaga ini" not in page
    follow_up.withdraw(ticket=last.ticket, reason="", today=timezone.localdate())
    assert (told(last).status, told(first).status) == ("withdrawn", "sanctioned")
    sheet = custody.custody_sheet(actor=wave.actor("vera"), case_id=first.case.pk)
    assert set(sheet.former) == {one.case.reference for one in brought_others}
    assert [item.report for item in sheet.items].count(sheet.items[0].report) == len(sheet.items) == 3
    assert verify.verify_chain().whole
    for model, columns, codes in ALTERED:
        is_named(model, columns, codes)


ALTERED: list[tuple[type[Model], dict[str, Any], set[str]]] = [
    (ReleasedReport, {"number": 90}, {"release.altered"}),
    (ReleasePart, {"number": 90}, {"release.altered"}),
    (NameRequest, {"day": "2026-01-01"}, {"name.altered"}),
    (Redaction, {"at": "2026-01-01T00:00Z"}, {"row.altered", "row.gone"}),
    (ReadName, {"day": "2026-01-01"}, {"name.altered"}),
]


class Undo(Exception):
    pass


def is_named(model: type[Model], columns: dict[str, Any], codes: set[str]) -> None:
    """One row altered, and one deleted: the night names each."""
    row = model._base_manager.order_by("pk").first()
    assert row is not None
    for change in ("update", "delete"):
        try:
            with transaction.atomic():
                rows = model._base_manager.filter(pk=row.pk)
                if change == "update":
                    rows.update(**columns)
                else:
                    rows._raw_delete(rows.db)
                faults = verify.verify_chain().faults
                raise Undo
        except Undo:
            assert any(fault.code in codes for fault in faults), (change, faults)


def test_a_second_body_holds_some_reports_of_a_wave(cast: Cast) -> None:
    """It asks, is answered and decides beside the leading body; each page tells what is true of its own report."""
    competent_again("kasn")
    wave = forwarded(cast)
    joined(cast, wave)
    brought(wave)
    both, only_lead, *_others, only_second = wave.others
    held = [wave.first, both, only_second]
    choice = Choice({pk(one): set(ANSWERS) for one in held})
    kasn = OversightBody.objects.get(pk="kasn")
    do = {"actor": wave.actor("fitri"), "case_id": wave.first.case.pk, "body": kasn}
    second = further_releases.forward_also(choice=choice, **do)

    def kasn_act(action: Action, **words: Any) -> None:
        decide(actor=Actor(ring("bima"), timezone.now()), release_id=second.pk, action=action, **words)

    kasn_act(Action.TAKE_UP)
    passed_on(wave.actor("kirana"), wave.actor("vera"), wave.release, "Tanya BKN?")
    passed_on(Actor(ring("bima"), timezone.now()), wave.actor("vera"), second, "Tanya KASN?")
    asked = [told(one).askers for one in (wave.first, both, only_lead, only_second)]
    lead, further = ("bkn", "BKN"), ("kasn", "KASN")
    assert asked == [[lead, further], [lead, further], [lead], [further]]
    follow_up.add_message(ticket=both.ticket, text="Jawab KASN.", files=[], today=timezone.localdate(), to="kasn")
    adds(only_lead, "Jawab BKN.")
    assert [entry.text for entry in wave.opened().thread if "Jawab" in entry.text] == ["Jawab BKN."]
    outcome(wave)
    kasn_act(Action.DISMISS, text="Tidak cukup.", reply="Alasan KASN.")
    opened = reading.open_release(actor=Actor(ring("bima"), timezone.now()), release_id=second.pk)
    assert len(opened.report_numbers) == 3
    assert {entry.content["outcome"] for entry in opened.decisions} == {"propose_finding", "dismiss"}
    assert "Jawab KASN." in [entry.text for entry in opened.thread]

    assert [told(one).status for one in (*held, only_lead)] == [
        *("sanctioned", "sanctioned", "unsubstantiated"), "sanctioned"
    ]  # fmt: skip
    for one in (wave.first, both):
        page = page_of(one)
        for words in ("Laporan Anda di KASN", "Alasan KASN.", "Tanya BKN?", "Tanya KASN?", "Kepada BKN", "Kepada KASN"):
            assert words in page, words
    assert "KASN" not in page_of(only_lead)
    page = page_of(only_second)
    for words in ("KASN", "Alasan KASN.", "Diteruskan ke KASN"):
        assert words in page, page
    for words in ("BKN", "Terbukti.", "800/1", "Laporan Anda di KASN"):
        assert words not in page, words
    assert not told(only_second).may_withdraw
    assert verify.verify_chain().whole


def test_what_is_asked_of_one_reporter_is_not_told_to_the_others(cast: Cast) -> None:
    """Nor that a body's finding was proposed: each page has the steps that its own reporter is told of."""
    competent_again("kasn")
    wave = forwarded(cast)
    joined(cast, wave)
    brought(wave)
    one, other = wave.others[:2]
    choice = Choice({pk(sent): set(ANSWERS) for sent in (one, other)})
    do = {"actor": wave.actor("fitri"), "case_id": wave.first.case.pk, "body": OversightBody.objects.get(pk="kasn")}
    second = further_releases.forward_also(choice=choice, **do)
    bima, kirana = Actor(ring("bima"), timezone.now()), wave.actor("kirana")
    decide(actor=bima, release_id=second.pk, action=Action.TAKE_UP)
    for liaison, row in ((bima, second), (kirana, wave.release)):
        question = asking.propose(actor=liaison, release_id=row.pk, text="Siapa?", readers=[pk(one)])
        asking.pass_on(actor=wave.actor("vera"), question_id=question.pk)
    for body in ("kasn", "bkn"):
        follow_up.add_message(ticket=one.ticket, text="Dia.", files=[], today=timezone.localdate(), to=body)
    decide(actor=bima, release_id=second.pk, action=Action.DISMISS, text="Tidak cukup.", reply="Alasan.")
    asked, ends = ["ask_reporter", "answer"], ["dismiss"]
    for sent, between in ((one, asked), (other, [])):
        page = told(sent)
        assert [event.action for event in page.events] == ["start_review", "forward", *between]
        assert [event.action for event in page.others[0].events] == ["forward", "take_up", *between, *ends]
    assert "Perlu dilengkapi" not in page_of(other)


def test_a_recalled_supplement_leaves_nothing_open_and_no_number_free(cast: Cast) -> None:
    """The body reads no name of a report that it lost, and knows no other report by its number."""
    wave = forwarded(cast)
    joined(cast, wave)
    one, two = wave.others[:2]
    lost = wave.supplement(Choice({pk(one): set(ANSWERS)}))
    number = wave.opened().opened[0].numbers[pk(one)]
    own_name.give(ticket=one.ticket, name=Name("Ibu A", ""), body="BKN", today=timezone.localdate())
    assert opens(wave, one) == Name("Ibu A", "")
    # It was opened before, and the name read: the reporter reads both.
    assert release.recall(actor=wave.actor("fitri"), release_id=lost.pk) is True
    page = page_of(one)
    assert "Penerusan ini ditarik kembali. BKN sudah membukanya sebelum itu." in page
    assert "Nama Anda dibaca 1 kali" in page and "Bila Anda memberikan nama untuk lembaga ini" not in page
    assert (told(one).name.state, told(one).opened_count, told(one).body_name) == ("void", 1, "")
    with pytest.raises(NameRequest.DoesNotExist):
        opens(wave, one)
    wave.supplement(Choice({pk(two): set(ANSWERS)}))
    assert wave.opened().opened[0].numbers[pk(two)] != number
    wave.supplement(Choice({pk(one): set(ANSWERS)}))
    assert wave.opened().opened[0].numbers == {pk(one): number}
    assert (told(one).body_name, told(two).opened_count) == ("BKN", 1)
    # The reporter who gives it again is read again; the first stays told.
    assert verify.verify_chain().whole


def test_a_recalled_forwarding_stays_in_the_history(cast: Cast) -> None:
    sent, row = to_body(cast, files=False)
    reading.open_release(actor=Actor(cast.ring("kirana"), timezone.now()), release_id=row.pk)
    act(cast, "fitri", sent, Action.RECALL, "Bukan kewenangan BKN.")
    page = page_of(sent)
    assert "Diteruskan ke BKN" in page and "BKN sudah membukanya" in page and "Dibuka petugas 1 kali." in page
    assert [event.action for event in told(sent).events][-2:] == ["forward", "recall"]


def test_what_is_redacted_after_the_forwarding_is_not_ticked(cast: Cast, signed_in: SignedIn) -> None:
    """The body keeps the whole file: a copy without parts of it tells it only what was removed."""
    wave = forwarded(cast)
    adds(wave.first, "Lagi.", "baru.jpg")
    _one, two, _new = files_of(wave.first)
    box = Removal(boxes=(Box(1, 1000, 1000, 6000, 6000, Reason.IDENTITY),))
    redactions.save_file(actor=wave.actor("vera"), evidence_id=two.pk, removal=box)
    page = signed_in("fitri").get(reverse("admin:complaints_case_supplement", args=[wave.first.case.pk]))
    (choice,) = [*page.context["fresh"], *page.context["others"]]
    lines = [line for line in all_lines([choice]) if line.name == "objects"]
    copies = {line.label: (line.is_held, line.is_ticked) for line in lines if "salinan" in line.label}
    assert list(copies.values()) == [(False, False), (False, True), (True, False)]
    text = page.content.decode()
    assert "sudah menerima versi lain berkas ini" in text and "dihilangkan di sini setelah laporan" in text


def test_a_report_that_came_with_a_supplement_leaves_with_its_own_history(cast: Cast) -> None:
    """The body gives the case back, and the office parts the reports: each page keeps what was sent of it."""
    wave = forwarded(cast)
    joined(cast, wave)
    brought(wave)
    one = wave.others[0]
    wave.body_act(Action.RETURN, text="Pisahkan.")
    case_links.unlink(actor=wave.actor("vera"), complaint_id=pk(one), reason="Perkara lain.")
    page = told(one)
    assert (page.status, page.name.state, [item.body for item in page.told]) == ("in_review", "void", ["BKN"])
    assert [event.action for event in page.events][-2:] == ["forward", "return"]
    assert "Terverifikasi" not in page_of(one).split("Riwayat")[1]
    with pytest.raises(NameRequest.DoesNotExist):
        opens(wave, one)
    assert told(wave.first).name.state == "void"
    assert verify.verify_chain().whole


def test_the_separate_team_supplements_and_recalls_with_its_own_key(cast: Cast) -> None:
    changes = {"accused_kind": "military_police", "recipient": "bkn"}
    sent, other = send_report(**changes), send_report(**changes)
    for one in (sent, other):
        act(cast, "sari", one, Action.START_REVIEW)
    act(cast, "sari", sent, Action.VERIFY)
    satya, sari = (Actor(cast.ring(name), timezone.now()) for name in ("satya", "sari"))
    bkn = OversightBody.objects.get(pk="bkn")
    row = release.forward(actor=satya, case_id=sent.case.pk, body=bkn, choice=Choice({pk(sent): set(ANSWERS)}))
    sources = {other.case.pk: None}
    case_links.link(actor=sari, target_id=sent.case.pk, sources=sources, reason="Sama.")
    more = release.supplement(actor=satya, first=row, choice=Choice({pk(other): set(ANSWERS)}))
    kirana = Actor(cast.ring("kirana"), timezone.now())
    seen = reading.open_release(actor=kirana, release_id=row.pk)
    assert [one.release.pk for one in seen.opened] == [more.pk, row.pk]
    with pytest.raises(Release.DoesNotExist):
        release.recall(actor=Actor(cast.ring("fitri"), timezone.now()), release_id=more.pk)
    assert release.recall(actor=satya, release_id=more.pk) is True
    assert [item.is_recalled for item in told(other).told] == [True]
    assert told(other).name.state == "void"
    assert verify.verify_chain().whole
