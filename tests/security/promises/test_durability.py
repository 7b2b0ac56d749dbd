"""Promise 6: what was sent is there, once, whatever dies meanwhile; and 7: no act of staff without its entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test import Client

from complaints.adapters import store
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import DraftFile, Evidence, EvidenceObject
from complaints.models.identity import Identity
from complaints.models.oversight import OversightBody, Release
from complaints.services import (
    assignment,
    case_actions,
    case_file,
    follow_up,
    reporter_identity,
    retention,
    scheduled,
    submission,
)
from complaints.services.audit import recorded_acts
from complaints.services.evidence import drafts
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from complaints.services.team_keys import personal
from portal.accounts.reporter_session import ReporterSession
from tests.images import photo
from tests.views.walk import ANONYMOUS, send, to_check, to_story, token_of, version, words
from tests.world import Cast, Sent, at, close_batch, draft, openings_of, sealed_upload, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)
STORY_PAGE = {"story": "Pada rapat pagi kami semua diminta mendukung satu pasangan calon.", "links": ""}


def stored_names() -> set[str]:
    folder = Path(settings.EVIDENCE_DIR)
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


@pytest.fixture(autouse=True)
def _empty_store() -> None:
    for name in stored_names():
        (Path(settings.EVIDENCE_DIR) / name).unlink()


def dead(*args: Any, **kwargs: Any) -> Any:
    raise OSError("no space left on device")


# --- A dead store, a dead mail server


@pytest.mark.parametrize("step", ["open", "write", "close"])
def test_store_down_keeps_the_text_and_report_can_be_sent(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    if step == "open":
        monkeypatch.setattr(store.EvidenceFileStorage, "_open", dead)
    else:
        monkeypatch.setattr(store.DurableFile, step, dead, raising=False)
    client = Client()
    to_story(client)
    content = photo(size=(900, 700)) + bytes(1024 * 1024 if step == "write" else 0)
    page = client.post("/lapor/cerita/", STORY_PAGE | {"evidence": SimpleUploadedFile("f.jpg", content)})
    assert page.status_code == 200
    assert "f.jpg" in words(page)
    assert STORY_PAGE["story"] in words(page)
    # Its name stays listed with the reason, until it is dismissed.
    assert not DraftFile.objects.exclude(object_name=None).exists()
    monkeypatch.undo()
    assert stored_names() == set()


def test_report_without_its_file_is_sent_while_the_store_is_down(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("complaints.adapters.store.EvidenceFileStorage._open", dead)
    client = Client()
    to_story(client)
    client.post("/lapor/cerita/", STORY_PAGE | {"evidence": SimpleUploadedFile("f.jpg", photo())})
    client.post("/lapor/cerita/", STORY_PAGE | version(client, "/lapor/cerita/"))
    check = client.get("/lapor/periksa/")
    assert client.post("/lapor/periksa/", ANONYMOUS | {"token": token_of(check)}).headers["Location"] == "/lapor/kode/"
    assert Complaint.objects.count() == 1


def test_mail_server_down_breaks_neither_reports_nor_jobs(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.core.mail.EmailMessage.send", dead)
    assert send(Client()).status_code == 302
    assert scheduled.send_staff_mail(today=DAY) == 0


# --- A dead chain


@pytest.fixture
def dead_chain(cast: Cast) -> Iterator[Sent]:
    """A report on its way, then an audit table that takes no more entries."""
    sent = send_report(today=DAY)
    do: dict[str, Any] = {"actor": Actor(cast.ring("vera"), NOW), "case_id": sent.case.pk}
    case_actions.act(action=Action.START_REVIEW, **do)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            act = "EXECUTE FUNCTION complaints_append_only()"
            cursor.execute(f"CREATE TRIGGER dead BEFORE INSERT ON complaints_auditentry FOR EACH ROW {act}")
        else:
            act = "BEGIN SELECT RAISE(ABORT, 'dead'); END"
            cursor.execute(f"CREATE TRIGGER dead BEFORE INSERT ON complaints_auditentry {act}")
    yield sent


def counts() -> list[Any]:
    models = (Message, CaseStep, Release, KeyGrant, AuditEntry, Evidence)
    return [
        *(model.objects.count() for model in models),
        *Case.objects.order_by("pk").values_list("status", "assignee"),
    ]


def test_staff_can_neither_read_nor_act_without_the_chain(
    cast: Cast, dead_chain: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaint, case = dead_chain.case.complaints.get(), dead_chain.case
    follow_up.add_message(ticket=dead_chain.ticket, text="", files=[sealed_upload(photo())], today=DAY)
    stored = EvidenceObject.objects.get()
    vera, bkn = cast.ring("vera"), OversightBody.objects.get(pk="bkn")
    do: dict[str, Any] = {"actor": Actor(vera, NOW)}
    acts: dict[str, Callable[[], Any]] = {
        "open": lambda: case_file.open_case(case_id=case.pk, **do),
        "object": lambda: case_actions.open_object(object_id=stored.pk, reason="Cek.", **do),
        "verify": lambda: case_actions.act(case_id=case.pk, action=Action.VERIFY, **do),
        "reply": lambda: case_actions.reply_to_reporter(complaint_id=complaint.pk, text="Halo.", **do),
        "note": lambda: case_actions.write_case_note(complaint_id=complaint.pk, text="Catat.", **do),
        "assign": lambda: assignment.assign(case_id=case.pk, assignee=cast["vino"], **do),
        "password": lambda: personal.change_password(staff=cast["luar"], password="lain sekali sandinya", now=NOW),
        "batch": lambda: close_batch(NOW),
    }
    before, opened = counts(), openings_of(dead_chain)
    for act in acts.values():
        with pytest.raises(DatabaseError), transaction.atomic():
            act()
    Case.objects.update(status="verified")
    # Else the step is refused before it comes to the chain: no step of the case has led to this status.
    monkeypatch.setattr(recorded_acts, "are_steps_recorded", lambda case: True)
    with pytest.raises(DatabaseError), transaction.atomic():
        forward(actor=Actor(cast.ring("fitri"), NOW), case_id=case.pk, body=bkn, choice=whole(case.pk))
    Case.objects.update(status="in_review")
    assert counts() == before
    assert openings_of(dead_chain) == opened


def test_reporters_write_without_the_chain(cast: Cast, dead_chain: Sent) -> None:
    new = send_report(today=DAY, files=())
    follow_up.add_message(ticket=new.ticket, text="Tambahan.", files=[sealed_upload(photo())], today=DAY)
    follow_up.withdraw(ticket=new.ticket, reason="Takut.", today=DAY)
    follow_up.status_page(ticket=dead_chain.ticket, today=DAY)
    assert Case.objects.get(pk=new.case.pk).status == "withdrawn"


# --- Something dies half-way


def kept_draft(name: str = "f.jpg") -> tuple[ReporterSession, dict[str, Any]]:
    """An unfinished report with a kept file and a drawn code."""
    session = ReporterSession(None)
    session["draft"] = draft()
    drafts.keep_uploads(session=session, uploads=[sealed_upload(photo(), name=name)], today=DAY)
    session.save()
    content = session["draft"]
    submission.start_code(content)
    return session, content


PARTS = ("case", "complaint", "keygrant", "identity", "evidence", "evidenceobject")


def refusing(table: str) -> Callable[..., Any]:
    """A wrapper of the database that breaks where a row of ``table`` is to be written."""
    writes = re.compile(rf'INSERT INTO "?complaints_{table}"?[ (]')

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        return dead() if writes.search(sql) else execute(sql, *rest)

    return wrapper


@pytest.mark.parametrize("part", PARTS)
def test_a_report_is_stored_whole_or_not_at_all(cast: Cast, part: str) -> None:
    session, content = kept_draft()

    def submit() -> submission.Receipt:
        return submission.submit(draft=content, files=drafts.draft_files(session=session), today=DAY)

    with connection.execute_wrapper(refusing(part)), pytest.raises(OSError, match="no space"):
        submit()
    for model in (Case, Complaint, KeyGrant, Identity, Evidence, EvidenceObject):
        assert not model._default_manager.exists()
    assert DraftFile.objects.count() == 1
    assert submit().code == submit().code == content["code"]
    assert (Complaint.objects.count(), Evidence.objects.count(), DraftFile.objects.count()) == (1, 1, 0)


def test_object_without_a_row_is_deleted_at_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False)
    to_story(client)
    monkeypatch.setattr("complaints.views.report.drafts.keep_uploads", dead)
    answer = client.post("/lapor/cerita/", STORY_PAGE | {"evidence": SimpleUploadedFile("f.jpg", photo())})
    assert answer.status_code == 500
    assert stored_names() == set()


def test_an_object_left_by_a_kill_is_swept_away_and_no_other(cast: Cast) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        session, content = kept_draft()
        left = sealed_upload(photo()).object_name
        submission.submit(draft=content, files=drafts.draft_files(session=session), today=DAY)
        object_name = EvidenceObject.objects.get().object_name
        for days in (0, 1, 2, 3):
            clock.move_to(NOW + timedelta(days=days))
            retention.sweep(today=DAY + timedelta(days=days))
        assert stored_names() == {object_name}
        assert left != object_name
        assert retention.missing_objects() == []


def test_a_message_is_stored_with_its_files_or_not_at_all(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = send_report(today=DAY)
    with monkeypatch.context() as patch:
        patch.setattr(reporter_identity, "rewrite", dead)
        with pytest.raises(OSError, match="no space"):
            follow_up.add_message(ticket=sent.ticket, text="Satu.", files=[sealed_upload(photo())], today=DAY)
    assert not Message.objects.exists()
    assert not Evidence.objects.exists()
    assert Complaint.objects.get().next_sequence == 1


# --- Many at once


def test_nothing_needs_a_queue_to_be_sent(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_q.tasks.async_task", dead)
    monkeypatch.setattr("django_q.brokers.get_broker", dead)
    client = Client()
    to_check(client)
    assert send(client).status_code == 302
