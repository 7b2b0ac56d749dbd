"""What a sweep over every column of every table found unnamed, and what a row altered for a moment had people told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from complaints.domain.risk import RiskGrade
from complaints.domain.workflow import Action
from complaints.models import triggers
from complaints.models.blind_index import IndexKey
from complaints.models.case import Assessment, CaseStep, InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import OversightBody, Release, ReleasedReport
from complaints.models.reference_data import Category, StandardText
from complaints.services import (
    after_the_end,
    assessments,
    case_actions,
    case_file,
    case_links,
    first_look,
    follow_up,
    reference_data,
    transitions,
)
from complaints.services.audit import verify
from complaints.services.forwarding import reading
from complaints.services.forwarding.bodies import bodies_on
from complaints.services.keyring import Actor
from complaints.services.reporter_page import StatusPage
from complaints.services.transitions import current_versions
from tests.cases import act, body_act, forwarded, in_review
from tests.database import editor
from tests.world import Cast, Sent, send_report

pytestmark = pytest.mark.django_db


def codes() -> set[str]:
    return {fault.code for fault in verify.verify_chain().faults}


def look(cast: Cast) -> None:
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), timezone.now()))


# --- Named every night


def test_whoever_closed_a_case_and_decides_after_the_objection_is_named(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule is asked when the step is taken; here it is not."""
    sent = in_review(cast)
    act(cast, "vera", sent, Action.REFER, "Bukan untuk kami.")
    after_the_end.object_to_end(ticket=sent.ticket, reason="Dibaca lagi.", today=timezone.localdate())
    assert codes() == set()
    monkeypatch.setattr(transitions, "_closer_objected_to", lambda _case: None)
    act(cast, "vera", sent, Action.REFER, "Tetap bukan untuk kami.")
    assert codes() == {"entry.same_person"}


def test_who_decides_after_another_person_settled_the_objection_is_no_fault(cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.REFER, "Bukan untuk kami.")
    after_the_end.object_to_end(ticket=sent.ticket, reason="Dibaca lagi.", today=timezone.localdate())
    act(cast, "vino", sent, Action.REFER, "Tetap bukan untuk kami.")
    act(cast, "vera", sent, Action.REOPEN, "Ada bukti baru.")
    act(cast, "vera", sent, Action.VERIFY)
    assert codes() == set()


def sealed_for_a_body(cast: Cast) -> int:
    sent = in_review(cast)
    case_actions.reply_to_reporter(
        actor=Actor(cast.ring("vera"), timezone.now()), complaint_id=sent.ticket.complaint_id, text="Terima kasih."
    )
    return Message.objects.update(sealed_for_release=b"planted")


def signed_by_nobody(cast: Cast) -> int:
    in_review(cast)
    triggers.remove_append_only(editor())
    return CaseStep.objects.update(signature=b"\1" * 64)


def as_if_never_read(cast: Cast) -> int:
    send_report()
    look(cast)
    assert not Complaint.objects.filter(index_entry=None).exists()
    return Complaint.objects.update(index_entry=None)


def without_a_number(cast: Cast) -> int:
    send_report()
    return Complaint.objects.update(next_sequence=0)


@pytest.mark.parametrize(
    ("alter", "code"),
    [
        (sealed_for_a_body, "row.altered"),
        (signed_by_nobody, "case.step"),
        (as_if_never_read, "index.altered"),
        (without_a_number, "thread.rows"),
    ],
)
def test_an_altered_column_is_named(cast: Cast, alter: Callable[[Cast], int], code: str) -> None:
    assert alter(cast)
    assert code in codes()


# --- Told to no reporter, not even where the row is put back before the night


def asked(cast: Cast) -> Sent:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.ASK_REPORTER, "Jam berapa?")
    return sent


def written_to(cast: Cast) -> Sent:
    sent = asked(cast)
    actor = Actor(cast.ring("vera"), timezone.now())
    case_actions.reply_to_reporter(actor=actor, complaint_id=sent.ticket.complaint_id, text="Kami menunggu.")
    return sent


def at_a_body(cast: Cast) -> Sent:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    return sent


def taken_for_the_clocks(cast: Cast) -> int:
    triggers.remove_append_only(editor())
    return CaseStep.objects.filter(action=Action.FORWARD).update(actor_kind="body")


@pytest.mark.parametrize(
    ("build", "alter"),
    [
        (asked, lambda _cast: Message.objects.all()._raw_delete("default")),
        (asked, lambda _cast: Message.objects.update(step=None)),
        (asked, lambda _cast: Message.objects.update(direction=Message.Direction.BODY_TO_TRIAGE)),
        (written_to, lambda _cast: Message.objects.filter(step=None).update(step=CaseStep.objects.first())),
        (written_to, lambda _cast: Message.objects.filter(step=None).update(day="2026-01-01")),
        (at_a_body, lambda _cast: ReleasedReport.objects.all()._raw_delete("default")),
        (at_a_body, lambda _cast: Release.objects.update(state="recalled")),
        (at_a_body, lambda _cast: Release.objects.update(state="returned")),
        (at_a_body, lambda _cast: Release.objects.update(number=7)),
        (at_a_body, lambda _cast: Release.objects.update(is_further=True)),
        (at_a_body, taken_for_the_clocks),
    ],
)
def test_what_is_altered_is_told_to_no_reporter(
    cast: Cast, build: Callable[[Cast], Sent], alter: Callable[[Cast], int | None]
) -> None:
    sent = build(cast)
    before = page(sent)
    assert before is not None and not before.under_check
    alter(cast)
    after = page(sent)
    if after is not None:
        assert (after.under_check, after.status, after.thread, after.events, after.told) == (True, "", [], [], [])


