"""Words to a reporter: standard texts, the preview, and the check that warns, is overridden with a reason, and keeps
nothing of what it found."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.admin import reply_composer
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import InternalNote
from complaints.models.complaint import Message
from complaints.services import case_file, case_links, follow_up
from complaints.services.forwarding import decisions
from complaints.services.keyring import Actor
from complaints.services.transitions import CaseVersion
from tests.cases import body_act, chosen, forwarded, in_review, verified
from tests.security import traces
from tests.world import Cast, Sent, SignedIn, ticks

NAMING = "Kami memeriksa Hendra Wiratno dahulu."
NAMED = {"accused_name": "Hendra Wiratno"}


def step(sent: Sent, action: str) -> str:
    return reverse("admin:complaints_case_step", args=[sent.case.pk, action])


def reply(sent: Sent) -> str:
    return reverse("admin:complaints_case_reply", args=[sent.case.pk, sent.ticket.complaint_id])


def words_to_reporter(sent: Sent) -> str:
    page = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    return " ".join([page.question, *(entry.text for entry in page.thread), *(event.reason for event in page.events)])


def notes(cast: Cast, sent: Sent) -> list[str]:
    opened = case_file.open_case(actor=Actor(cast.ring("vera"), timezone.now()), case_id=sent.case.pk)
    return [note.text for note in opened.notes]


def sending_nothing(client: Client, url: str, form: dict[str, str], status: int) -> str:
    before = Message.objects.filter(direction="to_reporter").count(), InternalNote.objects.count()
    answer = client.post(url, form)
    assert answer.status_code == status
    assert (Message.objects.filter(direction="to_reporter").count(), InternalNote.objects.count()) == before
    return answer.content.decode()


def test_a_standard_text_is_put_in_below_what_was_typed(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = in_review(cast), signed_in("vera")
    form = {"seen": "in_review", "reason": "Selamat pagi.", "standard": "ask_when_where.id", "do": "insert"}
    page = sending_nothing(vera, step(sent, "ask_reporter"), form, 200)
    assert "Selamat pagi.\n\nTerima kasih atas laporan Anda. Agar dapat kami verifikasi" in page
    assert "{due_on}" not in page.split("<textarea")[1].split("</textarea>")[0]
    page = sending_nothing(vera, reply(sent), {"text": "", "standard": "reply_thanks.en", "do": "insert"}, 200)
    assert "what you added to report {reference}" in page.split("<textarea")[1]
    form = {"text": "Laporan {reference} sudah kami baca."}
    assert f"Laporan {sent.case.reference} sudah" in sending_nothing(vera, reply(sent), form | {"do": "preview"}, 200)
    assert vera.post(reply(sent), form).status_code == 302
    assert f"Laporan {sent.case.reference} sudah" in words_to_reporter(sent)


def test_reporters_who_share_a_case_are_each_told_of_their_own(cast: Cast, signed_in: SignedIn) -> None:
    first, second = in_review(cast), in_review(cast)
    case_links.link(
        actor=Actor(cast.ring("vera"), timezone.now()),
        target_id=first.case.pk,
        sources={second.case.pk: CaseVersion("in_review")},
        reason="Perkara yang sama.",
    )
    vera, url = signed_in("vera"), step(first, "ask_reporter")
    form = {"seen": "in_review", "reason": "Tentang {reference}: kapan itu terjadi?"}
    joint = sending_nothing(vera, url, form | {"reason": f"Tentang {first.case.reference}."}, 400)
    assert f"<mark>{first.case.reference}</mark>" in joint
    assert vera.post(url, form).status_code == 302
    for mine, other in ((first, second), (second, first)):
        assert mine.case.reference in words_to_reporter(mine) and other.case.reference not in words_to_reporter(mine)
    # What one of them wrote is kept from the other.
    story = "Pada rapat pagi kami diminta mendukung pasangan calon nomor dua."
    url = reverse("admin:complaints_case_reply", args=[first.case.pk, first.ticket.complaint_id])
    page = sending_nothing(vera, url, {"text": story}, 400)
    assert "Kata-kata pelapor lain" in page


def test_texts_belong_to_a_step_and_to_a_group(cast: Cast, signed_in: SignedIn) -> None:
    pressed, witnessed = in_review(cast), in_review(cast, door="witnessed", category="C1")
    vera = signed_in("vera")
    pages = [vera.get(step(sent, "ask_reporter")).content.decode() for sent in (pressed, witnessed)]
    assert [("ask_what_was_said.id" in page, "ask_link.id" in page) for page in pages] == [(True, False), (False, True)]
    assert all("refer_bawaslu" not in page for page in pages)
    # A limit of the law in a text comes from the rules.
    assert "pendek, 7 hari kerja (Pemilu), 7 hari kalender (Pilkada), dihitung" in " ".join(
        option.text for option in reply_composer.standard_text_options("refer", pressed.case, due_on=None, body="")
    )
    # Internal notes are compared with nothing.
    inside = vera.get(step(pressed, "propose_ineligible")).content.decode()
    assert 'value="preview"' not in inside and 'name="standard"' not in inside


def test_the_preview_shows_what_the_status_page_will(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = in_review(cast), signed_in("vera")
    words = "Kapan kira-kira hal itu terjadi?"
    form = {"seen": "in_review", "reason": words}
    page = sending_nothing(vera, step(sent, "ask_reporter"), form | {"do": "preview"}, 200)
    shown = page.split('class="as-reporter"')[1].split("</div>")[0]
    assert vera.post(step(sent, "ask_reporter"), form).status_code == 302
    client = Client()
    client.post("/cek/", {"code": sent.code})
    read = client.get("/cek/laporan/").content.decode()
    for part in shown.split("<"):
        text = part.partition(">")[2].strip()
        assert text in read, text


def test_a_warning_stops_it_once_and_a_reason_lets_it_through(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = in_review(cast, **NAMED), signed_in("vera")
    form = {"seen": "in_review", "reason": NAMING}
    seen = sending_nothing(vera, step(sent, "ask_reporter"), form | {"do": "preview"}, 200)
    refused = sending_nothing(vera, step(sent, "ask_reporter"), form, 400)
    assert "<mark>Hendra Wiratno</mark>" in seen and "<mark>Hendra Wiratno</mark>" in refused
    blank = sending_nothing(vera, step(sent, "ask_reporter"), form | {"override": "   "}, 400)
    assert "Hendra Wiratno" in blank
    reason = "Pelapor menyebutnya sendiri."
    assert vera.post(step(sent, "ask_reporter"), form | {"override": reason}).status_code == 302
    assert NAMING in words_to_reporter(sent)
    assert [note for note in notes(cast, sent) if note.endswith(reason)]
    entry = AuditEntry.objects.get(event="leak.overridden")
    assert entry.facts["kinds"] == "accused"
    step_taken = sent.case.steps.get(action="ask_reporter")
    assert entry.facts["about"] == str(step_taken.pk)
    assert entry.facts["note"] == str(InternalNote.objects.get(step=step_taken).pk)


def test_a_message_goes_the_same_way(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = in_review(cast, **NAMED), signed_in("vera")
    form = {"text": f"{NAMING} Hubungi 0812 3456 7890."}
    refused = sending_nothing(vera, reply(sent), form, 400)
    assert "<mark>0812 3456 7890</mark>" in refused
    assert vera.post(reply(sent), form | {"override": "Nomor layanan."}).status_code == 302
    entry = AuditEntry.objects.get(event="leak.overridden")
    assert entry.facts["kinds"] == "accused+phone"
    assert entry.facts["about"] == str(Message.objects.get(direction="to_reporter").pk)
    assert vera.post(reply(sent), {"text": "Terima kasih."}).status_code == 302
    assert AuditEntry.objects.filter(event="leak.overridden").count() == 1
    assert AuditEntry.objects.filter(event="leak.checked").count() == 3


def test_forwarding_goes_the_same_way(cast: Cast, signed_in: SignedIn) -> None:
    sent, fitri = verified(cast, **NAMED), signed_in("fitri")
    url = reverse("admin:complaints_case_forward", args=[sent.case.pk])
    form = {"seen": "verified", "body": "bkn", "cover": "Mohon ditindaklanjuti.", "reply": NAMING} | ticks("forward")
    form |= chosen(fitri.get(url))
    sending_nothing(fitri, url, form, 400)
    refused = sending_nothing(fitri, url, form | {"do": "insert", "standard": "forwarded.id"}, 200)
    assert NAMING in refused and "Mohon ditindaklanjuti." in refused and "sudah kami teruskan" in refused
    assert fitri.post(url, form | {"override": "Sudah umum."}).status_code == 302
    assert NAMING in words_to_reporter(sent)


def test_a_body_is_warned_by_what_was_released_to_it(cast: Cast, signed_in: SignedIn) -> None:
    sent, release = forwarded(cast, **NAMED)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    url = reverse("admin:complaints_release_step", args=[release.pk, "dismiss"])
    form = {"seen": "under_examination", "text": "Tidak cukup.", "reply": NAMING}
    kirana = signed_in("kirana")
    page = sending_nothing(kirana, url, form, 400)
    assert "<mark>Hendra Wiratno</mark>" in page
    assert kirana.post(url, form | {"override": "Pelapor tahu."}).status_code == 302
    assert NAMING not in words_to_reporter(sent)
    second = Actor(cast.ring("kresna"), timezone.now())
    decisions.act(actor=second, release_id=release.pk, action=Action.DISMISS)
    assert NAMING in words_to_reporter(sent) and "Pelapor tahu." not in words_to_reporter(sent)
    why = Message.objects.get(direction="body_to_triage")
    assert AuditEntry.objects.get(event="leak.overridden").facts["note"] == str(why.pk)


def test_nothing_of_what_was_found_or_typed_is_kept_in_clear(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = in_review(cast, accused_name="Kenarimerah Wiratno"), signed_in("vera")
    form = {"text": "Tentang Kenarimerah saja.", "override": "Kenaribiru alasannya."}
    sending_nothing(vera, reply(sent), form | {"do": "preview"}, 200)
    assert vera.post(reply(sent), form).status_code == 302
    assert traces.hits_of({"a": "Kenarimerah", "b": "Kenaribiru"}, list(traces.tables()), stem="Kenari") == {}
