"""Blind indexes: they find what is alike, only in members' sessions, and tell a thief of the database nothing."""

from __future__ import annotations

import io
import random
import zipfile
from dataclasses import fields
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image, ImageDraw

from complaints.adapters import image_hash, sandbox
from complaints.adapters.media import picture_hash
from complaints.adapters.media.refusal import Unreadable
from complaints.domain.sealing.primitives import blake2b
from complaints.models.blind_index import IndexEntry, IndexKey
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import blind_index, case_file, case_links, case_summary, conflicts, follow_up, similarity
from complaints.services.evidence import posts, processing
from complaints.services.forwarding import reading
from complaints.services.keyring import Actor, Locked
from complaints.services.transitions import CaseVersion
from tests.cases import forwarded
from tests.security import traces
from tests.world import Cast, Sent, at, sealed_upload, send_report

DAY = date(2026, 11, 9)
NIP = "197001011990031001"
LINK = "https://instagram.com/p/AbC123"
# Two pictures within the distance agree in two of eight bands at least: one entry for each two of them.
PAIRS = list(combinations(range(8), 2))
pytestmark = pytest.mark.django_db


def open_as(cast: Cast, name: str, sent: Sent) -> case_file.CaseFile:
    return case_file.open_case(actor=Actor(cast.ring(name), at(DAY)), case_id=sent.case.pk)


def similar(cast: Cast, sent: Sent) -> dict[str, set[str]]:
    matches = open_as(cast, "vera", sent).matches
    assert matches is not None
    return {group.kind: {case.reference for case in group.cases} for group in matches.groups}


def queue(cast: Cast, name: str = "vera") -> dict[Any, str]:
    return case_summary.summaries(actor=Actor(cast.ring(name), timezone.now()), cases=list(Case.objects.all()))


