"""Files whole by the form: what comes out is what went in, names harm nobody, and what breaks leaves nothing."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import struct
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from complaints.models.evidence import EvidenceObject
from complaints.services import case_actions
from complaints.services.evidence import storage
from complaints.services.keyring import Actor
from tests.adapters import samples
from tests.services.evidence.uploading import PDF, Segments, by_form, kept, nothing_left, objects, on_page_3
from tests.views.walk import ANONYMOUS, STORY_PAGE, token_of
from tests.world import Cast, sealed_upload

pytestmark = pytest.mark.usefixtures("folder")

NAMES = {
    "a\r\nSet-Cookie: x=1.pdf": "aSet-Cookie: x=1.pdf",
    "../../etc/passwd.pdf": "passwd.pdf",
    "C:\\Users\\budi\\surat.pdf": "surat.pdf",
    "foto\u202egpj.exe.pdf": "fotogpj.exe.pdf",
    "n" * 300 + ".pdf": "n" * 116 + ".pdf",
    "rapat 😀 pagi.pdf": "rapat 😀 pagi.pdf",
    "=cmd|' /C calc'!A0.pdf": "C calc'!A0.pdf",
    "=cmd|x.pdf": "=cmd|x.pdf",
    '"><b>x.pdf': '"><b>x.pdf',
}


@pytest.mark.parametrize(("given", "shown"), NAMES.items(), ids=range(len(NAMES)))
def test_names_harm_nobody_on_either_way(reporter: Client, given: str, shown: str) -> None:
    file = Segments(reporter, PDF, given)
    file.begin()
    assert file.rest().status_code == 200
    assert [name for name, _size in kept(reporter)] == [shown]
    page = reporter.get("/lapor/cerita/").content.decode()
    assert "<b>x" not in page
    assert all(shown not in name for name in objects())
    file.ask("batal")
    # A form's header cannot carry a line break at all; browsers write %0D%0A.
    by_form(reporter, (given.replace("\r\n", ""), PDF))
    assert [name for name, _size in kept(reporter)] == [shown]


def sent_and_read(reporter: Client, cast: Cast, files: list[tuple[str, bytes]], *, by_script: bool) -> list[bytes]:
    if by_script:
        for name, content in files:
            file = Segments(reporter, content, name)
            file.begin()
            assert "list" in file.rest().json(), name
    else:
        by_form(reporter, *files)
    reporter.post("/lapor/cerita/", STORY_PAGE | {"links": ""})
    token = token_of(reporter.get("/lapor/periksa/"))
    assert reporter.post("/lapor/periksa/", ANONYMOUS | {"token": token}).status_code == 302
    contents, vera = [], cast.ring("vera")
    for item in EvidenceObject.objects.filter(variant="original").order_by("evidence__day", "evidence__sequence"):
        info, stream = case_actions.open_object(actor=Actor(vera, timezone.now()), object_id=item.pk, reason="Cek.")
        contents.append(b"".join(stream))
        assert hashlib.sha256(contents[-1]).hexdigest() == info.sha256
    return contents


@pytest.mark.parametrize("by_script", [False, True], ids=["form", "segments"])
def test_random_files_come_out_as_they_went_in(cast: Cast, by_script: bool) -> None:
    """Twenty files a report; as of the examples of properties, CI tries more."""
    chance = random.Random(20261122)
    for _report in range(5 if os.environ.get("CI") == "true" else 1):
        sizes = [chance.choice([0, 1, 100, 5_000, 65_535, 65_536, 70_000]) + chance.randrange(50) for _ in range(20)]
        files = [(f"{number}.pdf", PDF + chance.randbytes(size)) for number, size in enumerate(sizes)]
        EvidenceObject.objects.all().delete()
        contents = sent_and_read(on_page_3(), cast, files, by_script=by_script)
        assert sorted(contents) == sorted(content for _name, content in files)


def test_sizes_around_the_border_of_a_segment(cast: Cast) -> None:
    mib = 1024 * 1024
    for size in (mib - 1, mib, mib + 1, 2 * mib, 2 * mib + 1, 3 * mib + 65_536):
        content = PDF + os.urandom(size - len(PDF))
        upload = sealed_upload(content, "v.pdf")
        assert upload.info is not None
        item = EvidenceObject(pk=upload.id, object_name=upload.object_name)
        assert b"".join(storage.stream(item, upload.info)) == content
        assert upload.info.sha256 == hashlib.sha256(content).hexdigest()


def test_kinds_are_known_by_content_and_others_refused(reporter: Client) -> None:
    page = by_form(reporter, ("a.jpg", b"MZ" + bytes(200)), ("b.jpg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"))
    for name in ("a.jpg", "b.jpg"):
        assert f"Jenis berkas “{name}” tidak kami terima. Simpan sebagai" in page.content.decode()
    assert nothing_left()
    file = Segments(reporter, b"MZ" + bytes(200), "a.jpg")
    file.begin()
    assert "error" in file.send().json()
    assert nothing_left()


def test_a_form_that_is_refused_keeps_no_file(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = by_form(client, ("surat.pdf", PDF + os.urandom(70_000)))
    assert answer.status_code == 403
    assert nothing_left()


class Connections:
    """Counts the connections of the test's server: those that have a thread, and those whose thread has left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.ended = threading.Semaphore(0), threading.Semaphore(0)
        serve = ThreadedWSGIServer.process_request_thread

        def counted(server: ThreadedWSGIServer, *connection: Any) -> None:
            self.begun.release()
            try:
                serve(server, *connection)
            finally:
                self.ended.release()

        monkeypatch.setattr(ThreadedWSGIServer, "process_request_thread", counted)