def page(sent: Sent) -> StatusPage | None:
    """Return the page of a report; None where a record does not open, and the page says that it cannot be read."""
    try:
        return follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    except follow_up.UNREADABLE:
        return None


def test_an_opening_tells_of_the_same_words_after_a_report_has_moved(cast: Cast) -> None:
    """Words that were written in another case are as recorded, too."""
    sent, other = written_to(cast), in_review(cast)
    seen = current_versions([sent.case, other.case])
    actor = Actor(cast.ring("vera"), timezone.now())
    sources = {sent.case.pk: seen[sent.case.pk]}
    case_links.link(
        actor=actor, target_id=other.case.pk, sources=sources, reason="Perkara yang sama.", seen=seen[other.case.pk]
    )
    moved = page(sent)
    assert moved is not None and not moved.under_check
    assert [entry.text for entry in moved.thread] == ["Kami menunggu."]


def test_another_name_of_a_body_is_told_to_no_reporter_and_chosen_by_nobody(cast: Cast) -> None:
    """The tables that name bodies, categories and words are compared once in each edition, as the calendar is."""
    sent = at_a_body(cast)
    before = page(sent)
    assert before is not None and "BKN" in before.label
    OversightBody.objects.filter(pk="bkn").update(short_name="KASN", valid_until="2026-01-01")
    StandardText.objects.update(body_id="Laporan Anda ditolak.")
    Category.objects.update(name_id="Lain", active=False)
    for _look in range(2):
        reference_data.clear_cache()
        after = page(sent)
        assert after is not None and (after.label, after.body_name) == (before.label, before.body_name)
        assert "bkn" in {body.pk for body in bodies_on(timezone.localdate()).with_team}
        assert reference_data.categories() and not {row.name_id for row in reference_data.categories()} & {"Lain"}
        texts = reference_data.standard_texts("reply", "offline")
        assert texts and not {row.body_id for row in texts} & {"Laporan Anda ditolak."}
        # A process that has read none takes those of the program.
        reference_data._known_rows.clear()


def test_a_key_of_the_index_that_was_deleted_is_named(cast: Cast) -> None:
    send_report(accused_nip="197001011990031001")
    look(cast)
    assert codes() == set()
    IndexKey.objects.all().delete()
    assert codes() == {"index.altered"}


# --- Shown to no officer without a word


def noted(cast: Cast) -> Sent:
    sent = written_to(cast)
    actor = Actor(cast.ring("vera"), timezone.now())
    case_actions.write_case_note(actor=actor, complaint_id=sent.ticket.complaint_id, text="Sudah ditelepon.")
    complaint = Complaint.objects.get(pk=sent.ticket.complaint_id)
    assessments.record_risk(complaint=complaint, answers={}, grade=RiskGrade.HIGH, why="Diancam.", actor=actor)
    return sent


@pytest.mark.parametrize(
    "alter",
    [
        lambda cast: Message.objects.filter(step=None)._raw_delete("default"),
        lambda cast: Message.objects.filter(step=None).update(author=cast["vino"]),
        lambda cast: Message.objects.filter(step=None).update(day="2026-01-01"),
        lambda cast: InternalNote.objects.all()._raw_delete("default"),
        lambda cast: InternalNote.objects.update(author=cast["vino"]),
        lambda cast: InternalNote.objects.update(at=timezone.now() - timedelta(days=9)),
        lambda cast: Assessment.objects.filter(kind="risk")._raw_delete("default"),
        lambda cast: Assessment.objects.update(author=cast["vino"]),
    ],
)
def test_what_staff_wrote_and_somebody_altered_is_shown_with_a_warning(
    cast: Cast, alter: Callable[[Cast], int | None]
) -> None:
    sent = noted(cast)
    actor = Actor(cast.ring("vino"), timezone.now())
    opened = case_file.open_case(actor=actor, case_id=sent.case.pk)
    assert not opened.under_check
    alter(cast)
    opened = case_file.open_case(actor=actor, case_id=sent.case.pk)
    assert (opened.under_check, opened.history, opened.choices) == (True, [], [])


@pytest.mark.parametrize(
    "altered",
    [{"state": "returned"}, {"state": "recalled"}, {"at": timezone.now() - timedelta(days=9)}],
)
def test_an_altered_release_is_shown_with_a_warning(cast: Cast, altered: dict[str, Any]) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    vera, kirana = (Actor(cast.ring(name), timezone.now()) for name in ("vera", "kirana"))
    assert not case_file.open_case(actor=vera, case_id=sent.case.pk).under_check
    assert not reading.open_release(actor=kirana, release_id=release.pk).under_check
    Release.objects.update(**altered)
    assert case_file.open_case(actor=vera, case_id=sent.case.pk).under_check
    if altered.get("state") != "recalled":
        assert reading.open_release(actor=kirana, release_id=release.pk).under_check
