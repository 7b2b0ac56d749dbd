"""Sealed sessions: the cookie alone opens a row, for a limited time, and what remains tells a day at most."""

from __future__ import annotations

import base64
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client
from django.utils import timezone

from complaints.domain.sealing.keys import DraftKeys
from complaints.models.draft import Draft
from complaints.models.session import SealedSession
from complaints.services import retention
from portal.accounts import sessions
from portal.accounts.reporter_session import ReporterSession
from portal.accounts.sessions import SessionStore
from tests.security.traces import hits, tables
from tests.world import Cast, at, send_report, sign_in

DAY = date(2026, 11, 9)
START = {"accused_kind": "superior", "category": "A1", "go": "next"}
LIMITS = {"draft": 7200, "ticket": 1800, "sent": 900}


def begun(client: Client) -> str:
    """Begin a report in a browser; return the cookie."""
    assert client.post("/lapor/", START).status_code == 302
    return client.cookies["lapor"].value


def signed_in(client: Client, name: str = "vera") -> str:
    """Sign in; return the cookie."""
    return sign_in(client, name).cookies["kantor"].value


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


# --- The cookie is the key


def test_the_cookies_are_nowhere_in_the_database(cast: Cast) -> None:
    draft, staff = begun(Client()), signed_in(Client())
    assert Draft.objects.filter(pk=DraftKeys.of(draft).id).exists()
    assert SealedSession.objects.filter(pk=sessions.row_id(staff)).exists()
    for cookie in (draft, staff):
        assert hits(cookie, tables()) == []
        # Not the bytes behind its letters either, and not the keys that it makes.
        keys = DraftKeys.of(cookie)
        made = (sessions.row_key(cookie), keys.content, keys.files, keys.names)
        for secret in (base64.urlsafe_b64decode(cookie + "="), *made):
            assert not any(secret in content or secret.hex().encode() in content for _, content in tables())


def test_ids_and_keys_of_a_cookie_are_all_different(cast: Cast) -> None:
    session = ReporterSession(begun(Client()))
    cookie, keys = str(session._cookie), session.draft_keys
    of_the_draft = {keys.id, keys.content.hex(), keys.files.hex(), keys.names.hex()}
    assert len({cookie, sessions.row_id(cookie), sessions.row_key(cookie).hex()} | of_the_draft) == 7
    assert len(cookie) >= 43
    assert sessions.new_cookie() != sessions.new_cookie()


def test_a_row_opens_with_its_own_cookie_under_its_own_id_only(db: None) -> None:
    until = timezone.now().timestamp() + 60
    for cookie, words in (("one", "satu"), ("two", "dua")):
        sessions.write_row(cookie, {"draft": {"story": words}}, until, began=0, new=True)
    stored = {cookie: SealedSession.objects.get(pk=sessions.row_id(cookie)) for cookie in ("one", "two")}
    SealedSession.objects.filter(pk=stored["one"].pk).update(data=stored["two"].data)
    SealedSession.objects.create(
        pk=sessions.row_id("three"), data=stored["two"].data, expires_on=stored["two"].expires_on
    )
    assert [sessions.read_row(cookie) for cookie in ("one", "three", "four")] == [{}, {}, {}]
    assert sessions.read_row("two")["data"] == {"draft": {"story": "dua"}}
    altered = bytearray(stored["two"].data)
    altered[60] ^= 1
    SealedSession.objects.filter(pk=stored["two"].pk).update(data=bytes(altered))
    assert sessions.read_row("two") == {}


def test_a_row_tells_a_class_of_length_only(db: None) -> None:
    for length in (0, 1, 300, 1500, 1600, 3000):
        sessions.write_row(f"cookie {length}", {"draft": {"story": "a" * length}}, 2e9, began=0, new=True)
    assert {len(bytes(row.data)) for row in SealedSession.objects.all()} == {1024 + 40, 4096 + 40}


def test_a_cookie_that_somebody_else_chose_is_never_taken(cast: Cast) -> None:
    client = Client()
    client.cookies["lapor"] = "chosen-by-an-attacker"
    assert begun(client) != "chosen-by-an-attacker"
    staff = Client()
    staff.cookies["kantor"] = "chosen-by-an-attacker"
    assert signed_in(staff) != "chosen-by-an-attacker"
    assert not SealedSession.objects.filter(pk=sessions.row_id("chosen-by-an-attacker")).exists()