def drawing(seed: int, *, side: int = 256, quality: int = 90, form: str = "JPEG") -> bytes:
    """A picture with shapes of its own; the same seed gives the same one at any size."""
    image = Image.new("RGB", (256, 256), (40 * (seed % 5), 90, 200 - 30 * (seed % 4)))
    draw = ImageDraw.Draw(image)
    value = seed * 2_654_435_761 % 2**32
    for _number in range(14):
        value = (value * 1_664_525 + 1_013_904_223) % 2**32
        x, y, size = value % 220, value // 256 % 220, 20 + value // 65_536 % 90
        draw.ellipse((x, y, x + size, y + size), fill=(value % 255, value // 7 % 255, value // 11 % 255))
    out = io.BytesIO()
    image.resize((side, side)).save(out, form, **({"quality": quality} if form == "JPEG" else {}))
    return out.getvalue()


def send_picture(content: bytes, **changes: Any) -> Sent:
    sent = send_report(today=DAY, agency="", accused_name="", **changes)
    follow_up.add_message(ticket=sent.ticket, text="", files=[sealed_upload(content)], today=DAY)
    processing.process_pending()
    return sent


def test_seven_reports_of_two_posts(cast: Cast) -> None:
    other = "https://tiktok.com/@akun/video/5"
    variants = [LINK, f"{LINK}/?igsh=x", "instagram.com/reel/AbC123", "https://www.instagram.com/p/AbC123"]
    sent = [send_report(today=DAY, links=f"{link}\n{other}", agency="", accused_name="") for link in variants]
    sent += [send_report(today=DAY, links=f"{other}?_t=1", agency="", accused_name="") for _number in range(3)]
    queue(cast)
    matches = open_as(cast, "vera", sent[0]).matches
    assert matches is not None
    assert (matches.reports, matches.posts) == (7, 2)
    assert similar(cast, sent[0])["post"] == {report.case.reference for report in sent[1:]}


def test_the_same_number_person_and_agency_are_found(cast: Cast) -> None:
    first = send_report(today=DAY, accused_nip="19700101 199003 1 001", accused_name="Dr. Budi, S.E.", agency="Disdik")
    same = send_report(today=DAY, accused_nip=NIP, accused_name="X", agency="Kantor Lain")
    named = send_report(today=DAY, accused_name="BUDI", agency="Dinas Pendidikan", regency="Kab. Lain")
    near = send_report(today=DAY, accused_name="Siti", agency="dinas pendidikan")
    send_report(today=DAY, accused_nip="1" + NIP[1:-1] + "2", accused_name="Adi", agency="Lain", links=LINK)
    queue(cast)
    assert similar(cast, first) == {
        "nip": {same.case.reference},
        "person": {named.case.reference},
        "agency": {near.case.reference},
    }


def test_an_agency_alone_makes_no_reports_alike(cast: Cast) -> None:
    first, _second = (send_report(today=DAY, accused_name=name) for name in ("Satu", "Dua"))
    queue(cast)
    matches = open_as(cast, "vera", first).matches
    assert matches is not None
    assert (matches.reports, [group.kind for group in matches.groups]) == (0, ["agency"])


def test_entries_appear_in_a_members_session_and_nowhere_else(cast: Cast) -> None:
    sent = send_report(today=DAY, accused_nip=NIP, links=LINK)
    processing.process_pending()
    follow_up.status_page(ticket=sent.ticket, today=DAY)
    for name in ("kirana", "audi", "super", "luar"):
        assert set(queue(cast, name).values()) == {""}
        with pytest.raises((Locked, Case.DoesNotExist)):
            open_as(cast, name, sent)
    assert not IndexEntry.objects.exists()
    assert not IndexKey.objects.exists()
    queue(cast)
    assert sorted(IndexEntry.objects.values_list("kind", flat=True)) == [
        "agency", "name", "nip", "office", "person", "post"
    ]  # fmt: skip
    assert Complaint.objects.get().index_entry
    queue(cast, "vino")
    open_as(cast, "fitri", sent)
    assert IndexEntry.objects.count() == 6


def test_what_came_later_is_written_when_the_case_is_opened(cast: Cast) -> None:
    first, second = (send_report(today=DAY, agency="", accused_name="") for _number in range(2))
    queue(cast)
    for sent in (first, second):
        follow_up.add_message(ticket=sent.ticket, text="", files=[], posts=[posts.describe({"url": LINK})], today=DAY)
    assert similar(cast, first) == {}
    assert similar(cast, second) == {"post": {first.case.reference}}
    assert similar(cast, first) == {"post": {second.case.reference}}


def test_text_without_a_link_is_indexed_once_and_never_matches(cast: Cast) -> None:
    first, _second = (send_report(today=DAY, links="akun @x", agency="", accused_name="") for _number in range(2))
    queue(cast)
    assert similar(cast, first) == {}
    assert IndexEntry.objects.count() == 2


def test_a_thief_of_the_database_cannot_look_for_a_number(cast: Cast) -> None:
    send_report(today=DAY, accused_nip=NIP, links=LINK)
    queue(cast)
    entry = IndexEntry.objects.get(kind="nip")
    assert len(bytes(entry.digest)) == 16
    # All that the server itself holds, tried as the key.
    secrets = [b"", *(bytes.fromhex(getattr(configured, name)) for name in ("PASSWORD_PEPPER", "SERVER_SIGNING_KEY"))]
    secrets += [bytes.fromhex(configured.WORKER_PRIVATE_KEY), configured.SECRET_KEY.encode()[:64]]
    secrets += [bytes(IndexKey.objects.get().sealed)[:64]]
    for key in secrets:
        assert blake2b(NIP.encode(), person=b"index-nip", key=key, size=16) != bytes(entry.digest)
    for marker in (NIP, "AbC123", "kepala bidang x", "dinas contoh"):
        assert traces.hits(marker, traces.tables()) == []


def test_the_same_number_under_another_key_is_another_entry(cast: Cast) -> None:
    send_report(today=DAY, accused_nip=NIP)
    queue(cast)
    before = bytes(IndexEntry.objects.get(kind="nip").digest)
    IndexKey.objects.all().delete()
    send_report(today=DAY, accused_nip=NIP)
    queue(cast)
    queue(cast)
    after = {bytes(entry.digest) for entry in IndexEntry.objects.filter(kind="nip")}
    assert len(after) == 1
    assert before not in after
    assert IndexEntry.objects.filter(kind="nip").count() == 2


def test_an_exchanged_key_stops_the_comparison_and_not_the_work(cast: Cast) -> None:
    sent = send_report(today=DAY, accused_nip=NIP)
    queue(cast)
    row = IndexKey.objects.get()
    IndexKey.objects.filter(pk=row.pk).update(sealed=bytes(row.sealed)[:-1] + b"\0")
    late = send_report(today=DAY, accused_nip=NIP)
    assert all(queue(cast).values())
    opened = open_as(cast, "vera", late)
    assert opened.matches is None
    assert opened.complaints[0].answers["accused_nip"] == NIP
    assert not IndexEntry.objects.filter(complaint__case=late.case).exists()
    assert sent.case.pk != late.case.pk


def test_near_same_pictures_are_found_and_others_are_not(cast: Cast) -> None:
    first = send_picture(drawing(1))
    smaller = send_picture(drawing(1, side=140, quality=40))
    other_form = send_picture(drawing(1, side=300, form="PNG"))
    send_picture(drawing(2))
    for sent in (smaller, other_form):
        open_as(cast, "vera", sent)
    assert similar(cast, first) == {"picture": {smaller.case.reference, other_form.case.reference}}
    assert IndexEntry.objects.filter(kind="picture", sealed__isnull=False).count() == 3
    assert IndexEntry.objects.filter(kind="picture").count() == 3 * len(PAIRS)


def test_every_hash_within_the_distance_shares_a_digest() -> None:
    draw = random.Random(5)
    key = bytes(32)
    for _number in range(200):
        value, flipped = draw.getrandbits(64), draw.sample(range(64), image_hash.NEAR)
        near = value ^ sum(1 << bit for bit in flipped)
        assert set(similarity.picture_digests(key, value)) & set(similarity.picture_digests(key, near))
    # All bits of one band apart, and one bit in each of the seven others: no pair of bands is left equal.
    far = value ^ 0xFF ^ int.from_bytes(b"\1" * 7 + b"\0", "big")
    assert not set(similarity.picture_digests(key, value)) & set(similarity.picture_digests(key, far))


def test_of_a_crowd_the_newest_are_read_and_no_others(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "MOST", 3)
    days = [DAY - timedelta(days=number) for number in (5, 1, 9, 3, 7)]
    crowd = {day: send_report(today=day, accused_name=f"Orang {day.day}") for day in days}
    old = send_report(today=DAY - timedelta(days=40), accused_nip=NIP, accused_name="X", agency="Lain")
    sent = send_report(today=DAY, accused_nip=NIP)
    queue(cast)
    with CaptureQueriesContext(connection) as queries:
        matches = open_as(cast, "vera", sent).matches
    assert matches is not None
    groups = {group.kind: group for group in matches.groups}
    assert [case.received_on for case in groups["agency"].cases] == sorted(days, reverse=True)[:3]
    assert (groups["agency"].reports, groups["agency"].is_more) == (3, True)
    # The crowd of an agency displaces no match of another kind.
    assert [case.reference for case in groups["nip"].cases] == [old.case.reference]
    assert not groups["nip"].is_more
    assert len(crowd) == 5
    assert sum(_is_comparison(query["sql"]) for query in queries) == 1


def test_what_a_person_may_not_see_takes_no_place_among_the_newest(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "MOST", 1)
    sent, seen = send_report(today=DAY), send_report(today=DAY - timedelta(days=2))
    queue(cast)
    hidden = send_report(today=DAY - timedelta(days=1))
    queue(cast)
    assert similar(cast, sent)["agency"] == {hidden.case.reference}
    conflicts.declare_conflict(actor=Actor(cast.ring("vera"), at(DAY)), case_id=hidden.case.pk, reason="Ia kakak saya.")
    assert similar(cast, sent)["agency"] == {seen.case.reference}


def test_what_all_reports_of_a_case_name_is_looked_for_once(cast: Cast) -> None:
    first, *others = (send_report(today=DAY, accused_nip=NIP) for _number in range(4))
    queue(cast)
    sources = {sent.case.pk: CaseVersion("received") for sent in others[:2]}
    case_links.link(actor=Actor(cast.ring("vera"), at(DAY)), target_id=first.case.pk, sources=sources, reason="Sama.")
    with CaptureQueriesContext(connection) as queries:
        found = similar(cast, first)
    assert found["nip"] == {others[2].case.reference}
    (grouped,) = (query["sql"] for query in queries if _is_comparison(query["sql"]))
    groups = grouped.rpartition(" GROUP BY ")[2].partition(" ORDER BY ")[0]
    # The subquery is no column of the groups, so the database works it out for each group and not for each report.
    assert "joined_rows" not in groups
    assert "complaints_indexentry" in groups


def test_of_many_digests_those_of_most_reports_are_looked_for(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "DIGESTS", 1)
    names = {"accused_nip": "", "accused_name": "", "agency": "Dinas Contoh"}
    first, second, *others = (send_report(today=DAY, **names) for _number in range(3))
    queue(cast)
    sources = {second.case.pk: CaseVersion("received")}
    case_links.link(actor=Actor(cast.ring("vera"), at(DAY)), target_id=first.case.pk, sources=sources, reason="Sama.")
    follow_up.add_message(ticket=second.ticket, text="", files=[], today=DAY, posts=[posts.describe({"url": LINK})])
    matches = open_as(cast, "vera", first).matches
    assert matches is not None
    assert [(group.kind, group.is_more) for group in matches.groups] == [("agency", True)]
    assert matches.groups[0].cases[0].reference == others[0].case.reference


def test_of_many_pictures_of_a_case_some_are_compared(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, other = send_picture(drawing(1)), send_picture(drawing(1, quality=60))
    queue(cast)
    open_as(cast, "vera", other)
    (group,) = (found for found in _groups(open_as(cast, "vera", sent)) if found.kind == "picture")
    assert not group.is_more
    monkeypatch.setattr(similarity, "PICTURES", 1)
    follow_up.add_message(ticket=sent.ticket, text="", files=[sealed_upload(drawing(1, quality=70))], today=DAY)
    processing.process_pending()
    (group,) = (found for found in _groups(open_as(cast, "vera", sent)) if found.kind == "picture")
    assert group.is_more


def test_a_file_that_is_never_compared_keeps_no_other_report_from_it(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the reports that a page does not open, those with a ZIP lack nothing; what is left over is told."""
    monkeypatch.setattr(case_file, "REPORTS_A_PAGE", 1)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("catatan.txt", "catatan")
    sent = [send_report(today=DAY)]
    for number in range(1, 6):
        sent.append(send_report(today=DAY + timedelta(days=number)))
        if number <= 2:
            upload = sealed_upload(packed.getvalue(), "arsip.zip")
            follow_up.add_message(ticket=sent[-1].ticket, text="", files=[upload], today=DAY)
    processing.process_pending()
    queue(cast)
    monkeypatch.setattr(blind_index, "REPORTS_AT_ONCE", 2)
    sources = {report.case.pk: CaseVersion("received") for report in sent[1:]}
    ring = cast.ring("vera")
    case_links.link(actor=Actor(ring, at(DAY)), target_id=sent[0].case.pk, sources=sources, reason="Satu perkara.")
    opened = case_file.open_case(actor=Actor(ring, at(DAY)), case_id=sent[0].case.pk)
    assert opened.is_compared
    for report in sent[3:]:
        follow_up.add_message(ticket=report.ticket, text="", files=[], posts=[posts.describe({"url": LINK})], today=DAY)
    other = send_report(today=DAY, links=LINK)
    open_as(cast, "vera", other)
    shown = [case_file.open_case(actor=Actor(ring, at(DAY)), case_id=sent[0].case.pk) for _ in range(3)]
    assert [opened.is_compared for opened in shown] == [False, True, True]
    assert all("post" in {group.kind for group in _groups(opened)} for opened in shown)
    assert not blind_index.reports_without_entries(report.ticket.complaint_id for report in sent).exists()


def _is_comparison(sql: str) -> bool:
    return sql.startswith('SELECT "complaints_indexentry"') and "joined_rows" in sql


def _groups(opened: case_file.CaseFile) -> list[similarity.Group]:
    assert opened.matches is not None
    return opened.matches.groups


def test_an_empty_picture_is_like_no_other(cast: Cast) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (90, 90), "teal").save(blank, "PNG")
    first, second = send_picture(blank.getvalue()), send_picture(blank.getvalue())
    open_as(cast, "vera", second)
    assert similar(cast, first) == {}
    assert IndexEntry.objects.filter(kind="picture", sealed=None).count() == 2


@pytest.mark.parametrize("fault", [sandbox.Unavailable("busy"), sandbox.Unconfined("unconfined")])
def test_a_picture_that_no_process_could_read_is_compared_later(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    first, second = send_picture(drawing(1)), send_picture(drawing(1, quality=30))

    def run(*_job: Any, **_options: Any) -> None:
        raise fault

    monkeypatch.setattr(sandbox, "run", run)
    for sent in (first, second):
        open_as(cast, "vera", sent)
    assert not IndexEntry.objects.filter(kind="picture").exists(), "nothing reads it in the officer's own process"
    monkeypatch.undo()
    for sent in (first, second):
        open_as(cast, "vera", sent)
    assert similar(cast, first) == {"picture": {second.case.reference}}


def test_pictures_differ_by_their_hashes() -> None:
    hashes = [picture_hash.dhash(drawing(seed)) for seed in range(1, 13)]
    assert all(image_hash.says_something(value) for value in hashes)
    pairs = [(first ^ two).bit_count() for number, first in enumerate(hashes) for two in hashes[:number]]
    assert min(pairs) > image_hash.NEAR
    for seed in range(1, 13):
        for changed in (drawing(seed, quality=30), drawing(seed, side=97), drawing(seed, form="PNG")):
            assert (picture_hash.dhash(drawing(seed)) ^ picture_hash.dhash(changed)).bit_count() <= image_hash.NEAR
    with pytest.raises(Unreadable):
        picture_hash.dhash(b"no picture")
    with pytest.raises(Unreadable):
        picture_hash.dhash(drawing(1)[:300])


def test_no_reporter_and_no_body_learns_of_a_match(cast: Cast) -> None:
    first = send_report(today=DAY, links=LINK)
    sent, release = forwarded(cast, links=LINK)
    queue(cast)
    assert similar(cast, first)["post"] == {sent.case.reference}
    seen = reading.open_release(actor=Actor(cast.ring("kirana"), at(DAY)), release_id=release.pk)
    page = follow_up.status_page(ticket=sent.ticket, today=DAY)
    assert first.case.reference not in repr(seen)
    assert first.case.reference not in repr(page)
    for shown in (seen, page):
        assert not {"matches", "similar"} & {field.name for field in fields(shown)}


def test_queue_page_indexes_its_reports_in_one_statement(cast: Cast) -> None:
    for number in range(3):
        send_report(today=DAY, accused_name=f"Orang {number}")
    with pytest.raises(Locked):
        blind_index.index_reports(
            actor=Actor(cast.ring("luar"), at(DAY)), complaints=list(Complaint.objects.all()), pictures=False
        )
    queue(cast)
    assert not Complaint.objects.filter(index_entry=None).exists()
