"""A liaison's door: the release, the steps of the body, and nothing else of the case."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from complaints.adapters import sample_files
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.oversight import DecisionCopy, Release, Sanction
from complaints.services import case_actions, follow_up
from complaints.services.keyring import Actor
from portal import bodies
from tests.cases import act, body_act, body_asks, complaint_of, forwarded
from tests.world import Cast, SignedIn

LIST = "admin:complaints_release_changelist"


def page_url(release: Release) -> str:
    return reverse("admin:complaints_release_change", args=[release.pk])


def step_url(release: Release, action: str) -> str:
    return reverse("admin:complaints_release_step", args=[release.pk, action])


def status(release: Release) -> str:
    return Case.objects.get(pk=release.case_id).status


def listed(page: object) -> list[uuid.UUID]:
    return [release.pk for release in page.context["cl"].result_list]  # type: ignore[attr-defined]


def test_a_liaison_sees_what_was_released_and_no_more(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast, files=True)
    to = {"actor": Actor(cast.ring("vera"), timezone.now()), "complaint_id": complaint_of(sent).pk}
    case_actions.write_case_note(text="Rahasia.", **to)
    case_actions.reply_to_reporter(text="Antar kita.", **to)
    client = signed_in("kirana")
    assert listed(client.get(reverse(LIST))) == [release.pk]
    text = client.get(page_url(release)).content.decode()
    for words in (sent.case.reference, "Pada rapat pagi", "Mohon ditindaklanjuti.", "bukti-1.jpg", "Ini fotonya."):
        assert words in text
    # Staff and bodies read of whom a reporter says "my superior" in words of their own.
    assert "Atasan pelapor" in text
    for secret in ("Rahasia.", "Antar kita.", "foto.jpg", "Vera", "Fitri", "Atasan saya"):
        assert secret not in text
    assert AuditEntry.objects.filter(event="release.opened", actor=cast["kirana"].pk).count() == 1
    assert not re.search(r"<style|\sstyle=|\son\w+=|data:|<script(?![^>]*\ssrc=)", text)


@pytest.mark.parametrize("name", ["bima", "vera", "fitri", "super", "audi", "adi", "luar"])
def test_for_everybody_else_it_does_not_exist(signed_in: SignedIn, cast: Cast, name: str) -> None:
    _sent, release = forwarded(cast)
    client = signed_in(name)
    for address in (page_url(release), step_url(release, "take_up")):
        there, missing = client.get(address), client.get(address.replace(str(release.pk), str(uuid.uuid4())))
        assert there.status_code == missing.status_code == 404
        assert there.content == missing.content
    if name == "bima":
        assert listed(client.get(reverse(LIST))) == []
    else:
        assert client.get(reverse(LIST)).status_code == 404


def taker(client: Client, release: Release) -> Callable[..., int]:
    """A function that takes a step through its page, and returns the status of the answer."""

    def take(action: str, seen: str, **words: Any) -> int:
        assert step_url(release, action) in client.get(page_url(release)).content.decode()
        assert client.get(step_url(release, action)).status_code == 200
        return client.post(step_url(release, action), {"seen": seen, **words}).status_code

    return take


def test_from_taking_up_to_a_finding_by_two(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast)
    client = signed_in("kirana")

    take = taker(client, release)
    assert take("take_up", "forwarded") == 302
    body_asks(cast, release, "Siapa saksinya?")
    follow_up.add_message(ticket=sent.ticket, text="Dua rekan.", files=[], today=timezone.localdate())
    assert "Dua rekan." in client.get(page_url(release)).content.decode()
    today = timezone.localdate().isoformat()
    words = {"text": "Terbukti menurut saksi.", "reply": "Dugaan terbukti."}
    # Without the right of reply the page says what to do first, and keeps the words.
    unheard = client.post(step_url(release, "substantiate"), {"seen": "under_examination", **words})
    assert unheard.status_code == 409
    for kept in ("Terbukti menurut saksi.", "Dugaan terbukti.", step_url(release, "hear_accused")):
        assert kept in unheard.content.decode()
    assert take("hear_accused", "under_examination", kind="in_person", decided_on="2999-01-01", number="BAP/1") == 400
    assert take("hear_accused", "under_examination", kind="in_person", decided_on=today, number="BAP/1") == 302
    assert take("substantiate", "under_examination") == 400
    assert take("substantiate", "under_examination", **words) == 302
    assert status(release) == "under_examination"
    second = signed_in("kresna")
    page = second.get(page_url(release))
    for shown in (*words.values(), "Kirana", "BAP/1"):
        assert shown in page.content.decode()
    answer = {name: page.context[name] for name in ("seen", "newest")}
    finding = reverse("admin:complaints_release_finding", args=[release.pk])
    assert second.post(finding, answer | {"do": "return", "reason": " "}).status_code == 400
    stale = second.post(finding, answer | {"do": "return", "reason": "Saksi dua?", "seen": "under_examination.1."})
    assert stale.status_code == 409 and "Saksi dua?" in stale.content.decode()
    assert client.post(finding, answer | {"do": "confirm", "finding": "substantiate"}).status_code == 409
    assert second.post(finding, answer | {"do": "explode"}).status_code == 404
    assert second.post(finding, answer | {"do": "confirm", "finding": "substantiate"}).status_code == 302
    assert status(release) == "substantiated"
    reasons = [event.reason for event in follow_up.status_page(ticket=sent.ticket, today=timezone.localdate()).events]
    assert "Dugaan terbukti." in reasons
    assert not any("menurut saksi" in words for words in reasons)


def test_from_the_recommendation_to_the_sanction(signed_in: SignedIn, cast: Cast) -> None:
    _sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_act(cast, "kirana", release, Action.SUBSTANTIATE)
    client, today = signed_in("kirana"), timezone.localdate().isoformat()
    take = taker(client, release)
    advice = {"accused_status": "pns", "kinds": ["moral_open", "light_oral"], "addressee": "PPK", "number": "R-7"}
    advice |= {"decided_on": today, "text": "Sanksi sedang."}
    for misfit in ({"kinds": ["heavy_contract"]}, {"kinds": []}, {"due_on": "2020-01-01"}, {"decided_on": ""}):
        assert take("await_agency", "substantiated", **advice | misfit) == 400
    assert take("await_agency", "substantiated", **advice) == 302
    decision = {"kind": "moral_open", "number": "800/1", "decided_on": today, "accused_status": "pns"}
    # Neither a day to come nor one before the act.
    for day in ("2999-01-01", "2020-01-01"):
        assert take("sanction", "awaiting_agency", **{**decision, "decided_on": day}) == 400
    assert take("sanction", "awaiting_agency", number="800/1") == 400
    # A kind that the law does not know for this status or on this day is neither offered nor recorded.
    for misfit in (
        {"accused_status": "pppk"},
        {"kind": "heavy_contract"},
        {"kind": "dismissal_heavy", "decided_on": "2023-10-30"},
    ):
        assert take("sanction", "awaiting_agency", **decision | misfit) == 400
    by_rule = decision | {"kind": "agency_medium", "accused_status": "pppk"}
    assert take("sanction", "awaiting_agency", **by_rule) == 400
    # The kinds for a status are shown without losing what was typed, and nothing is recorded by that.
    typed = {"number": "800/1", "decided_on": today, "text": "Salinan menyusul.", "reply": "Saksi: Suprapti."}
    for kind_of, offers, leaves_out in (
        ("pppk", "agency_medium", "heavy_release"),
        ("pns", "heavy_release", "agency_medium"),
    ):
        form = typed | {"seen": "awaiting_agency", "do": "kinds", "accused_status": kind_of, "kind": offers}
        shown = client.post(step_url(release, "sanction"), form)
        assert shown.status_code == 200 and not shown.context["form"].errors
        assert f'value="{offers}" selected' in shown.content.decode()
        assert f'value="{leaves_out}"' not in shown.content.decode()
        for name, value in (typed | {"seen": "awaiting_agency", "accused_status": kind_of}).items():
            assert str(shown.context["form"][name].value()) == value, name
    assert not Sanction.objects.exists()
    assert take("sanction", "awaiting_agency", **by_rule, rule="Perbup 86/2022") == 302
    assert status(release) == "sanctioned"
    text = client.get(page_url(release)).content.decode()
    for words in ("Sanksi sedang.", "800/1", "Perbup 86/2022", "R-7", "Tidak ada salinan"):
        assert words in text


def test_the_copy_of_a_decision_is_taken_and_opened(signed_in: SignedIn, cast: Cast) -> None:
    _sent, release = forwarded(cast)
    for action in (Action.TAKE_UP, Action.SUBSTANTIATE, Action.AWAIT_AGENCY, Action.SANCTION):
        body_act(cast, "kirana", release, action)
    client, today = signed_in("kirana"), timezone.localdate().isoformat()
    decision = {"kind": "agency_medium", "accused_status": "pppk", "rule": "Perbup 86/2022", "decided_on": today}
    form = decision | {"seen": "sanctioned", "number": "800/2", "reply": "Nomornya keliru."}
    wrong = SimpleUploadedFile("keputusan.txt", b"Keputusan. " * 99)
    page = client.post(step_url(release, "correct"), form | {"copy": wrong})
    assert page.status_code == 400 and page.context["form"].errors["copy"]
    assert page.context["files_again"] and page.context["form"]["number"].value() == "800/2"
    assert not DecisionCopy.objects.exists()
    # A scanned decision is larger than what pages without files may send.
    scanned = sample_files.document(["Keputusan"]) + b"\n" * bodies.SMALL_BYTES
    right = SimpleUploadedFile("keputusan.pdf", scanned)
    assert client.post(step_url(release, "correct"), form | {"copy": right}).status_code == 302
    stored = DecisionCopy.objects.get(variant="original")
    ids = [release.case_id, release.pk, stored.pk]
    for name, address in (
        ("kresna", reverse("admin:complaints_release_decision_file", args=[release.pk, stored.pk])),
        ("vera", reverse("admin:complaints_case_decision_file", args=ids)),
    ):
        answer = signed_in(name).post(address)
        assert b"".join(answer.streaming_content).startswith(b"%PDF")  # type: ignore[attr-defined]
        assert "keputusan" not in answer.headers["Content-Disposition"]
        assert signed_in("bima").post(address).status_code == 404
    for shown in (
        client.get(page_url(release)),
        signed_in("vera").get(f"/kantor/complaints/case/{release.case_id}/change/"),
    ):
        assert "sesuai rekomendasi" not in shown.content.decode()  # no text ranks an agency's own rule
        assert "800/2" in shown.content.decode()


def test_not_proven_tells_the_reporter_why(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    client = signed_in("kirana")
    url = step_url(release, "dismiss")
    assert client.post(url, {"seen": "under_examination", "text": "Tidak ada bukti."}).status_code == 400
    form = {"seen": "under_examination", "text": "Tidak ada bukti.", "reply": "Bukti belum cukup."}
    assert client.post(url, form).status_code == 302
    assert client.get(url).status_code == 409
    page = signed_in("kresna").get(page_url(release))
    answer = {"do": "confirm", "finding": "dismiss", "seen": page.context["seen"], "newest": page.context["newest"]}
    finding = reverse("admin:complaints_release_finding", args=[release.pk])
    assert signed_in("kresna").post(finding, answer).status_code == 302
    assert status(release) == "unsubstantiated"
    reasons = [event.reason for event in follow_up.status_page(ticket=sent.ticket, today=timezone.localdate()).events]
    assert reasons[-1] == "Bukti belum cukup."


def test_returned_release_hides_later_events_of_the_case(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast)
    client = signed_in("kirana")
    client.post(reverse("admin:me"), {"language": "en"})
    question = {"seen": "forwarded", "text": "Di kecamatan mana?"}
    assert client.post(step_url(release, "return"), question).status_code == 302
    assert (
        "Di kecamatan mana?"
        in signed_in("vera").get(reverse("admin:complaints_case_change", args=[sent.case.pk])).content.decode()
    )
    sent.case.refresh_from_db()
    act(cast, "vera", sent, Action.REFER, "Ke Bawaslu.")
    text = client.get(page_url(release)).content.decode()
    assert "No longer with this body" in text
    assert "Authority in charge" not in text
    assert "Ke Bawaslu." not in text
    assert step_url(release, "take_up") not in text
    assert client.post(step_url(release, "take_up"), {"seen": "referred"}).status_code == 409
    every = client.get(reverse(LIST) + "?turn=every").content.decode()
    assert "Authority in charge" not in every
    assert listed(client.get(reverse(LIST))) == []


def test_a_stale_step_writes_nothing_and_keeps_the_words(signed_in: SignedIn, cast: Cast) -> None:
    _sent, release = forwarded(cast)
    body_act(cast, "kresna", release, Action.TAKE_UP)
    client = signed_in("kirana")
    form = {"seen": "forwarded", "text": "Di kecamatan mana?"}
    response = client.post(step_url(release, "return"), form)
    assert response.status_code == 409
    assert "Di kecamatan mana?" in response.content.decode()
    assert 'value="under_examination.' in response.content.decode()
    assert status(release) == "under_examination"
    body_act(cast, "kresna", release, Action.SUBSTANTIATE, text="Terbukti.")
    late = {"seen": "under_examination", "kind": "in_person", "number": "BAP/99", "text": "Menyangkal."}
    kept = client.post(step_url(release, "hear_accused"), late)
    assert kept.status_code == 409
    assert all(typed in kept.content.decode() for typed in ("in_person", "BAP/99", "Menyangkal."))
    gone = client.post(step_url(release, "return"), {"seen": "under_examination", "text": "Di desa mana?"})
    assert gone.status_code == 409
    assert "Di desa mana?" in gone.content.decode()
    assert status(release) == "substantiated"


def test_the_list_is_filtered_by_whose_turn_it_is(signed_in: SignedIn, cast: Cast) -> None:
    _one, new = forwarded(cast)
    _two, taken = forwarded(cast)
    body_act(cast, "kirana", taken, Action.TAKE_UP)
    _three, asked = forwarded(cast)
    body_act(cast, "kirana", asked, Action.TAKE_UP)
    body_asks(cast, asked, "Kapan?")
    _four, ended = forwarded(cast)
    body_act(cast, "kirana", ended, Action.TAKE_UP)
    body_act(cast, "kirana", ended, Action.DISMISS, text="Tidak.", reply="Tidak cukup.")
    _five, foreign = forwarded(cast, body="kasn")
    Case.objects.filter(pk=taken.case_id).update(due_on="2020-01-01")
    client = signed_in("kirana")
    expected = {
        "": {new.pk, taken.pk, asked.pk},
        "?turn=new": {new.pk},
        "?turn=yours": {new.pk, taken.pk},
        "?turn=late": {taken.pk},
        "?turn=ended": {ended.pk},
        "?turn=every": {new.pk, taken.pk, asked.pk, ended.pk},
    }
    for query, releases in expected.items():
        assert set(listed(client.get(reverse(LIST) + query))) == releases, query
    assert listed(signed_in("bima").get(reverse(LIST))) == [foreign.pk]
    counts = client.get(reverse("admin:index")).context["counts"]
    assert [count.number for count in counts] == [1, 2, 2, 1, 0, 1, 3]
    # By each tile the list that it leads to.
    for count in counts:
        assert len(listed(client.get(count.url))) == count.number, count.label


def test_an_unknown_step_does_not_exist(signed_in: SignedIn, cast: Cast) -> None:
    _sent, release = forwarded(cast)
    client = signed_in("kirana")
    for action in ("verify", "forward", "explode", "mark_overdue"):
        assert client.get(step_url(release, action)).status_code == 404


def test_the_page_costs_as_many_queries_with_notes_and_answers_as_without(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    client, costs = signed_in("kirana"), []
    for text in ("Satu.", "Dua."):
        client.post(reverse("admin:complaints_release_note", args=[release.pk]), {"text": text})
        client.get(page_url(release))
        with CaptureQueriesContext(connection) as queries:
            page = client.get(page_url(release))
        costs.append(len([executed for executed in queries if "SAVEPOINT" not in executed["sql"]]))
        assert [note.text for note in page.context["notes"].notes][-1] == text
        follow_up.add_message(ticket=sent.ticket, text="Dua rekan.", files=[], today=timezone.localdate())
    assert costs[0] == costs[1] <= 32, costs


def test_a_step_that_is_sent_twice_is_taken_once_and_says_so(signed_in: SignedIn, cast: Cast) -> None:
    _sent, release = forwarded(cast)
    kirana, kresna = signed_in("kirana"), signed_in("kresna")
    taken = "Langkah ini sudah Anda lakukan."
    form = {"seen": kirana.get(step_url(release, "take_up")).context["form"]["seen"].value(), "newest": 1}
    answers = [client.post(step_url(release, "take_up"), form) for client in (kirana, kirana, kresna)]
    assert [answer.status_code for answer in answers] == [302, 409, 409]
    assert [taken in answer.content.decode() for answer in answers] == [False, True, False]
    # A finding is proposed and confirmed by other buttons than its own step.
    hear = {"kind": "in_person", "number": "BAP/1", "decided_on": timezone.localdate().isoformat()}
    for action, typed in (("hear_accused", hear), ("substantiate", {"text": "Terbukti."})):
        shown = kirana.get(step_url(release, action)).context["form"]
        form = {"seen": shown["seen"].value(), "newest": shown["newest"].value(), **typed}
        assert kirana.post(step_url(release, action), form).status_code == 302
        assert taken in kirana.post(step_url(release, action), form).content.decode(), action
    page = kresna.get(page_url(release))
    confirm = {"do": "confirm", "finding": "substantiate", "seen": page.context["seen"], "newest": 1}
    settle = reverse("admin:complaints_release_finding", args=[release.pk])
    assert kresna.post(settle, confirm).status_code == 302
    assert taken in kresna.post(settle, confirm).content.decode()
    assert status(release) == "substantiated"
