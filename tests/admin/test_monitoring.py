"""The pages of findings: one by a form, many from a table, and what an officer typed or chose wrongly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile, SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence
from tests.images import photo
from tests.views.walk import words
from tests.world import Cast, SignedIn, send_report

ONE, MANY = "admin:complaints_case_finding", "admin:complaints_case_finding_table"
FORM = {
    "url": "https://instagram.com/p/AbC123",
    "accused_kind": "colleague",
    "category": "C1",
    "accused_name": "akun.unik",
    "story": "Foto dengan simbol tangan.",
    "event_from": "2026-11-02",
}
HEAD = "tautan,nama_atau_akun,terlapor,kategori,provinsi,tanggal,uraian"
pytestmark = pytest.mark.django_db


def table(client: Client, text: str | bytes, name: str = "temuan.csv") -> HttpResponse:
    data = text if isinstance(text, bytes) else text.encode()
    return client.post(reverse(MANY), {"table": SimpleUploadedFile(name, data)})


def row(number: int, **changes: str) -> str:
    cells = {"url": f"https://instagram.com/p/Nr{number}", "name": "akun.unik", "kind": "colleague", "category": "C1"}
    cells |= {"province": "Jawa Tengah", "day": "02/11/2026", "story": "Foto dengan simbol tangan."}
    return ",".join((cells | changes).values())


def confirm(page: HttpResponse, **more: str) -> dict[str, str]:
    match = re.search(r'name="sealed" value="([^"]+)"', page.content.decode())
    assert match
    return {"sealed": match.group(1), **more}


def stored_files() -> set[Path]:
    return {path for path in Path(settings.EVIDENCE_DIR).rglob("*") if path.is_file()}


def test_a_finding_with_its_screenshot_is_entered_and_marked(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vera")
    shot = SimpleUploadedFile("layar.jpg", photo(), "image/jpeg")
    answer = client.post(reverse(ONE), FORM | {"evidence": shot}, follow=True)
    case = Case.objects.get()
    assert f"Temuan masuk antrean dengan nomor {case.reference}." in words(answer)
    assert set(Evidence.objects.values_list("kind", flat=True)) == {"file", "post"}
    page = words(answer)
    assert "Temuan ini dicatat petugas, jadi tidak ada pelapor yang membaca balasan." in page
    assert "Kirim ke pelapor" not in page
    assert "temuan" in words(client.get(reverse("admin:complaints_case_changelist")))
    step = reverse("admin:complaints_case_step", args=[case.pk, "start_review"])
    client.post(step, {"seen": "received"})
    assert "tidak ada pelapor yang dapat ditanya" in words(client.get(answer.request["PATH_INFO"]))


def test_what_was_typed_stays_and_files_are_not_kept(signed_in: SignedIn, cast: Cast) -> None:
    client, before = signed_in("vera"), stored_files()
    wrong = FORM | {"story": "", "event_from": "kemarin", "evidence": SimpleUploadedFile("a.jpg", photo())}
    page = client.post(reverse(ONE), wrong)
    assert page.status_code == 400
    assert "akun.unik" in page.content.decode()
    assert "Pilih lagi tangkapan layarnya" in words(page)
    assert stored_files() == before
    assert not Case.objects.exists()


def test_triage_enters_nothing_that_the_separate_team_handles(signed_in: SignedIn, cast: Cast) -> None:
    """Who entered it could not find it again: the form and each row of a table say whom to tell instead."""
    vera, why = signed_in("vera"), "Sampaikan kepada salah satu anggotanya"
    about_police = FORM | {"accused_kind": "military_police"}
    refused = vera.post(reverse(ONE), about_police)
    assert (refused.status_code, why in words(refused)) == (400, True)
    assert "Foto dengan simbol tangan." in refused.content.decode(), "what was typed stays"
    page = table(vera, "\n".join([HEAD, row(1), row(2, kind="military_police")]))
    assert (page.status_code, why in words(page)) == (400, True)
    assert not Case.objects.exists()
    assert signed_in("sari").post(reverse(ONE), about_police).status_code == 302
    assert Case.objects.get().held_by == "separate"


def test_a_known_post_is_said_once_more(signed_in: SignedIn, cast: Cast) -> None:
    sent = send_report(links=FORM["url"] + "/?igsh=x")
    client = signed_in("vera")
    client.get(reverse("admin:complaints_case_changelist"))
    page = client.post(reverse(ONE), FORM)
    assert page.status_code == 409
    assert sent.case.reference in words(page)
    assert client.post(reverse(ONE), FORM | {"anyway": "on"}).status_code == 302
    assert Complaint.objects.filter(channel="monitoring").count() == 1


def test_import_dry_run_stores_nothing_confirmation_stores_once(signed_in: SignedIn, cast: Cast) -> None:
    client, before = signed_in("vera"), stored_files()
    page = table(client, "\n".join([HEAD, row(1), row(2), "", row(3)]))
    assert "belum ada yang disimpan" in words(page)
    assert "https://instagram.com/p/Nr3" in words(page)
    assert not Case.objects.exists()
    assert stored_files() == before
    form = confirm(page)
    assert "akun" not in form["sealed"]
    answer = client.post(reverse(MANY), form, follow=True)
    assert "3 temuan disimpan." in words(answer)
    assert set(Case.objects.values_list("province", flat=True)) == {"33"}
    again = client.post(reverse(MANY), form)
    assert again.status_code == 409
    assert Case.objects.count() == 3


def test_known_posts_are_flagged_and_left_out_when_wished(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vera")
    client.post(reverse(ONE), FORM)
    page = table(client, "\n".join([HEAD, row(1, url=FORM["url"]), row(2)]))
    assert Case.objects.get().reference in words(page)
    client.post(reverse(MANY), confirm(page, skip="on"))
    assert Complaint.objects.filter(channel="import").count() == 1


def test_every_wrong_row_is_named_and_nothing_is_stored(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vera")
    lines = [
        HEAD,
        row(1),
        row(2, category="Z9"),
        row(3, day="besok"),
        row(4, url=""),
        row(1, url="instagram.com/reel/Nr1"),
        row(6, url="https://x.com/a/status/1 dan https://x.com/a/status/2"),
    ]
    page = table(client, "\n".join(lines))
    assert page.status_code == 400
    cells = re.findall(r'<tr><td class="num">(\d+)</td><td class="mono">(\w+)</td>', page.content.decode())
    assert cells == [("3", "kategori"), ("4", "tanggal"), ("5", "tautan"), ("6", "tautan"), ("7", "tautan")]
    assert "baris 2" in words(page)
    assert "Ada lebih dari satu tautan." in words(page)
    assert 'name="sealed"' not in page.content.decode()
    page = table(client, "tautan,salah\nx,y")
    assert "Kolom ini tidak dikenal" in words(page)
    assert "Kolom ini belum ada" in words(page)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", HEAD.encode(), b"\xff\xfe", b"a" * 1_100_000])
def test_a_file_that_is_no_table_is_refused_in_words(signed_in: SignedIn, cast: Cast, data: bytes) -> None:
    client = signed_in("vera")
    page = table(client, data)
    assert page.status_code == 400
    assert "Belum ada yang disimpan." in words(page)
    assert client.post(reverse(MANY), {}).status_code == 400
    assert not Case.objects.exists()


def test_a_strangers_tables_are_not_held_and_of_several_one(
    signed_in: SignedIn, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, before = [], stored_files()

    def keep(*given: Any) -> InMemoryUploadedFile:
        held.append(given[4])
        return InMemoryUploadedFile(*given)

    monkeypatch.setattr("complaints.uploads.InMemoryUploadedFile", keep)

    def files() -> dict[str, Any]:
        return {"table": [SimpleUploadedFile(f"{number}.csv", b"tautan\n" * 9) for number in range(3)]}

    # A body is read for its token, before anybody has asked who sent it.
    stranger = Client(enforce_csrf_checks=True)
    stranger.get(reverse("account_login"))
    assert stranger.post(reverse(MANY), {**files(), "csrfmiddlewaretoken": "x" * 64}).status_code == 403
    Client().post(reverse(MANY), files())
    signed_in("adi").post(reverse(MANY), files())
    assert held == [] and stored_files() == before
    signed_in("vera").post(reverse(MANY), files())
    assert held == [63]


def test_the_template_can_be_filled_in_and_read_again(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("fitri")
    answer = client.get(reverse("admin:complaints_case_finding_template"))
    assert "attachment" in answer.headers["Content-Disposition"]
    head: Any = answer.content.decode("utf-8-sig").strip()
    line = ["https://x.com/a/status/1", "a", "", "", "colleague", "C1", "post", "regency", "D", "", "33", "", "Isi."]
    page = table(client, f"{head}\n{','.join(line)}\n".encode("utf-8-sig"))
    assert page.status_code == 200
    assert "https://x.com/a/status/1" in words(page)
