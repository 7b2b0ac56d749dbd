"""The ways on and back in the admin: printed letters, a delivery with its receipt, and what a body corrects."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.domain.law.vocabulary import Mark
from complaints.domain.workflow import Action, Refusal, TransitionRefused
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, InternalNote
from complaints.models.oversight import Release
from complaints.services import case_actions, case_file, follow_up, letters, reference_data, rule_book
from complaints.services.audit import verify
from complaints.services.keyring import Actor
from complaints.services.messages import read_note
from tests.admin.test_custody import words_of
from tests.admin.test_releases import page_url as release_url
from tests.admin.test_releases import step_url as body_step_url
from tests.cases import act, body_act, complaint_of, forwarded, in_review, verified
from tests.world import Cast, Sent, SignedIn, ticks


def url(name: str, sent: Sent, *more: str) -> str:
    return reverse(f"admin:complaints_case_{name}", args=[sent.case.pk, *more])


def take(client: Client, sent: Sent, action: str, **fields: Any) -> int:
    page = client.get(url("step", sent, action))
    assert page.status_code == 200, action
    form = {"seen": str(page.context["mark"]), "do": "send", **ticks(action), **fields}
    return client.post(url("step", sent, action), form).status_code


def told(sent: Sent) -> list[str]:
    page = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    return [f"{event.label}: {event.reason}" for event in page.events]


def test_a_letter_is_printed_and_delivered_before_anybody_says_so(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast, accused_kind="village_head", today=timezone.localdate() - timedelta(days=1))
    vera, fitri = signed_in("vera"), signed_in("fitri")
    assert "hanya Bawaslu" in vera.get(url("change", sent)).content.decode()
    # Verifying goes another way than the rules say: the box is shut, and a reason is asked.
    page = vera.get(url("step", sent, "verify"))
    assert page.context["form"].fields["check-by_rule"].disabled
    assert take(vera, sent, "verify", **{"why-by_rule": ""}) == 400
    assert take(vera, sent, "prepare_referral", reason="Bawaslu yang berwenang.") == 302
    status = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    assert (status.status, status.may_withdraw) == ("referring", True)
    assert vera.get(url("letter", sent)).status_code == 302  # four eyes: another person prints and delivers
    page = fitri.get(url("letter", sent))
    assert page.status_code == 200
    keys = {part.key: part for part, _ticked in page.context["parts"]}
    form = {"to": "Bawaslu Kabupaten", "number": "07/KN/2026", "day": timezone.localdate().isoformat()}
    assert fitri.post(url("letter", sent), form).status_code == 400
    letter = fitri.post(url("letter", sent), form | {"parts": ["1-a0"]})
    assert letter.headers["Content-Type"] == "application/pdf"
    paper = words_of(letter.content)
    assert "07/KN/2026" in paper and "".join(keys["1-a0"].value.split()) in paper
    assert "".join(str(keys["1-story"].value).split())[:20] not in paper
    entry = AuditEntry.objects.get(event="letter.printed")
    assert entry.facts == {"kind": "referral", "parts": 1}
    assert Case.objects.get(pk=sent.case.pk).status == "referring"
    day = timezone.localdate()
    delivery = {"to": "Bawaslu Kabupaten Sendang", "receipt": "TT-91", "reason": "Terima kasih."}
    ahead = (day + timedelta(days=1)).isoformat()
    assert take(fitri, sent, "deliver", **delivery, delivered_on=ahead) == 400
    before = (day - timedelta(days=1)).isoformat()
    assert take(fitri, sent, "deliver", **delivery, delivered_on=before) == 400, "before it was prepared"
    # The addressee is read by the reporters, so it is checked like the words to them.
    telling = delivery | {"delivered_on": day.isoformat()}
    assert take(fitri, sent, "deliver", **(telling | {"to": "Bawaslu, tentang KN-26-ABC234"})) == 400
    assert take(fitri, sent, "deliver", **delivery) == 400
    assert take(fitri, sent, "deliver", **delivery, delivered_on=day.isoformat()) == 302
    assert "Disampaikan kepada Bawaslu Kabupaten Sendang pada" in told(sent)[-1]
    assert "TT-91" not in "".join(told(sent))
    pair = cast.ring("vera").complaint(complaint_of(sent))
    assert any("TT-91" in read_note(note, pair=pair, team="triage") for note in InternalNote.objects.all())
    assert verify.verify_chain().whole


def test_a_verified_case_goes_back_with_a_reason_that_stays_inside(signed_in: SignedIn, cast: Cast) -> None:
    sent = verified(cast)
    assert take(signed_in("fitri"), sent, "send_back", reason="Foto ini dari acara lain.") == 302
    assert Case.objects.get(pk=sent.case.pk).status == "in_review"
    assert "acara lain" not in "".join(told(sent))


def test_a_question_without_an_answer_rests_and_wakes(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.ASK_REPORTER, "Kapan?")
    vera = signed_in("vera")
    assert vera.get(url("step", sent, "rest")).status_code == 409  # the reporter still has time
    assert take(vera, sent, "end_wait") == 302
    assert told(sent)[-1].startswith("Kami lanjutkan tanpa menunggu jawaban")


def test_a_body_that_is_not_in_charge_and_a_case_taken_back(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast)
    kirana = signed_in("kirana")
    form = {"seen": "forwarded", "text": "Wewenang Bawaslu.", "reply": "Bukan wewenang kami."}
    assert kirana.post(body_step_url(release, "decline"), form).status_code == 302
    assert "bukan wewenangnya" in told(sent)[-1] and "Wewenang Bawaslu." not in "".join(told(sent))
    assert Release.objects.get().state == "returned"
    opened = case_file.open_case(actor=Actor(cast.ring("vera"), timezone.now()), case_id=sent.case.pk)
    assert opened.complaints[0].thread[-1].text == "Bukan wewenang kami."
    page = signed_in("vera").get(url("change", sent)).content.decode()
    assert "Wewenang Bawaslu." in page and "BKN menyatakan tidak berwenang:" in page
    act(cast, "vera", sent, Action.VERIFY)
    assert not signed_in("fitri").get(url("forward", sent)).context["form"]["body"].value(), "chosen anew"
    other, second = forwarded(cast)
    body_act(cast, "kirana", second, Action.TAKE_UP)
    assert take(signed_in("fitri"), other, "recall", reason="Tugas lembaga itu berakhir.") == 302
    assert told(other)[-1].startswith("Ditarik dari BKN")
    assert "langkah" not in kirana.get(release_url(second)).content.decode()
    assert verify.verify_chain().whole


def test_a_reminder_a_letter_above_and_a_corrected_outcome(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast)
    for action in (Action.TAKE_UP, Action.SUBSTANTIATE, Action.AWAIT_AGENCY):
        body_act(cast, "kirana", release, action, text="Hukuman sedang.")
    kirana, day = signed_in("kirana"), timezone.localdate()
    for kind in ("remind", "escalate"):
        address = reverse("admin:complaints_release_letter", args=[release.pk, kind])
        page = kirana.get(address)
        assert "Hukuman sedang." in page.content.decode()
        assert "Sumber yang dilihat: salinan pihak lain" in page.content.decode()
        form = {"to": "Bupati Sendang", "number": "12/2026", "day": day.isoformat(), "words": "Mohon kabar."}
        paper = words_of(kirana.post(address, form).content)
        assert "PP94/2021" in paper and "Mohonkabar." in paper
        form = {"addressee": "Bupati", "number": "12/2026", "decided_on": day.isoformat()}
        shown = kirana.get(body_step_url(release, kind)).context["form"]["seen"].value()
        assert kirana.post(body_step_url(release, kind), form | {"seen": shown}).status_code == 302
        assert kirana.post(body_step_url(release, kind), form | {"seen": shown}).status_code == 409, "recorded once"
    assert [line.split(":")[0] for line in told(sent)[-2:]] == [
        "BKN sudah mengingatkan instansi",
        "BKN sudah bersurat kepada atasan instansi",
    ]
    decision = {"kind": "moral_open", "number": "800/1", "accused_status": "pns", "decided_on": day.isoformat()}
    before = decision | {"seen": "awaiting_agency", "decided_on": "2020-01-01"}
    assert kirana.post(body_step_url(release, "sanction"), before).status_code == 400
    assert kirana.post(body_step_url(release, "sanction"), decision | {"seen": "awaiting_agency"}).status_code == 302
    gone = {"seen": "sanctioned", "why": "set_aside", "decided_on": day.isoformat(), "reply": "Banding dikabulkan."}
    assert kirana.post(body_step_url(release, "no_sanction"), gone).status_code == 302
    assert "Keputusan sanksi dibatalkan. Banding dikabulkan." in told(sent)[-1]
    offered = kirana.get(body_step_url(release, "correct")).context["form"]
    shown = [offered[name].value() for name in ("kind", "number", "accused_status", "decided_on")]
    assert shown == ["moral_open", "800/1", "pns", day.isoformat()], "what is recorded, so that only a fault is typed"
    again = decision | {"seen": "not_sanctioned", "number": "800/2", "reply": "Nomornya keliru."}
    assert kirana.post(body_step_url(release, "correct"), again).status_code == 302
    text = kirana.get(release_url(release)).content.decode()
    assert "800/1" in text and "800/2" in text and "Keputusan sanksi dibatalkan" in text
    assert AuditEntry.objects.filter(event="letter.printed").count() == 2
    assert verify.verify_chain().whole


def test_a_criminal_decision_stands_beside_what_was_decided(signed_in: SignedIn, cast: Cast) -> None:
    """An officer records it where no body has the case, a body on its own release; the state stays as it is."""
    sent, day = in_review(cast), timezone.localdate()
    act(cast, "vera", sent, Action.REFER, "Ke Bawaslu.")
    vera = signed_in("vera")
    guilty = {"outcome": "convicted", "penalties": ["denda"], "number": "12/Pid.S/2026", "decided_on": day.isoformat()}
    guilty["offence"] = "p188"
    for wrong in (
        {"penalties": []},
        {"outcome": "acquitted"},
        {"outcome": ""},
        {"number": ""},
        {"decided_on": (day + timedelta(days=1)).isoformat()},
        {"penalties": ["kurungan"]},  # ended by the rules before that day
        {"other_offence": "Pasal 490 UU 7/2017"},  # beside one of the list
    ):
        assert take(vera, sent, "criminal_outcome", **(guilty | wrong)) == 400, wrong
    assert InternalNote.objects.filter(step__action="criminal_outcome").count() == 0
    assert take(vera, sent, "criminal_outcome", **guilty, reason="Terima kasih.") == 302
    assert Case.objects.get(pk=sent.case.pk).status == "referred"
    line = told(sent)[-1]
    assert (
        "Keputusan dalam perkara pidana, terpisah dari sanksi disiplin" in line
        and "Pengadilan menyatakan terlapor bersalah: pidana denda" in line
    )
    assert "12/Pid" not in line and "Pasal 188" not in line
    note = InternalNote.objects.get(step__action="criminal_outcome")
    kept = read_note(note, pair=cast.ring("vera").complaint(complaint_of(sent)), team="triage")
    assert "12/Pid.S/2026" in kept and "Pasal 188" in kept
    with pytest.raises(TransitionRefused):
        case_actions.act(
            actor=Actor(cast.ring("vera"), timezone.now()), case_id=sent.case.pk, action=Action.CRIMINAL_OUTCOME
        )
    other, release = forwarded(cast)
    for action in (Action.TAKE_UP, Action.SUBSTANTIATE, Action.AWAIT_AGENCY):
        body_act(cast, "kirana", release, action, text="Hukuman sedang.")
    kirana, address = signed_in("kirana"), body_step_url(release, "criminal_outcome")
    found = {"outcome": "passed_on", "number": "B/7", "decided_on": day.isoformat(), "seen": "awaiting_agency"}
    assert kirana.post(address, found | {"decided_on": "2020-01-01"}).status_code == 400, "before the act"
    found["other_offence"] = "Pasal 490 UU 7/2017"
    assert kirana.post(address, found | {"text": "Ke penyidik."}).status_code == 302
    assert Case.objects.get(pk=other.case.pk).status == "awaiting_agency"
    assert "Sentra Gakkumdu menduga ada tindak pidana" in told(other)[-1]
    page = kirana.get(release_url(release)).content.decode()
    assert "B/7" in page and "Ke penyidik." in page and "Keputusan pidana dicatat" in page
    assert "Pasal 490 UU 7/2017" in page and "Pasal 490" not in told(other)[-1]
    assert "Selesai. Status tetap “" in page
    assert verify.verify_chain().whole


def test_what_rests_is_woken_by_an_answer_on_any_day(cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.ASK_REPORTER, "Kapan?")
    rest: dict[str, Any] = {"case_id": sent.case.pk, "action": Action.REST, "reason": "Kami menunggu Anda."}
    with pytest.raises(TransitionRefused) as early:
        case_actions.act(actor=Actor(cast.ring("vera"), timezone.now()), **rest)
    assert early.value.code == Refusal.TOO_EARLY
    case_actions.act(actor=Actor(cast.ring("vera"), timezone.now() + timedelta(days=40)), **rest)
    page = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate() + timedelta(days=400))
    assert (page.status, page.due_on, page.late, page.may_answer) == ("resting", None, False, True)
    follow_up.add_message(ticket=sent.ticket, text="Tanggal dua.", files=[], today=timezone.localdate())
    assert Case.objects.get(pk=sent.case.pk).status == "in_review"


def test_each_line_of_law_in_a_letter_has_a_known_source(db: None) -> None:
    rows = json.loads((rule_book.DATA / "letters.json").read_text(encoding="utf-8"))
    assert set(rows) == set(letters.KINDS) == set(letters.letter_texts())
    for line in (line for row in rows.values() for line in row["basis"]):
        assert set(line) == {"words", "sources", "mark"}
        assert Mark(line["mark"]) and line["sources"]
        assert set(line["sources"]) <= set(rule_book.rule_book(reference_data.edition()).sources)


def test_a_button_that_is_pressed_twice_says_that_the_step_is_taken(signed_in: SignedIn, cast: Cast) -> None:
    """Who reads "nothing was written" after the step was recorded takes it again elsewhere, or calls a colleague."""
    sent = in_review(cast)
    vera = signed_in("vera")
    form = {"seen": str(vera.get(url("step", sent, "verify")).context["mark"]), "do": "send", **ticks("verify")}
    assert vera.post(url("step", sent, "verify"), form).status_code == 302
    again = vera.post(url("step", sent, "verify"), form)
    text = again.content.decode()
    assert again.status_code == 409 and "Langkah ini sudah Anda lakukan." in text
    assert "Tidak ada yang ditulis" not in text and "Belum ada yang disimpan" not in text
    # To a colleague who was slower it is news.
    assert (
        "Langkah ini sudah Anda lakukan."
        not in signed_in("vino").post(url("step", sent, "verify"), form).content.decode()
    )
    act(cast, "vera", sent, Action.SEND_BACK, "Foto lain.")
    assert "Langkah ini sudah Anda lakukan." not in vera.post(url("step", sent, "verify"), form).content.decode()
