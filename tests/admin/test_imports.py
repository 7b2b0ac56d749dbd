"""The pages of an import: mistakes in words of the table, its result as a list, and undoing it."""

from __future__ import annotations

import io
import re
import uuid
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import Workbook

from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.models.session import SealedSession
from complaints.services import case_actions, imports
from complaints.services.keyring import Actor
from tests.admin.test_monitoring import HEAD, MANY, confirm, row, stored_files, table
from tests.views.walk import words
from tests.world import Cast, SignedIn

NIP_HEAD = HEAD.replace("provinsi", "nip")
QUEUE = "admin:complaints_case_changelist"
pytestmark = pytest.mark.django_db


def mistakes(page: Any) -> list[tuple[int, str, str]]:
    """Return row, column and words of each mistake on a page."""
    rows = re.findall(
        r'<tr><td class="num">(\d+)</td><td class="mono">(\w*)</td><td class="wrap">(.*?)</td>', page.content.decode()
    )
    return [(int(number), column, text) for number, column, text in rows]


def store(client: Client, *numbers: int) -> str:
    """Import a table and return the address of its list."""
    page = table(client, "\n".join([HEAD, *map(row, numbers)]))
    return client.post(reverse(MANY), confirm(page)).url


def test_each_mistake_says_where_it_is_and_what_to_do(signed_in: SignedIn, cast: Cast) -> None:
    client, before = signed_in("vera"), (stored_files(), SealedSession.objects.count())
    lines = [
        NIP_HEAD,
        row(1, province=""),
        row(2, province="", url="bukan tautan"),
        row(3, province="", url='"https://x.com/a/status/1\nhttps://x.com/a/status/2"'),
        row(4, province="123"),
        row(5, province="198603152010012000"),
        row(6, province="", category="liked", story="\u200b"),
        row(7, province="", day="01.01.0001"),
        row(8, province="'19860315 201001 2 001", day="02.11.2026"),
    ]
    page = table(client, "\n".join(lines))
    assert page.status_code == 400
    told = mistakes(page)
    assert [(number, column) for number, column, _words in told] == [
        (3, "tautan"),
        (4, "tautan"),
        (5, "nip"),
        (6, "nip"),
        (7, "kategori"),
        (7, "uraian"),
        (8, "tanggal"),
    ]
    expected = ["Ini bukan tautan.", "satu tautan per sel", "Ini bukan NIP", "Ini bukan NIP", "“liked” bukan kode"]
    expected += ["Sel ini kosong.", "sebelum tahun 2000"]
    assert all(part in text for part, (_row, _column, text) in zip(expected, told, strict=True))
    assert (stored_files(), SealedSession.objects.count()) == before
    assert not Case.objects.exists()


@pytest.mark.parametrize("number", ["1,98001E+17", "1.98E+17"])
def test_a_number_that_lost_its_digits_is_named_with_the_way_out(signed_in: SignedIn, cast: Cast, number: str) -> None:
    client, book = signed_in("vera"), Workbook()
    page = table(client, f"{NIP_HEAD};x\n{row(1, province=number)}".replace(",", ";").replace("1;98", "1,98"))
    assert "Baris 2, kolom nip:" in words(page)
    assert "Atur format seluruh kolom sebagai teks" in words(page)
    book.active.append(NIP_HEAD.split(","))
    book.active.append([*row(1).split(",")[:4], 198603152010012001, "2026-11-02", "Isi."])
    out = io.BytesIO()
    book.save(out)
    assert "Baris 2, kolom nip:" in words(table(client, out.getvalue()))


# Half past one at night in Papua, and the evening before in Jakarta.
@time_machine.travel("2026-11-28T16:30:00Z", tick=False)
def test_the_day_of_an_officer_in_papua_is_taken(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vera")
    page = table(client, f"{HEAD}\n{row(1, day='29.11.2026')}")
    assert "belum ada yang disimpan" in words(page)
    told = mistakes(table(client, f"{HEAD}\n{row(1, day='30.11.2026')}"))
    assert [(number, column) for number, column, _words in told] == [(2, "tanggal")]


def test_the_result_is_a_list_of_the_queue(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vera")
    store(client, 9)
    address = store(client, 1, 2)
    page = client.get(address)
    shown = set(re.findall(r"KN-\d\d-\w{6}", words(page)))
    key = uuid.UUID(address[-36:])
    assert shown == set(Case.objects.filter(pk__in=imports.cases_of(key)).values_list("reference", flat=True))
    assert len(shown) == 2
    assert "2 kasus berasal dari tabel yang diimpor pada" in words(page)
    assert "Impor: Satu tabel" in words(page)
    for wrong in ("x", str(uuid.uuid4()), "' OR 1=1"):
        assert client.get(reverse(QUEUE), {"import": wrong}).status_code == 200
    assert not re.findall(r"KN-\d\d-\w{6}", words(client.get(reverse(QUEUE), {"import": str(uuid.uuid4())})))
    # A superuser sees the clear columns of the cases, and nothing of who imported them.
    seen = words(signed_in("super").get(address))
    assert shown <= set(re.findall(r"KN-\d\d-\w{6}", seen))
    assert "Tentang impor ini" not in seen


def test_an_import_is_undone_and_imported_again(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vera")
    address = store(client, 1, 2, 3)
    whole = reverse("admin:complaints_case_import", args=[address[-36:]])
    assert whole in client.get(address).content.decode()
    assert whole in client.get(reverse(MANY)).content.decode()
    worked = Case.objects.order_by("reference")[0]
    case_actions.act(actor=Actor(cast.ring("vino"), timezone.now()), case_id=worked.pk, action=Action.START_REVIEW)
    page = client.get(whole)
    assert "2 kasus yang belum dikerjakan siapa pun" in words(page)
    assert worked.reference in words(page)
    assert client.post(whole, {"reason": " "}).status_code == 400
    assert "Hanya orang yang mengimpor" in words(signed_in("fitri").get(whole))
    answer = signed_in("fitri").post(whole, {"reason": "Bukan milik saya."}, follow=True)
    assert "Hanya orang yang mengimpor" in words(answer)
    client = signed_in("vera")
    answer = client.post(whole, {"reason": "Kolomnya tertukar."}, follow=True)
    assert "Impor dibatalkan: 2 kasus diakhiri." in words(answer)
    assert "Tidak ada lagi kasus dari impor ini" in words(answer)
    assert sorted(Case.objects.values_list("status", flat=True)) == ["in_review", "ineligible", "ineligible"]
    again = words(table(client, "\n".join([HEAD, *map(row, (1, 2, 3))])))
    assert again.count("Postingan ini sudah pernah dicatat") + again.count("sudah pernah dicatat:") in (1, 2)
    assert client.get(reverse("admin:complaints_case_import", args=[uuid.uuid4()])).status_code == 404


def test_a_table_of_known_posts_alone_is_no_import(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vera")
    store(client, 1)
    page = table(client, f"{HEAD}\n{row(1)}")
    answer = client.post(reverse(MANY), confirm(page, skip="on"), follow=True)
    assert "Tidak ada yang disimpan: semua postingan" in words(answer)
    assert Case.objects.count() == 1
