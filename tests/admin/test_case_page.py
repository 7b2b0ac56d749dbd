"""The case page: reading, acting with a confirm page, two people, stale pages, and whom it opens to."""

from __future__ import annotations

import re
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, CaseStep, InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import Release
from complaints.services import after_the_end, case_actions, follow_up
from complaints.services.forwarding import reading
from complaints.services.keyring import Actor
from tests.cases import act, body_act, chosen, complaint_of, forwarded, in_review, verified, with_photo
from tests.world import Cast, Sent, SignedIn, openings_of, send_report, ticks

DISPATCH = "<script>alert(1)</script>"


def case_url(sent: Sent) -> str:
    return reverse("admin:complaints_case_change", args=[sent.case.pk])


def step_url(sent: Sent, action: str) -> str:
    return reverse("admin:complaints_case_step", args=[sent.case.pk, action])


def forward_url(sent: Sent) -> str:
    return reverse("admin:complaints_case_forward", args=[sent.case.pk])


def test_it_shows_what_was_sent_as_text(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(
        cast,
        accused_name=DISPATCH,
        story=f"Pada rapat pagi kami diminta {DISPATCH} mendukung pasangan calon nomor dua.",
        links="javascript:alert(2)",
    )
    stored = with_photo(sent)
    case_actions.write_case_note(
        actor=Actor(cast.ring("vino"), timezone.now()), complaint_id=complaint_of(sent).pk, text="Mirip."
    )
    client = signed_in("vera")
    client.post(reverse("admin:me"), {"language": "en"})
    text = client.get(case_url(sent)).content.decode()
    assert DISPATCH not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert 'href="javascript' not in text
    assert "javascript:alert(2)" in text
    for words in (sent.case.reference, "Name or account", "Dinas Contoh", "Ini fotonya.", "Mirip.", "device"):
        assert words in text, words
    for variant in ("working", "original"):
        assert reverse("admin:complaints_case_file", args=[sent.case.pk, stored[variant]]) in text
    assert AuditEntry.objects.filter(event="case.opened", case=sent.case.pk, actor=cast["vera"].pk).count() == 1
    assert not Message.objects.unread().exists()
    assert openings_of(sent) == 1


def test_no_inline_script_or_style_and_nothing_from_elsewhere(signed_in: SignedIn, cast: Cast) -> None:
    sent, _release = forwarded(cast, files=True)
    client = signed_in("vera")
    for url in (
        case_url(sent),
        reverse("admin:index"),
        reverse("admin:me"),
        reverse("admin:complaints_case_changelist"),
    ):
        response = client.get(url)
        text = response.content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=|data:|<script(?![^>]*\ssrc=)", text), url
        assert "no-store" in response.headers["Cache-Control"]
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_every_step_asks_first_and_says_what_the_reporter_reads(signed_in: SignedIn, cast: Cast) -> None:
    sent = send_report()
    client = signed_in("vera")
    client.post(reverse("admin:me"), {"language": "en"})
    assert step_url(sent, "start_review") in client.get(case_url(sent)).content.decode()
    confirm = client.get(step_url(sent, "start_review"))
    assert "Being checked" in confirm.content.decode()
    assert "The reporter reads" in confirm.content.decode()
    assert Case.objects.get(pk=sent.case.pk).status == "received"
    done = client.post(step_url(sent, "start_review"), {"seen": "received"}, follow=True)
    assert done.redirect_chain == [(case_url(sent), 302)]
    assert "from “Received” to “Being checked”" in done.content.decode()
    assert Case.objects.get(pk=sent.case.pk).status == "in_review"


def test_a_reason_is_asked_where_the_table_asks(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = in_review(cast), signed_in("vera")
    url = step_url(sent, "ask_reporter")
    assert "required" in client.get(url).content.decode().split("<textarea")[1].split(">")[0]
    response = client.post(url, {"seen": "in_review", "reason": "  "})
    assert response.status_code == 400
    assert Case.objects.get(pk=sent.case.pk).status == "in_review"
    client.post(url, {"seen": "in_review", "reason": "Kapan tepatnya?"})
    page = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    assert page.question == "Kapan tepatnya?"


def test_words_that_the_table_keeps_in_the_house_become_a_note(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = in_review(cast), signed_in("vera")
    client.post(
        step_url(sent, "propose_ineligible"),
        {"seen": "in_review", "reason": "Bukan ASN."} | ticks("propose_ineligible"),
    )
    assert Case.objects.get(pk=sent.case.pk).status == "ineligible_proposed"
    assert InternalNote.objects.filter(complaint__case=sent.case).count() == 1
    assert not Message.objects.filter(complaint__case=sent.case).exists()
    assert "Bukan ASN." in client.get(case_url(sent)).content.decode()


def test_steps_that_are_refused_for_one_reason_share_its_words(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.REFER, "Bukan ASN.")
    after_the_end.object_to_end(ticket=sent.ticket, reason="Ia ASN.", today=timezone.localdate())
    text = signed_in("vera").get(case_url(sent)).content.decode()
    assert text.count("lalu pelapor menyatakan keberatan") == text.count('class="whynot"') == 1
    assert "<b>Nyatakan terverifikasi</b> · <b>Siapkan surat" in text


def test_the_same_person_reads_why_not_and_cannot(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN.")
    vera, vino = signed_in("vera"), signed_in("vino")
    url = step_url(sent, "confirm_ineligible")
    text = vera.get(case_url(sent)).content.decode()
    assert url not in text
    assert 'class="whynot"' in text
    assert vera.get(url).status_code == 409
    response = vera.post(url, {"seen": "ineligible_proposed", "reason": "Sudah saya cek."})
    assert response.status_code == 409
    assert "Sudah saya cek." in response.content.decode()
    assert Case.objects.get(pk=sent.case.pk).status == "ineligible_proposed"
    assert (
        vino.post(url, {"seen": "ineligible_proposed", "reason": "Benar."} | ticks("confirm_ineligible")).status_code
        == 302
    )
    assert Case.objects.get(pk=sent.case.pk).status == "ineligible"


def test_verifier_cannot_forward_and_forwarder_cannot_verify(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    fitri = signed_in("fitri")
    assert step_url(sent, "verify") not in fitri.get(case_url(sent)).content.decode()
    assert fitri.post(step_url(sent, "verify"), {"seen": "in_review"}).status_code == 409
    act(cast, "vera", sent, Action.VERIFY)
    vino = signed_in("vino")
    assert vino.get(forward_url(sent)).status_code == 409
    response = vino.post(forward_url(sent), {"seen": "verified", "body": "bkn", "cover": "Mohon."})
    assert response.status_code == 409
    assert "Mohon." in response.content.decode()
    assert not Release.objects.exists()


def test_stale_page_shows_changes_and_keeps_the_input(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = in_review(cast), signed_in("vera")
    act(cast, "vino", sent, Action.ASK_REPORTER, "Di mana?")
    steps = CaseStep.objects.filter(case=sent.case).count()
    response = client.post(
        step_url(sent, "refer"), {"seen": "in_review", "reason": "Ke Bawaslu saja."} | ticks("refer")
    )
    text = response.content.decode()
    assert response.status_code == 409
    assert "Ke Bawaslu saja." in text
    assert "Vino" in text
    assert 'role="alert"' in text
    assert CaseStep.objects.filter(case=sent.case).count() == steps


def test_a_stale_step_that_is_still_possible_is_asked_again(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = in_review(cast), signed_in("vera")
    form = {"seen": "received", "reason": "Ke Bawaslu saja."} | ticks("refer")
    response = client.post(step_url(sent, "refer"), form)
    assert response.status_code == 409
    text = response.content.decode()
    assert "Ke Bawaslu saja." in text
    assert 'name="seen" value="in_review.1.' in text
    unseen = {"reason": "Tanpa melihat."} | ticks("refer")
    assert client.post(step_url(sent, "refer"), unseen).status_code == 409
    assert Case.objects.get(pk=sent.case.pk).status == "in_review"


def test_an_answer_that_came_meanwhile_is_pointed_out(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = in_review(cast), signed_in("vera")
    assert "banner warn" not in client.get(step_url(sent, "verify")).content.decode()
    follow_up.add_message(ticket=sent.ticket, text="Satu lagi.", files=[], today=timezone.localdate())
    assert "banner warn" in client.get(step_url(sent, "verify")).content.decode()


def test_forwarding_shows_what_leaves_and_releases_only_that(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    stored = with_photo(sent)
    act(cast, "vera", sent, Action.VERIFY)
    client = signed_in("fitri")
    page = client.get(forward_url(sent))
    text = page.content.decode()
    assert page.status_code == 200
    assert "Pada rapat pagi" in text
    boxes = {box.split('"')[0]: "checked" in box.split(">")[0] for box in text.split('name="objects" value="')[1:]}
    assert boxes == {str(stored["working"]): True, str(stored["original"]): False}
    assert 'class="warning"' in text
    form = {
        "seen": "verified",
        "body": "bkn",
        **chosen(page),
        "cover": "Mohon.",
        "reply": "Sudah.",
    } | ticks("forward")
    response = client.post(forward_url(sent), form)
    assert response.headers["Location"] == case_url(sent)
    release = Release.objects.get()
    seen = reading.open_release(actor=Actor(cast.ring("kirana"), timezone.now()), release_id=release.pk)
    assert [item.variant for item in seen.opened[0].content.files] == ["working"]
    assert seen.opened[0].content.cover == "Mohon."


def test_forwarding_needs_a_body_that_is_valid_and_pinned(signed_in: SignedIn, cast: Cast, settings: object) -> None:
    sent, client = verified(cast), signed_in("fitri")
    text = client.get(forward_url(sent)).content.decode()
    assert 'value="bkn"' in text
    assert 'value="kasn"' not in text
    assert "Bawaslu, Kemendagri belum punya tim di portal ini" in " ".join(text.split())
    assert 'name="do" value="send_back" formnovalidate' in text
    left = client.post(forward_url(sent), {"seen": "verified", "do": "send_back"})
    assert left.headers["Location"] == reverse("admin:complaints_case_step", args=[sent.case.pk, "send_back"])
    for elsewhere in ("kasn", "bawaslu", "successor"):
        refused = client.post(forward_url(sent), {"seen": "verified", "body": elsewhere})
        assert refused.status_code == 400 and "tidak punya tim di sini" in refused.content.decode()
    settings.TEAM_KEY_PINS = ",".join(  # type: ignore[attr-defined]
        pin for pin in cast.pins.split(",") if not pin.startswith("body-")
    )
    assert "disabled" in client.get(forward_url(sent)).content.decode()
    assert client.post(forward_url(sent), {"seen": "verified", "body": "bkn"}).status_code == 400
    other = {"seen": "verified", "body": "bkn", "objects": [str(uuid.uuid4())]}
    settings.TEAM_KEY_PINS = cast.pins  # type: ignore[attr-defined]
    assert client.post(forward_url(sent), other).status_code == 400
    assert not Release.objects.exists()


def test_triage_reads_what_the_body_found(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_act(cast, "kirana", release, Action.SUBSTANTIATE, text="Dua saksi sesuai.")
    text = signed_in("vera").get(case_url(sent)).content.decode()
    assert "Dua saksi sesuai." in text


def test_messages_and_notes_on_the_case_page(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = in_review(cast), signed_in("vera")
    complaint = complaint_of(sent)
    reply = reverse("admin:complaints_case_reply", args=[sent.case.pk, complaint.pk])
    note = reverse("admin:complaints_case_note", args=[sent.case.pk, complaint.pk])
    assert client.get(reply).status_code == 405
    assert client.post(reply, {"text": ""}).status_code == 400
    long = client.post(reply, {"text": "a" * 8001})
    assert long.status_code == 400
    assert "a" * 8001 in long.content.decode()
    assert client.post(reply, {"text": "Terima kasih."}).status_code == 302
    assert client.post(note, {"text": "Telepon dinas."}).status_code == 302
    page = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    assert [entry.text for entry in page.thread] == ["Terima kasih."]
    assert "Telepon dinas." in client.get(case_url(sent)).content.decode()
    other = in_review(cast)
    crossed = reverse("admin:complaints_case_reply", args=[other.case.pk, complaint.pk])
    assert client.post(crossed, {"text": "Salah kamar."}).status_code == 404


def test_claim_and_give(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = send_report(), signed_in("vera")
    url = reverse("admin:complaints_case_assign", args=[sent.case.pk])
    assert client.post(url, {"assignee": str(cast["vera"].pk)}).status_code == 302
    assert Case.objects.get(pk=sent.case.pk).assignee == cast["vera"]
    client.post(url, {"assignee": ""})
    assert Case.objects.get(pk=sent.case.pk).assignee is None
    for nobody in ("kirana", "luar", "adi"):
        assert client.post(url, {"assignee": str(cast[nobody].pk)}).status_code == 404
    assert AuditEntry.objects.filter(event="case.assigned").count() == 2


@pytest.mark.parametrize("name", ["luar", "kirana", "audi", "adi"])
def test_for_everybody_else_the_case_does_not_exist(signed_in: SignedIn, cast: Cast, name: str) -> None:
    sent, _release = forwarded(cast)
    complaint, client = complaint_of(sent), signed_in(name)
    base = [sent.case.pk]
    for address in (case_url(sent), step_url(sent, "verify"), forward_url(sent)):
        there = client.get(address)
        missing = client.get(address.replace(str(sent.case.pk), str(uuid.uuid4())))
        assert there.status_code == missing.status_code == 404
        assert there.content == missing.content
    for view in ("reply", "note"):
        url = reverse(f"admin:complaints_case_{view}", args=[*base, complaint.pk])
        assert client.post(url, {"text": "x"}).status_code == 404
    assert client.post(reverse("admin:complaints_case_assign", args=base)).status_code == 404
    assert not AuditEntry.objects.filter(event="case.opened", actor=cast[name].pk).exists()


def test_a_missing_case_is_404_for_triage_too(signed_in: SignedIn) -> None:
    client = signed_in("vera")
    assert client.get(reverse("admin:complaints_case_change", args=[uuid.uuid4()])).status_code == 404
    sent = send_report()
    for action in ("explode", "answer", "take_up", "withdraw"):
        assert client.get(step_url(sent, action)).status_code == 404


def test_a_superuser_sees_clear_columns_and_acts_on_nothing(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    stored, complaint = with_photo(sent), complaint_of(sent)
    client = signed_in("super")
    page = client.get(case_url(sent))
    text = page.content.decode()
    assert page.status_code == 200
    assert sent.case.reference in text
    for secret in ("Kepala Bidang", "Pada rapat", "Dinas Contoh", "Ini fotonya"):
        assert secret not in text
    assert client.get(step_url(sent, "verify")).status_code == 404
    assert client.get(forward_url(sent)).status_code == 404
    for view, args in (
        ("reply", [complaint.pk]),
        ("note", [complaint.pk]),
        ("file", [stored["working"]]),
        ("assign", []),
    ):
        url = reverse(f"admin:complaints_case_{view}", args=[sent.case.pk, *args])
        assert client.post(url, {"text": "x", "reason": "x"}).status_code == 404, view
    assert openings_of(sent) == 0


def test_an_altered_row_is_said_in_words_and_shows_nothing(signed_in: SignedIn, cast: Cast) -> None:
    sent, other = in_review(cast), in_review(cast, accused_name="Orang Lain")
    swapped = complaint_of(other).sealed_answers
    Complaint.objects.filter(pk=complaint_of(sent).pk).update(sealed_answers=swapped)
    response = signed_in("vera").get(case_url(sent))
    assert response.status_code == 409
    assert "Orang Lain" not in response.content.decode()
    assert openings_of(sent) == 0


def test_an_exchanged_team_key_stops_every_act(signed_in: SignedIn, cast: Cast, settings: object) -> None:
    sent, client = in_review(cast), signed_in("vera")
    settings.TEAM_KEY_PINS = "triage=" + "0" * 32  # type: ignore[attr-defined]
    response = client.post(step_url(sent, "ask_reporter"), {"seen": "in_review", "reason": "Di mana?"})
    assert response.status_code == 409
    assert Case.objects.get(pk=sent.case.pk).status == "in_review"
