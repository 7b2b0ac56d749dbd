"""All unfinished reports have a budget: files are refused with the way on, text is taken, what lies there stays."""

from __future__ import annotations

import os

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from complaints.domain.sealing.primitives import NONCE_BYTES, TAG_BYTES
from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile, Evidence
from complaints.reporter_session import stored_size
from complaints.services.evidence import limits, storage
from tests.services.evidence.uploading import PDF, Broken, Segments, by_form, kept, objects, on_page_3, session_of
from tests.views.walk import ANONYMOUS, START, STORY, STORY_PAGE, code_on, token_of, version
from tests.world import Cast

pytestmark = pytest.mark.usefixtures("folder")
KIB = 1024
WAY_ON = "berkasnya dapat menyusul dengan kode tiket."


@pytest.fixture
def used_up(reporter: Client, settings: Settings) -> Client:
    """Another reporter's file takes the whole budget."""
    by_form(reporter, ("lain.pdf", PDF + os.urandom(90 * KIB)))
    settings.EVIDENCE_DRAFT_BYTES = limits.drafts_bytes()
    return reporter


def test_the_sum_counts_what_is_stored(reporter: Client) -> None:
    by_form(reporter, ("a.pdf", PDF + os.urandom(90 * KIB)), ("b.pdf", PDF + os.urandom(10 * KIB)))
    file = Segments(reporter, PDF + os.urandom(1500 * KIB))
    file.begin()
    text = Draft.objects.get().stored_size
    for _part in range(2):
        file.send()
        assert limits.drafts_bytes() == text + sum(item.size for item in storage.storage().present())
    file.ask("selesai")
    assert limits.drafts_bytes() == text + sum(item.size for item in storage.storage().present())


def test_a_file_is_refused_with_the_way_on_and_the_report_is_taken(used_up: Client, cast: Cast) -> None:
    client = on_page_3()
    page = by_form(client, ("foto.pdf", PDF + os.urandom(KIB))).content.decode()
    assert WAY_ON in page
    assert STORY in page
    assert WAY_ON in Segments(client, PDF + os.urandom(KIB)).begin()["error"]
    assert client.post("/lapor/cerita/", STORY_PAGE).status_code == 302
    token = token_of(client.get("/lapor/periksa/"))
    sent = client.post("/lapor/periksa/", ANONYMOUS | {"token": token})
    code = code_on(client.get(sent.headers["Location"]))
    # The files follow with the code, by either way.
    returning = Client()
    returning.post("/cek/", {"code": code})
    photo = SimpleUploadedFile("foto.pdf", PDF + os.urandom(KIB))
    # Nobody can look into it, so it waits until the reporter has read that.
    for posted in ({"evidence": photo}, {}):
        assert returning.post("/cek/laporan/jawab/", posted | {"go": "files"}).status_code == 302
    assert Segments(returning, PDF + os.urandom(KIB)).begin()["id"]
    assert Evidence.objects.filter(kind="file").count() == 1
    assert kept(used_up) == [("lain.pdf", 90 * KIB + len(PDF))], "what lies there stays"


def test_a_file_on_its_way_stops_at_the_budget_and_goes_on_later(reporter: Client, settings: Settings) -> None:
    """Else many could be announced while there is room."""
    file = Segments(reporter, PDF + os.urandom(3000 * KIB))
    file.begin()
    file.send()
    settings.EVIDENCE_DRAFT_BYTES = limits.drafts_bytes() + 100 * KIB
    answer = file.send()
    assert WAY_ON in answer.json()["error"]
    assert answer.json()["next"] == 1
    assert len(objects()) == 1
    settings.EVIDENCE_DRAFT_BYTES = 0
    assert file.rest().status_code == 200
    assert kept(reporter) == [("surat.pdf", len(file.content))]


@pytest.mark.parametrize(("free", "refused"), [(1000 * KIB, False), (300 * KIB, True)])
def test_drafts_take_half_of_what_is_free_above_the_reserve(
    reporter: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, free: int, refused: bool
) -> None:
    settings.EVIDENCE_MIN_FREE_BYTES = 100 * KIB
    by_form(reporter, ("a.pdf", PDF + os.urandom(90 * KIB)))
    store = storage.storage()
    monkeypatch.setattr(store, "free_bytes", lambda: free, raising=False)
    # The form announces about 71 KiB beside 96 KiB that lie there.
    page = by_form(on_page_3(), ("b.pdf", PDF + os.urandom(70 * KIB)))
    assert (WAY_ON in page.content.decode()) is refused


