"""Bodies of many parts: nothing is allocated, sealed or parsed before it is decided that it is wanted."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, reverse
from pytest_django import Settings

from bench.attack.memory import many_parts
from complaints import uploads
from complaints.adapters.media import kinds
from complaints.domain.sealing import segments
from complaints.services.evidence import intake, limits
from tests.services.evidence.uploading import PDF, by_form, kept, nothing_left, on_page_3
from tests.views.walk import STORY, STORY_PAGE
from tests.world import Cast, SignedIn

pytestmark = pytest.mark.usefixtures("folder")

STORY_ADDRESS = "/lapor/cerita/"
WORDS = {"story": STORY, "links": "https://contoh.invalid/lama", "go": "stay"}


class Counted:
    """How often something was done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number: dict[str, int] = {"buffers": 0, "sinks": 0, "begun": 0, "rooms": 0}
        for what, owner, name in (
            ("buffers", segments, "_new_buffer"),
            ("sinks", intake, "Sink"),
            ("begun", uploads.DecidingUploadHandler, "new_file"),
            ("rooms", intake, "room_for"),
        ):
            monkeypatch.setattr(owner, name, self._counting(what, getattr(owner, name)))

    def _counting(self, what: str, done: Any) -> Any:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.number[what] += 1
            return done(*args, **kwargs)

        return counted


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def post(client: Client, address: str, number: int, fields: dict[str, str], content: bytes = PDF) -> HttpResponse:
    kind, body = many_parts(number, fields, content)
    return client.post(address, body, content_type=kind)


def test_a_thousand_parts_without_a_session_allocate_nothing(cast: Cast, counted: Counted) -> None:
    page = post(Client(), STORY_ADDRESS, 999, WORDS)
    assert page.status_code == 200
    assert counted.number["buffers"] == 0
    assert counted.number["sinks"] == 25
    assert STORY in page.content.decode()


@pytest.mark.parametrize("number", [999, 10_000])
def test_parsing_ends_at_the_limit_with_a_page_that_keeps_the_words(
    reporter: Client, counted: Counted, number: int
) -> None:
    reporter.post(STORY_ADDRESS, WORDS)
    new = STORY + " Lalu kami pulang."
    page = post(reporter, STORY_ADDRESS, number, {"story": new})
    text = page.content.decode()
    assert page.status_code == 200
    assert text.count("dan berkas setelahnya tidak dapat ditambahkan: paling banyak 20 berkas") == 2
    assert new in text and "https://contoh.invalid/lama" in text
    assert len(kept(reporter)) == 20
    assert counted.number == {"buffers": 20, "sinks": 25, "begun": 101, "rooms": 20}


def test_what_was_typed_below_the_files_is_kept_where_a_few_too_many_were_chosen(reporter: Client) -> None:
    page = by_form(reporter, *((f"{number}.pdf", PDF) for number in range(60))).content.decode()
    assert STORY_PAGE["links"] in page
    assert "paling banyak 20 berkas" in page
    assert page.count("tidak dapat ditambahkan") == 3 * 5
    assert len(kept(reporter)) == 20


def test_too_many_files_in_english(reporter: Client) -> None:
    page = post(reporter, "/en" + STORY_ADDRESS, 999, WORDS).content.decode()
    assert "and the files after it do not fit any more: at most 20 files" in page


@pytest.mark.parametrize("address", ["/cek/", "/lapor/", "/lapor/batal/", "/cek/laporan/terjadi/", "/kantor/masuk/"])
def test_an_address_without_files_ends_the_parsing_at_the_first(
    reporter: Client, counted: Counted, address: str
) -> None:
    answer = post(reporter, address, 999, {})
    assert answer.status_code < 500
    assert counted.number["begun"] <= 1, "a view that needs nothing of the body does not parse it"
    assert counted.number["sinks"] == counted.number["buffers"] == 0
    assert nothing_left()


@pytest.mark.parametrize("place", ["without", "wrong", "behind", "before"])
def test_nothing_is_sealed_before_the_token_is_right(cast: Cast, counted: Counted, place: str) -> None:
    client = Client(enforce_csrf_checks=True)
    token = client.get("/lapor/").cookies["csrf"].value
    on_page_3_with(client, token)
    file = SimpleUploadedFile("a.pdf", PDF)
    given = {"without": "", "wrong": "x" * 32}.get(place, token)
    fields: dict[str, Any] = {"csrfmiddlewaretoken": given, **WORDS, "evidence": file}
    if place == "behind":
        fields = {"evidence": file, **WORDS, "csrfmiddlewaretoken": given}
    answer = client.post(STORY_ADDRESS, fields)
    is_right = place == "before"
    assert answer.status_code == (302 if is_right else 403)
    assert counted.number["sinks"] == is_right
    assert nothing_left() is not is_right


def on_page_3_with(client: Client, token: str) -> None:
    """Come to page 3 as a browser does, which sends the token in each form."""
    client.handler.enforce_csrf_checks = False
    on_page_3(client)
    client.handler.enforce_csrf_checks = True
    assert client.cookies["csrf"].value == token


def test_only_triage_sends_files_to_the_pages_for_monitoring(signed_in: SignedIn, counted: Counted) -> None:
    for name, begins in (("audi", False), ("vera", True)):
        post(signed_in(name), reverse("admin:complaints_case_finding"), 3, {})
        assert (counted.number["sinks"] == 3) is begins, name


def test_each_address_with_files_is_one_of_the_portal() -> None:
    names = set(get_resolver().namespace_dict["admin"][1].reverse_dict.keys()) | set(get_resolver().reverse_dict.keys())
    for name in uploads.REPORTER_VIEWS | uploads.TRIAGE_VIEWS:
        assert name.removeprefix("admin:") in names


def test_a_refused_or_finished_file_holds_no_memory(folder: Any) -> None:
    room = limits.StorageRoom(100)
    finished, refused, unknown = intake.Sink("a.pdf", room), intake.Sink("b.pdf", room), intake.Sink("c.pdf", room)
    finished.write(PDF)
    finished.finish()
    refused.write(PDF + b"x" * kinds.HEAD_BYTES)
    unknown.write(bytes(kinds.HEAD_BYTES))
    assert (finished.upload.refused, refused.upload.refused, unknown.upload.refused) == ("", "total", "type")
    for sink in (finished, refused, unknown):
        assert sink._writer is None
    assert not refused._head and not unknown._head


def test_what_is_passed_over_has_an_end_too(reporter: Client, settings: Settings) -> None:
    settings.EVIDENCE_MAX_FILES, settings.EVIDENCE_MAX_TOTAL_BYTES = 1, 1_000_000
    kind, body = many_parts(10, WORDS, PDF + b"x" * 1_000_000)
    answer = reporter.post(STORY_ADDRESS, body, content_type=kind)
    assert answer.status_code in (200, 302)