def test_staff_and_reporter_cookies_are_separate(cast: Cast) -> None:
    client = Client()
    begun(client)
    signed_in(client)
    reporter, staff = client.cookies["lapor"], client.cookies["kantor"]
    assert (reporter["path"], staff["path"]) == ("/", "/kantor/")
    for cookie in (reporter, staff, client.cookies["csrf"]):
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        # They end with the browser.
        assert (cookie["expires"], cookie["max-age"]) == ("", "")
    assert ReporterSession(staff.value).get("draft") is None
    assert SessionStore(reporter.value).load() == {}


# --- No cookie before it is needed


@pytest.mark.parametrize("path", ["/", "/en/", "/healthz", "/lapor/pintu-lain/bawaslu/"])
def test_reading_sets_no_cookie(cast: Cast, path: str) -> None:
    client = Client()
    assert client.get(path).status_code == 200
    assert not client.cookies
    assert not SealedSession.objects.exists()


@pytest.mark.parametrize("path", ["/lapor/", "/lapor/siapa/", "/lapor/cerita/", "/lapor/periksa/", "/cek/", "/en/cek/"])
def test_looking_at_a_form_begins_no_session(cast: Cast, path: str) -> None:
    client = Client()
    client.get(path)
    assert set(client.cookies) <= {"csrf"}
    assert not SealedSession.objects.exists()


# --- Limits


@pytest.mark.parametrize(("kind", "limit"), LIMITS.items())
def test_a_reporters_session_ends_when_it_is_idle(db: None, kind: str, limit: int) -> None:
    with time_machine.travel(at(DAY), tick=False) as clock:
        session = ReporterSession(None)
        session[kind] = {"x": 1}
        session.save()
        cookie = session.cookie_to_set
        clock.shift(seconds(limit - 1))
        assert ReporterSession(cookie).get(kind) == {"x": 1}
        clock.shift(seconds(1))
        assert ReporterSession(cookie).get(kind) is None
        retention.end_drafts(now=timezone.now())
        assert not SealedSession.objects.exists() and not Draft.objects.exists()


def test_use_extends_the_session_but_not_the_code_page(db: None) -> None:
    for kind, prolonged in (("draft", True), ("ticket", True), ("sent", False)):
        with time_machine.travel(at(DAY), tick=False) as clock:
            session = ReporterSession(None)
            session[kind] = {"x": 1}
            session.save()
            clock.shift(seconds(LIMITS[kind] * 0.9))
            looking = ReporterSession(session.cookie_to_set)
            assert looking.get(kind)
            looking.save()
            clock.shift(seconds(LIMITS[kind] * 0.9))
            assert bool(ReporterSession(session.cookie_to_set).get(kind)) is prolonged


def test_the_shorter_limit_rules_where_two_things_are_kept(db: None) -> None:
    with time_machine.travel(at(DAY), tick=False) as clock:
        session = ReporterSession(None)
        session["draft"], session["sent"] = {"x": 1}, {"code": "c"}
        session.save()
        clock.shift(seconds(LIMITS["sent"]))
        assert not ReporterSession(session.cookie_to_set).exists


def test_a_staff_session_ends_when_it_is_idle(cast: Cast) -> None:
    with time_machine.travel(at(DAY), tick=False) as clock:
        cookie = signed_in(Client())
        clock.shift(seconds(settings.SESSION_COOKIE_AGE - 1))
        assert SessionStore(cookie).load()
        clock.shift(seconds(1))
        assert SessionStore(cookie).load() == {}


