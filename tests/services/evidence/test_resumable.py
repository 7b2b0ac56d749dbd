"""Files in segments: whatever breaks in between, what arrives is what was sent, and what does not leaves nothing."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connection
from django.test import Client
from django.utils import timezone

from complaints.models.case import Case
from complaints.models.evidence import DraftFile, Evidence, EvidenceObject
from complaints.services import case_actions
from complaints.services.evidence import drafts, resumable, storage
from complaints.services.keyring import Actor
from tests.services.evidence.uploading import PDF, Broken, Segments, kept, nothing_left, objects, on_page_3, session_of
from tests.views.walk import ANONYMOUS, token_of
from tests.world import Cast, send_report

pytestmark = pytest.mark.usefixtures("store")


def content_of(segments: int, more: int = 0) -> bytes:
    return PDF + os.urandom(segments * 1000 + more - len(PDF))


def as_read(cast: Cast) -> list[bytes]:
    """The originals as an officer gets them, in the order of their arrival."""
    contents = []
    for item in EvidenceObject.objects.filter(variant="original").order_by("evidence__sequence"):
        vera = cast.ring("vera")
        _info, stream = case_actions.open_object(actor=Actor(vera, timezone.now()), object_id=item.pk, reason="Cek.")
        contents.append(b"".join(stream))
    return contents


def send(client: Client) -> Any:
    client.post("/lapor/cerita/", {"story": "Kami diminta memilih satu pasangan calon. " * 3, "links": ""})
    token = token_of(client.get("/lapor/periksa/"))
    return client.post("/lapor/periksa/", ANONYMOUS | {"token": token})


@pytest.mark.parametrize("more", [1, 0, -1])
def test_a_file_goes_the_whole_way_to_an_officer(reporter: Client, cast: Cast, small: int, more: int) -> None:
    file = Segments(reporter, content_of(3, more))
    file.begin()
    answer = file.rest().json()
    assert "surat.pdf" in answer["list"]
    assert len(objects()) == 1
    assert kept(reporter) == [("surat.pdf", len(file.content))]
    info = drafts.draft_files(session=session_of(reporter))[0].info
    assert info.sha256 == hashlib.sha256(file.content).hexdigest()
    assert send(reporter).status_code == 302
    assert as_read(cast) == [file.content]
    assert not DraftFile.objects.exists()


@pytest.mark.parametrize("cut", range(5))
def test_a_cut_at_every_border_is_mended(reporter: Client, small: int, cut: int) -> None:
    """The answer is lost: the browser asks where it stands, and goes on from there."""
    file = Segments(reporter, content_of(4))
    file.begin()
    while file.next < cut:
        file.send()
    file.next = 99
    assert file.ask("keadaan").json()["next"] == cut
    assert file.rest().status_code == 200
    assert kept(reporter) == [("surat.pdf", 4000)]
    assert len(objects()) == 1


def test_the_same_file_chosen_again_goes_on_and_another_does_not(reporter: Client, small: int) -> None:
    file = Segments(reporter, content_of(3))
    begun = file.begin()
    file.send()
    again = Segments(reporter, file.content)
    assert again.begin() == {**begun, "next": 1}
    assert Segments(reporter, file.content).begin(mark="2")["id"] != begun["id"]
    assert Segments(reporter, file.content + b"x").begin()["id"] != begun["id"]
    page = reporter.get("/lapor/cerita/").content.decode()
    assert page.count("Terputus dan belum lengkap") == 3


def test_segments_out_of_turn_change_nothing(reporter: Client, small: int) -> None:
    file = Segments(reporter, content_of(3))
    file.begin()
    for index in (1, 2, 7):
        assert file.send(index).json()["next"] == 0
    file.send(0)
    assert file.send(0).json()["next"] == 1
    assert file.ask("selesai").json()["next"] == 1
    assert file.ask("potongan", file.piece(1)[:-1], segment=1).status_code == 400
    assert file.ask("potongan", file.piece(1) + b"x", segment=1).status_code == 400
    assert file.ask("potongan", b"x", segment="satu").status_code == 400
    assert "list" in file.rest().json()
    assert kept(reporter) == [("surat.pdf", 3000)]
    assert "list" in file.ask("selesai").json()
    assert "list" in file.send(0).json()
    assert "list" in file.ask("keadaan").json()


def test_cancelling_leaves_nothing_at_any_moment(reporter: Client, small: int) -> None:
    for sent in range(4):
        file = Segments(reporter, content_of(3))
        file.begin(mark=str(sent))
        while file.next < sent:
            file.send()
        if sent == 3:
            file.ask("selesai")
        assert file.ask("batal").status_code == 200
        assert nothing_left()
        assert file.send(0).status_code == 404
        assert file.ask("keadaan").status_code == 404
        assert file.ask("selesai").status_code == 404


def test_giving_up_the_report_leaves_nothing(reporter: Client, small: int) -> None:
    whole, partly = Segments(reporter, content_of(2)), Segments(reporter, content_of(3), "lain.pdf")
    whole.begin()
    whole.rest()
    partly.begin()
    partly.send()
    reporter.post("/lapor/batal/")
    assert nothing_left()


def test_what_never_came_whole_is_left_out_and_named(reporter: Client, cast: Cast, small: int) -> None:
    whole, partly = Segments(reporter, content_of(2)), Segments(reporter, content_of(3), "lain.pdf")
    for file in (whole, partly):
        file.begin()
    whole.rest()
    partly.send()
    reporter.post("/lapor/cerita/", {"story": "Kami diminta memilih satu pasangan calon. " * 3, "links": ""})
    page = reporter.get("/lapor/periksa/").content.decode()
    assert "lain.pdf" in page
    assert "Terputus dan belum lengkap" in page
    assert send(reporter).status_code == 302
    assert as_read(cast) == [whole.content]
    assert len(objects()) == 1
    assert not DraftFile.objects.exists()


def test_nobody_elses_file_can_be_touched(reporter: Client, small: int) -> None:
    file = Segments(reporter, content_of(2))
    file.begin()
    other = Segments(on_page_3(), file.content, id=file.id, size=small)
    for path, body in (("potongan", file.piece(0)), ("selesai", None), ("keadaan", None)):
        assert other.ask(path, body, segment=0).status_code == 404
    other.ask("batal")
    for unknown in ("", "x", "00000000-0000-4000-8000-000000000000"):
        assert Segments(reporter, b"", id=unknown).ask("keadaan").status_code == 404
    assert Segments(Client(), b"", id=file.id).ask("keadaan").status_code == 404
    assert file.ask("keadaan").json()["next"] == 0


def test_the_addresses_take_posts_with_a_token_only(cast: Cast) -> None:
    for path in ("mulai", "potongan", "selesai", "keadaan", "batal"):
        assert Client().get(f"/lapor/berkas/{path}/").status_code == 405
        assert Client(enforce_csrf_checks=True).post(f"/lapor/berkas/{path}/").status_code == 403


def test_a_file_added_to_a_sent_report_waits_until_it_is_sent(cast: Cast, small: int) -> None:
    sent = send_report()
    client = Client()
    client.post("/cek/", {"code": sent.code})
    file, other = Segments(client, content_of(2)), Segments(client, content_of(1), "salah.pdf")
    for upload in (file, other):
        upload.begin()
        upload.rest()
    page = client.get("/cek/laporan/").content.decode()
    assert "surat.pdf" in page
    client.post("/cek/laporan/jawab/", {"file": other.id})
    assert not Evidence.objects.filter(kind="file").exists()
    assert client.post("/cek/laporan/jawab/", {"go": "files"}).status_code == 302
    assert as_read(cast) == [file.content]
    assert len(objects()) == 1
    # Sent: it is not shown back, and cannot be taken back.
    assert "surat.pdf" not in client.get("/cek/laporan/").content.decode()
    client.post("/cek/laporan/jawab/", {"file": file.id})
    assert as_read(cast) == [file.content]
    page = client.post("/cek/laporan/jawab/", {"go": "files"})
    assert page.status_code == 200


def test_leaving_drops_what_waits(cast: Cast, small: int) -> None:
    sent = send_report()
    client = Client()
    client.post("/cek/", {"code": sent.code})
    for name, whole in (("satu.pdf", True), ("dua.pdf", False)):
        file = Segments(client, content_of(2), name)
        file.begin()
        file.rest() if whole else file.send()
    client.post("/cek/keluar/")
    assert nothing_left()


@pytest.mark.parametrize("method", ["put", "get", "open", "write", "close"])
def test_a_store_that_is_down_says_so_and_loses_nothing(
    reporter: Client, small: int, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Segments(reporter, content_of(3))
    file.begin()
    file.send()
    with monkeypatch.context() as patch:
        broken = Broken(storages["evidence"], method, OSError("down"))
        patch.setattr(resumable, "storage", lambda: broken)
        while file.next < 3:
            answer = file.send()
            if answer.status_code != 200:
                break
        else:
            answer = file.ask("selesai")
        assert answer.status_code == 503
        assert "surat.pdf" not in str(answer.json().get("list"))
        assert "karena gangguan di sistem kami" in answer.json()["error"]
    assert "list" in file.rest().json()
    assert kept(reporter) == [("surat.pdf", 3000)]
    assert len(objects()) == 1


def test_a_damaged_segment_is_never_joined(reporter: Client, small: int) -> None:
    file = Segments(reporter, content_of(2))
    file.begin()
    file.send()
    file.send()
    name = objects()[0]
    storage.storage().put(name, b"\0" * len(storage.storage().get(name)))
    answer = file.ask("selesai")
    assert "karena gangguan di sistem kami" in answer.json()["error"]
    (refused,) = DraftFile.objects.values_list("pk", "object_name")
    assert refused == (uuid.UUID(answer.json()["id"]), None), "only its name stays, until it is dismissed"
    reporter.post("/lapor/berkas/batal/", headers={"Upload-Id": answer.json()["id"]})
    assert nothing_left()


def test_a_file_finished_twice_at_once_stays_whole(
    reporter: Client, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other request finishes the file while this one is about to join the segments, which are gone then."""
    file = Segments(reporter, content_of(2))
    file.begin()
    while file.next < 2:
        file.send()
    join = resumable._join

    def finish_first(*args: Any) -> Any:
        monkeypatch.setattr(resumable, "_join", join)
        assert "list" in file.ask("selesai").json()
        return join(*args)

    monkeypatch.setattr(resumable, "_join", finish_first)
    assert "list" in file.ask("selesai").json()
    assert kept(reporter) == [("surat.pdf", 2000)]
    assert len(objects()) == 1


