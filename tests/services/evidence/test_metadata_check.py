"""What a file and its name betray is told before it is sent, never at the report's cost, and read in the sandbox."""

from __future__ import annotations

import io
import threading
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from complaints.adapters import sandbox
from complaints.adapters.media import kinds, zips
from complaints.models.case import Case
from complaints.services import case_file
from complaints.services.evidence import drafts, metadata_check, storage
from complaints.services.keyring import Actor
from tests.adapters import samples
from tests.adapters.test_tails import bare
from tests.services.evidence.test_resumable import send
from tests.services.evidence.uploading import Segments, by_form, session_of
from tests.world import Cast

pytestmark = pytest.mark.usefixtures("folder")
CALM, UNREAD, UNCHECKED = "tidak memuat lokasi", "tidak dapat kami periksa", "belum diperiksa"
CHAT = "12/01/26, 10.11 - Pak Kadis: ya\n"


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
    "obrolan.txt": (lambda: CHAT.encode(), ["names", "hours"]),
    "daftar.csv": (lambda: b"Nama;NIP;HP\nSeorang;198001012005011001;0812-3456-7890\n", ["names", "numbers", "phones"]),
    "surat.eml": (lambda: b"From: Seorang <x@example.test>\nDate: Mon, 2 Nov 2026 09:11\n\nisi\n", ["names", "emails"]),
    "kontak.vcf": (lambda: b"BEGIN:VCARD\nFN:Seorang\nTEL:+6281234567890\nEND:VCARD\n", ["names", "phones"]),
    "ekspor.zip": (lambda: samples.packed({"a.txt": CHAT, "b.jpg": samples.jpeg()}), ["names", "hours", "place"]),
}
WORDS = {
    "place": "tempat",
    "device": "ponsel atau komputer",
    "author": "nama",
    "time": "waktu",
    "names": "nama pengirim atau penerima",
    "numbers": "nip atau nik",
    "phones": "nomor telepon",
    "emails": "alamat surel",
    "hours": "jam",
}


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
    reporter.post("/lapor/cerita/", {"file": file.id})
    assert warnings_of(reporter) == {}


def test_a_bare_file_and_one_that_nobody_can_read(reporter: Client) -> None:
    by_form(
        reporter,
        ("catatan.txt", b"halo"),
        ("foto.jpg", samples.jpeg()[:300]),
        ("layar.png", bare("PNG")),
        ("lama.doc", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)),
        ("acak.zip", samples.packed({"a": "b"})[:-30]),
    )
    page = str(reporter.get("/lapor/cerita/").content.decode())
    lines = {name: page[page.index(name) :].partition("</li>")[0] for name in warnings_of(reporter)}
    assert "tidak ada yang kami kenali" in lines["catatan.txt"]
    assert "apa adanya" in lines["catatan.txt"]
    assert UNREAD in lines["foto.jpg"]
    assert UNREAD in lines["acak.zip"]
    assert CALM in lines["layar.png"]
    assert "Periksa sendiri yang tampak di gambar" in lines["layar.png"]
    assert "tidak kami buka" in lines["lama.doc"]
    assert "tidak kami temukan" not in page.lower()


def test_the_name_of_a_file_is_told(reporter: Client) -> None:
    by_form(reporter, ("Screenshot_20240112_101112_WhatsApp.png", bare("PNG")), ("layar.png", bare("PNG")))
    page = str(reporter.get("/lapor/cerita/").content.decode())
    assert page.count("Namanya memuat: tanggal, jam, nama aplikasi.") == 1
    assert "Nama orang tidak dapat kami kenali" in page


def test_a_zip_that_is_a_document_is_called_one(reporter: Client) -> None:
    with zipfile.ZipFile(io.BytesIO(samples.docx())) as archive:
        entries = {name: archive.read(name) for name in reversed(archive.namelist())}
    by_form(reporter, ("surat.docx", samples.packed(entries)))
    reporter.get("/lapor/cerita/")
    assert [item.type_label for item in drafts.draft_files(session=session_of(reporter))] == ["DOCX"]


