"""The log says that something broke, in which line and on which day; never what was said, asked, or opened."""

from __future__ import annotations

import io
import logging
import re
import sys
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import path
from PIL import Image

from complaints.models.job import JobFailure
from complaints.queue import JOBS, Job
from portal import urls
from portal.logs import OnceAMinute, QuietFormatter, logging_config
from tests.images import photo
from tests.runner import only_due, run_round
from tests.security import traces
from tests.world import Cast, at, send_report, sign_in

WORD = "KenariLog81c0"
DAY = date(2026, 11, 9)


def line(name: str = "somebody.else", message: str = "", *args: Any, **kwargs: Any) -> str:
    """What becomes of one record."""
    given: dict[str, Any] = {"level": logging.ERROR, "pathname": "/lib/there.py", "lineno": 7, "exc_info": None}
    record = logging.LogRecord(name, msg=message, args=args, **{**given, **kwargs})
    record.funcName = "work"
    return QuietFormatter().format(record)


def caught(text: str) -> Any:
    try:
        raise ValueError(text)
    except ValueError:
        return sys.exc_info()


def test_of_others_only_the_line_of_code_is_written() -> None:
    for written in (
        line("somebody.else", "GET %s", WORD),
        line("somebody.else", f"already put together: {WORD}"),
        line("PIL.TiffImagePlugin", f"tag: Make (271) - value: b'{WORD}'"),
        line("django-q", f"Failed 'x' (y) - {WORD} : Traceback"),
        line("django.security.DisallowedHost", f"Invalid HTTP_HOST header: '{WORD}'"),
        line("django.request", "Not Found: %s", f"/cek/{WORD}"),
        line("py.warnings", "%s", f"UserWarning: {WORD}"),
        line("", WORD),
        line("complaintsx", WORD),
    ):
        assert WORD not in written
        assert "ERROR" in written
        assert written.endswith("/lib/there.py:7 work")


def test_log_keeps_exception_type_and_line_numbers_only() -> None:
    for name in ("somebody.else", "django.request", "complaints.services", "portal.accounts.sessions"):
        written = line(name, "It broke", exc_info=caught(WORD))
        assert WORD not in written
        assert "builtins.ValueError" in written
        assert re.search(r"test_logs\.py:\d+ caught", written)


def test_log_leaves_out_the_cause_of_an_exception() -> None:
    try:
        try:
            raise KeyError(WORD)
        except KeyError as cause:
            raise RuntimeError(f"because of {WORD}") from cause
    except RuntimeError as error:
        error.add_note(WORD)
        assert WORD not in line("complaints", "It broke", exc_info=sys.exc_info())


def test_log_ignores_text_formatted_by_another_handler() -> None:
    record = logging.LogRecord("complaints", logging.ERROR, "/x.py", 1, "It broke", (), caught(WORD))
    record.exc_text = record.stack_info = WORD
    assert WORD not in QuietFormatter().format(record)


def test_the_projects_own_words_and_numbers_are_written() -> None:
    assert line("complaints.services", "%d rows", 3).endswith("3 rows")


def test_what_a_full_store_says_to_each_file_is_written_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends files to it would otherwise fill the log."""
    rarely, begun = OnceAMinute(), time.monotonic()
    full, job = (
        logging.LogRecord(name, logging.ERROR, "/x.py", 1, "The store is full", (), None)
        for name in ("complaints.services.evidence.limits", "complaints.queue")
    )
    assert [rarely.filter(full) for _file in range(3)] == [True, False, False]
    assert [rarely.filter(job) for _time in range(2)] == [True, True]
    monkeypatch.setattr("portal.logs.time.monotonic", lambda: begun + 61)
    assert rarely.filter(full)
    assert "once_a_minute" in str(logging_config("INFO")["handlers"])


def test_the_day_is_written_and_no_hour() -> None:
    with time_machine.travel(at(DAY, 3), tick=False):
        written = line("complaints", "It broke", exc_info=caught(""))
    assert written.startswith("2026-11-09 ERROR complaints: It broke")
    assert re.search(r"\d\d:\d\d", written) is None
    assert "%(asctime)" not in str(logging_config("DEBUG"))


# --- From real requests


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log as the settings make it, with LOG_LEVEL=DEBUG, written to memory."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(QuietFormatter())
    config = logging_config("DEBUG")
    touched = {"": config["root"], **config["loggers"]}
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).propagate) for name in touched}
    for name, expected in touched.items():
        logger = logging.getLogger(name)
        logger.setLevel(expected.get("level", logging.DEBUG))
        logger.propagate = expected.get("propagate", True)
        if expected.get("handlers"):
            logger.addHandler(handler)
    yield stream
    for name, (level, propagate) in before.items():
        logger = logging.getLogger(name)
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def broken(request: Any) -> Any:
    """A view that breaks with what was sent in its exception, its variables and a warning."""
    text = request.POST.get("text", "") + request.GET.get("q", "")
    logging.getLogger("somebody.else").warning("while answering %s", text)
    raise RuntimeError(text)


class Urls:
    """The portal's own addresses and one that breaks."""

    urlpatterns = [path("rusak/", broken), *urls.urlpatterns]


