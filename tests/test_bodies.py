"""How large a body may be and how fast it must come, and the pages for one that does not."""

from __future__ import annotations

import re
import uuid
from http import HTTPStatus
from pathlib import Path

import pytest
from django.conf import settings as portal
from django.test import Client
from django.test.client import FakePayload
from django.urls import reverse
from pytest_django import Settings

from complaints.admin.decision_records import WITH_COPY
from complaints.domain.workflow import Action
from portal import bodies
from portal.bodies import Pace, largest_body

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
MULTIPART = re.compile(r"""action="\{% url '(\w+)' %\}"[^>]*enctype="multipart""")
SMALL = 128 * 1024
KIB = 1024


# --- The table


def test_small_everywhere_but_where_files_are_taken() -> None:
    largest = portal.EVIDENCE_MAX_FILES * portal.EVIDENCE_MAX_FILE_BYTES
    for path in ("/", "/cek/", "/en/lapor/", "/lapor/periksa/", "/kantor/masuk/", "/nowhere/", "*", ""):
        assert largest_body(path) == SMALL, path
    for path in ("/lapor/cerita/", "/en/lapor/cerita/", "/cek/laporan/jawab/", "/kantor/complaints/case/temuan/"):
        assert largest < largest_body(path) <= largest + 1024 * KIB, path
    assert largest_body("/en/lapor/berkas/potongan/") == 1024 * KIB


def test_every_form_with_files_is_in_the_table() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in (TEMPLATES / "complaints").rglob("*.html")}
    posted = {name for text in sources.values() for name in MULTIPART.findall(text)}
    assert "status_add" in posted
    assert posted <= set(bodies.FILE_ADDRESSES)
    # w3m sends such a button to the form's own address, where the one of page 4 that deletes would send the report.
    assert not [path for path, text in sources.items() if "formaction" in text]


def step_address(action: Action) -> str:
    return reverse("admin:complaints_release_step", args=[uuid.uuid4(), action.value])


def test_a_decision_takes_a_copy_of_the_largest_size() -> None:
    for action in WITH_COPY:
        path = step_address(action)
        assert bodies.takes_files(path)
        assert 0 <= largest_body(path) - portal.EVIDENCE_MAX_FILE_BYTES <= 1024 * KIB
    for other in set(Action) - WITH_COPY:
        assert largest_body(step_address(other)) == SMALL
    assert largest_body(f"{step_address(Action.SANCTION)}more/") == SMALL


def test_every_form_of_the_staff_with_files_is_known() -> None:
    """Another one needs its address in the table, and in both files of the proxy."""
    multipart = {path.name for path in (TEMPLATES / "admin").rglob("*.html") if 'enctype="multi' in path.read_text()}
    assert multipart == {"finding.html", "finding_table.html", "step_base.html"}


# --- The pace


def test_nothing_has_to_come_in_the_first_seconds() -> None:
    assert Pace.begun(100.0).until == 110.0


def test_two_kib_a_second_are_enough_for_ever() -> None:
    pace, now = Pace.begun(0.0), 0.0
    for _second in range(100_000):
        now += 1
        assert pace.until > now
        pace.received(2 * KIB, now)


def test_less_ends() -> None:
    pace, now = Pace.begun(0.0), 0.0
    while pace.until > now:
        now += 1
        pace.received(KIB, now)
    assert now == 20


def test_a_fast_piece_buys_half_a_minute_and_not_hours() -> None:
    pace = Pace.begun(0.0)
    pace.received(100 * KIB * KIB, 5.0)
    assert pace.until == 35.0


# --- The pages


@pytest.mark.parametrize(
    ("path", "size", "words"),
    [
        ("/cek/", SMALL + 1, "Kiriman terlalu besar"),
        ("/en/cek/", SMALL + 1, "That is too large"),
        ("/kantor/masuk/", SMALL + 1, "Kiriman terlalu besar"),
    ],
)
def test_a_body_above_the_table_gets_the_page(client: Client, path: str, size: int, words: str) -> None:
    answer = client.post(path, b"a" * size, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 413
    assert words in answer.content.decode()


@pytest.mark.django_db
def test_a_body_of_the_size_in_the_table_is_taken(client: Client) -> None:
    answer = client.post("/cek/", b"code=" + b"a" * (SMALL - 5), content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert "Kiriman terlalu besar" not in answer.content.decode()


class RefusedBody(FakePayload):
    """A body of which the worker says that it is refused."""

    def __init__(self, refusal: HTTPStatus) -> None:
        super().__init__(b"")
        self.refusal = refusal


@pytest.mark.parametrize(
    ("status", "path", "words"),
    [
        (408, "/lapor/cerita/", "Pengiriman terlalu lama"),
        (408, "/en/cek/", "That took too long"),
        (503, "/lapor/cerita/", "Terlalu banyak berkas sedang dikirim"),
        (503, "/en/lapor/cerita/", "Too many files are being sent at this moment"),
        (411, "/cek/", "Permintaan tidak dapat"),
    ],
)
def test_what_the_worker_refuses_gets_the_page(client: Client, status: int, path: str, words: str) -> None:
    extra = {"wsgi.input": RefusedBody(HTTPStatus(status)), "CONTENT_LENGTH": "300000"}
    answer = client.generic("POST", path, **extra)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert answer.headers.get("Retry-After") == ("10" if status == 503 else None)
    assert answer.headers["Cache-Control"] == "no-store"


def test_limits_of_files_follow_the_settings(settings: Settings) -> None:
    settings.EVIDENCE_MAX_FILES, settings.EVIDENCE_MAX_FILE_BYTES = 2, 10
    assert largest_body("/lapor/cerita/") == 20 + 1024 * KIB
