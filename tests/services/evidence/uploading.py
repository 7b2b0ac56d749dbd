"""How the tests send files: whole by the form, in segments as the script does, and stores that break."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from complaints.models.evidence import DraftFile
from complaints.services.evidence import drafts, storage
from tests.views.walk import STORY_PAGE, to_story

PDF = b"%PDF-1.4\n"


def store_in(settings: Settings, folder: Path) -> None:
    """Keep the files of evidence in this folder, which need not exist, for one test."""
    backend = {"BACKEND": "complaints.adapters.store.EvidenceFileStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "evidence": backend}


def objects() -> list[str]:
    """The names of all that is stored."""
    return sorted(item.name for item in storage.storage().present())


def nothing_left() -> bool:
    """Whether neither a row nor an object speaks of a file."""
    rows = DraftFile.objects.exclude(object_name=None, stored_size=0)  # a refused file stays listed, and is no file
    return not objects() and not rows.exists()


def by_form(client: Client, *files: tuple[str, bytes], go: str = "stay") -> HttpResponse:
    """Post page 3 with files, as a browser without JavaScript."""
    uploads = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post("/lapor/cerita/", STORY_PAGE | {"go": go, "evidence": uploads})


@dataclass
class Segments:
    """One file on its way, as static/js/upload.js sends it."""

    client: Client
    content: bytes
    name: str = "surat.pdf"
    prefix: str = ""
    id: str = ""
    next: int = 0
    size: int = 0

    def ask(self, path: str, body: Any = None, **headers: Any) -> HttpResponse:
        """Post to one of the five addresses."""
        more = {f"HTTP_UPLOAD_{name.upper()}": str(value) for name, value in {"id": self.id, **headers}.items()}
        kind = {"content_type": "application/octet-stream"} if isinstance(body, bytes) else {}
        answer = self.client.post(f"{self.prefix}/lapor/berkas/{path}/", body, **kind, **more)
        if answer.status_code == 200 and "next" in answer.json():
            self.next = answer.json()["next"]
        return answer

    def begin(self, mark: str = "1") -> dict[str, Any]:
        """Announce the file."""
        progress = self.ask("mulai", {"name": self.name, "size": len(self.content), "mark": mark}).json()
        self.id, self.size = progress["id"], progress["segment"]
        return dict(progress)

    def piece(self, index: int) -> bytes:
        """The plaintext of a segment."""
        return self.content[index * self.size : (index + 1) * self.size]

    def send(self, index: int | None = None) -> HttpResponse:
        """Send a segment, the next one unless named."""
        index = self.next if index is None else index
        return self.ask("potongan", self.piece(index), segment=index)

    def rest(self) -> HttpResponse:
        """Send what is missing and join it; like the script, stop when the answer says that the file is whole.

        It says so before the last segment if another node has sent the same file to its end.
        """
        while self.next * self.size < len(self.content):
            answer = self.send()
            assert answer.status_code == 200
            if "list" in answer.json():
                return answer
        return self.ask("selesai")


def on_page_3(client: Client | None = None) -> Client:
    """A browser with a draft that has come to page 3."""
    client = client or Client()
    assert to_story(client).status_code == 302
    return client


def kept(client: Client) -> list[tuple[str, int]]:
    """Names and sizes of the files that wait behind a browser's cookie."""
    return [(item.name, item.size) for item in drafts.draft_files(session=session_of(client))]


def session_of(client: Client) -> Any:
    """The sealed session behind a browser's cookie."""
    from portal.accounts.reporter_session import ReporterSession

    return ReporterSession(client.cookies["lapor"].value)


class Broken:
    """A store of which one method fails; every other passes through."""

    def __init__(self, store: Any, method: str, error: OSError) -> None:
        self.store, self.method, self.error = store, method, error

    def __getattr__(self, name: str) -> Any:
        if name == self.method:
            return self._fail
        return getattr(self.store, name)

    def open(self, name: str, mode: str = "rb") -> Any:
        if self.method == "open":
            raise self.error
        opened = self.store.open(name, mode)
        return Failing(opened, self) if "w" in mode else opened

    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        raise self.error


class Failing:
    """A new object whose writing or closing fails as its store says."""

    def __init__(self, file: Any, broken: Broken) -> None:
        self.file, self.broken = file, broken

    def write(self, data: bytes) -> int:
        if self.broken.method == "write":
            raise self.broken.error
        return int(self.file.write(data))

    def close(self) -> None:
        if self.broken.method == "close":
            raise self.broken.error
        self.file.close()

    def abandon(self) -> None:
        self.file.abandon()
