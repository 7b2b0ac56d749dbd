"""Exports: who may, what they hold, what they are called, and what the chain keeps of them."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from complaints.models.audit import AuditEntry
from complaints.models.reference_data import Category
from complaints.services import exports, first_look, practice
from complaints.services.keyring import Actor
from tests.cases import in_review
from tests.world import Cast, SignedIn, send_report

URL = "/kantor/complaints/case/ekspor/"
FORM = {"columns": ["reference", "category", "province"], "form": "csv", "reason": "report"}


def body_of(answer: HttpResponse) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]


def rows_of(answer: HttpResponse) -> list[list[str]]:
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(body_of(answer).decode("utf-8-sig"), newline="")))


def test_the_filtered_queue_leaves_with_its_label(cast: Cast, signed_in: SignedIn) -> None:
    reviewed, waiting = in_review(cast).case, send_report(accused_name="Sastro Rahasia").case
    vera = signed_in("vera")
    assert (
        f'href="{reverse("admin:complaints_case_export")}?status=received"'
        in vera.get(reverse("admin:complaints_case_changelist"), {"status": "received"}).content.decode()
    )
    answer = vera.post(f"{URL}?status=received", FORM)
    rows = rows_of(answer)
    label, table = rows[: rows.index([])], rows[rows.index([]) + 1 :]
    assert label[0] == ["Klasifikasi", "TERBATAS: data kasus tanpa isi laporan"]
    assert ["Baris", "1"] in label and any("vera" in cell for _head, cell in label)
    assert len(table) == 2 and (table[1][0], table[1][2]) == (waiting.reference, "Jawa Tengah")
    text = str(rows)
    assert reviewed.reference not in text and "Sastro" not in text
    assert "no-store" in answer.headers["Cache-Control"]
    assert re.fullmatch(r'attachment; filename="kasus-TERBATAS-\d{8}\.csv"', answer.headers["Content-Disposition"])


def test_unseen_reports_are_not_exported(cast: Cast, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    met = in_review(cast).case
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), timezone.now()))
    unmet = send_report(accused_name="Vera Verifikator").case
    monkeypatch.setattr("complaints.services.first_look.AT_ONCE", 0)
    vera = signed_in("vera")
    assert "1 kasus baru tidak disertakan" in vera.get(f"{URL}?status=every").content.decode()
    text = str(rows_of(vera.post(f"{URL}?status=every", FORM)))
    assert met.reference in text and unmet.reference not in text
    assert AuditEntry.objects.get(event="cases.exported").facts["count"] == 1


def test_the_chain_keeps_codes_and_a_count(cast: Cast, signed_in: SignedIn) -> None:
    in_review(cast)
    vera = signed_in("vera")
    query = "?status=every&officer=none&province=33&q=Sastro&status__in=x"
    rows_of(vera.post(URL + query, FORM))
    facts = AuditEntry.objects.get(event="cases.exported").facts
    assert facts == {
        "count": 1,
        "columns": "reference+category+province",
        "filters": "officer:none+province:33+status:every",
        "format": "csv",
        "reason": "report",
    }


def test_a_workbook_holds_the_same(cast: Cast, signed_in: SignedIn) -> None:
    case = in_review(cast).case
    Category.objects.filter(pk=case.category_id).update(name_id="=1+1")
    answer = signed_in("fitri").post(URL, FORM | {"form": "xlsx"})
    book = load_workbook(io.BytesIO(body_of(answer)))
    label, table = book.worksheets
    assert label["B1"].value == "TERBATAS: data kasus tanpa isi laporan"
    rows = [[cell.value for cell in row] for row in table.iter_rows()]
    assert rows[1][0] == case.reference and len(rows) == 2
    assert rows[1][1] == f"{case.category_id} =1+1"


@pytest.mark.parametrize("name", ["super", "kirana", "audi", "adi", "luar"])
def test_nobody_else_takes_anything_out(cast: Cast, signed_in: SignedIn, name: str) -> None:
    send_report()
    client = signed_in(name)
    assert client.get(URL).status_code == 404
    assert client.post(URL, FORM).status_code == 404
    assert not AuditEntry.objects.filter(event="cases.exported").exists()


def test_without_a_purpose_or_a_column_nothing_leaves(cast: Cast, signed_in: SignedIn) -> None:
    send_report()
    vera = signed_in("vera")
    assert "sangat sedikit" in vera.get(URL).content.decode()
    wrong = ({"reason": ""}, {"columns": []}, {"columns": ["sealed_answers"]}, {"form": "pdf"}, {"reason": "x"})
    for changes in wrong:
        assert vera.post(URL, FORM | changes).status_code == 400, changes
    assert not AuditEntry.objects.filter(event="cases.exported").exists()


def test_too_many_are_refused(cast: Cast, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for _number in range(3):
        send_report()
    monkeypatch.setattr(exports, "AT_MOST", 2)
    vera = signed_in("vera")
    assert "paling banyak 2 kasus" in vera.get(URL).content.decode()
    assert vera.post(URL, FORM).status_code == 400
    with pytest.raises(exports.TooManyCases):
        exports.export(
            actor=Actor(cast.ring("vera"), timezone.now()),
            cases=exports.Case.objects.all(),
            columns=["reference"],
            filters={},
            form="csv",
            reason="report",
        )


def test_practice_leaves_as_practice(cast: Cast, signed_in: SignedIn) -> None:
    real = send_report().case
    practice.switch_practice(actor=Actor(cast.ring("vera"), timezone.now()), on=True)
    practice.make_practice_cases(actor=Actor(cast.ring("vera"), timezone.now()), count=1)
    text = str(rows_of(signed_in("vera").post(URL, FORM)))
    assert "LATIHAN-" in text and real.reference not in text and "kasus rekaan" in text
    assert "LATIHAN-" not in str(rows_of(signed_in("vino").post(URL, FORM)))