def test_each_file_is_looked_into_once(reporter: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    codes = metadata_check._codes

    def counted(stored: Any, info: storage.FileInfo) -> list[str]:
        looked.append(info.name)
        return codes(stored, info)

    monkeypatch.setattr(metadata_check, "_codes", counted)
    by_form(reporter, ("foto.jpg", samples.jpeg()), ("rusak.jpg", samples.jpeg()[:300]))
    assert looked == []  # taking a file in does not wait for it
    for _ in range(2):
        warnings_of(reporter)
        checked(reporter)
    assert sorted(looked) == ["foto.jpg", "rusak.jpg"]


def test_slow_files_hold_a_third_of_the_threads_and_no_more(reporter: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens the page of such files a hundred times would otherwise keep everybody from every page."""
    ends, begun = threading.Event(), threading.Semaphore(0)

    def waits(info: storage.FileInfo, **_where: Any) -> storage.FileInfo:
        begun.release()
        ends.wait(20)
        return info

    by_form(reporter, ("foto.jpg", samples.jpeg()))
    session = session_of(reporter)
    files = drafts.draft_files(session=session)
    monkeypatch.setattr(drafts, "check_object", waits)
    asked = [
        threading.Thread(target=drafts.check_metadata, kwargs={"session": session, "files": files})
        for _page in range(drafts.CHECKING_AT_MOST)
    ]
    try:
        for thread in asked:
            thread.start()
        assert all(begun.acquire(timeout=10) for _page in asked)
        assert UNCHECKED in checked(reporter), "at once"
        assert not begun.acquire(timeout=0.1)
    finally:
        ends.set()
        for thread in asked:
            thread.join()
    monkeypatch.undo()
    assert UNCHECKED not in checked(reporter)


@pytest.mark.parametrize("fault", [sandbox.Unavailable("busy"), sandbox.JobFailed("time"), OSError("store")])
def test_failure_of_a_check_does_not_stop_the_report(
    reporter: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise fault

    monkeypatch.setattr("complaints.services.evidence.metadata_check._codes", fail)
    by_form(reporter, ("foto.jpg", samples.jpeg()), go="")
    assert (UNREAD if isinstance(fault, sandbox.JobFailed) else UNCHECKED) in checked(reporter)
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
    chat = ("obrolan.txt", CHAT.encode() * 600)
    by_form(reporter, *films.items(), large, chat)
    warnings = warnings_of(reporter)
    assert all({"place", "author"} <= set(warnings[name]) for name in films)
    assert all("partly" in warnings[name] for name in (*films, "obrolan.txt"))
    assert "names" in warnings["obrolan.txt"]
    assert warnings["besar.pdf"] == []
    page = str(reporter.get("/lapor/cerita/").content.decode())
    assert UNREAD in page
    assert page.count("hanya memeriksa sebagian") == 3


def test_what_is_locked_is_called_so(reporter: Client) -> None:
    office = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(70_000) + "EncryptedPackage".encode("utf-16-le") + bytes(400)
    manifest = {zips.ODF_MANIFEST: "<a encryption-data=''/>"}
    odf = samples.packed({"mimetype": kinds.ODF + "text", **manifest, "content.xml": "x"})
    files = {"surat.docx": office, "ekspor.zip": samples.locked_zip(samples.packed({"a.txt": CHAT})), "surat.odt": odf}
    by_form(reporter, *files.items())
    page = str(reporter.get("/lapor/cerita/").content.decode())
    assert page.count("terkunci dengan kata sandi") == len(files)
    assert UNREAD not in page


def test_an_officer_sees_it_too_before_the_worker_has_looked(reporter: Client, cast: Cast) -> None:
    by_form(reporter, ("surat.pdf", samples.pdf()), go="")
    assert send(reporter).status_code == 302
    case = Case.objects.get()
    opened = case_file.open_case(actor=Actor(cast.ring("vera"), timezone.now()), case_id=case.pk)
    assert "author" in opened.complaints[0].evidence[0].original.info.betrays
