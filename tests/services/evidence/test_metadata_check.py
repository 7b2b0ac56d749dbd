"""What a file betrays is told before it is sent, never at the report's cost, and read in the sandbox alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from complaints.adapters import sandbox
from complaints.models.case import Case
from complaints.services import case_file
from complaints.services.actor import Actor
from complaints.services.evidence import drafts, metadata_check, storage
from tests.adapters import samples
from tests.services.evidence.test_resumable import send
from tests.services.evidence.uploading import Segments, by_form, session_of
from tests.world import Cast

pytestmark = pytest.mark.usefixtures("folder")
CALM, UNREAD = "Tidak kami temukan", "Tidak dapat kami lihat isinya"


def film(flags: str, frames: int = 20) -> bytes:
    return samples.track("mp4", "libx264", "aac", frames=frames, options={"movflags": flags})


FILES = {
    "foto.jpg": (samples.jpeg, ["place", "device", "author", "time"]),
    "foto.heic": (samples.heic, ["place", "time"]),
    "surat.pdf": (samples.pdf, ["author", "time"]),
    "surat.docx": (samples.docx, ["place", "author", "people", "organisation"]),
    "surat.odt": (lambda: samples.odf("text"), ["author"]),
    "suara.mp3": (samples.mp3, ["author"]),
    "rapat.mp4": (lambda: film("use_metadata_tags"), ["place", "author", "time"]),
}
WORDS = {"place": "tempat", "device": "ponsel atau komputer", "author": "nama", "time": "waktu"}


def warnings_of(client: Client) -> dict[str, list[str]]:
    client.get("/lapor/cerita/")  # whoever shows them looks into them
    return {item.name: item.betrays for item in drafts.draft_files(session=session_of(client))}


def checked(client: Client) -> str:
    return str(client.get("/lapor/periksa/").content.decode())


@pytest.mark.parametrize("name", FILES)
def test_every_kind_tells_what_it_betrays_before_it_is_sent(reporter: Client, name: str) -> None:
    make, expected = FILES[name]
    by_form(reporter, (name, make()), go="")
    assert set(expected) <= set(warnings_of(reporter)[name])
    page = checked(reporter)
    line = page[page.index(name) :].partition("</li>")[0]
    for code in expected:
        assert WORDS.get(code, "") in line.lower()
    assert CALM not in line


def test_joined_upload_is_checked_for_metadata_and_removable(reporter: Client) -> None:
    file = Segments(reporter, samples.pdf(), "surat.pdf")
    file.begin()
    answer = file.rest().json()
    assert "nama" in answer["list"]
    assert "author" in warnings_of(reporter)["surat.pdf"]
    reporter.post("/lapor/berkas/hapus/", {"file": file.id})
    assert warnings_of(reporter) == {}


def test_a_bare_file_and_one_that_nobody_can_read(reporter: Client) -> None:
    by_form(
        reporter,
        ("catatan.txt", b"halo"),
        ("foto.jpg", samples.jpeg()[:300]),
        ("obrolan.zip", samples.packed({"a": "b"})),
    )
    page = str(reporter.get("/lapor/cerita/").content.decode())
    lines = {name: page[page.index(name) :].partition("</li>")[0] for name in warnings_of(reporter)}
    assert CALM in lines["catatan.txt"]
    assert UNREAD in lines["foto.jpg"]
    assert UNREAD in lines["obrolan.zip"]


def test_each_file_is_looked_into_once(reporter: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    codes = metadata_check._metadata_codes

    def counted(stored: Any, info: storage.FileInfo) -> list[str]:
        looked.append(info.name)
        return codes(stored, info)

    monkeypatch.setattr(metadata_check, "_metadata_codes", counted)
    by_form(reporter, ("foto.jpg", samples.jpeg()), ("rusak.jpg", samples.jpeg()[:300]))
    assert looked == []  # taking a file in does not wait for it
    for _ in range(2):
        warnings_of(reporter)
        checked(reporter)
    assert sorted(looked) == ["foto.jpg", "rusak.jpg"]


@pytest.mark.parametrize("fault", [sandbox.Unavailable("busy"), sandbox.JobFailed("time"), OSError("store")])
def test_failure_of_a_check_does_not_stop_the_report(
    reporter: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise fault

    monkeypatch.setattr("complaints.services.evidence.metadata_check._metadata_codes", fail)
    by_form(reporter, ("foto.jpg", samples.jpeg()), go="")
    assert UNREAD in checked(reporter)
    assert send(reporter).status_code == 302


def test_large_file_is_not_buffered_video_is_read_at_its_ends(
    reporter: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Phones write what a film tells either before its pictures or behind them."""
    settings.EVIDENCE_LOOK_MAX_BYTES = 5000
    monkeypatch.setattr("complaints.services.evidence.metadata_check._END_BYTES", 9_000)
    films = {
        "awal.mp4": film("use_metadata_tags+empty_moov+frag_keyframe", frames=400),
        "akhir.mp4": film("use_metadata_tags", frames=400),
    }
    assert all(len(content) > 20_000 for content in films.values())
    large = ("besar.pdf", samples.pdf() + b" " * 6000)
    by_form(reporter, *films.items(), large)
    warnings = warnings_of(reporter)
    assert all({"place", "author"} <= set(warnings[name]) for name in films)
    assert warnings["besar.pdf"] == []
    assert UNREAD in str(reporter.get("/lapor/cerita/").content.decode())


def test_an_officer_sees_it_too_before_the_worker_has_looked(reporter: Client, cast: Cast) -> None:
    by_form(reporter, ("surat.pdf", samples.pdf()), go="")
    assert send(reporter).status_code == 302
    case = Case.objects.get()
    opened = case_file.open_case(actor=Actor(cast.ring("vera"), timezone.now()), case_id=case.pk)
    assert "author" in opened.complaints[0].evidence[0].original.info.betrays
