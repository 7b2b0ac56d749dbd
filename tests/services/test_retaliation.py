"""Retaliation: told like any message, listed for the team from the first reading on, forwarded, and asked about."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction
from django.utils import timezone

from complaints.domain.retaliation import CHECK_IN, CHECK_INS, OfficeAct, Retaliation, RetaliationKind
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.complaint import Message
from complaints.models.oversight import Release
from complaints.models.team import Team
from complaints.models.urgent_register import UrgentRegister
from complaints.services import case_actions, case_file, follow_up, retaliation, urgent_register
from complaints.services.audit import verify
from complaints.services.forwarding import reading, release
from complaints.services.forwarding.contents import Choice
from complaints.services.keyring import Actor
from tests.cases import act, forwarded, in_review
from tests.world import Cast, Sent, at, send_report

DAY = date(2026, 11, 9)
MOVED = Retaliation(RetaliationKind.MOVED, date(2026, 11, 6))


def actor(cast: Cast, day: date = DAY, name: str = "vera") -> Actor:
    return Actor(cast.ring(name), at(day))


def tells(sent: Sent, text: str = "", told: Retaliation = MOVED, day: date = DAY) -> None:
    follow_up.add_message(ticket=sent.ticket, text=text, files=[], today=day, told=told)


def writes(sent: Sent, text: str = "Ada tambahan.") -> None:
    follow_up.add_message(ticket=sent.ticket, text=text, files=[], today=DAY)


def opens(cast: Cast, sent: Sent, day: date = DAY) -> retaliation.ReportRetaliation | None:
    who = actor(cast, day)
    opened = case_file.open_case(actor=who, case_id=sent.case.pk)
    return retaliation.of_case(keyring=who.keyring, opened=opened, today=day).get(sent.ticket.complaint_id)


def urgent_work(cast: Cast, day: date = DAY) -> retaliation.UrgentWork:
    who = actor(cast, day)
    values = Team.objects.values(**retaliation.urgent_columns(who.keyring))[0]
    return retaliation.urgent_work(actor=who, values=values)


def desk(cast: Cast, day: date = DAY) -> list[tuple[uuid.UUID, bool, date | None]]:
    work = urgent_work(cast, day)
    return [(line.case.pk, line.needs_act, line.check_in_on) for line in work.lines]


def seen_by_a_thief(case: Case) -> str:
    """Every row of a case and its report as a thief reads it: clear columns, the lengths of others, and the entries."""
    report = case.complaints.get()
    names = {case.pk: "case", report.pk: "case"}
    rows = []
    for model in apps.get_app_config("complaints").get_models():
        for row in model._base_manager.all():
            keys = {value for value in vars(row).values() if isinstance(value, uuid.UUID)}
            if not keys & names.keys() and model is not UrgentRegister:
                continue
            columns = {column.attname: _clear(column, getattr(row, column.attname)) for column in _columns(model)}
            rows.append(json.dumps({"table": model.__name__, **columns}, sort_keys=True, default=str))
    entries = AuditEntry.objects.order_by("sequence").values_list("event", "facts")
    return "\n".join([*sorted(rows), *(f"{event} {sorted(facts)}" for event, facts in entries)])


def _columns(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return list(model._meta.concrete_fields)


def _clear(column: models.Field[Any, Any], value: object) -> object:
    if isinstance(column, models.BinaryField):
        return len(bytes(value or b""))  # type: ignore[call-overload]
    # Keys, references and times differ for every report.
    return "-" if isinstance(value, uuid.UUID) or column.attname in {"reference", "facts", "at", "sequence"} else value


def _office_reads_and_answers(cast: Cast, sent: Sent) -> None:
    opens(cast, sent)
    case_actions.write_case_note(actor=actor(cast), complaint_id=sent.ticket.complaint_id, text="Dibaca.")


@pytest.mark.parametrize("later", [lambda _cast, _sent: None, _office_reads_and_answers], ids=["told", "read"])
def test_a_thief_cannot_tell_it_from_an_ordinary_message(cast: Cast, later: Callable[[Cast, Sent], None]) -> None:
    """Both when it was sent, and after an officer has read it and written a note; whatever was told."""
    kinds: list[Callable[[Sent], None]] = [
        writes,
        tells,
        lambda sent: tells(sent, "Saya dipindahkan.", Retaliation()),
        lambda sent: tells(sent, "x" * 3_000, Retaliation(RetaliationKind.THREATENED)),
    ]
    seen = set()
    for kind in kinds:
        with transaction.atomic():
            sent = send_report(today=DAY)
            kind(sent)
            later(cast, sent)
            seen.add(seen_by_a_thief(Case.objects.get(pk=sent.case.pk)))
            transaction.set_rollback(True)
    assert len(seen) == 1


def test_from_the_first_reading_on_it_is_urgent_until_an_act_is_recorded(cast: Cast) -> None:
    sent, other = in_review(cast, today=DAY), in_review(cast, today=DAY)
    tells(sent, "Surat mutasi saya terima hari Jumat.")
    writes(other)
    assert desk(cast) == [], "nobody knows before somebody has looked"
    opens(cast, other)
    assert desk(cast) == []
    found = opens(cast, sent)
    assert found is not None and found.needs_act
    assert [(item.told, item.text) for item in found.told] == [(MOVED, "Surat mutasi saya terima hari Jumat.")]
    assert desk(cast) == [(sent.case.pk, True, None)]
    who, complaint = actor(cast), found.complaint
    retaliation.record_act(actor=who, complaint=complaint, act=OfficeAct.LPSK, words="Bicara.", reply="Kami mencatat.")
    found = opens(cast, sent)
    assert found is not None and not found.needs_act
    assert [(act.act, act.words) for act in found.acts] == [("lpsk", "Bicara.")]
    assert desk(cast) == []
    thread = follow_up.status_page(ticket=sent.ticket, today=DAY).thread
    assert [entry.text for entry in thread] == ["Kami mencatat."], "the reporter reads nothing of the marks"
    # Told again: urgent again, once it is read.
    tells(sent, told=Retaliation(RetaliationKind.THREATENED))
    opens(cast, sent)
    assert desk(cast) == [(sent.case.pk, True, None)]
    assert not verify.verify_chain().faults


def test_check_ins_fall_on_working_days_and_stay_until_asked_or_left_out(cast: Cast) -> None:
    # 30 days later is Christmas, a Friday; the day before is joint leave or not, and Saturday and Sunday follow.
    day = date(2026, 11, 25)
    days = retaliation.check_in_days(day)
    assert days["check-in-1"] == date(2026, 12, 28)
    assert (date(2026, 12, 25) - day).days == 30
    sent = in_review(cast, today=day)
    tells(sent, day=day)
    found = opens(cast, sent, day)
    assert found is not None
    retaliation.record_act(actor=actor(cast, day), complaint=found.complaint, act="other", words="Dicatat.")
    assert desk(cast, date(2026, 12, 27)) == []
    due = date(2026, 12, 28)
    assert desk(cast, due) == [(sent.case.pk, False, due)]
    case_actions.reply_to_reporter(
        actor=actor(cast, due),
        complaint_id=found.complaint.pk,
        text="Apakah Anda aman?",
        marks={CHECK_IN: CHECK_INS[0]},
    )
    assert desk(cast, due) == []
    for code in CHECK_INS[1:]:
        assert desk(cast, days[code]) == [(sent.case.pk, False, days[code])]
        case_actions.write_case_note(
            actor=actor(cast, days[code]),
            complaint_id=found.complaint.pk,
            text="Ia menulis kemarin.",
            marks={CHECK_IN: code, "skipped": True},
        )
    found = opens(cast, sent, days[CHECK_INS[2]])
    assert found is not None
    assert [(item.done_on, item.is_skipped) for item in found.check_ins] == [
        (due, False),
        (days[CHECK_INS[1]], True),
        (days[CHECK_INS[2]], True),
    ]
    assert desk(cast, day + timedelta(days=300)) == []


def test_it_goes_to_the_body_as_urgent_and_the_reporter_reads_that(cast: Cast) -> None:
    sent, first = forwarded(cast, today=DAY)
    tells(sent, "Saya dipindahkan ke Gudangwilis.")
    opens(cast, sent)
    message = Message.objects.from_reporter().get()
    choice = Choice({sent.ticket.complaint_id: ()}, messages={message.pk})
    row = release.supplement(actor=actor(cast, name="fitri"), first=first, choice=choice)
    content = reading.open_release(actor=actor(cast, name="kirana"), release_id=first.pk).opened[0].content
    assert content.urgent
    assert content.reports[0].told == [(DAY, MOVED, "Saya dipindahkan ke Gudangwilis.")]
    found = opens(cast, sent)
    assert found is not None and not found.needs_act
    assert found.told[0].passed_on == [("BKN", timezone.localdate(row.at))]
    assert desk(cast) == []
    told = follow_up.status_page(ticket=sent.ticket, today=DAY).told
    assert sorted(item.retaliation for item in told) == [0, 1]


def test_what_was_recalled_is_urgent_again_on_the_page_and_on_the_desk(cast: Cast) -> None:
    sent, first = forwarded(cast, today=DAY)
    tells(sent, "Saya dipindahkan.")
    opens(cast, sent)
    message = Message.objects.from_reporter().get()
    sealed = AuditEntry.objects.filter(event="register.sealed")

    def supplement(**parts: Any) -> Release:
        choice = Choice({sent.ticket.complaint_id: ()}, **parts)
        return release.supplement(actor=actor(cast, name="fitri"), first=first, choice=choice)

    def recalled(row: Release) -> bool:
        before = sealed.count()
        release.recall(actor=actor(cast, name="fitri"), release_id=row.pk)
        assert sealed.count() == before + 1, "whatever the release held"
        found = opens(cast, sent)
        assert found is not None and found.needs_act == bool(desk(cast))
        return found.needs_act

    sent_on = supplement(messages={message.pk})
    writes(sent)
    other = supplement(messages={Message.objects.from_reporter().latest("sequence").pk})
    assert not recalled(other)
    assert recalled(sent_on)
    # An act that was recorded stands, whatever is recalled.
    again = supplement(messages={message.pk})
    found = opens(cast, sent)
    assert found is not None
    retaliation.record_act(actor=actor(cast), complaint=found.complaint, act=OfficeAct.LPSK, words="Bicara.")
    assert not recalled(again)
    # Taken back with the whole forwarding, which was not taken up.
    tells(sent, told=Retaliation(RetaliationKind.THREATENED))
    opens(cast, sent)
    supplement(messages={Message.objects.from_reporter().latest("sequence").pk})
    assert desk(cast) == []
    act(cast, "fitri", sent, Action.RECALL, "Keliru.")
    assert desk(cast) == [(sent.case.pk, True, None)]


def test_a_register_that_was_altered_is_named_and_built_again(cast: Cast) -> None:
    sent = in_review(cast, today=DAY)
    tells(sent)
    opens(cast, sent)
    older = UrgentRegister.objects.get()
    case_actions.write_case_note(actor=actor(cast), complaint_id=sent.ticket.complaint_id, text="Dibaca.")
    for damage in (
        lambda: older.save(),  # put back
        lambda: UrgentRegister.objects.all().delete(),
        lambda: UrgentRegister.objects.update(version=9),
    ):
        damage()
        assert urgent_work(cast).is_damaged
        with pytest.raises(urgent_register.SealError):
            urgent_register.read(cast.ring("vera"))
        codes = [fault.code for fault in verify.verify_chain().faults]
        assert codes == ["register.altered"]
        opens(cast, sent)
        work = urgent_work(cast)
        assert [line.case.pk for line in work.lines] == [sent.case.pk]
        assert work.begun_on == DAY
        assert not verify.verify_chain().faults


def test_who_damages_the_register_learns_nothing_from_who_writes_it_again(cast: Cast) -> None:
    """Each opening of a case with a message writes it while something may be missing, whatever the message told."""
    telling, other, silent = (in_review(cast, today=DAY) for _number in range(3))
    tells(telling)
    writes(other)
    for sent in (telling, other):
        opens(cast, sent)
    sealed = AuditEntry.objects.filter(event="register.sealed")

    def written(sent: Sent, day: date) -> int:
        before = sealed.count()
        opens(cast, sent, day)
        return sealed.count() - before

    assert [written(sent, DAY) for sent in (telling, other, silent)] == [0, 0, 0]
    UrgentRegister.objects.all().delete()
    assert [written(sent, DAY) for sent in (other, telling, other, telling, silent)] == [1, 1, 1, 1, 0]
    assert desk(cast) == [(telling.case.pk, True, None)]
    later = DAY + urgent_register.KEPT
    assert [written(sent, later) for sent in (telling, other)] == [0, 0]


def test_what_was_done_after_midnight_has_the_day_of_the_portal(cast: Cast) -> None:
    """At one in the morning in Jakarta it is still the day before by the clock of the database."""
    sent, first = forwarded(cast)
    tells(sent)
    early = at(DAY, hour=1)
    choice = Choice({sent.ticket.complaint_id: ()}, messages={Message.objects.get().pk})
    release.supplement(actor=Actor(cast.ring("fitri"), early), first=first, choice=choice)
    found = opens(cast, sent)
    assert found is not None
    who = Actor(cast.ring("vera"), early)
    retaliation.record_act(actor=who, complaint=found.complaint, act=OfficeAct.LPSK, words="Bicara.")
    found = opens(cast, sent)
    assert found is not None
    assert [day for item in found.told for _body, day in item.passed_on] == [DAY]
    assert [act.day for act in found.acts] == [DAY]


def test_an_older_register_with_a_planted_entry_is_not_shown(cast: Cast) -> None:
    """Whoever writes to the database takes a matter off the desk: it is told at once, and the register begins anew."""
    sent = in_review(cast, today=DAY)
    writes(sent)
    opens(cast, sent)
    older = UrgentRegister.objects.get()
    tells(sent)
    opens(cast, sent)
    assert desk(cast) == [(sent.case.pk, True, None)]
    genuine = AuditEntry.objects.filter(event="register.sealed").order_by("sequence")
    for facts in (genuine[0].facts, {}, {"version": "satu"}):
        planted = AuditEntry.objects.order_by("-sequence")[0]
        planted.sequence, planted.event, planted.subject, planted.facts = (
            *(planted.sequence + 1, "register.sealed", older.team_id, facts),
        )
        with transaction.atomic():
            planted.save(force_insert=True)
            older.save()
            assert urgent_work(cast).is_damaged
            assert "register.altered" in {fault.code for fault in verify.verify_chain().faults}
            transaction.set_rollback(True)
