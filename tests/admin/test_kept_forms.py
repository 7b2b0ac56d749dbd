"""What is ticked, typed and marked stays while a person looks elsewhere, without a script and with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.oversight import OversightBody, Release
from complaints.models.session import SealedSession
from complaints.services import follow_up, kept_forms
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from tests.cases import act, body_act, chosen, complaint_of, forwarded, in_review
from tests.world import Cast, SignedIn, start_session


def test_choice_and_texts_are_kept_by_each_button_and_by_the_script(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast, accused_nip="198001012005011001")
    act(cast, "vera", sent, Action.VERIFY)
    fitri, page = signed_in("fitri"), reverse("admin:complaints_case_forward", args=[sent.case.pk])
    form = chosen(fitri.get(page))
    nip = f"{complaint_of(sent).pk}.nip"
    form["answers"].remove(nip)
    form |= {"cover": ["Mohon ditangani."], "reply": ["Terima kasih."]}
    assert fitri.post(page, form | {"do": "hold"}).status_code == 204
    again = fitri.get(page)
    assert nip not in chosen(again)["answers"] and "Mohon ditangani." in again.content.decode()
    # The letter is a button too, and no press of these sends anything.
    answer = fitri.post(page, form | {"do": "send_back", "cover": "Lain."})
    assert answer.headers["Location"] == reverse("admin:complaints_case_step", args=[sent.case.pk, "send_back"])
    assert "Lain." in fitri.get(page).content.decode()
    assert fitri.post(page, form | {"do": "nothing"}).headers["Location"] == page
    emptied = fitri.get(page)
    assert "answers" not in chosen(emptied) and "Mohon ditangani." in emptied.content.decode()
    assert fitri.post(page, form | {"do": "usual"}).headers["Location"] == page
    assert nip in chosen(fitri.get(page))["answers"]
    assert not Release.objects.exists()
    # Too much for one record: the page says so instead of leading away.
    long = form | {"do": "leave", "cover": "\U0001f512" * 8000, "reply": "\U0001f512" * 8000}
    stays = fitri.post(page, long)
    assert stays.status_code == 400 and "Tidak ada yang disimpan" in stays.content.decode()
    assert fitri.post(page, long | {"do": "hold"}).status_code == 413


def test_what_is_kept_waits_for_the_next_session_and_is_confirmed_anew(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.VERIFY)
    fitri, page = signed_in("fitri"), reverse("admin:complaints_case_forward", args=[sent.case.pk])
    form = chosen(fitri.get(page)) | {"cover": ["Mohon ditangani."], "check-no_conflict": ["on"]}
    story = form["answers"].pop()
    assert fitri.post(page, form | {"do": "hold"}).status_code == 204
    assert fitri.get(page).context["form"]["check-no_conflict"].value() == "on"
    SealedSession.objects.all().delete()
    # The next morning.
    ring, today = cast.ring("fitri"), timezone.localdate()
    name, left = next(iter(kept_forms.forms_of(keyring=ring, today=today).items()))
    kept_forms.keep(keyring=ring, name=name, values=left.values, today=today - timedelta(days=1))
    fitri = start_session("fitri")
    shown = fitri.get(page)
    assert "Mohon ditangani." in shown.content.decode() and "terakhir disimpan" in shown.content.decode()
    assert story not in chosen(shown)["answers"] and not shown.context["form"]["check-no_conflict"].value()
    assert fitri.post(page, {"do": "discard"}).headers["Location"] == page
    anew = fitri.get(page)
    assert "terakhir disimpan" not in anew.content.decode() and story in chosen(anew)["answers"]


def test_a_supplement_ticks_nothing_that_was_left_out_before(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    # Of the day itself it could have come in after the release: a reporter's act has no hour.
    before = timezone.localdate() - timedelta(days=1)
    follow_up.add_message(ticket=sent.ticket, text="Dulu.", files=[], today=before)
    act(cast, "vera", sent, Action.VERIFY)
    choice = replace(whole(sent.case.pk), messages=set())
    body = OversightBody.objects.get(pk="bkn")
    forward(actor=Actor(cast.ring("fitri"), timezone.now()), case_id=sent.case.pk, body=body, choice=choice, cover="-")
    fitri, page = signed_in("fitri"), reverse("admin:complaints_case_supplement", args=[sent.case.pk])
    shown = fitri.get(page)
    assert "Dulu." in shown.content.decode() and "messages" not in chosen(shown)
    assert shown.context["fresh"] == []


def test_a_supplement_ticks_no_answer_that_was_left_out(signed_in: SignedIn, cast: Cast) -> None:
    sent, row = forwarded(cast)
    body_act(cast, "kirana", row, Action.TAKE_UP)
    follow_up.add_message(ticket=sent.ticket, text="Lagi.", files=[], today=timezone.localdate())
    fitri, page = signed_in("fitri"), reverse("admin:complaints_case_supplement", args=[sent.case.pk])
    first = fitri.get(page)
    assert '<b data-count="messages">1</b>' in first.content.decode()
    form = chosen(first)
    fitri.post(page, form | {"do": "nothing"})
    assert '<b data-count="messages">0</b>' in fitri.get(page).content.decode()
    fitri.post(page, form | {"do": "usual"})
    assert chosen(fitri.get(page)) == form


def test_marks_are_kept_until_they_are_saved_or_discarded(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast, story="Pak Budi Santosa bicara. Hanya saya yang tahu.")
    names = [sent.case.pk, complaint_of(sent).pk, "answer-story"]
    vera, page = signed_in("vera"), reverse("admin:complaints_case_redact_text", args=names)
    press = {"seen": "0", "marks": "", "reason": "identity", "words": "Budi Santosa", "do": "mark"}
    vera.post(page, press)
    left = vera.get(page).content.decode()
    assert "Tanda ini belum disimpan" in left and 'value="4-16-identity"' in left
    typed = {"seen": "0", "marks": "4-16-identity", "reason": "third", "words": "Hanya", "sentence": "25-46"}
    assert vera.post(page, typed | {"drop": "4-16-identity", "do": "hold"}).status_code == 204
    left = vera.get(page).content.decode()
    assert ">Hanya</textarea>" in left and 'id="d-4-16-identity" checked' in left
    assert vera.post(page, {"do": "discard"}).status_code == 302
    assert "Tanda ini belum disimpan" not in vera.get(page).content.decode()
    vera.post(page, press)
    vera.post(page, {"seen": "0", "marks": "4-16-identity", "do": "keep"})
    saved = vera.get(page).content.decode()
    assert "Tanda ini belum disimpan" not in saved and 'value="4-16-identity"' in saved
    # A form that was left before somebody else saved is refused as any other, and stays.
    vera.post(page, typed | {"do": "hold"})
    assert 'name="seen" value="0"' in vera.get(page).content.decode()
    assert vera.post(page, {"seen": "0", "marks": "0-3-identity", "do": "keep"}).status_code == 409
