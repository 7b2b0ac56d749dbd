"""An S3-compatible store in place of a folder: parts from memory, ranges, refusals, and nothing half kept."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from complaints.adapters import store_s3
from complaints.domain.sealing.segments import padme
from complaints.models.case import Case
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services import retention
from complaints.services.evidence import intake, storage
from tests.images import photo
from tests.services.evidence.conftest import BUCKET
from tests.services.evidence.uploading import PDF, Segments, by_form, kept, nothing_left, objects
from tests.views.walk import ANONYMOUS, STORY_PAGE, token_of
from tests.world import Cast, send_report

MIB = 1024 * 1024


def sink_of(content: bytes, name: str = "v.pdf") -> intake.Sink:
    sink = intake.Sink(name)
    for start in range(0, len(content), MIB):
        sink.write(content[start : start + MIB])
    return sink


def uploads_under_way(store: Any) -> int:
    return len(store.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()))


def test_a_large_file_goes_up_in_parts_and_is_read_by_ranges(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    content = PDF + os.urandom(12 * MIB + 77)
    upload = sink_of(content).finish()
    assert upload.info is not None
    [stored] = list(bucket.present())
    assert (stored.name, stored.size) == (upload.object_name, padme(stored.size))
    assert uploads_under_way(bucket) == 0
    raw = bucket.client.get_object(Bucket=BUCKET, Key=f"dalam/{stored.name}")["Body"].read()
    assert all(content[start : start + 64] not in raw for start in range(0, len(content), MIB))
    item = EvidenceObject(pk=upload.id, object_name=upload.object_name)
    assert b"".join(storage.stream(item, upload.info)) == content
    asked = []
    client = bucket.client

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def get_object(self, **arguments: Any) -> Any:
            asked.append(arguments["Range"])
            return client.get_object(**arguments)

    monkeypatch.setattr(bucket, "_client", Watched())
    for start, end in ((0, 1), (MIB - 1, MIB + 1), (5 * MIB + 3, 7 * MIB), (len(content) - 9, len(content))):
        assert b"".join(storage.stream(item, upload.info, start, end)) == content[start:end]
    # A byte of the middle never costs the whole object.
    bytes_asked = [int(last) - int(first) + 1 for first, last in (span[6:].split("-") for span in asked)]
    assert max(bytes_asked) <= 2 * store_s3.FIRST_WINDOW


def test_nothing_is_spooled_to_a_disk(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def ours_never(make: Any, *args: Any, **kwargs: Any) -> Any:
        """The server of the tests lives in this process and may."""
        thread = threading.current_thread().name
        assert not thread.startswith(("MainThread", "sealer")), "a temporary file"
        return make(*args, **kwargs)

    for name in ("SpooledTemporaryFile", "TemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, partial(ours_never, getattr(tempfile, name)))
    upload = sink_of(PDF + os.urandom(6 * MIB)).finish()
    assert upload.refused == ""
    assert upload.info is not None
    item = EvidenceObject(pk=upload.id, object_name=upload.object_name)
    assert sum(map(len, storage.stream(item, upload.info))) == upload.size


def test_an_upload_given_up_leaves_neither_object_nor_parts(bucket: Any) -> None:
    sink = sink_of(PDF + os.urandom(11 * MIB))
    sink._await_sealing()
    assert uploads_under_way(bucket) == 1
    sink.abort()
    assert (uploads_under_way(bucket), objects()) == (0, [])


def test_parts_of_a_killed_process_are_swept_after_two_days(bucket: Any, cast: Cast) -> None:
    today = timezone.localdate()
    bucket.client.create_multipart_upload(Bucket=BUCKET, Key="dalam/x")
    bucket.put("yatim", b"orphan")
    sent = send_report(files=[sink_of(photo(), "f.jpg").finish()])
    # The server of the tests says that every upload began on 10 November 2010.
    assert bucket.abandoned(until=date(2010, 11, 9)) == 0
    assert uploads_under_way(bucket) == 1
    assert retention.sweep(today=today + timedelta(days=2)) == 2
    assert uploads_under_way(bucket) == 0
    assert objects() == list(EvidenceObject.objects.values_list("object_name", flat=True))
    assert sent.case.pk


@pytest.mark.usefixtures("bucket")
def test_a_report_with_files_from_the_form_to_the_working_copy(reporter: Client, cast: Cast) -> None:
    by_form(reporter, ("foto.jpg", photo()), ("surat.pdf", PDF + os.urandom(2 * MIB)))
    assert len(kept(reporter)) == 2
    reporter.post("/lapor/cerita/", STORY_PAGE)
    token = token_of(reporter.get("/lapor/periksa/"))
    assert reporter.post("/lapor/periksa/", ANONYMOUS | {"token": token}).status_code == 302
    assert Evidence.objects.filter(kind="file").count() == 2
    assert list(retention.damaged_objects()) == []


def test_missing_objects_are_reported_and_no_row_is_deleted(
    store: Any, cast: Cast, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    send_report(files=[sink_of(photo(), "f.jpg").finish(), sink_of(PDF, "g.pdf").finish()])
    call_command("evidence_check")
    lost = EvidenceObject.objects.values_list("object_name", flat=True).order_by("object_name")[0]
    storage.storage().delete(lost)
    retention.sweep(today=timezone.localdate())
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("complaints.")]
    assert [line for line in ours if line.endswith("does not have: 1")]
    assert lost not in str(ours)
    with pytest.raises(CommandError, match="Missing objects: 1"):
        call_command("evidence_check")
    assert lost in capsys.readouterr().out
    assert EvidenceObject.objects.count() == 2
    assert [name for name, _why in retention.damaged_objects()] == [lost]


@pytest.fixture
def nowhere(settings: Settings, bucket: Any) -> None:
    """The store's address, where nobody answers any more."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    options = {
        "bucket_name": BUCKET,
        "endpoint_url": address,
        "access_key": "test",
        "secret_key": "test",
        "region_name": "us-east-1",
    }
    backend = {"BACKEND": "complaints.adapters.store_s3.EvidenceS3Storage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": backend}