@pytest.mark.django_db(transaction=True)
def test_twenty_uploads_cut_in_the_middle_leave_nothing(
    live_cast: Cast, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten connections end, ten are reset; in the middle of a file, of a boundary, of the form.

    Only when every thread has left is anything looked for: between two uploads nothing is there either.
    """
    client, connections = on_page_3(), Connections(monkeypatch)
    address = urlsplit(live_server.url)
    assert address.hostname is not None
    assert address.port is not None
    for number in range(20):
        with socket.create_connection((address.hostname, address.port), 10) as link:
            assert connections.begun.acquire(timeout=60)
            link.sendall(begun_form(client, f"{address.hostname}:{address.port}"))
            link.sendall(os.urandom(number * 150_000))
            if number % 2:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for _connection in range(20):
        assert connections.ended.acquire(timeout=60)
    assert nothing_left()
    assert kept(client) == []


def begun_form(client: Client, host: str) -> bytes:
    """A form's head and the beginning of a file, of which more was announced than ever comes."""
    mark = "----WebKitFormBoundary0123456789abcdef"
    token = client.get("/lapor/cerita/").context or {}
    fields = {"csrfmiddlewaretoken": str(token.get("csrf_token", "")), **STORY_PAGE, "go": "stay"}
    body = "".join(f'--{mark}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items())
    body += f'--{mark}\r\nContent-Disposition: form-data; name="evidence"; filename="v.pdf"\r\n'
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    head = (
        f"POST /lapor/cerita/ HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\nContent-Length: 50000000\r\n"
        f"Content-Type: multipart/form-data; boundary={mark}\r\n\r\n"
    )
    return f"{head}{body}Content-Type: application/pdf\r\n\r\n".encode() + PDF


def test_truncated_files_of_every_kind_are_kept_as_they_are(cast: Cast) -> None:
    """Evidence that is damaged on the sender's device is still evidence; only the working copy suffers."""
    for make in [value for name, value in vars(samples).items() if name in {"jpeg", "pdf", "docx", "png", "mp3"}]:
        content = make()
        cut = content[: len(content) // 2]
        upload = sealed_upload(cut, "potongan")
        assert upload.refused in {"", "type"}
        assert upload.size in {0, len(cut)}


def test_a_slow_upload_keeps_its_session_awake(reporter: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour in one request: the clock moves while pieces arrive, and another request in between finds the session."""
    import time_machine

    from complaints import uploads
    from tests.services.evidence.uploading import session_of

    begun = timezone.now()
    moments: list[bool] = []
    receive = uploads.SealingUploadHandler.receive_data_chunk

    with time_machine.travel(begun, tick=False) as clock:

        def slowly(self: Any, raw: bytes, start: int) -> None:
            clock.shift(1800)
            receive(self, raw, start)
            moments.append(session_of(reporter).exists)

        monkeypatch.setattr(uploads.SealingUploadHandler, "receive_data_chunk", slowly)
        answer = by_form(reporter, ("v.pdf", PDF + os.urandom(6 * 1024 * 1024)))
        assert answer.status_code == 302
        assert len(moments) > 5
        assert all(moments)
        assert len(kept(reporter)) == 1
        assert reporter.get("/lapor/cerita/").status_code == 200


def test_what_another_window_wrote_meanwhile_stays(reporter: Client) -> None:
    """Putting off the end of a session writes nothing of its content."""
    import time_machine

    from tests.services.evidence.uploading import session_of

    slow = session_of(reporter)
    assert slow.exists
    with time_machine.travel(timezone.now() + timezone.timedelta(minutes=40), tick=False):
        reporter.post(
            "/lapor/cerita/", STORY_PAGE | {"story": "Ditulis di jendela lain, cukup panjang untuk disimpan."}
        )
        slow.stay_awake()
        slow.save()
        assert "jendela lain" in session_of(reporter).get("draft")["story"]
