"""The pages of a case with two bodies: of the office, of both bodies and of the reporter."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.case import InternalNote
from complaints.models.oversight import Release
from complaints.services.forwarding import further_releases
from complaints.services.forwarding.contents import whole
from complaints.services.keyring import Actor
from tests.cases import chosen, competent_again, forwarded, passed_on
from tests.decisions import decide
from tests.views import walk
from tests.world import Cast, Sent, SignedIn, ring, ticks


@pytest.fixture(autouse=True)
def second_body(cast: Cast) -> None:
    competent_again("kasn")


def body_act(name: str, row: Release, action: Action, **words: Any) -> None:
    """Take a step of a body; a question passes the office."""
    liaison, officer = (Actor(ring(person), timezone.now()) for person in (name, "vera"))
    if action is Action.ASK_REPORTER:
        passed_on(liaison, officer, row, words["reply"])
        return
    decide(actor=liaison, release_id=row.pk, action=action, **words)


def on_ticket(sent: Sent) -> Client:
    client = Client()
    assert client.post("/cek/", {"code": sent.code}).url == "/cek/laporan/"
    return client


def test_the_office_forwards_to_a_second_body_and_takes_it_back(cast: Cast, signed_in: SignedIn) -> None:
    sent, first = forwarded(cast)
    body_act("kirana", first, Action.TAKE_UP)
    body_act("kirana", first, Action.ASK_REPORTER, reply="Siapa saksinya?")
    on_ticket(sent).post("/cek/laporan/jawab/", {"text": "Dua rekan saya.", "to": "bkn"})
    fitri, case = signed_in("fitri"), sent.case.pk
    address = reverse("admin:complaints_case_forward_also", args=[case])
    assert address in fitri.get(reverse("admin:complaints_case_change", args=[case])).content.decode()
    page = fitri.get(address)
    words = walk.words(page)
    for said in ("mengikuti BKN saja", "KASN", "Jawaban kepada BKN."):
        assert said in words, (said, words)
    # An answer to the other body is not ticked; the body that has the case is not offered.
    fields = chosen(page)
    assert "messages" not in fields and "bkn" not in str(page.context["form"]["body"])
    typed = {**fields, **ticks("forward"), "offered": page.context["offered"], "seen": str(page.context["mark"])}
    typed |= {"cover": "Mohon dikaji juga.", "reply": ""}
    read = fitri.post(address, {**typed, "do": "read"}, follow=True)
    assert "Mohon dikaji juga." in walk.words(read) and read.context["back"] == address
    wrong = fitri.post(address, {**typed, "body": "bkn"})
    assert wrong.status_code == 400 and "Mohon dikaji juga." in wrong.content.decode()
    nothing = fitri.post(address, {**typed, "body": "kasn", "reports": []})
    assert nothing.status_code == 400 and "Belum ada yang dicentang" in walk.words(nothing)
    stale = fitri.post(address, {**typed, "body": "kasn", "seen": "forwarded.1."})
    assert stale.status_code == 409 and "Mohon dikaji juga." in stale.content.decode()
    typed["why-risk_graded"] = "Belum sempat."
    assert fitri.post(address, {**typed, "body": "kasn"}).url == reverse("admin:complaints_case_change", args=[case])
    second = Release.objects.get(is_further=True)
    assert InternalNote.objects.filter(complaint__case=case).count() == 1
    queue = reverse("admin:complaints_case_changelist")
    fitri.post(reverse("admin:complaints_case_columns"), {"column": ["body"]})
    assert "BKN dan 1 lainnya" in walk.words(fitri.get(queue))
    for name in ("vera", "audi", "kirana"):
        assert signed_in(name).get(address).status_code == 404
    assert signed_in("sari").get(address).status_code == 404

    body_act("bima", second, Action.TAKE_UP)
    page = fitri.get(reverse("admin:complaints_case_change", args=[case]))
    (row,) = [row for row in page.context["releases"] if row["further"]]
    assert row["further"]["status"] == "Sedang dikaji KASN" and len(row["further"]["history"]) == 2
    assert "s-under_examination" in page.content.decode()
    more = reverse("admin:complaints_case_supplement_further", args=[case, second.pk])
    assert "belum diterima KASN" in walk.words(fitri.get(more)).replace("Yang ", "")
    back = reverse("admin:complaints_case_release_take_back", args=[case, second.pk])
    assert signed_in("vera").get(back).status_code == 409
    page = fitri.get(back)
    assert "Status kasus tidak berubah" in walk.words(page)
    empty = fitri.post(back, {"seen": str(page.context["mark"]), "reason": ""})
    assert empty.status_code == 400 and empty.context["form"].errors
    fitri.post(back, {"seen": str(page.context["mark"]), "reason": "Cukup satu lembaga."})
    second.refresh_from_db()
    assert second.state == "returned"
    assert "Cukup satu lembaga." in walk.words(on_ticket(sent).get("/cek/laporan/"))
    assert fitri.get(back).status_code == 409


def test_the_ticket_page_names_both_askers(cast: Cast, signed_in: SignedIn) -> None:
    sent, first = forwarded(cast)
    second = further_releases.forward_also(
        actor=Actor(ring("fitri"), timezone.now()),
        case_id=sent.case.pk,
        body=Release._meta.get_field("body").related_model.objects.get(pk="kasn"),
        choice=whole(sent.case.pk),
    )
    ticket = on_ticket(sent)
    words = walk.words(ticket.get("/cek/laporan/"))
    assert "Laporan Anda di KASN" in words and "KASN menargetkan mulai" in words
    for name, row, text in (("kirana", first, "Siapa saksinya?"), ("bima", second, "Di ruang mana?")):
        body_act(name, row, Action.TAKE_UP)
        body_act(name, row, Action.ASK_REPORTER, reply=text)
    page = ticket.get("/cek/laporan/")
    words = walk.words(page)
    assert "Pertanyaan dari BKN" in words and "Pertanyaan dari KASN" in words
    assert page.content.decode().count('type="radio" name="to"') == 3
    # Nothing says which of the two questions it would answer, so that it goes to the office alone.
    assert "dihitung sebagai jawaban" not in walk.words(ticket.get("/cek/laporan/terjadi/"))
    refused = ticket.post("/cek/laporan/jawab/", {"text": "Lantai dua."})
    assert "pertanyaan mana" in walk.words(refused) and "Lantai dua." in refused.content.decode()
    assert ticket.post("/cek/laporan/jawab/", {"text": "Lantai dua.", "to": "kasn"}).status_code == 302
    page = ticket.get("/cek/laporan/")
    assert "Di ruang mana?" in walk.words(page) and "Pertanyaan dari KASN" not in walk.words(page)
    assert '<input type="hidden" name="to" value="bkn">' in page.content.decode()
    assert "BKN mengajukan pertanyaan" in walk.words(ticket.get("/cek/laporan/terjadi/"))
    # What the liaisons read: each its own, in its own state.
    for name, row, reads, never in (
        ("bima", second, "Lantai dua.", "Siapa saksinya?"),
        ("kirana", first, "Siapa saksinya?", "Lantai dua."),
    ):
        client = signed_in(name)
        words = walk.words(client.get(reverse("admin:complaints_release_change", args=[row.pk])))
        assert reads in words and never not in words
    lists = {name: signed_in(name).get(reverse("admin:complaints_release_changelist")) for name in ("bima", "kirana")}
    assert "Sedang dikaji KASN" in walk.words(lists["bima"])
    assert "Perlu dilengkapi" in walk.words(lists["kirana"])
    desk = walk.words(signed_in("bima").get(reverse("admin:index")))
    assert sent.case.reference in desk
