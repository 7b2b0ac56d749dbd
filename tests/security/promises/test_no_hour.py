"""Promise 5: nothing that a reporter does leaves an hour, an address, a device or a job behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import Client
from django.utils import timezone

from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile, Evidence, EvidenceObject
from complaints.models.job import JobRun
from complaints.models.session import Heartbeat, SealedSession
from complaints.services import retention
from complaints.services.evidence import storage
from tests.images import photo
from tests.security.traces import hits, tables
from tests.views.walk import code_on, send, to_story
from tests.world import Cast, at, sealed_upload

DAY = date(2026, 11, 9)
# In the small hours the portal's day is not yet UTC's day.
MOMENT = at(DAY, 3) + timedelta(minutes=17, seconds=41, microseconds=123456)
ADDRESS, AGENT = "203.0.113.77", "Peramban-Penanda/7.7"


def visit(client: Client, code: str, path: str, data: dict[str, Any]) -> None:
    client.post("/cek/", {"code": code})
    assert client.post(path, data).status_code == 302


def whole_flow() -> str:
    """Send a report with a file and a name, come back, write, add a file, withdraw; return the code."""
    client = Client(REMOTE_ADDR=ADDRESS, HTTP_USER_AGENT=AGENT, HTTP_X_FORWARDED_FOR=ADDRESS)
    to_story(client)
    image = SimpleUploadedFile("bukti.jpg", photo())
    client.post("/lapor/cerita/", {"story": "a" * 60, "links": "", "go": "stay", "evidence": image})
    sent = send(client, identity="confidential", name="Nama Saya", contact="08123456789")
    code = code_on(client.get(sent.headers["Location"]))
    visit(client, code, "/cek/laporan/jawab/", {"text": "Tambahan."})
    visit(client, code, "/cek/laporan/jawab/", {"go": "files", "evidence": SimpleUploadedFile("lagi.jpg", photo())})
    client.post(
        "/cek/laporan/jawab/", {"go": "files"}
    )  # it tells where it comes from: once more, now that the reporter was told
    visit(client, code, "/cek/laporan/cabut/", {"reason": "Tidak aman."})
    to_story(client)  # and an unfinished one stays behind
    return code


@pytest.fixture
def flowed(cast: Cast) -> Iterator[str]:
    """The whole flow at one moment, which no row of the cast shares."""
    with time_machine.travel(MOMENT, tick=False):
        yield whole_flow()


def all_rows() -> Iterator[models.Model]:
    for model in apps.get_models(include_auto_created=True):
        yield from model._base_manager.all()


def test_no_column_holds_the_moment(flowed: str) -> None:
    columns = []
    for row in all_rows():
        for field in row._meta.concrete_fields:
            value = getattr(row, field.attname)
            if isinstance(value, datetime) and abs(value - MOMENT) < timedelta(hours=1):
                columns.append(f"{type(row).__name__}.{field.name}")
    assert columns == []
    assert EvidenceObject.objects.count() == 2


def test_no_text_or_number_holds_it_either(flowed: str) -> None:
    epoch = str(int(MOMENT.timestamp()))
    for moment in (epoch, "03:17", "20:17", "3:17"):
        assert hits(moment, tables()) == []


def test_the_check_finds_a_planted_timestamp(flowed: str) -> None:
    Heartbeat.objects.create(beat_at=MOMENT)
    with pytest.raises(AssertionError):
        test_no_column_holds_the_moment(flowed)


def test_days_are_the_portals(flowed: str) -> None:
    assert set(Evidence.objects.values_list("day", flat=True)) == {DAY}


def test_files_are_stamped_with_the_day_of_their_row_and_no_hour(flowed: str) -> None:
    """The stamp's day must be the row's: another one would tell the hours before the day's change in UTC."""
    for name in EvidenceObject.objects.values_list("object_name", flat=True):
        stamp = timezone.localtime(datetime.fromtimestamp(stamp_of(name), tz=timezone.get_default_timezone()))
        assert (stamp.date(), stamp.hour, stamp.minute, stamp.second) == (DAY, 0, 0, 0)


def stamp_of(name: str) -> float:
    return (Path(settings.EVIDENCE_DIR) / name).stat().st_mtime


def test_sweep_leaves_objects_of_the_night_before(db: None) -> None:
    """An object of an upload that began late in the evening is left alone by the sweep after midnight."""
    with time_machine.travel(at(DAY, 23), tick=False) as clock:
        name = sealed_upload(photo()).object_name
        clock.move_to(at(DAY + timedelta(days=1), 0))
        retention.sweep(today=DAY + timedelta(days=1))
        assert storage.storage().exists(name)
        clock.move_to(at(DAY + timedelta(days=2), 0))
        retention.sweep(today=DAY + timedelta(days=2))
        assert not storage.storage().exists(name)


def test_rows_of_unfinished_reports_tell_a_day(flowed: str) -> None:
    names = {field.name for field in Draft._meta.concrete_fields}
    assert names == {"id", "data", "ends", "stored_size", "expires_on"}
    assert type(Draft.objects.get().expires_on) is date


def test_no_column_orders_drafts_by_hour(cast: Cast) -> None:
    """Drafts of one day, written at many hours: what is no random bytes is the same in all of them."""
    for hour in (0, 4, 9, 15, 22, 23):
        with time_machine.travel(at(DAY, hour) + timedelta(minutes=31), tick=False):
            client = Client()
            to_story(client)
            image = SimpleUploadedFile("bukti.jpg", photo())
            client.post("/lapor/cerita/", {"story": "a" * 60, "links": "", "go": "stay", "evidence": image})
    randomly = {"id", "data", "ends", "draft", "object_name", "object_digest", "sealed"}
    for model in (Draft, DraftFile):
        rows = list(model.objects.all())
        assert len(rows) == 6
        for field in model._meta.concrete_fields:
            values = [getattr(row, field.attname) for row in rows]
            if field.name in randomly:
                assert len({len(value) if isinstance(value, bytes) else 0 for value in values}) == 1, field.name
                assert len(set(map(bytes_of, values))) == 6, field.name
            else:
                assert len(set(values)) == 1, field.name


def bytes_of(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def test_a_session_row_tells_a_day(flowed: str) -> None:
    names = {field.name for field in SealedSession._meta.concrete_fields}
    assert names == {"id", "data", "expires_on", "ends", "staff", "began_at"}
    client = Client()
    client.post("/cek/", {"code": flowed})
    row = SealedSession.objects.get()
    # Both are for staff; the database refuses an hour without a person of staff.
    assert (row.staff_id, row.began_at) == (None, None)
    assert type(row.expires_on) is date
    # The end is sealed to the worker.
    assert row.ends is not None and str(row.expires_on.year).encode() not in bytes(row.ends)


def test_a_reporter_makes_no_job(flowed: str) -> None:
    assert not JobRun.objects.exists()


def test_neither_address_nor_device_is_kept(flowed: str) -> None:
    for marker in (ADDRESS, AGENT, "Peramban-Penanda"):
        assert hits(marker, tables()) == []


def test_keys_do_not_count_upwards(cast: Cast) -> None:
    """A counter would tell the order of reports, and how many came between two."""
    reporters = {"Case", "Complaint", "KeyGrant", "Message", "Evidence", "EvidenceObject", "Draft", "DraftFile"}
    reporters |= {"Release", "Identity", "SealedSession", "CaseStep", "InternalNote", "IndexEntry"}
    for name in reporters:
        kind = apps.get_model("complaints", name)._meta.pk.get_internal_type()
        assert kind in {"UUIDField", "OneToOneField", "CharField"}, name
