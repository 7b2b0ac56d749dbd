"""A file that was refused stays listed with its reason, in the report or on the status page, until it is dismissed."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from complaints.models.complaint import Complaint
from complaints.models.evidence import DraftFile, Evidence
from complaints.services.evidence.drafts import MOST_REFUSED
from tests.images import photo
from tests.views import walk
from tests.world import send_report

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("office")]
STORY, CHECK, STATUS = "/lapor/cerita/", "/lapor/periksa/", "/cek/laporan/"
REASON = "Jenis berkas “program.exe” tidak kami terima"


def program(name: str = "program.exe") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"MZ\x90\x00" + b"\0" * 5000)


def by_script(client: Client, name: str = "program.exe") -> dict[str, str]:
    """Send a program as the script does, and return the answer to its first segment."""
    data = b"MZ\x90\x00" + b"\0" * 5000
    headers = {"Upload-Name": quote(name)}
    begun = client.post("/lapor/berkas/mulai/", {"name": name, "size": len(data), "mark": "1"}, headers=headers).json()
    headers |= {"Upload-Id": begun["id"], "Upload-Segment": "0"}
    answer: dict[str, str] = client.post(
        "/lapor/berkas/potongan/", data, content_type="application/octet-stream", headers=headers
    ).json()
    return answer


def dismisses(page: HttpResponse) -> list[str]:
    """Return the ids on the buttons that dismiss."""
    return re.findall(r'name="file" value="([0-9a-f-]+)"[^>]*>\s*Tutup', page.content.decode())


@pytest.mark.parametrize("script", [False, True])
def test_it_stays_on_pages_3_and_4_until_dismissed(client: Client, script: bool) -> None:
    walk.to_story(client)
    if script:
        assert REASON in by_script(client)["error"]
    else:
        both = [SimpleUploadedFile("foto.jpg", photo()), program()]
        assert "program.exe" in walk.words(client.post(STORY, walk.STORY_PAGE | {"evidence": both}))
    client.post(STORY, walk.STORY_PAGE | walk.version(client, STORY))
    for path in (STORY, CHECK):
        page = client.get(path)
        assert REASON in walk.words(page), path
        assert len(dismisses(page)) == 1
    token = walk.token_of(page)
    answer = client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": token, "file": dismisses(page)[0]})
    assert answer.url == CHECK
    for path in (STORY, CHECK):
        assert "program.exe" not in walk.words(client.get(path))
    assert DraftFile.objects.count() == (0 if script else 1)


def test_the_script_dismisses_by_the_id_that_it_was_given(client: Client) -> None:
    walk.to_story(client)
    told = by_script(client)
    assert client.post("/lapor/berkas/batal/", headers={"Upload-Id": told["id"]}).status_code == 200
    assert not DraftFile.objects.exists()


def test_the_report_goes_without_it(client: Client) -> None:
    walk.to_check(client)
    by_script(client)
    client.post(CHECK, walk.ANONYMOUS | {"token": walk.token_of(client.get(CHECK))})
    assert Complaint.objects.count() == 1
    assert not DraftFile.objects.exists()


def test_it_stays_on_the_status_page(client: Client) -> None:
    client.post("/cek/", {"code": send_report().code})
    client.post(
        f"{STATUS}jawab/",
        {"go": "files", "evidence": [program(), SimpleUploadedFile("catatan.txt", b"Catatan rapat.")]},
    )
    client.post(f"{STATUS}jawab/", {"go": "files"})
    page = client.get(STATUS)
    assert REASON in walk.words(page)
    client.post(f"{STATUS}jawab/", {"file": dismisses(page)[0]})
    assert "program.exe" not in walk.words(client.get(STATUS))
    assert Evidence.objects.count() == 1


def test_they_are_few_each_once_and_take_no_room(client: Client) -> None:
    walk.to_story(client)
    for number in range(MOST_REFUSED + 3):
        by_script(client, f"{number}.exe")
        by_script(client, "0.exe")
    assert DraftFile.objects.count() == MOST_REFUSED
    client.post(STORY, walk.STORY_PAGE | {"evidence": SimpleUploadedFile("foto.jpg", photo())})
    assert "foto.jpg" in walk.words(client.get(CHECK))
