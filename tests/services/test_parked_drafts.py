"""A report that is left and resumed by its code: when its rows end, what a copy of the database tells, and its room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from complaints import tasks
from complaints.domain import codes
from complaints.models.complaint import Complaint
from complaints.models.draft import Draft, DraftDoor
from complaints.models.evidence import DraftFile
from complaints.services import draft_rows, parked_drafts
from complaints.services.evidence import limits
from tests.services.evidence.uploading import PDF, Segments, by_form, nothing_left, on_page_3, session_of, store_in
from tests.views import walk
from tests.world import Cast, at

DAY = date(2026, 11, 9)
SECOND, MINUTES, HOUR = timedelta(seconds=1), timedelta(minutes=10), timedelta(hours=1)
LIFE = timedelta(hours=72)
STORY, PARKED = "/lapor/cerita/", "/lapor/nanti/"


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> None:
    store_in(settings, tmp_path / "evidence")


@pytest.fixture(autouse=True)
def clock(cast: Cast) -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(at(DAY, 9), tick=False) as clock:
        yield clock


def parks(client: Client, **answers: str) -> str:
    """Leave page 3; return the code that is shown."""
    answer = client.post(STORY, {"story": "Belum selesai.", "go": "park"} | walk.version(client, STORY) | answers)
    assert (answer.status_code, answer.get("Location")) == (302, PARKED), walk.words(answer)
    return walk.code_on(client.get(PARKED))


def resumes(code: str) -> Client:
    """Another device that comes with the code."""
    client = Client()
    assert client.post("/cek/", {"code": code}).url == STORY
    return client


def refused(client: Client) -> str:
    """Try to leave page 3; return the words of the page that says why it cannot be."""
    answer = client.post(STORY, {"story": "Belum selesai.", "go": "park"} | walk.version(client, STORY))
    assert answer.status_code == 200
    assert not DraftDoor.objects.exists()
    assert "Belum selesai." in client.get(STORY).content.decode(), "nothing is lost"
    return walk.words(answer)


def all_gone() -> bool:
    return nothing_left() and not (Draft.objects.exists() or DraftDoor.objects.exists())


def with_files(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A draft on page 3 with a whole file and one of which two segments have come."""
    for module in ("services.evidence.drafts", "services.evidence.resumable", "domain.sealing.segments"):
        monkeypatch.setattr(f"complaints.{module}.SEGMENT_BYTES", 1000)
    on_page_3(client)
    assert by_form(client, ("foto.pdf", PDF + os.urandom(500))).status_code == 302
    broken = Segments(client, PDF + os.urandom(3500), name="putus.pdf")
    broken.begin()
    assert [broken.send().status_code, broken.send().status_code] == [200, 200]
    return client


# --- The end


