"""What the clock does: deadlines, working copies, the end of the day, sweeping, and the mail that says nothing."""

from __future__ import annotations

import os
from datetime import date, timedelta
from typing import Any

import pytest
from django.core import mail
from pytest_django import Settings

from complaints import tasks
from complaints.adapters import sandbox
from complaints.domain.workflow import Action, Status
from complaints.models.case import Case
from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile, Evidence, EvidenceObject
from complaints.models.oversight import OversightBody
from complaints.models.session import Heartbeat, SealedSession
from complaints.services import case_actions, case_deadlines, case_file, follow_up, retention, scheduled
from complaints.services.audit import log, verify
from complaints.services.evidence import processing, storage
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from tests.decisions import decide
from tests.services.test_whole_procedure import photo
from tests.world import Cast, Sent, at, database_clock, sealed_upload, send_report

MONDAY = date(2026, 11, 9)


def ask_back(cast: Cast, case: Case) -> None:
    vera = cast.ring("vera")
    case_actions.act(actor=Actor(vera, at(MONDAY)), case_id=case.pk, action=Action.START_REVIEW)
    case_actions.act(actor=Actor(vera, at(MONDAY)), case_id=case.pk, action=Action.ASK_REPORTER, reason="Kapan?")


def status_of(case: Case) -> str:
    return Case.objects.values_list("status", flat=True).get(pk=case.pk)


def test_silence_closes_nothing_and_a_late_answer_goes_on(cast: Cast) -> None:
    sent = send_report(today=MONDAY)
    ask_back(cast, sent.case)
    due = MONDAY + timedelta(days=14)
    late = due + timedelta(days=1)
    assert case_deadlines.run_deadlines(now=at(late)) == 0
    assert status_of(sent.case) == Status.NEEDS_INFORMATION
    assert case_deadlines.work_waiting(today=late)["triage"]
    page = follow_up.status_page(ticket=sent.ticket, today=due + timedelta(days=1))
    assert page.may_answer
    follow_up.add_message(ticket=sent.ticket, text="Maaf terlambat.", files=[], today=due + timedelta(days=3))
    assert status_of(sent.case) == Status.IN_REVIEW


def await_agency(cast: Cast, sent: Sent) -> None:
    do: dict[str, Any] = {"actor": Actor(cast.ring("vera"), at(MONDAY)), "case_id": sent.case.pk}
    case_actions.act(action=Action.START_REVIEW, **do)
    case_actions.act(action=Action.VERIFY, **do)
    body = OversightBody.objects.get(pk="bkn")
    release = forward(
        actor=Actor(cast.ring("fitri"), at(MONDAY)), case_id=sent.case.pk, body=body, choice=whole(sent.case.pk)
    )
    for action in (Action.TAKE_UP, Action.SUBSTANTIATE, Action.AWAIT_AGENCY):
        decide(actor=Actor(cast.ring("kirana"), at(MONDAY)), release_id=release.pk, action=action)


def test_a_missed_night_is_made_up_by_the_next_run(cast: Cast) -> None:
    sent = send_report(today=MONDAY)
    await_agency(cast, sent)
    Case.objects.filter(pk=sent.case.pk).update(due_on=MONDAY)  # the column alone moves nothing
    assert case_deadlines.run_deadlines(now=at(MONDAY + timedelta(days=2))) == 0
    assert case_deadlines.run_deadlines(now=at(MONDAY + timedelta(days=40))) == 1
    assert case_deadlines.run_deadlines(now=at(MONDAY + timedelta(days=41))) == 0
    assert status_of(sent.case) == Status.OVERDUE_AGENCY


def test_the_deadline_skips_weekends_and_holidays(cast: Cast) -> None:
    assert send_report(today=date(2026, 11, 13)).case.due_on == date(2026, 11, 16)
    assert send_report(today=date(2026, 12, 24)).case.due_on == date(2026, 12, 28)


