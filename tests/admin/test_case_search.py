"""The list of a search: what stands on it, when it ends, and that what was typed stays in sealed rows alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.admin import queue_list
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.search_document import SearchKey
from complaints.services import follow_up, search_scan
from tests.security import traces
from tests.world import Cast, SignedIn, send_report

QUEUE, SEARCH = "admin:complaints_case_changelist", "admin:complaints_case_search"
NIP = "198001012005011003"
LINK = "https://instagram.com/p/AbC123unik"
pytestmark = pytest.mark.django_db


def search(client: Client, words: str, **more: str) -> Any:
    return client.post(reverse(SEARCH), {"words": words, **more}, follow=True)


def references(page: Any) -> list[str]:
    return [case.reference for case in page.context["cl"].result_list]


def text(page: Any) -> str:
    return " ".join(page.content.decode().split())


def test_a_reference_opens_its_case_however_it_is_typed(signed_in: SignedIn, cast: Cast) -> None:
    sent = send_report()
    _kn, year, symbols = sent.case.reference.split("-")
    client = signed_in("vera")
    there = reverse("admin:complaints_case_change", args=[sent.case.pk])
    for typed in (sent.case.reference, f" kn{year}{symbols.lower()} ", symbols, f"{year} {symbols.replace('0', 'o')}"):
        assert client.post(reverse(SEARCH), {"words": typed}).headers["Location"] == there, typed
    assert references(search(client, "KN-26-ZZZZZZ")) == []


def test_a_search_is_a_list_of_its_own_with_ended_cases_and_the_words_in_the_box(
    signed_in: SignedIn, cast: Cast
) -> None:
    today = timezone.localdate()
    late, ended = send_report(accused_nip=NIP, today=today - timedelta(days=30)), send_report(accused_nip=NIP)
    follow_up.withdraw(ticket=ended.ticket, reason="", today=today)
    other = send_report()
    client = signed_in("vera")
    page = search(client, NIP)
    assert page.redirect_chain == [(reverse(SEARCH), 302)]
    assert references(page) == [ended.case.reference, late.case.reference]
    assert f"Hasil pencarian: <b>{NIP}</b> · 2 kasus · 3 laporan dicari" in text(page)
    assert f'value="{NIP}"' in page.content.decode()
    # Within a list with its filters, where that is ticked.
    assert references(search(client, NIP, back="due=late", within="list")) == [late.case.reference]
    assert "Tenggat: Terlambat" in text(client.get(reverse(SEARCH)))
    assert len(references(search(client, NIP, back="due=late"))) == 2
    assert other.case.reference not in text(client.get(reverse(SEARCH)))


def test_a_miss_keeps_the_words_and_never_shows_the_search_before(signed_in: SignedIn, cast: Cast) -> None:
    send_report(accused_nip=NIP)
    client = signed_in("vera")
    assert len(references(search(client, NIP))) == 1
    page = search(client, "kata <unik>")
    assert references(page) == [] and 'value="kata &lt;unik&gt;"' in page.content.decode()
    assert "Tidak ada laporan" in text(page)
    page = search(client, " ?! ")
    assert "Ketik nama" in text(page) and 'value="?!"' in page.content.decode()
    assert references(page) == []


@pytest.mark.parametrize("address", [reverse("admin:index"), reverse(QUEUE), reverse(QUEUE) + "?due=late"])
def test_a_search_ends_when_one_leaves_its_list(signed_in: SignedIn, cast: Cast, address: str) -> None:
    sent, other = send_report(accused_nip=NIP), send_report()
    client = signed_in("vera")
    assert references(search(client, NIP)) == [sent.case.reference]
    # Looking at a case does not end it.
    client.get(reverse("admin:complaints_case_change", args=[sent.case.pk]))
    assert references(client.get(reverse(SEARCH))) == [sent.case.reference]
    page = client.get(address)
    assert NIP not in page.content.decode()
    assert client.get(reverse(SEARCH)).headers["Location"] == reverse(QUEUE)
    assert set(references(client.get(reverse(QUEUE)))) == {sent.case.reference, other.case.reference}


def test_ticked_cases_are_taken_and_the_search_stays(signed_in: SignedIn, cast: Cast) -> None:
    sent = [send_report(accused_nip=NIP) for _number in range(3)]
    client = signed_in("vera")
    with patch.object(queue_list, "PAGE_SIZE", 2):
        assert len(references(search(client, NIP))) == 2
        page = client.get(reverse(SEARCH) + "?page=2")
    assert len(references(page)) == 1 and 'name="list" value="search"' in page.content.decode()
    ids = [str(report.case.pk) for report in sent]
    answer = client.post(reverse("admin:complaints_case_many"), {"case": ids, "do": "mine", "list": "search"})
    assert answer.headers["Location"] == reverse(SEARCH)
    assert Case.objects.filter(assignee=cast["vera"]).count() == 3
    # What somebody may not find any more is not listed, whatever the session holds.
    Case.objects.filter(pk=sent[0].case.pk).update(held_by="separate")
    assert len(references(client.get(reverse(SEARCH)))) == 2


def test_older_reports_are_gone_through_by_a_button(
    signed_in: SignedIn, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_scan, "READ_AT_MOST", 1)
    older = send_report(accused_nip=NIP, today=timezone.localdate() - timedelta(days=1))
    newer = send_report(accused_nip=NIP)
    client = signed_in("vera")
    page = search(client, NIP)
    assert references(page) == [newer.case.reference]
    assert "Lanjutkan: 1 laporan yang lebih lama belum dicari" in text(page)
    page = search(client, "", do="more")
    assert references(page) == [newer.case.reference, older.case.reference]
    assert "2 laporan dicari" in text(page) and "Lanjutkan" not in text(page)


def test_a_key_that_does_not_open_is_said(signed_in: SignedIn, cast: Cast) -> None:
    send_report(accused_nip=NIP)
    client = signed_in("vera")
    search(client, NIP)
    SearchKey.objects.update(sealed=b"x" * 64)
    assert "Tidak ada yang dicari" in text(search(client, NIP))


def test_nothing_of_a_search_is_left_in_clear(
    signed_in: SignedIn, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    send_report(accused_nip=NIP, accused_name="Kenari Sasongko", agency="Dinas Tirtamerapi", links=LINK)
    client = signed_in("vera")
    wire: list[str] = []
    for typed in (NIP, LINK, "Kenari Sasongko Tirtamerapi"):
        answer = client.post(reverse(SEARCH), {"words": typed})
        page = client.get(answer.headers["Location"])
        assert len(page.context["cl"].result_list) == 1
        wire += [answer.headers["Location"], *(str(header) for header in answer.headers.values())]
        wire += [part.split('"')[0] for part in page.content.decode().split('href="')[1:]]
    events = AuditEntry.objects.filter(event="queue.searched").order_by("sequence")
    assert [entry.facts for entry in events] == [{"kind": "number"}, {"kind": "post"}, {"kind": "words"}]
    stored = [f"{place} {content!r}" for place, content in traces.tables()]
    for word in (NIP, "AbC123unik", "Sasongko", "Tirtamerapi"):
        for line in (*wire, caplog.text, *stored):
            assert word.casefold() not in line.casefold(), word


def test_a_search_is_one_persons_and_ends_with_the_session(signed_in: SignedIn, cast: Cast) -> None:
    send_report(accused_nip=NIP)
    vera, vino = signed_in("vera"), signed_in("vino")
    assert len(references(search(vera, NIP))) == 1
    for client in (vino, signed_in("vera")):
        assert client.get(reverse(SEARCH)).headers["Location"] == reverse(QUEUE)


@pytest.mark.parametrize("name", ["super", "kirana", "luar", "audi"])
def test_nobody_else_searches(signed_in: SignedIn, cast: Cast, name: str) -> None:
    send_report(accused_nip=NIP)
    assert signed_in(name).post(reverse(SEARCH), {"words": NIP}).status_code == 404
    assert not AuditEntry.objects.filter(event="queue.searched").exists()
