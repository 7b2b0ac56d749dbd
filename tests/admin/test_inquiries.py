"""The officer's list of inquiries and the page of one: rules, standard texts, the answer; and no other page of them."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from complaints.admin.urls import urlpatterns
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.complaint import Message
from complaints.services import follow_up
from tests.services.test_inquiries import QUESTION, ask
from tests.views.walk import words
from tests.world import Cast, Sent, SignedIn, send_report

LIST = "/kantor/tanya/"


def page_of(sent: Sent) -> str:
    return reverse("admin:inquiry", args=[sent.case.pk])


def seen(client: Client, sent: Sent) -> dict[str, str]:
    match = re.search(r'name="seen" value="([^"]+)"', client.get(page_of(sent)).content.decode())
    assert match
    return {"seen": match[1]}


def test_the_list_and_the_desk_count_inquiries_and_nothing_else_does(cast: Cast, signed_in: SignedIn) -> None:
    vera = signed_in("vera")
    before = vera.get(reverse("admin:index")).context
    sent = ask()
    after = vera.get(reverse("admin:index")).context
    numbers = [{tile.label: tile.number for tile in context["counts"]} for context in (before, after)]
    changed = {label for label in numbers[1] if numbers[1][label] != numbers[0].get(label, 0)}
    assert changed == {"Tanya dulu"}
    assert str(before["charts"]) == str(after["charts"])
    shown = words(vera.get(reverse("admin:inquiries")))
    assert sent.case.reference in shown and "Bolehkah PNS hadir" in shown
    for name in ("complaints_case_changelist", "complaints_case_lane", "complaints_case_second"):
        assert sent.case.reference not in words(vera.get(reverse(f"admin:{name}")))
    assert sent.case.reference not in words(vera.get(reverse("admin:complaints_case_changelist") + "?status=every"))


def test_rules_are_looked_up_and_put_into_a_standard_text(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = ask(), signed_in("vera")
    page = words(vera.get(page_of(sent)))
    assert QUESTION in page and "Sanksi bila terbukti" in page
    form = seen(vera, sent) | {"category": "B2", "accused_kind": "colleague", "day": "2026-11-02", "text": ""}
    put_in = vera.post(page_of(sent), form | {"do": "insert", "standard": "inquiry_rules.id"})
    text = put_in.content.decode().split("<textarea")[1].split("</textarea>")[0]
    assert "Menurut tabel aturan kami" in text and "PP 94/2021" in text and "{" not in text
    looked = vera.post(page_of(sent), form | {"do": "rules", "day": "besok"})
    assert looked.status_code == 200 and not Message.objects.exists()


def test_an_answer_is_checked_previewed_and_sent_once(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = ask(), signed_in("vera")
    form = seen(vera, sent)
    assert vera.post(page_of(sent), form | {"text": ""}).status_code == 400
    blocked = vera.post(page_of(sent), form | {"text": "Siapa nama Anda?"})
    assert blocked.status_code == 400 and "tidak boleh ditanyakan" in words(blocked).lower()
    looked = vera.post(page_of(sent), form | {"text": "Boleh hadir.", "do": "preview"})
    assert "Boleh hadir." in words(looked) and not Message.objects.exists()
    assert vera.post(page_of(sent), form | {"text": "Boleh hadir."}).headers["Location"] == LIST
    stale = vera.post(page_of(sent), form | {"text": "Boleh hadir."})
    assert stale.status_code == 409 and "Boleh hadir." in stale.content.decode()
    assert Message.objects.count() == 1
    more = seen(vera, sent) | {"text": "Tambahan: tanpa atribut."}
    assert vera.post(page_of(sent), more).headers["Location"] == LIST
    sent.case.refresh_from_db()
    assert sent.case.status == "answered"
    page = follow_up.status_page(ticket=sent.ticket, today=sent.case.received_on)
    assert [event.reason for event in page.events] == ["Boleh hadir."]
    assert [entry.text for entry in page.thread] == ["Tambahan: tanpa atribut."]
    closing = seen(vera, sent) | {"text": "Kami tutup.", "do": "close"}
    assert vera.post(page_of(sent), closing).headers["Location"] == LIST
    assert Case.objects.get().status == "closed"
    assert AuditEntry.objects.filter(event="case.opened", case=sent.case.pk).exists()


@pytest.mark.parametrize("name", ["fitri", "sari", "kirana", "audi", "adi", "super", "luar"])
def test_who_finds_it(cast: Cast, signed_in: SignedIn, name: str) -> None:
    sent, client = ask(), signed_in(name)
    assert client.get(page_of(sent)).status_code == (200 if name == "fitri" else 404)
    shown = client.get(LIST)
    assert (shown.status_code == 200) == (name in {"fitri", "sari"})
    assert (sent.case.reference in shown.content.decode()) == (name == "fitri")
    assert client.get(reverse("admin:inquiry", args=[send_report().case.pk])).status_code == 404


def test_no_other_page_of_a_case_opens_one(cast: Cast, signed_in: SignedIn) -> None:
    sent, fitri = ask(), signed_in("fitri")
    complaint, opened = sent.case.complaints.get(), []
    for route in urlpatterns:
        name = getattr(route, "name", None) or ""
        if not name.startswith("complaints_case_"):
            continue
        for arguments in ([sent.case.pk], [sent.case.pk, complaint.pk], [sent.case.pk, "verify"]):
            try:
                address = reverse(f"admin:{name}", args=arguments)
            except NoReverseMatch:
                continue
            answers = {
                fitri.get(address).status_code,
                fitri.post(address, {"text": "Isi.", "reason": "Isi."}).status_code,
            }
            if not answers <= {404, 405}:
                opened.append(name)
    assert set(opened) == {"complaints_case_conflict"}


def test_a_conflict_is_declared_and_hides_it(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = ask(), signed_in("vera")
    address = reverse("admin:complaints_case_conflict", args=[sent.case.pk])
    assert page_of(sent) in vera.get(address).content.decode()
    assert vera.post(address, {"reason": "Teman sekantor."}).status_code == 302
    assert vera.get(page_of(sent)).status_code == 404
    assert sent.case.reference not in words(vera.get(LIST))