@pytest.mark.parametrize("limit", [0, 400 * KIB])
def test_a_store_that_does_not_tell_what_is_free_has_a_number(
    reporter: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """The other half of EVIDENCE_MAX_STORE_BYTES is left to reports that are sent."""
    settings.EVIDENCE_MAX_STORE_BYTES = limit
    monkeypatch.setattr(storage.storage(), "free_bytes", lambda: None, raising=False)
    by_form(reporter, ("a.pdf", PDF + os.urandom(90 * KIB)))
    cache.delete(limits.USED_CACHE)
    page = by_form(on_page_3(), ("b.pdf", PDF + os.urandom(150 * KIB)))
    assert (WAY_ON in page.content.decode()) is bool(limit)
    assert limits._draft_budget(0) <= limits.UNKNOWN_STORE_BYTES


def test_a_store_that_does_not_answer_is_no_full_budget(reporter: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken(storage.storage(), "free_bytes", OSError("gone"))
    monkeypatch.setattr(limits, "storage", lambda: broken)
    assert "karena gangguan di sistem kami" in by_form(reporter, ("a.pdf", PDF)).content.decode().lower()


# --- Text


def long_links(size: int) -> dict[str, str]:
    return STORY_PAGE | {"links": "x" * size}


def test_text_is_taken_while_the_database_has_room(reporter: Client) -> None:
    for size, taken in ((150_000, True), (199_000, True), (201_000, False)):
        shown = version(reporter, "/lapor/cerita/")
        reporter.post("/lapor/cerita/", long_links(size) | shown | {"go": "back"})
        assert ("x" * size in reporter.get("/lapor/cerita/").content.decode()) is taken


def test_every_report_has_its_text_when_drafts_have_used_up_their_share(reporter: Client, settings: Settings) -> None:
    reporter.post("/lapor/cerita/", long_links(150_000) | {"go": "back"})
    settings.DRAFT_TEXT_BYTES = 200_000
    other = on_page_3()
    page = other.post("/lapor/cerita/", long_links(61_000)).content.decode()
    assert "Tulisan ini terlalu panjang untuk disimpan" in page
    assert "x" * 61_000 in page, "what was typed is still there"
    story = "Kami diminta memilih satu calon. " * 600  # about the longest account
    assert other.post("/lapor/cerita/", STORY_PAGE | {"story": story[:20_000]}).status_code == 302
    # What lies there stays, and can be sent.
    assert "x" * 150_000 in reporter.get("/lapor/cerita/").content.decode()


@pytest.mark.parametrize(
    ("taken", "limit"), [(0, 200_000), (999_000, 60_000), (1_900_000, 60_000), (2_000_000, 15_000), (9_000_000, 3_500)]
)
def test_the_more_all_drafts_take_the_less_one_may_have(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, taken: int, limit: int
) -> None:
    settings.DRAFT_TEXT_BYTES = 1_000_000
    monkeypatch.setattr(limits, "_last_sum", [])
    monkeypatch.setattr(limits, "count_text", lambda: limits.TextOfAll(taken, taken))
    assert limits.text_limit(50_000, 100) == limit
    assert limits.text_limit(3_500, 100) >= 3_500, "always taken"
    assert limits.text_limit(14_000, 9_000) >= 15_000, "a draft that lies there keeps the step that it has reached"
    assert limits.text_limit(190_000, 70_000) == 200_000


@pytest.mark.parametrize(("step", "row_bytes"), [(60_000, 65_536), (15_000, 16_384), (3_500, 4_096)])
def test_a_draft_that_has_its_whole_step_fits_into_a_smaller_row(reporter: Client, step: int, row_bytes: int) -> None:
    assert step in limits.TEXT_STEPS
    unfinished = {"story": "Baru mulai", "go": "back"}
    reporter.post("/lapor/cerita/", long_links(1) | unfinished)
    rest = step - stored_size(session_of(reporter)["draft"])
    reporter.post("/lapor/cerita/", long_links(1 + rest) | version(reporter, "/lapor/cerita/") | unfinished)
    assert stored_size(session_of(reporter)["draft"]) == step
    assert row_bytes / 2 < Draft.objects.get().stored_size <= row_bytes + NONCE_BYTES + TAG_BYTES + 1


def test_a_report_goes_on_while_very_many_others_lie_there(reporter: Client, settings: Settings) -> None:
    reporter.post("/lapor/cerita/", STORY_PAGE | {"story": "Kami diminta memilih. " * 300})
    settings.DRAFT_TEXT_BYTES = 1
    shown = version(reporter, "/lapor/cerita/")
    longer = reporter.post("/lapor/cerita/", STORY_PAGE | shown | {"story": "Kami diminta memilih. " * 400})
    assert longer.status_code == 302
    new = on_page_3()
    page = new.post("/lapor/cerita/", STORY_PAGE | {"story": "Kami diminta memilih. " * 300}).content.decode()
    assert "selebihnya dapat Anda tambahkan nanti dengan kode tiket" in page
    assert new.post("/lapor/cerita/", STORY_PAGE | {"story": "Kami diminta memilih. " * 100}).status_code == 302
    for client in (reporter, new):
        token = token_of(client.get("/lapor/periksa/"))
        assert client.post("/lapor/periksa/", ANONYMOUS | {"token": token}).url == "/lapor/kode/"


def test_a_large_sum_is_counted_once_in_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "_last_sum", [])
    settings.DRAFT_TEXT_BYTES = 1
    counted: list[int] = []

    def count() -> limits.TextOfAll:
        counted.append(1)
        return limits.TextOfAll(limits.LARGE_TEXT_BYTES, limits.LARGE_TEXT_BYTES)

    monkeypatch.setattr(limits, "count_text", count)
    for _request in range(5):
        assert limits.text_limit(50_000, 0) == limits.TEXT_STEPS[-1]
    assert len(counted) == 1
    assert caplog.text.count("DRAFT_TEXT_BYTES") == 1
    limits._last_sum.clear()
    limits.text_limit(50_000, 0)
    assert len(counted) == 2
    limits.text_limit(3_000, 0)
    assert len(counted) == 2, "a short text asks nobody"


def test_a_row_tells_how_much_its_file_takes(reporter: Client) -> None:
    by_form(reporter, ("a.pdf", PDF + os.urandom(90 * KIB)))
    (row,), (stored,) = DraftFile.objects.all(), storage.storage().present()
    assert row.stored_size == stored.size


# --- The whole of it


def test_rows_of_files_count_also_where_nothing_of_them_came(reporter: Client) -> None:
    before = limits.count_text()
    for number in range(3):
        Segments(reporter, PDF, name=f"{number}.pdf").begin(mark=str(number))
    by_form(reporter, *((f"{number}.exe", b"MZ" * 50) for number in range(3)))
    after = limits.count_text()
    assert after.taken - before.taken > 6 * KIB
    assert after.reserved - before.reserved == after.taken - before.taken


def test_a_short_draft_counts_with_the_row_that_it_may_have(reporter: Client) -> None:
    assert limits.count_text() == limits.TextOfAll(Draft.objects.get().stored_size, limits.STEP_BYTES)


@pytest.mark.parametrize("address", ["/lapor/ditekan/", "/kode-hilang/", "/tanya/"])
def test_no_report_is_begun_above_the_whole_and_those_begun_are_sent(
    reporter: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(limits, "_last_sum", [])
    settings.DRAFT_MAX_BYTES = limits.count_text().reserved
    typed = START | {"known": "Nomor KN-26-ABCDEF.", "asked": "Bolehkah atasan saya menyuruh kami?"}
    new = Client()
    answer = new.post(address, typed)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert typed["known"] in answer.content.decode(), "the words are still there"
    assert Draft.objects.count() == 1
    assert reporter.post("/lapor/cerita/", STORY_PAGE).status_code == 302
    token = token_of(reporter.get("/lapor/periksa/"))
    assert reporter.post("/lapor/periksa/", ANONYMOUS | {"token": token}).url == "/lapor/kode/"
    # Its row is free at once, and whoever waited sends again what was typed.
    limits._last_sum.clear()
    assert new.post(address, typed).status_code == 302
