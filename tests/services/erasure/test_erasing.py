"""Erasing one of several linked, released reports: nothing of it is left, the others open, and the chain is whole."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.module_loading import import_string
from pytest_django import Settings

from complaints.domain.workflow import Action
from complaints.models.batch import KeptLeaf
from complaints.models.case import Case, InternalNote
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.erasure import ErasedObject, Erasure
from complaints.models.oversight import Finding, OversightBody, Release, ReleasePart
from complaints.models.session import KeptForms
from complaints.queue import JOBS
from complaints.services import case_actions, case_links, follow_up, kept_forms
from complaints.services.audit import log, recorded_erasures, verify, verify_rows
from complaints.services.erasure import erasing, holds, remains
from complaints.services.evidence import storage
from complaints.services.forwarding import reading, release
from complaints.services.forwarding.contents import whole
from complaints.services.keyring import Actor
from tests.cases import act, body_act, body_asks, in_review, with_photo
from tests.decisions import find
from tests.erasures import agreed, erased, left_of
from tests.opened import everything
from tests.world import Cast, Sent, close_batch, send_report

pytestmark = pytest.mark.django_db
# When the periods and the days to object are over.
LATER = timedelta(days=4000)


def actor(name: str, cast: Cast) -> Actor:
    return Actor(cast.ring(name), timezone.now())


def faults() -> set[str]:
    return {fault.code for fault in verify.verify_chain().faults}


def stored_objects() -> set[str]:
    return {item.name for item in storage.storage().present()}


def written(cast: Cast, sent: Sent, mark: str) -> None:
    """Let a reporter and an officer say a word on a report, each with the mark, and add a photo."""
    with_photo(sent)
    today = timezone.localdate()
    follow_up.add_message(ticket=sent.ticket, text=f"Susulan {mark}.", files=[], today=today)
    complaint = Complaint.objects.get(pk=sent.ticket.complaint_id)
    case_actions.write_note(actor=actor("vera", cast), complaint=complaint, text=f"Catatan {mark}.")


def joint(cast: Cast, marks: tuple[str, ...]) -> tuple[list[Sent], Release]:
    """Linked reports, one for each mark, released to a body that asked, was answered, and found nothing."""
    sent = [send_report(story=f"Kisah {mark} tentang rapat pagi.") for mark in marks]
    act(cast, "vera", sent[0], Action.START_REVIEW)
    for report, mark in zip(sent, marks, strict=True):
        written(cast, report, mark)
    sources = {report.case.pk: None for report in sent[1:]}
    if sources:
        case_links.link(actor=actor("vera", cast), target_id=sent[0].case.pk, sources=sources, reason="Sama.")
    act(cast, "vera", sent[0], Action.VERIFY)
    objects = {item for report in sent for item in working_copies(report)}
    made = release.forward(
        actor=actor("fitri", cast),
        case_id=sent[0].case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=whole(sent[0].case.pk, objects=objects),
        cover="Mohon ditindaklanjuti.",
    )
    body_act(cast, "kirana", made, Action.TAKE_UP)
    body_asks(cast, made, "Siapa yang hadir?")
    for report, mark in zip(sent, marks, strict=True):
        answer = f"Jawaban {mark}."
        follow_up.add_message(ticket=report.ticket, text=answer, files=[], today=timezone.localdate())
    find(actor=actor("kirana", cast), release_id=made.pk, finding=Action.DISMISS, text="Nihil.", reply="Nihil.")
    return sent, made


def working_copies(sent: Sent) -> list[uuid.UUID]:
    evidence = Complaint.objects.get(pk=sent.ticket.complaint_id).evidence.all()
    rows = (item for row in evidence for item in row.objects_stored.all() if item.variant == "working")
    return [item.pk for item in rows]


def test_of_linked_released_reports_one_is_erased_and_the_others_open(cast: Cast) -> None:
    """The heads from before hold, and no row, object, index entry, document or part of it is left."""
    sent, made = joint(cast, ("melati", "kenanga", "mawar"))
    gone, body = sent[1], actor("kirana", cast)
    assert b"Kisah kenanga" in everything(sent) and b"Jawaban kenanga" in everything(sent)
    close_batch(timezone.now() + timedelta(days=1))
    heads, known = log.heads(), gone.ticket.complaint_id
    names = set(remains.objects_of(remains.of_report(known)))
    assert faults() == set() and names <= stored_objects()
    kept_forms.keep(keyring=cast.ring("vera"), name="reply", values={"text": ["kenanga"]}, today=timezone.localdate())

    done = erased(known, now=timezone.now() + LATER)

    assert verify.verify_chain(heads=heads).whole and verify.verify_chain(heads=log.heads()).whole
    assert (done.state, left_of(known), ErasedObject.objects.count()) == ("done", {}, 0)
    assert not names & stored_objects() and not KeptForms.objects.exists()
    left = everything(sent)
    assert b"kenanga" not in left
    assert all(word in left for word in (b"Kisah melati", b"Kisah mawar", b"Jawaban mawar", b"Catatan melati"))
    # The body reads what is left; what it wrote on all of them stays.
    read = reading.open_release(actor=body, release_id=made.pk)
    assert "kenanga" not in str(read) and "mawar" in str(read)
    assert Finding.objects.filter(release=made).exists()
    # So does the office; the case keeps its place because others are in it.
    assert Case.objects.get(pk=sent[0].case.pk).category_id == "A1"
    assert Case.objects.get(pk=known).is_erased
    for other in (sent[0], sent[2]):
        page = follow_up.status_page(ticket=other.ticket, today=timezone.localdate())
        assert not page.under_check


def wave(cast: Cast, number: int) -> tuple[list[Sent], Release]:
    """So many reports without files, linked and released together."""
    sent = [send_report(story=f"Kisah bunga{number}x{place} tentang rapat pagi.") for place in range(number)]
    act(cast, "vera", sent[0], Action.START_REVIEW)
    sources = {report.case.pk: None for report in sent[1:]}
    case_links.link(actor=actor("vera", cast), target_id=sent[0].case.pk, sources=sources, reason="Sama.")
    act(cast, "vera", sent[0], Action.VERIFY)
    made = release.forward(
        actor=actor("fitri", cast),
        case_id=sent[0].case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=whole(sent[0].case.pk),
        cover="Mohon ditindaklanjuti.",
    )
    body_act(cast, "kirana", made, Action.TAKE_UP)
    find(actor=actor("kirana", cast), release_id=made.pk, finding=Action.DISMISS, text="Nihil.", reply="Nihil.")
    return sent, made


def test_one_of_51_is_erased_with_the_queries_of_one_of_three(cast: Cast) -> None:
    queries = {}
    for number in (3, 51):
        sent, made = wave(cast, number)
        gone, word = sent[number // 2].ticket.complaint_id, f"bunga{number}x{number // 2} "
        assert left_of(gone)
        with CaptureQueriesContext(connection) as captured:
            erased(gone, now=timezone.now() + LATER)
        queries[number] = len(captured)
        assert left_of(gone) == {}
        read = str(reading.open_release(actor=actor("kirana", cast), release_id=made.pk))
        assert word not in read
        assert all(f"bunga{number}x{place} " in read for place in range(number) if place != number // 2)
    assert queries[51] <= queries[3] + 5, queries
    assert faults() == set()


def test_the_only_report_of_a_release_takes_its_keys_and_decisions_along(cast: Cast) -> None:
    (sent,), made = joint(cast, ("melati",))
    assert b"Nihil" in everything([sent])
    erased(sent.ticket.complaint_id, now=timezone.now() + LATER)
    left = everything([sent])
    assert b"melati" not in left and b"Nihil" not in left and b"Mohon ditindaklanjuti" not in left
    assert not KeyGrant.objects.filter(release=made).exists() and not Finding.objects.exists()
    case = Case.objects.get(pk=sent.case.pk)
    assert (case.category, case.accused_kind, case.province, bytes(case.salt)) == (None, None, None, b"")
    assert (case.status, case.step_count) == ("unsubstantiated", case.steps.count())
    assert faults() == set()


class Killed(BaseException):
    """Stands for kill -9: nothing of ours handles it."""


def withdrawn(cast: Cast, mark: str) -> Sent:
    sent = in_review(cast, story=f"Kisah {mark}.")
    written(cast, sent, mark)
    follow_up.withdraw(ticket=sent.ticket, today=timezone.localdate(), reason="")
    return sent


def test_a_kill_anywhere_is_resumed(cast: Cast) -> None:
    """At each entry once before it is written, and once after its transaction: nothing is done twice or left out."""
    sent = withdrawn(cast, "melati")
    row, now = agreed(sent.ticket.complaint_id), timezone.now() + LATER
    append, states = log.append, []
    with patch.object(erasing, "SLICE", 1):
        for number in range(40):
            is_after = bool(number % 2)

            def killing(is_after: bool = is_after, **entry: Any) -> Any:
                if is_after:
                    append(**entry)
                raise Killed

            steps = ("_make_unreadable", "_delete_slice", "_delete_objects", "_finish")
            with patch.object(erasing.log, "append", killing) if not is_after else killed_after(steps):
                try:
                    assert erasing.erase(row.pk, now=now)
                    break
                except Killed:
                    pass
            row.refresh_from_db()
            states.append(row.state)
            assert faults() == set(), states
    assert set(states) >= {"confirmed", "unreadable", "rows_gone", "objects_gone"}
    assert b"melati" not in everything([sent]) and not ErasedObject.objects.exists()


def killed_after(steps: tuple[str, ...]) -> Any:
    """Kill after the next step's transaction has ended."""

    def killing(step: Callable[..., Any]) -> Callable[..., Any]:
        def taken(*arguments: Any) -> None:
            step(*arguments)
            raise Killed

        return taken

    return patch.multiple(erasing, **{name: killing(getattr(erasing, name)) for name in steps})