def test_a_file_that_takes_its_worker_with_it_waits_for_an_officer(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = send_report(today=MONDAY)
    upload = sealed_upload(photo())
    follow_up.add_message(ticket=sent.ticket, text="", files=[upload], today=MONDAY)

    def die(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt  # as a killed worker: nothing after it runs

    monkeypatch.setattr(sandbox, "run_steps", die)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            processing.process_pending()
    assert Evidence.objects.get().state == Evidence.State.PENDING
    processing.process_pending()
    item = Evidence.objects.get()
    assert (item.state, item.worker_grant, item.attempts) == (Evidence.State.OFFICER, None, 0)


def test_a_cut_image_is_marked_and_its_original_stays(cast: Cast) -> None:
    sent = send_report(today=MONDAY)
    upload = sealed_upload(photo()[:300])
    follow_up.add_message(ticket=sent.ticket, text="", files=[upload], today=MONDAY)
    processing.process_pending()
    assert Evidence.objects.get().state == Evidence.State.FAILED
    vera, now = cast.ring("vera"), at(MONDAY)
    item = case_file.open_case(actor=Actor(vera, now), case_id=sent.case.pk).complaints[0].evidence[0]
    _info, stream = case_actions.open_object(actor=Actor(vera, now), object_id=item.original.id, reason="Periksa")
    assert b"".join(stream) == photo()[:300]


def close(day: date) -> None:
    """The job as it runs in the morning of a day."""
    with database_clock(at(day, 0)):
        scheduled.close_batch(now=at(day, 0))


def test_batches_are_closed_once_a_day_and_their_heads_leave(cast: Cast, settings: Settings, tmp_path: Any) -> None:
    settings.AUDIT_HEADS_FILE = tmp_path / "heads" / "audit.txt"
    settings.AUDIT_HEADS_MAIL = "auditor@example.invalid"
    send_report(today=MONDAY)
    for days in (1, 1, 2, 2):
        close(MONDAY + timedelta(days=days))
    lines = settings.AUDIT_HEADS_FILE.read_text().splitlines()
    heads = [line for line in lines if not line.startswith("erasures")]
    assert [line.split()[:3] for line in heads] == [["1", "1", "2026-01-01"], ["1", "2", "2026-11-10"]]
    # With each head the list of erasures says up to which entry it goes.
    untils = [line.split()[:4] for line in lines if line not in heads]
    assert untils == [["erasures", "1", head.split()[3], "0"] for head in heads]
    assert [message.body for message in mail.outbox] == lines
    assert verify.verify_chain(heads=log.parse_heads("\n".join(lines))).whole
    other = log.Head(1, 2, "2026-11-10", int(heads[-1].split()[3]), "00" * 32)
    assert verify.verify_chain(heads=[other]).faults[0].sequence == other.sequence


def test_staff_mail_says_only_that_there_is_work(cast: Cast) -> None:
    assert scheduled.send_staff_mail(today=MONDAY) == 0
    for _ in range(3):
        send_report(today=MONDAY)
    assert scheduled.send_staff_mail(today=MONDAY) == 3
    assert {message.to[0].split("@")[0] for message in mail.outbox} == {"vera", "vino", "fitri"}
    assert len({(message.subject, message.body) for message in mail.outbox}) == 1
    assert not any(character.isdigit() for character in mail.outbox[0].subject + mail.outbox[0].body)


def test_sweep_deletes_ended_sessions_and_orphans_only(cast: Cast) -> None:
    today = MONDAY + timedelta(days=5)
    sent = send_report(today=MONDAY)
    upload = sealed_upload(photo())
    follow_up.add_message(ticket=sent.ticket, text="", files=[upload], today=MONDAY)
    drafted, orphan, young = sealed_upload(photo()), sealed_upload(photo()), sealed_upload(photo())
    draft = Draft.objects.create(pk="d", data=b"", ends=b"", stored_size=0, expires_on=today)
    DraftFile.objects.create(draft=draft, object_name=drafted.object_name, object_digest=b"", sealed=b"", day=MONDAY)
    SealedSession.objects.create(pk="over", data=b"", expires_on=MONDAY)
    old = at(MONDAY).timestamp()
    for upload_of_monday in (orphan, drafted):
        os.utime(storage.storage().path(upload_of_monday.object_name), (old, old))
    soon = at(today).timestamp()
    os.utime(storage.storage().path(young.object_name), (soon, soon))
    assert retention.sweep(today=today) == 1
    assert storage.storage().exists(upload.object_name)
    assert storage.storage().exists(young.object_name)
    assert not storage.storage().exists(orphan.object_name)
    assert storage.storage().exists(drafted.object_name)
    assert not SealedSession.objects.exists()
    for kept in (young, drafted):
        storage.delete_object(kept.object_name)


def test_sweep_destroys_no_evidence_whose_row_was_renamed(cast: Cast) -> None:
    """Somebody who writes to the database only, and puts the name back once the portal has deleted the file."""
    sent = send_report(today=MONDAY)
    upload = sealed_upload(photo())
    follow_up.add_message(ticket=sent.ticket, text="", files=[upload], today=MONDAY)
    old = at(MONDAY).timestamp()
    os.utime(storage.storage().path(upload.object_name), (old, old))
    EvidenceObject.objects.update(object_name="0" * 32)
    retention.sweep(today=MONDAY + timedelta(days=20))
    assert storage.storage().exists(upload.object_name)
    EvidenceObject.objects.update(object_name=upload.object_name)
    retention.sweep(today=MONDAY + timedelta(days=20))
    assert storage.storage().exists(upload.object_name)


def test_sweep_reports_missing_objects_and_deletes_no_row(cast: Cast) -> None:
    sent = send_report(today=MONDAY)
    upload = sealed_upload(photo())
    follow_up.add_message(ticket=sent.ticket, text="", files=[upload], today=MONDAY)
    storage.delete_object(upload.object_name)
    assert retention.missing_objects() == [upload.object_name]
    retention.sweep(today=MONDAY + timedelta(days=9))
    assert Evidence.objects.count() == 1


def test_every_job_runs_twice_on_an_empty_portal(cast: Cast, settings: Settings, tmp_path: Any) -> None:
    settings.AUDIT_HEADS_FILE = tmp_path / "heads.txt"
    for _ in range(2):
        for job in (
            "heartbeat",
            "process_evidence",
            "run_deadlines",
            "close_day",
            "verify_chain",
            "sweep",
            "staff_mail",
        ):
            getattr(tasks, job)()
    assert Heartbeat.objects.count() == 1
    assert Heartbeat.objects.get().beat_at is not None
    assert len(settings.AUDIT_HEADS_FILE.read_text().splitlines()) == 2


def test_a_head_leaves_by_file_without_a_mail_server_and_by_mail_with_the_next_run(
    cast: Cast, settings: Settings, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AUDIT_HEADS_FILE = tmp_path / "heads.txt"
    settings.AUDIT_HEADS_MAIL = "auditor@example.invalid"
    send_report(today=MONDAY)
    tried: list[str] = []
    with monkeypatch.context() as dead:
        dead.setattr(scheduled.mail, "send", lambda to, subject, text: tried.append(text) or 0)
        close(MONDAY + timedelta(days=30))
        close(MONDAY + timedelta(days=31))
    lines = settings.AUDIT_HEADS_FILE.read_text().splitlines()
    assert len(lines) == 4 and not mail.outbox
    assert tried == [lines[0], lines[0]], "one that waits for a dead server is not followed by others"
    close(MONDAY + timedelta(days=31))
    assert [message.body for message in mail.outbox] == lines
    assert not (tmp_path / "heads-unmailed.txt").exists()
    assert settings.AUDIT_HEADS_FILE.read_text().splitlines() == lines
    close(MONDAY + timedelta(days=31))
    assert len(mail.outbox) == 4
    # A run that ended between the note and the file.
    settings.AUDIT_HEADS_FILE.write_text("".join(f"{line}\n" for line in lines[:3]))
    (tmp_path / "heads-unmailed.txt").write_text(f"{lines[3]}\n")
    close(MONDAY + timedelta(days=31))
    assert settings.AUDIT_HEADS_FILE.read_text().splitlines() == lines
    assert [message.body for message in mail.outbox] == [*lines, lines[3]]