def test_it_waits_for_72_hours_and_is_gone_within_ten_minutes(
    clock: time_machine.Coordinates, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = parks(with_files(Client(), monkeypatch))
    on_page_3(Client())
    for hours in (2, 24, 48):
        clock.move_to(at(DAY, 9) + timedelta(hours=hours) - SECOND)
        tasks.end_drafts()
        assert Draft.objects.count() == (2 if hours == 2 else 1), "only the one without a code ends after two hours"
    clock.move_to(at(DAY, 9) + LIFE - SECOND)
    tasks.end_drafts()
    assert (Draft.objects.count(), DraftDoor.objects.count(), DraftFile.objects.count()) == (1, 1, 2)
    clock.shift(SECOND)
    assert Client().post("/cek/", {"code": code}).status_code == 200, "before any job has run"
    clock.shift(MINUTES)
    tasks.end_drafts()
    assert all_gone()


def test_whoever_writes_to_the_last_minute_has_two_more_hours(clock: time_machine.Coordinates) -> None:
    client = on_page_3()
    parks(client)
    clock.shift(LIFE - MINUTES)
    answers = {"story": "Masih saya tulis.", "go": "stay"} | walk.version(client, STORY)
    assert client.post(STORY, answers).status_code == 302
    assert "Disimpan sampai" in walk.words(client.get(STORY))
    clock.shift(HOUR)
    tasks.end_drafts()
    page = client.get(STORY)
    assert "Masih saya tulis." in page.content.decode()
    assert "Disimpan sampai" not in walk.words(page), "the code opens it no more"
    assert not DraftDoor.objects.exists()
    clock.shift(2 * HOUR)
    tasks.end_drafts()
    assert all_gone()


def outlives_its_code(clock: time_machine.Coordinates) -> tuple[Client, str]:
    """A draft that was written shortly before its 72 hours were over, an hour afterwards; and its code."""
    client = on_page_3()
    code = parks(client)
    clock.shift(LIFE - MINUTES)
    client.post(STORY, {"story": "Masih saya tulis.", "go": "stay"} | walk.version(client, STORY))
    clock.shift(HOUR)
    return client, code


def test_once_its_code_has_ended_it_ends_with_its_browser(clock: time_machine.Coordinates) -> None:
    """Else a draft would lie there that nobody can open or delete."""
    client, _code = outlives_its_code(clock)
    client.get("/keluar/")
    assert not Draft.objects.exists()


def test_once_its_code_has_ended_it_can_wait_again(clock: time_machine.Coordinates) -> None:
    client, code = outlives_its_code(clock)
    assert parks(client) == code
    clock.shift(LIFE - MINUTES)
    resumes(code)


def test_asked_for_again_the_hours_begin_anew_under_the_same_code(clock: time_machine.Coordinates) -> None:
    client = on_page_3()
    code = parks(client)
    clock.shift(48 * HOUR)
    assert parks(resumes(code)) == code
    clock.shift(LIFE - SECOND)
    tasks.end_drafts()
    resumes(code)
    assert DraftDoor.objects.count() == 1


def test_a_door_whose_end_no_key_opens_ends_after_its_last_day(
    clock: time_machine.Coordinates, settings: Settings
) -> None:
    from complaints.services.evidence import worker_key

    parks(on_page_3())
    settings.WORKER_PRIVATE_KEY, _public = worker_key.new_keys()
    clock.move_to(at(DAY + timedelta(days=4), 23))
    tasks.end_drafts()
    assert DraftDoor.objects.exists()
    clock.move_to(at(DAY + timedelta(days=5), 0))
    tasks.end_drafts()
    assert all_gone()


# --- What a copy of the database tells


def test_no_column_tells_the_hour_or_which_draft_waits(clock: time_machine.Coordinates) -> None:
    on_page_3(Client())
    for _report in range(4):
        clock.shift(2 * HOUR)
        parks(on_page_3(Client()))
    doors, rows = list(DraftDoor.objects.all()), list(Draft.objects.all())
    assert {field.name for field in DraftDoor._meta.fields} == {"id", "data", "ends", "expires_on"}
    assert len({row.expires_on for row in [*doors, *rows]}) == 1, "parked or not"
    assert len({len(row.ends) for row in [*doors, *rows]}) == 1
    assert len({len(door.data) for door in doors}) == 1
    assert len({row.stored_size for row in rows}) == 1
    stored = b"".join(bytes(door.data) + bytes(door.ends) for door in doors)
    assert not any(row.pk.encode() in stored or bytes.fromhex(row.pk) in stored for row in rows)


def test_a_door_opens_for_its_code_alone() -> None:
    first, second = parks(on_page_3(Client())), parks(on_page_3(Client()))
    door, other = (DraftDoor.objects.get(pk=codes.door_id(code)) for code in (first, second))
    DraftDoor.objects.filter(pk=door.pk).update(data=bytes(other.data))
    assert Client().post("/cek/", {"code": first}).status_code == 200
    resumes(second)


# --- Room


def test_where_no_room_is_left_nobody_parks_and_everybody_sends(settings: Settings) -> None:
    waiting = parks(on_page_3(Client()))
    client = on_page_3(Client())
    by_form(client, ("a.pdf", PDF + os.urandom(600)))
    settings.EVIDENCE_DRAFT_BYTES = 4000
    answer = client.post(STORY, walk.STORY_PAGE | {"go": "park"})
    assert "Kirim tulisannya sekarang; berkas menyusul dengan kode tiket." in walk.words(answer)
    assert DraftDoor.objects.count() == 1
    assert walk.STORY in client.get(STORY).content.decode()
    assert walk.send(client).url == "/lapor/kode/"
    resumes(waiting)


def test_a_flood_of_texts_stops_parking_first(settings: Settings) -> None:
    client = on_page_3()
    settings.DRAFT_TEXT_BYTES = 2000
    assert "tidak ada ruang" in refused(client)


def test_what_waits_already_is_not_ended_by_asking_again_without_room(settings: Settings) -> None:
    client = on_page_3()
    code = parks(client)
    settings.DRAFT_TEXT_BYTES = 1
    assert parks(client) == code


def test_files_of_others_keep_no_text_from_waiting(settings: Settings) -> None:
    by_form(on_page_3(Client()), ("a.pdf", PDF + os.urandom(600)))
    settings.EVIDENCE_DRAFT_BYTES = 4000
    resumes(parks(on_page_3(Client())))


def test_a_draft_that_waits_gets_no_files_of_the_half_that_is_left_to_others(settings: Settings) -> None:
    """Else many would be parked empty, and filled afterwards."""
    waiting, other = on_page_3(Client()), on_page_3(Client())
    parks(waiting)
    by_form(other, ("a.pdf", PDF + os.urandom(70_000)))
    settings.EVIDENCE_DRAFT_BYTES = 2 * limits.drafts_bytes()
    refused = by_form(waiting, ("b.pdf", PDF + os.urandom(600)))
    assert "Kirim laporan Anda sekarang tanpa berkas ini" in walk.words(refused)
    assert Segments(waiting, PDF).begin()["error"]
    assert by_form(other, ("b.pdf", PDF + os.urandom(600))).status_code == 302


@pytest.mark.parametrize(("taken", "longest"), [(0, 200_000), (500, 15_000), (749, 15_000), (750, 3_500), (1000, 0)])
def test_long_texts_stop_waiting_first(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, taken: int, longest: int
) -> None:
    """A few hundred long ones would otherwise keep everybody from waiting for three days."""
    settings.DRAFT_TEXT_BYTES = 1000
    monkeypatch.setattr(limits, "_last_sum", [])
    monkeypatch.setattr(limits, "count_text", lambda: limits.TextOfAll(0, taken))
    for size in limits.PARKED_QUARTERS:
        assert limits._may_text_wait(size) is (size <= longest)
    settings.DRAFT_TEXT_BYTES *= 1000
    monkeypatch.setattr(limits, "count_text", lambda: limits.TextOfAll(0, taken * 1000))
    assert limits.text_limit(190_000, 100, is_parked=True) == max(longest, 3_500), "nor does it grow afterwards"
    assert limits.text_limit(190_000, 100) == 200_000


def test_too_many_bytes_of_files_are_refused_until_some_are_removed(settings: Settings) -> None:
    settings.EVIDENCE_PARKED_BYTES = 1000
    client = on_page_3()
    by_form(client, ("a.pdf", PDF + os.urandom(600)), ("b.pdf", PDF + os.urandom(600)))
    words = refused(client)
    assert "Hapus sebagian berkas di halaman 3, atau kirim laporannya sekarang" in words
    assert DraftFile.objects.count() == 2
    file = DraftFile.objects.order_by("pk").first()
    assert file
    client.post("/lapor/cerita/", {"file": str(file.pk)})
    parks(client)
    answer = by_form(client, ("c.pdf", PDF + os.urandom(600)))
    assert "tambahkan berkas ini dengan kode tiket" in walk.words(answer)
    assert DraftFile.objects.exclude(object_name=None).count() == 1


# --- Sending


def test_sending_deletes_draft_and_door_in_its_own_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    walk.to_check(client)
    code = parks(client, **walk.STORY_PAGE)
    session = session_of(client)

    def fails(identifier: str) -> None:
        raise OSError

    monkeypatch.setattr(draft_rows, "delete_row", fails)
    with pytest.raises(OSError):
        parked_drafts.send(session=session, draft=session["draft"], files=[], today=DAY)
    assert not Complaint.objects.exists()
    monkeypatch.undo()
    resumes(code)
    parked_drafts.send(session=session, draft=session["draft"], files=[], today=DAY)
    assert Complaint.objects.get().lookup == codes.lookup_digest(code)
    assert not (Draft.objects.exists() or DraftDoor.objects.exists())