def test_a_leaf_that_is_planted_for_a_row_deleted_by_hand_is_named(cast: Cast) -> None:
    """Whether it names no erasure, one that was done, or one that somebody wrote into the database with all of it."""
    victim, other = in_review(cast, story="Kisah melati."), withdrawn(cast, "mawar")
    written(cast, victim, "melati")
    done = erased(other.ticket.complaint_id, now=timezone.now() + LATER)
    assert faults() == set()
    note = InternalNote.objects.get(complaint=victim.case.pk)
    facts = log.last_entry_about(victim.case.pk, "note.written")
    assert facts is not None
    leaf = recorded_erasures.text_leaf(verify_rows.said_of(facts.facts))
    InternalNote.objects.filter(pk=note.pk).delete()
    assert "row.gone" in faults()
    KeptLeaf.objects.create(kind="note", row=note.pk, digest=leaf, erasure=done)
    assert {"row.gone", "erasure.leaves"} <= faults()
    people = {"proposed_by": cast["vera"], "confirmed_by": cast["fitri"]}
    planted = Erasure.objects.create(complaint_id=victim.case.pk, ground="period", state="done", **people)
    KeptLeaf.objects.create(kind="note", row=note.pk, digest=leaf, erasure=planted)
    assert {"row.gone", "erasure.unrecorded"} <= faults()