def test_a_staff_session_ends_after_a_day_of_work_however_busy(cast: Cast) -> None:
    with time_machine.travel(at(DAY, 7), tick=False) as clock:
        cookie = signed_in(Client())
        for _ in range(settings.SESSION_ABSOLUTE_AGE // 1200 - 1):
            clock.shift(seconds(1200))
            used = SessionStore(cookie)
            assert used.get("_auth_user_id")
            used.save()
        clock.shift(seconds(1200))
        assert SessionStore(cookie).load() == {}


# --- The end


def replayed(cookie: str, path: str, name: str = "lapor") -> Any:
    client = Client()
    client.cookies[name] = cookie
    return client.get(path)


def test_logout_deletes_the_session_row_and_voids_the_cookie(cast: Cast) -> None:
    sent = send_report(today=DAY)
    client = Client()
    client.post("/cek/", {"code": sent.code})
    cookie = client.cookies["lapor"].value
    assert replayed(cookie, "/cek/laporan/").status_code == 200
    client.post("/cek/keluar/")
    assert client.cookies["lapor"].value == ""
    assert not SealedSession.objects.exists()
    for path in ("/cek/laporan/", "/lapor/kode/", "/lapor/periksa/"):
        answer = replayed(cookie, path)
        assert answer.status_code == (200 if path == "/lapor/periksa/" else 302)
        assert sent.case.reference not in answer.content.decode()


def test_giving_up_deletes_the_row(cast: Cast) -> None:
    client = Client()
    cookie = begun(client)
    client.post("/lapor/batal/")
    assert not Draft.objects.exists()
    assert "Tidak ada lagi isian" in replayed(cookie, "/lapor/siapa/").content.decode()


def test_signing_out_deletes_the_row(cast: Cast) -> None:
    client = Client()
    cookie = signed_in(client)
    client.post("/kantor/keluar/")
    assert SessionStore(cookie).load() == {}
    assert not SealedSession.objects.filter(pk=sessions.row_id(cookie)).exists()
    assert replayed(cookie, "/kantor/sandi/", "kantor").status_code == 302


@pytest.mark.parametrize("act", [ReporterSession.end, ReporterSession.cycle])
def test_late_request_does_not_restore_a_deleted_session(db: None, act: Any) -> None:
    """Two tabs: one leaves while the other still answers."""
    session = ReporterSession(None)
    session["ticket"] = {"x": 1}
    session.save()
    cookie = session.cookie_to_set
    slow, leaving = ReporterSession(cookie), ReporterSession(cookie)
    slow["notice"] = "text"
    assert leaving.get("ticket")
    act(leaving)
    slow.save()
    assert not SealedSession.objects.filter(pk=sessions.row_id(str(cookie))).exists()
    assert ReporterSession(cookie).get("ticket") is None


def test_late_staff_request_does_not_restore_a_deleted_session(cast: Cast) -> None:
    cookie = signed_in(Client())
    slow = SessionStore(cookie)
    slow["x"] = 1
    SessionStore(cookie).delete()
    with pytest.raises(UpdateError):
        slow.save()
    with pytest.raises(UpdateError):
        SessionStore(cookie).save()
    assert not SealedSession.objects.exists()


def test_a_code_changes_the_cookie_and_drops_the_old_row(cast: Cast) -> None:
    sent = send_report(today=DAY)
    client = Client()
    before = begun(client)
    client.post("/cek/", {"code": sent.code})
    after = client.cookies["lapor"].value
    assert before != after
    assert list(SealedSession.objects.values_list("pk", flat=True)) == [sessions.row_id(after)]
    assert not Draft.objects.exists()
    # The code itself is not kept, only what it derives.
    assert sent.code not in str(sessions.read_row(after))


def test_signing_in_changes_the_cookie(cast: Cast) -> None:
    client = Client()
    store = SessionStore()
    store["before"] = "x"
    store.save()
    client.cookies["kantor"] = str(store.session_key)
    after = signed_in(client)
    assert after != store.session_key
    assert SessionStore(str(store.session_key)).load() == {}


# --- What is left clear


@pytest.mark.parametrize("kind", LIMITS)
def test_the_clear_expiry_tells_a_day_and_never_an_hour(db: None, kind: str) -> None:
    """Were it later for the sessions of the last two hours, it would tell who reports at night."""
    seen = set()
    for hour in (0, 5, 12, 21, 22, 23):
        with time_machine.travel(at(DAY, hour) + seconds(1799), tick=False):
            session = ReporterSession(None)
            session[kind] = {"x": 1}
            session.save()
            kept = Draft if kind == "draft" else SealedSession
            seen |= set(kept.objects.values_list("expires_on", flat=True))
    assert len(seen) == 1
    for model in (Draft, SealedSession):
        assert model._meta.get_field("expires_on").get_internal_type() == "DateField"
    assert not any(isinstance(value, datetime) for value in seen)


def test_no_live_session_is_swept(db: None) -> None:
    """The clear day must never end before the sealed hour does."""
    for hour in range(0, 24, 3):
        with time_machine.travel(at(DAY, hour), tick=False) as clock:
            session = ReporterSession(None)
            session["ticket"] = {"x": 1}
            session.save()
            clock.shift(seconds(LIMITS["ticket"] - 1))
            SessionStore.clear_expired()
            assert ReporterSession(session.cookie_to_set).exists


def test_ended_sessions_are_swept(db: None) -> None:
    with time_machine.travel(at(DAY), tick=False) as clock:
        session = ReporterSession(None)
        session["ticket"] = {"x": 1}
        session.save()
        clock.shift(timedelta(days=3))
        SessionStore.clear_expired()
    assert not SealedSession.objects.exists()
