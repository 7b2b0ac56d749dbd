"""A reporter's cookie and the rows behind it: a draft that several requests write, and what follows it."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from complaints.models.draft import Draft
from complaints.models.session import SealedSession
from complaints.services import retention
from portal.accounts import sessions
from portal.accounts.reporter_session import ReporterSession, merged
from tests.views.walk import to_check, to_story, to_who
from tests.world import Cast, SignedIn, send_report


def kept(content: dict[str, Any] | None = None) -> str:
    """Write a draft; return its cookie."""
    session = ReporterSession(None)
    session["draft"] = {"story": "a", "links": "b", "done": ["start"]} if content is None else content
    session.save()
    return str(session.cookie_to_set)


def test_two_requests_at_once_keep_what_each_has_written(db: None) -> None:
    cookie = kept()
    one, other = ReporterSession(cookie), ReporterSession(cookie)
    for session, change in ((one, {"story": "satu"}), (other, {"links": "dua"})):
        session["draft"] = {**session["draft"], **change}
    one.save()
    other.save()
    assert ReporterSession(cookie)["draft"] == {"story": "satu", "links": "dua", "done": ["start"]}
    assert ReporterSession(cookie).version == 0, "not read yet"


def test_of_one_answer_written_twice_at_once_the_later_stays(db: None) -> None:
    cookie = kept()
    one, other = ReporterSession(cookie), ReporterSession(cookie)
    one["draft"] = {**one["draft"], "story": "satu"}
    other["draft"] = {**other["draft"], "story": "dua"}
    one.save()
    other.save()
    read = ReporterSession(cookie)
    assert read["draft"]["story"] == "dua"
    assert read.version == 3


def test_a_merge_takes_what_was_removed(db: None) -> None:
    base = {"draft": {"story": "a", "renewed": True, "links": "b"}}
    ours = {"draft": {"story": "a", "links": "b"}}
    theirs = {"draft": {"story": "c", "renewed": True, "links": "b"}}
    assert merged(ours, base, theirs) == {"draft": {"story": "c", "links": "b"}}


@pytest.mark.parametrize("act", [ReporterSession.end, ReporterSession.cycle])
def test_a_draft_that_was_left_in_another_window_does_not_come_back(db: None, act: Any) -> None:
    cookie = kept()
    slow, leaving = ReporterSession(cookie), ReporterSession(cookie)
    slow["draft"] = {"story": "terlambat"}
    assert leaving.exists
    act(leaving)
    slow.save()
    assert slow.ended
    assert not Draft.objects.exists()
    assert not ReporterSession(cookie).exists


def test_a_report_after_the_one_just_sent_has_a_secret_of_its_own(cast: Cast, client: Client) -> None:
    to_check(client)
    first = client.cookies["lapor"].value
    session = ReporterSession(first)
    session.clear()
    session["sent"] = {"code": "c"}
    session.save()
    assert not Draft.objects.exists()
    assert SealedSession.objects.get().pk == sessions.row_id(first)
    to_who(client)
    assert client.cookies["lapor"].value != first
    assert Draft.objects.count() == 1
    assert not SealedSession.objects.exists()


def test_a_page_reads_one_row_and_writes_one(cast: Cast, client: Client) -> None:
    """As many statements as when a draft lay in the session's row."""
    to_story(client)
    client.get("/lapor/cerita/")
    with CaptureQueriesContext(connection) as looking:
        client.get("/lapor/cerita/")
    assert len(looking) == 1
    with CaptureQueriesContext(connection) as writing:
        client.post("/lapor/cerita/", {"story": "Ditulis.", "links": "", "go": "back"})
    assert len(writing) == 2


def test_a_job_deletes_the_row_of_an_opened_code_at_its_end(client: Client, cast: Cast) -> None:
    """With the cookie of a phone it would open the report for whoever steals the database, for days."""
    assert client.post("/cek/", {"code": send_report().code}).status_code == 302
    now = timezone.now()
    assert retention.end_sessions(now=now + timedelta(minutes=29)) == 0
    cookie = client.cookies["lapor"].value
    # Used again, it ends later; a row that says so to no worker is left to its day.
    assert sessions.touch_row(cookie, time.time() + 3600)
    assert retention.end_sessions(now=now + timedelta(minutes=31)) == 0
    assert retention.end_sessions(now=now + timedelta(minutes=61)) == 1
    assert not SealedSession.objects.exists()


def test_a_job_deletes_sessions_of_staff_that_are_as_old_as_one_may_get(signed_in: SignedIn) -> None:
    signed_in("vera")
    now, row = timezone.now(), SealedSession.objects.get()
    assert row.ends is None, "the beginning stands there"
    assert retention.end_sessions(now=now + timedelta(hours=9)) == 0
    assert retention.end_sessions(now=now + timedelta(hours=11)) == 1