def test_an_error_leaves_its_place_and_no_word(log: io.StringIO, settings: Any, db: None) -> None:
    settings.ROOT_URLCONF = Urls
    client = Client(raise_request_exception=False, REMOTE_ADDR="203.0.113.77", HTTP_USER_AGENT=WORD)
    client.cookies["lapor"] = WORD
    answer = client.post(f"/rusak/?q={WORD}", {"text": WORD}, headers={"referer": f"http://x/{WORD}"})
    assert answer.status_code == 500
    assert WORD not in answer.content.decode()
    written = log.getvalue()
    assert "builtins.RuntimeError" in written
    assert "test_logs.py" in written
    assert "django.request: status 500" in written
    for secret in (WORD, "203.0.113.77", "rusak", "lapor="):
        assert secret not in written


def test_a_code_in_an_address_is_not_written(log: io.StringIO, cast: Cast) -> None:
    """People type what they should not: a code behind the address of the status page."""
    code = send_report().code
    client = Client(raise_request_exception=False)
    for address in (f"/cek/{code}", f"/cek/{code}/", f"/cek/?kode={code}", f"/kantor/{code}/", f"/en/{code}"):
        assert client.get(address).status_code in {200, 301, 302, 404}
    client.post("/cek/", {"code": code + "x"})
    client.post("/cek/", {"code": code})
    assert client.get("/cek/laporan/").status_code == 200
    for shape in (code, code.lower(), "-".join(code[n : n + 5] for n in range(0, 30, 5))):
        assert shape not in log.getvalue()


def test_refusals_are_not_written_with_what_was_refused(log: io.StringIO, cast: Cast) -> None:
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    assert strict.post(f"/cek/?{WORD}", {"code": WORD}).status_code == 403
    client = Client(raise_request_exception=False)
    assert client.get("/", headers={"host": f"{WORD}.invalid"}).status_code == 400
    assert client.get("/cek/keluar/", {"q": WORD}).status_code == 405
    client.post("/kantor/masuk/", {"login": WORD, "password": WORD})
    client.post("/cek/", WORD, content_type=f"multipart/form-data; boundary={WORD}")
    assert WORD not in log.getvalue()


def test_what_staff_are_refused_is_written_without_what_they_asked_for(log: io.StringIO, cast: Cast) -> None:
    """Account and kind of page; of a stranger nothing, and of what was allowed nothing: the chain has that."""
    case = send_report().case
    client = sign_in(Client(raise_request_exception=False), "adi")
    client.get(f"/kantor/complaints/case/{case.pk}/change/")
    client.get("/kantor/tidak-ada/")
    client.get("/kantor/")
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    strict.cookies = client.cookies
    strict.post("/kantor/praktik/", {"q": WORD})
    Client().get(f"/kantor/complaints/case/{case.pk}/change/")
    told = [line.partition("Refused with ")[2] for line in log.getvalue().splitlines() if "Refused with " in line]
    assert [line.partition(" to ")[0] for line in told] == ["status 404", "status 404", "status 403"]
    assert all(str(cast["adi"].pk) in line for line in told)
    assert "complaints_case_change" in told[0]
    for secret in (str(case.pk), "tidak-ada", WORD, "adi "):
        assert secret not in log.getvalue()


def test_a_photo_is_read_without_a_word_of_it(log: io.StringIO, cast: Cast) -> None:
    """Pillow says at DEBUG what it reads."""
    with Image.open(io.BytesIO(photo(WORD))) as image:
        assert image.getexif()[0x010F] == WORD
    assert "PIL" in log.getvalue()
    assert WORD not in log.getvalue()


BODIES = {
    "heartbeat": "scheduled.record_heartbeat",
    "process_evidence": "processing.process_pending",
    "run_deadlines": "case_deadlines.run_deadlines",
    "close_day": "scheduled.close_batch",
    "verify_chain": "scheduled.verify_chain",
    "signin_counts": "scheduled.report_signin_counts",
    "sweep": "retention.sweep",
    "end_drafts": "retention.end_drafts",
    "auto_assign": "assignment.auto_assign",
    "staff_mail": "scheduled.send_staff_mail",
    "measure": "measurement.measure",
}


def run_job(job: Job, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take a job through the runner's own processes, in this one; return the type of the error that is kept, or ""."""
    only_due(job.name)
    assert [task["name"] for task in run_round(monkeypatch)] == [job.name]
    failure = JobFailure.objects.filter(name=job.name).first()
    return failure.type if failure else ""


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_job_that_breaks_leaves_its_place_and_no_word(
    log: io.StringIO, db: None, monkeypatch: pytest.MonkeyPatch, job: Job
) -> None:
    """Of the error only the name of its class is kept."""

    def burst(*args: Any, **kwargs: Any) -> None:
        raise OSError(WORD)

    monkeypatch.setattr(f"complaints.tasks.{BODIES[job.name]}", burst)
    assert run_job(job, monkeypatch) == "OSError"
    assert traces.hits(WORD, traces.tables()) == []
    assert WORD not in log.getvalue()
    assert "builtins.OSError" in log.getvalue()
    assert "test_logs.py" in log.getvalue()


def test_a_job_that_goes_well_leaves_no_word_either(
    log: io.StringIO, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_report(story=f"{WORD} {WORD} dan banyak lagi yang terjadi di kantor kami.")
    for job in JOBS:
        assert run_job(job, monkeypatch) == ""
    assert WORD not in log.getvalue()


def test_requests_that_go_well_are_not_written_at_all(log: io.StringIO, cast: Cast) -> None:
    client = Client()
    for address in ("/", "/en/", "/lapor/", "/cek/"):
        client.get(address)
    written = log.getvalue()
    for address in ("lapor", "cek", "GET", "testserver", "127.0.0.1"):
        assert f" {address}" not in written.replace("/cek/", "")