def test_a_segment_stored_after_the_file_was_finished_is_deleted(
    reporter: Client, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other request sends the last segment and finishes the file while this one stores the same segment."""
    file = Segments(reporter, content_of(2))
    file.begin()
    file.send()
    store_segment = resumable._store_segment

    def finish_first(*args: Any) -> None:
        monkeypatch.setattr(resumable, "_store_segment", store_segment)
        assert "list" in file.rest().json()
        store_segment(*args)

    monkeypatch.setattr(resumable, "_store_segment", finish_first)
    assert "list" in file.send(1).json()
    assert kept(reporter) == [("surat.pdf", 2000)]
    assert len(objects()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_nodes_take_files_of_one_draft_at_once(live_cast: Cast, small: int) -> None:
    """Each thread is a node: an own connection, an own copy of the session."""
    first = on_page_3()
    files = [Segments(first, content_of(3), f"{number}.pdf") for number in range(4)]
    failed: list[BaseException] = []

    def node(mine: list[Segments]) -> None:
        try:
            client = Client()
            client.cookies["lapor"] = first.cookies["lapor"].value
            for file in mine:
                file.client = client
                file.begin()
                assert "list" in file.rest().json()
        except BaseException as error:  # noqa: BLE001
            failed.append(error)
        finally:
            connection.close()

    # Both also send the last file: whichever comes first, it is there once.
    twice = Segments(first, content_of(5), "dua-kali.pdf")
    same = Segments(first, twice.content, twice.name)
    threads = [threading.Thread(target=node, args=(mine,)) for mine in ([*files[:2], twice], [*files[2:], same])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(objects()) == DraftFile.objects.count()
    assert sorted(set(kept(first))) == sorted([*((f"{n}.pdf", 3000) for n in range(4)), ("dua-kali.pdf", 5000)])
    assert send(first).status_code == 302
    assert Case.objects.count() == 1
    assert set(as_read(live_cast)) == {file.content for file in [*files, twice]}