def test_an_altered_root_of_an_erasure_is_named(cast: Cast) -> None:
    done = erased(withdrawn(cast, "melati").case.pk, now=timezone.now() + LATER)
    Erasure.objects.filter(pk=done.pk).update(root=bytes(32))
    assert faults() == {"erasure.leaves"}


def test_a_report_that_only_the_database_calls_erased_is_named(cast: Cast) -> None:
    sent = send_report()
    Complaint.stored.filter(pk=sent.case.pk).update(erased_on=timezone.localdate())
    assert "erasure.unrecorded" in faults()


@pytest.mark.parametrize("what", ["message", "grant", "note", "complaint"])
def test_what_comes_back_after_an_erasure_is_named(cast: Cast, what: str) -> None:
    sent = withdrawn(cast, "melati")
    report = Complaint.objects.get(pk=sent.case.pk)
    rows = {
        "message": Message.objects.filter(complaint=report).first(),
        "grant": KeyGrant.objects.filter(complaint=report).first(),
        "note": InternalNote.objects.filter(complaint=report).first(),
        "complaint": report,
    }
    erased(report.pk, now=timezone.now() + LATER)
    row = rows[what]
    assert row is not None
    row.save()
    assert "erasure.left" in faults()


def test_a_hold_and_one_person_alone_stop_it(cast: Cast) -> None:
    sent = withdrawn(cast, "melati")
    now = timezone.now() + LATER
    alone = Erasure.objects.create(
        complaint_id=sent.case.pk,
        ground="period",
        state="confirmed",
        proposed_by=cast["vera"],
        confirmed_by=cast["fitri"],
    )
    assert erasing.work(now=now) == 0 and erasing.may_begin(alone, today=timezone.localdate(now)) == "not_agreed"
    alone.delete()
    row = agreed(sent.case.pk)
    holds.set_hold(actor=actor("vera", cast), complaint_id=sent.case.pk, ground="court")
    assert erasing.work(now=now) == 0 and erasing.may_begin(row, today=timezone.localdate(now)) == "hold"
    assert Complaint.objects.filter(pk=sent.case.pk).exists()


def test_an_examining_body_stops_it(cast: Cast) -> None:
    sent, made = joint(cast, ("melati", "mawar"))
    Case.objects.filter(pk=sent[0].case.pk).update(status="under_examination")
    row, now = agreed(sent[1].ticket.complaint_id), timezone.now() + LATER
    assert erasing.work(now=now) == 0
    assert erasing.may_begin(row, today=timezone.localdate(now)) == "examined"
    assert ReleasePart.objects.filter(release=made, report=2).exists()


def test_a_code_tells_for_a_year_that_its_report_was_erased(cast: Cast) -> None:
    sent = withdrawn(cast, "melati")
    done = erased(sent.case.pk, now=timezone.now())
    assert done.done_on is not None
    erasing.work(now=timezone.now() + timedelta(days=365))
    assert Complaint.stored.get(pk=sent.case.pk).lookup is not None
    erasing.work(now=timezone.now() + timedelta(days=366))
    assert Complaint.stored.get(pk=sent.case.pk).lookup is None and follow_up.open_ticket(sent.code) is None
    assert faults() == set()


def test_no_job_breaks_on_an_erased_report(cast: Cast, settings: Settings, tmp_path: Path) -> None:
    settings.AUDIT_HEADS_FILE, settings.AUDIT_HEADS_MAIL = tmp_path / "heads.txt", ""
    sent, _made = joint(cast, ("melati", "mawar"))
    for report in (sent[1], withdrawn(cast, "kenanga")):
        erased(report.ticket.complaint_id, now=timezone.now() + LATER)
    for job in JOBS:
        import_string(job.path)()
    assert settings.AUDIT_HEADS_FILE.read_text(encoding="ascii").count("erased ") == 2
    assert faults() == set()
