"""Limits per file, per sending, per report and in all: said in Indonesian, with what was typed still there."""

from __future__ import annotations

import errno
import os

import pytest
from django.core.files.storage import storages
from django.test import Client
from pytest_django import Settings

from complaints.models.case import Case
from complaints.services.evidence import intake, limits, resumable, storage
from complaints.services.evidence.intake import Sink
from tests.services.evidence.uploading import PDF, Broken, Segments, by_form, kept, objects
from tests.views.walk import ANONYMOUS, STORY_PAGE, token_of
from tests.world import Cast, send_report

pytestmark = pytest.mark.usefixtures("folder")


def refused(reporter: Client, content: bytes, name: str = "v.pdf") -> tuple[str, str]:
    """What the form and the segments say about a file."""
    page = by_form(reporter, (name, content)).content.decode()
    assert STORY_PAGE["story"] in page
    file = Segments(reporter, content, name)
    return page, str(file.begin().get("error", ""))


def test_a_file_too_large(reporter: Client, settings: Settings) -> None:
    settings.EVIDENCE_MAX_FILE_BYTES = 100_000
    for words in refused(reporter, PDF + os.urandom(100_001 - len(PDF))):
        assert "lebih besar dari" in words
    assert not objects()
    by_form(reporter, ("pas.pdf", PDF + os.urandom(100_000 - len(PDF))))
    assert kept(reporter) == [("pas.pdf", 100_000)]


def test_a_file_far_too_large_still_gets_its_answer(reporter: Client, settings: Settings) -> None:
    """A browser shows an answer only once it has sent everything, so everything is read."""
    settings.EVIDENCE_MAX_FILE_BYTES, settings.EVIDENCE_MAX_TOTAL_BYTES = 100_000, 1_000_000
    page = by_form(reporter, ("besar.pdf", PDF + os.urandom(2_500_000)), ("kecil.pdf", PDF))
    assert "lebih besar dari" in page.content.decode()
    assert kept(reporter) == [("kecil.pdf", len(PDF))]


def test_reading_ends_where_no_device_makes_such_a_file(reporter: Client, settings: Settings) -> None:
    settings.EVIDENCE_MAX_FILE_BYTES, settings.EVIDENCE_MAX_TOTAL_BYTES = 100_000, 500_000
    sink = Sink("v.pdf", limits.StorageRoom(0, "total"))
    for _ in range(3):
        sink.write(b"x" * 1_000_000)
    assert sink.hopeless


def test_too_many_files(reporter: Client, settings: Settings) -> None:
    settings.EVIDENCE_MAX_FILES = 3
    page = by_form(reporter, *((f"{number}.pdf", PDF) for number in range(5))).content.decode()
    assert page.count("tidak dapat ditambahkan") >= 2
    assert "paling banyak 3 berkas" in page
    assert len(kept(reporter)) == 3
    assert "tidak dapat ditambahkan" in Segments(reporter, PDF).begin()["error"]


def test_files_that_still_arrive_take_their_place(reporter: Client, settings: Settings) -> None:
    settings.EVIDENCE_MAX_FILES, settings.EVIDENCE_MAX_TOTAL_BYTES = 2, 300_000
    assert Segments(reporter, PDF + os.urandom(200_000), "a.pdf").begin()["id"]
    for words in refused(reporter, PDF + os.urandom(150_000)):
        assert "tidak dapat ditambahkan" in words
    assert Segments(reporter, PDF + os.urandom(50_000), "b.pdf").begin()["id"]
    assert "tidak dapat ditambahkan" in Segments(reporter, PDF, "c.pdf").begin()["error"]


def test_more_together_than_a_report_may_have(reporter: Client, settings: Settings) -> None:
    settings.EVIDENCE_MAX_TOTAL_BYTES = 250_000
    by_form(reporter, *((f"{number}.pdf", PDF + os.urandom(100_000)) for number in range(3)))
    assert len(kept(reporter)) == 2
    assert sum(size for _name, size in kept(reporter)) <= 250_000


def test_a_sent_report_takes_files_up_to_its_own_limit(cast: Cast, settings: Settings) -> None:
    settings.EVIDENCE_MAX_REPORT_FILES = 2
    sent = send_report()
    client = Client()
    client.post("/cek/", {"code": sent.code})
    from django.core.files.uploadedfile import SimpleUploadedFile

    uploads = [SimpleUploadedFile(f"{number}.pdf", PDF) for number in range(3)]
    page = client.post("/cek/laporan/jawab/", {"evidence": uploads, "go": "files"}).content.decode()
    assert "paling banyak 2 berkas" in page
    assert "paling banyak 2 berkas" in Segments(client, PDF).begin()["error"]


def test_no_session_no_file(cast: Cast) -> None:
    client = Client()
    assert "terlalu lama" in Segments(client, PDF).begin()["error"]
    assert "terlalu lama" in by_form(client, ("v.pdf", PDF)).content.decode()
    assert not objects()


@pytest.mark.parametrize("how", ["disk", "store", "errno"])
def test_a_full_store_refuses_files_and_takes_reports(
    reporter: Client, settings: Settings, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "disk":
        settings.EVIDENCE_MIN_FREE_BYTES = 2**60
    elif how == "store":
        settings.EVIDENCE_MAX_STORE_BYTES = 5000
        storage.storage().put("a" * 32, b"x" * 5000)
    else:
        broken = Broken(storages["evidence"], "open", OSError(errno.ENOSPC, "full"))
        monkeypatch.setattr(intake, "storage", lambda: broken)
        put = Broken(storages["evidence"], "put", OSError(errno.ENOSPC, "full"))
        monkeypatch.setattr(resumable, "storage", lambda: put)
    page, error = refused(reporter, PDF + os.urandom(1000))
    assert "penuh" in page
    if how == "errno":
        file = Segments(reporter, PDF + os.urandom(1000))
        file.begin()
        error = file.send().json()["error"]
        file.ask("batal")
    assert "penuh" in error
    assert kept(reporter) == []
    reporter.post("/lapor/cerita/", STORY_PAGE)
    token = token_of(reporter.get("/lapor/periksa/"))
    assert reporter.post("/lapor/periksa/", ANONYMOUS | {"token": token}).status_code == 302
    assert Case.objects.count() == 1


def test_the_page_names_its_limits(reporter: Client) -> None:
    assert "Paling banyak 20 berkas, masing-masing sampai 200\xa0MB." in reporter.get("/lapor/cerita/").content.decode()


def test_files_count_from_nothing_to_nothing(reporter: Client) -> None:
    assert "error" in Segments(reporter, b"").begin()
    for size in ("", "-1", "x", "1.5"):
        answer = Segments(reporter, b"").ask("mulai", {"name": "v.pdf", "size": size, "mark": ""})
        assert answer.status_code == 400 or "error" in answer.json()
    assert not objects()
