"""A table in a browser: its mistakes on a page, the result as a list, and the import undone."""

from __future__ import annotations

import io
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from openpyxl import Workbook
from playwright.sync_api import FilePayload

from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.services import case_actions
from complaints.services.keyring import Actor
from tests.browser.conftest import Opener
from tests.browser.people import Officer
from tests.world import Cast

TABLE = "/kantor/complaints/case/temuan/tabel/"
HEAD = "tautan;nama_atau_akun;nip;terlapor;kategori;tanggal;uraian"


def csv(*rows: str) -> FilePayload:
    """A table as Excel saves it as plain CSV under Indonesian settings."""
    text = "\r\n".join(["sep=;", HEAD, *rows, ""])
    return FilePayload(name="temuan.csv", mimeType="text/csv", buffer=text.encode("cp1252"))


def row(number: int, *, url: str = "", nip: str = "", day: str = "02.11.2026") -> str:
    link = url or f"https://instagram.com/p/Nr{number}"
    return f"{link};Nu’man;{nip};colleague;C1;{day};Foto dengan simbol tangan."


def numbers() -> FilePayload:
    """A workbook in which the NIP are numbers, behind a hidden sheet."""
    book = Workbook()
    book.active.append(["daftar"])
    book.active.sheet_state = "hidden"
    sheet = book.create_sheet("Temuan")
    sheet.append(HEAD.split(";"))
    sheet.append(["https://x.com/a/status/1", "akun", 198603152010012001, "colleague", "C1", "", "Foto."])
    out = io.BytesIO()
    book.save(out)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return FilePayload(name="temuan.xlsx", mimeType=kind, buffer=out.getvalue())


def tries(officer: Officer, table: FilePayload) -> None:
    """Choose a table and press for the dry run."""
    officer.window.go(TABLE)
    officer.page.locator("[name=table]").set_input_files([table])
    officer.window.follow(officer.page.locator("form button.main"))


def looked_at(officer: Officer) -> list[str]:
    """What is wrong with the page in both widths and both colour schemes; lists of cases may scroll sideways."""
    page, problems = officer.page, list[str]()
    sizes: list[tuple[int, Literal["light", "dark"]]] = [(360, "light"), (1280, "dark")]
    for width, scheme in sizes:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        if "temuan" in officer.window.path and page.evaluate("document.documentElement.scrollWidth") > width:
            problems.append(f"{officer.window.path} is wider than {width}")
        for violation in Axe().run(page).response["violations"]:
            problems.append(f"{officer.window.path} {violation['id']}: {violation['nodes'][0]['html'][:120]}")
    return problems


@pytest.mark.both_databases
def test_a_table_is_mended_stored_and_undone(window: Opener, live_cast: Cast) -> None:
    vera = Officer(window(), "vera")
    vera.window.may_answer = {400}
    tries(vera, numbers())
    assert "Baris 2, kolom nip:" in vera.window.words
    problems = looked_at(vera)
    wrong = [row(1), row(2, url="bukan tautan"), row(3, nip="123"), row(4, day="besok"), row(1)]
    tries(vera, csv(*wrong, row(6, url="https://x.com/a/status/1 https://x.com/a/status/2")))
    cells = [line.split("\t")[:2] for line in vera.page.locator("table.lines tbody").inner_text().splitlines()]
    assert cells == [["3", "tautan"], ["4", "nip"], ["5", "tanggal"], ["6", "tautan"], ["7", "tautan"]]
    assert not Case.objects.exists()
    problems += looked_at(vera)

    tries(vera, csv(row(1), row(2), row(3, nip="198603152010012001")))
    assert "Nu’man" in vera.window.words
    vera.window.follow(vera.page.locator("form button.main"))
    assert vera.page.locator("table tbody tr").count() == 3
    problems += looked_at(vera)

    first = Case.objects.order_by("reference")[0]
    vino = Actor(live_cast.ring("vino"), timezone.now())
    case_actions.act(actor=vino, case_id=first.pk, action=Action.START_REVIEW)
    vera.window.follow(vera.page.get_by_role("link", name="Tentang impor ini"))
    assert first.reference in vera.window.words
    problems += looked_at(vera)
    vera.page.locator("[name=reason]").fill("Kolomnya tertukar.")
    vera.window.follow(vera.page.locator("form button.main"))
    assert "Impor dibatalkan: 2 kasus diakhiri." in vera.window.words
    assert sorted(Case.objects.values_list("status", flat=True)) == ["in_review", "ineligible", "ineligible"]
    problems += looked_at(vera)
    tries(vera, csv(row(1), row(2), row(3)))
    assert vera.page.get_by_text("Postingan ini sudah", exact=False).count() <= 1
    assert problems == []
