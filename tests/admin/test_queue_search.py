"""Searching from the queue: what it finds, and that nothing of what was typed is left anywhere but in sealed rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.models.audit import AuditEntry
from complaints.models.complaint import Complaint
from complaints.services import blind_index, follow_up
from complaints.services import search as search_service
from tests.security import traces
from tests.world import Cast, SignedIn, send_report

QUEUE, SEARCH = "admin:complaints_case_changelist", "admin:complaints_case_search"
NIP = "198001012005011003"
LINK = "https://instagram.com/p/AbC123unik"
pytestmark = pytest.mark.django_db


def search(client: Client, **typed: str) -> Any:
    return client.post(reverse(SEARCH), typed, follow=True)


def references(client: Client, **typed: str) -> set[str]:
    return {case.reference for case in search(client, **typed).context["cl"].result_list}


def test_by_nip_by_name_and_agency_and_by_post(signed_in: SignedIn, cast: Cast) -> None:
    first = send_report(accused_nip=NIP, accused_name="Drs. H. Moh. Sasongko, M.Si", agency="Disdik Kab. Contoh")
    second = send_report(links=f"{LINK}/?igsh=xyz", accused_name="Orang Lain", agency="Dinas Lain")
    client = signed_in("vera")
    assert references(client, words="19800101 200501 1 003") == {first.case.reference}
    assert references(client, name="muhammad sasongko", agency="Dinas Pendidikan Kabupaten Contoh") == {
        first.case.reference
    }
    assert references(client, name="muhammad sasongko", agency="Dinas Lain") == set()
    assert references(client, words="www.instagram.com/siapa/p/AbC123unik/") == {second.case.reference}


def test_a_reference_opens_its_case_however_it_is_typed(signed_in: SignedIn, cast: Cast) -> None:
    sent = send_report()
    _kn, year, symbols = sent.case.reference.split("-")
    client = signed_in("vera")
    there = reverse("admin:complaints_case_change", args=[sent.case.pk])
    for typed in (sent.case.reference, f" kn{year}{symbols.lower()} ", symbols, f"{year} {symbols.replace('0', 'o')}"):
        assert client.post(reverse(SEARCH), {"words": typed}).headers["Location"] == there, typed
    assert references(client, words="KN-26-ZZZZZZ") == set()


def test_search_result_is_a_filtered_queue_until_cleared(signed_in: SignedIn, cast: Cast) -> None:
    today = timezone.localdate()
    late = send_report(accused_nip=NIP, today=today - timedelta(days=30))
    new = send_report(accused_nip=NIP)
    ended = send_report(accused_nip=NIP)
    follow_up.withdraw(ticket=ended.ticket, reason="", today=today)
    other = send_report(accused_nip="197001012005011009")
    client = signed_in("vera")
    page = search(client, words=NIP)
    assert page.redirect_chain[-1][0].endswith("?status=every")
    text = " ".join(page.content.decode().split())
    assert f"Hasil pencarian · NIP: <b>{NIP}</b>" in text
    references = {late.case.reference, new.case.reference, ended.case.reference}
    assert {case.reference for case in page.context["cl"].result_list} == references
    narrowed = client.get(reverse(QUEUE) + "?due=late")
    assert [case.reference for case in narrowed.context["cl"].result_list] == [late.case.reference]
    whole = client.post(reverse("admin:complaints_case_end_search"), {"back": "status=every"}, follow=True)
    assert {case.reference for case in whole.context["cl"].result_list} == {
        late.case.reference,
        new.case.reference,
        other.case.reference,
    }
    assert "Hasil pencarian" not in whole.content.decode()


def test_search_indexes_new_reports_first_and_names_the_rest(
    signed_in: SignedIn, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blind_index, "REPORTS_AT_ONCE", 2)
    monkeypatch.setattr(search_service, "SLICES_AT_ONCE", 2)
    today = timezone.localdate()
    for days in range(6, 0, -1):
        send_report(accused_nip=NIP, today=today - timedelta(days=days))
    client = signed_in("vera")
    client.post(reverse(SEARCH), {"words": NIP})
    assert Complaint.objects.exclude(index_entry=None).count() == 4
    page = client.get(reverse(QUEUE) + "?province=none")
    assert "2 laporan baru belum dibandingkan. Cari lagi untuk melanjutkan." in " ".join(page.content.decode().split())
    again = search(client, words=NIP)
    assert len(again.context["cl"].result_list) == 6
    assert "belum dibandingkan" not in again.content.decode()


@pytest.mark.parametrize("typed", [{}, {"words": "kepala dinas"}, {"agency": "Dinas Contoh"}, {"words": "x" * 3000}])
def test_what_cannot_be_searched_for_is_said(signed_in: SignedIn, cast: Cast, typed: dict[str, str]) -> None:
    send_report()
    page = search(signed_in("vera"), **typed)
    assert "Ketik nomor kasus" in page.content.decode()
    assert len(page.context["cl"].result_list) == 1


def listed(client: Client, query: str = "") -> set[str]:
    return {case.reference for case in client.get(reverse(QUEUE) + query).context["cl"].result_list}


def test_a_search_ends_when_one_leaves_its_list(signed_in: SignedIn, cast: Cast) -> None:
    sent, other = send_report(accused_nip=NIP), send_report()
    both, client = {sent.case.reference, other.case.reference}, signed_in("vera")
    for leave in (lambda: client.get(reverse("admin:index")), lambda: client.get(reverse(QUEUE))):
        assert references(client, words=NIP) == {sent.case.reference}
        # Filters, the one for open cases among them, and looking at a case stay within the search.
        client.get(reverse("admin:complaints_case_change", args=[sent.case.pk]))
        assert 'href="?status="' in client.get(reverse(QUEUE) + "?status=ours").content.decode()
        assert listed(client, "?status=") == {sent.case.reference}
        leave()
        assert listed(client, "?status=received") == both


def test_failed_search_keeps_its_input_and_ends_the_last_search(signed_in: SignedIn, cast: Cast) -> None:
    sent, other = send_report(accused_nip=NIP), send_report()
    client = signed_in("vera")
    assert references(client, words=NIP) == {sent.case.reference}
    page = search(client, words="kata <unik>")
    assert {case.reference for case in page.context["cl"].result_list} == {sent.case.reference, other.case.reference}
    assert 'value="kata &lt;unik&gt;"' in page.content.decode()
    assert "unik" not in client.get(reverse(QUEUE) + "?status=").content.decode()
    page = search(client, name="", agency="Dinas Unik")
    assert 'value="Dinas Unik"' in page.content.decode()
    assert '<details class="filter" name="filter" open>' in page.content.decode()


def test_nothing_of_a_search_is_left_in_clear(
    signed_in: SignedIn, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    send_report(accused_nip=NIP, accused_name="Kenari Sasongko", agency="Dinas Tirtamerapi", links=LINK)
    client = signed_in("vera")
    wire: list[str] = []
    for typed in ({"words": NIP}, {"words": LINK}, {"name": "Kenari Sasongko", "agency": "Dinas Tirtamerapi"}):
        answer = client.post(reverse(SEARCH), typed)
        page = client.get(answer.headers["Location"])
        assert len(page.context["cl"].result_list) == 1
        wire += [answer.headers["Location"], *(str(header) for header in answer.headers.values())]
        wire += [part.split('"')[0] for part in page.content.decode().split('href="')[1:]]
    events = AuditEntry.objects.filter(event="queue.searched").order_by("sequence")
    assert [entry.facts for entry in events] == [{"kind": "nip"}, {"kind": "post"}, {"kind": "person"}]
    stored = [f"{place} {content!r}" for place, content in traces.tables()]
    for word in (NIP, "AbC123unik", "Sasongko", "Tirtamerapi"):
        for text in (*wire, caplog.text, *stored):
            assert word.casefold() not in text.casefold(), word


def test_a_search_is_one_persons_and_ends_with_the_session(signed_in: SignedIn, cast: Cast) -> None:
    sent, other = send_report(accused_nip=NIP), send_report()
    vera, vino = signed_in("vera"), signed_in("vino")
    assert references(vera, words=NIP) == {sent.case.reference}
    assert len(vino.get(reverse(QUEUE)).context["cl"].result_list) == 2
    again = signed_in("vera").get(reverse(QUEUE))
    assert {case.reference for case in again.context["cl"].result_list} == {sent.case.reference, other.case.reference}


@pytest.mark.parametrize("name", ["super", "kirana", "luar", "audi"])
def test_nobody_else_searches(signed_in: SignedIn, cast: Cast, name: str) -> None:
    send_report(accused_nip=NIP)
    assert signed_in(name).post(reverse(SEARCH), {"words": NIP}).status_code == 404
    assert not AuditEntry.objects.filter(event="queue.searched").exists()