@pytest.mark.usefixtures("nowhere")
def test_a_dead_store_takes_no_file_and_stops_no_report(reporter: Client, cast: Cast) -> None:
    page = by_form(reporter, ("surat.pdf", PDF + os.urandom(6 * MIB)), ("kecil.pdf", PDF), go="next")
    words = page.content.decode()
    assert words.count("karena gangguan di sistem kami") >= 2
    assert STORY_PAGE["story"] in words
    file = Segments(reporter, PDF + os.urandom(100))
    file.begin()
    answer = file.send()
    assert (answer.status_code, file.next) == (503, 0)
    assert "karena gangguan di sistem kami" in answer.json()["error"]
    file.ask("batal")
    reporter.post("/lapor/cerita/", STORY_PAGE)
    token = token_of(reporter.get("/lapor/periksa/"))
    assert reporter.post("/lapor/periksa/", ANONYMOUS | {"token": token}).status_code == 302
    assert Case.objects.count() == 1
    with pytest.raises(CommandError, match="does not answer"):
        call_command("evidence_check")
    for act in (storage.storage().present, lambda: [storage.storage().abandoned(until=timezone.localdate())]):
        with pytest.raises(OSError):
            list(act())


def test_a_store_that_refuses_a_part_keeps_nothing(
    reporter: Client, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for call in ("create_multipart_upload", "upload_part", "complete_multipart_upload", "put_object"):
        with monkeypatch.context() as patch:
            patch.setattr(bucket.client, call, refusing)
            content = PDF + os.urandom(12 * MIB if call != "put_object" else 100)
            page = by_form(reporter, ("surat.pdf", content))
        assert "karena gangguan di sistem kami" in page.content.decode()
        assert uploads_under_way(bucket) == 0
        assert nothing_left()


def refusing(**arguments: Any) -> None:
    from botocore.exceptions import ClientError

    raise ClientError({"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}, "Any")


def test_settings_choose_the_store_by_the_environment() -> None:
    import subprocess
    import sys

    code = "from django.conf import settings; print(settings.STORAGES['evidence'])"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "EVIDENCE_S3_BUCKET": "b",
        "EVIDENCE_S3_ENDPOINT": "https://s3.invalid",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "EvidenceS3Storage" in done.stdout
    assert "https://s3.invalid" in done.stdout


def test_a_missing_object_is_a_missing_file(store: Any) -> None:
    for act in (storages["evidence"].open, storage.storage().get):
        with pytest.raises(FileNotFoundError):
            act("tidak-ada")
    storage.storage().delete("tidak-ada")
