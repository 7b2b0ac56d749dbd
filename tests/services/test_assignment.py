"""Who has a case: taking, giving, confirming, declining, handing over, standing in, and handing out in turn."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from complaints.domain.workflow import TransitionRefused
from complaints.models.assignment import Absence, AutoAssignmentRule, Duty
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.team import Staff
from complaints.services import assignment, case_file, conflicts, first_look
from complaints.services.audit import verify
from complaints.services.keyring import Actor, Locked
from tests.world import Cast, Sent, at, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)


def reloaded(sent: Sent) -> Case:
    return Case.objects.select_related("assignee", "assigned_by", "stands_for").get(pk=sent.case.pk)


def owner(sent: Sent) -> str:
    return assignment.name_of(reloaded(sent).assignee).lower()


def give(cast: Cast, by: str, to: str, sent: Sent) -> None:
    assignment.assign(actor=Actor(cast.ring(by), NOW), case_id=sent.case.pk, assignee=cast[to])


def hand_out_by(by: str) -> None:
    AutoAssignmentRule.objects.update_or_create(pk=1, defaults={"by": by})


def meet(cast: Cast, name: str = "fitri") -> None:
    first_look.process_new_reports(actor=Actor(cast.ring(name), NOW))


@pytest.mark.django_db
def test_claiming_confirms_an_assignment_receiving_does_not(cast: Cast) -> None:
    sent = send_report(today=DAY)
    assignment.claim(actor=Actor(cast.ring("vera"), NOW), case_id=sent.case.pk, seen=None)
    case = reloaded(sent)
    assert (owner(sent), case.confirmed_on, case.owner_seen_on) == ("vera", DAY, DAY)
    give(cast, "vera", "vino", sent)
    case = reloaded(sent)
    assert (owner(sent), case.confirmed_on, case.assigned_by) == ("vino", None, cast["vera"])
    with pytest.raises(assignment.AlreadyTaken):
        assignment.confirm(actor=Actor(cast.ring("vera"), NOW), case_id=sent.case.pk)
    assignment.confirm(actor=Actor(cast.ring("vino"), NOW), case_id=sent.case.pk)
    assert reloaded(sent).confirmed_on == DAY
    events = list(AuditEntry.objects.filter(case=sent.case.pk).order_by("sequence").values_list("event", flat=True))
    assert events == ["case.assigned", "case.assigned", "case.taken_on"]


@pytest.mark.django_db
def test_declining_needs_a_reason_that_the_others_read(cast: Cast) -> None:
    sent = send_report(today=DAY)
    give(cast, "fitri", "vera", sent)
    do: dict[str, Any] = {"actor": Actor(cast.ring("vera"), NOW), "case_id": sent.case.pk}
    with pytest.raises(TransitionRefused):
        assignment.decline(reason=" ", **do)
    assignment.decline(reason="Terlalu banyak.", **do)
    case = reloaded(sent)
    assert (case.assignee, case.assigned_by, case.assigned_on, case.owner_seen_on) == (None, None, None, None)
    notes = case_file.open_case(actor=Actor(cast.ring("vino"), NOW), case_id=sent.case.pk).notes
    assert [note.text for note in notes] == ["Terlalu banyak."]


@pytest.mark.django_db
def test_a_claim_of_what_somebody_else_has_meanwhile_is_told(cast: Cast) -> None:
    sent = send_report(today=DAY)
    assignment.claim(actor=Actor(cast.ring("vera"), NOW), case_id=sent.case.pk, seen=None)
    with pytest.raises(assignment.AlreadyTaken) as taken:
        assignment.claim(actor=Actor(cast.ring("vino"), NOW), case_id=sent.case.pk, seen=None)
    assert taken.value.owner == "Vera"
    # Knowingly, it can be taken over.
    assignment.claim(actor=Actor(cast.ring("vino"), NOW), case_id=sent.case.pk, seen=cast["vera"].pk)
    assert owner(sent) == "vino"


@pytest.mark.django_db(transaction=True)
def test_of_two_claims_at_once_one_wins(live_cast: Cast) -> None:
    sent = send_report(today=DAY)
    rings = [live_cast.ring(name) for name in ("vera", "vino")]

    def claim(ring: Any) -> str:
        try:
            assignment.claim(actor=Actor(ring, NOW), case_id=sent.case.pk, seen=None)
        except assignment.AlreadyTaken as taken:
            return f"told {taken.owner}"
        finally:
            connection.close()
        return "won"

    with ThreadPoolExecutor(2) as threads:
        ends = sorted(threads.map(claim, rings))
    assert ends[1] == "won"
    assert ends[0] == f"told {assignment.name_of(reloaded(sent).assignee)}"


@pytest.mark.django_db
def test_several_cases_are_handed_over_with_one_sealed_note(cast: Cast) -> None:
    sents = [send_report(today=DAY) for _number in range(3)]
    for sent in sents[:2]:
        assignment.claim(actor=Actor(cast.ring("vera"), NOW), case_id=sent.case.pk, seen=None)
    conflicts.declare_conflict(actor=Actor(cast.ring("vino"), NOW), case_id=sents[1].case.pk, reason="Tetangga.")
    ids = [sent.case.pk for sent in sents]
    words = "Saya cuti; tanyakan buktinya."
    given, refused = assignment.hand_over(
        actor=Actor(cast.ring("vera"), NOW), case_ids=ids, to=cast["vino"], words=words
    )
    assert (given, refused) == (1, 2)
    assert [owner(sent) for sent in sents] == ["vino", "vera", ""]
    assert reloaded(sents[0]).confirmed_on is None
    notes = case_file.open_case(actor=Actor(cast.ring("vino"), NOW), case_id=sents[0].case.pk).notes
    assert [note.text for note in notes] == [words]
    kept_notes = case_file.open_case(actor=Actor(cast.ring("vera"), NOW), case_id=sents[1].case.pk).notes
    assert words not in [note.text for note in kept_notes]


@pytest.mark.django_db
def test_the_stand_in_gets_what_the_absent_would_get(cast: Cast) -> None:
    sent = send_report(today=DAY)
    for name in ("vino", "kirana"):
        with pytest.raises(Locked):
            to = cast[name]
            assignment.start_absence(actor=Actor(cast.ring(name), NOW), stand_in=to, from_on=DAY, until_on=DAY)
    assignment.start_absence(actor=Actor(cast.ring("vino"), NOW), stand_in=cast["vera"], from_on=DAY, until_on=DAY)
    give(cast, "fitri", "vino", sent)
    case = reloaded(sent)
    assert (owner(sent), case.stands_for, case.confirmed_on) == ("vera", cast["vino"], None)
    assert [absence.staff for absence in assignment.absences_on(DAY).filter(stand_in=cast["vera"])] == [cast["vino"]]
    assert not assignment.absences_on(DAY + timedelta(days=1)).exists()
    with pytest.raises(Absence.DoesNotExist):
        assignment.end_absence(actor=Actor(cast.ring("vera"), NOW), absence_id=Absence.objects.get().pk)
    assignment.end_absence(actor=Actor(cast.ring("vino"), NOW), absence_id=Absence.objects.get().pk)
    give(cast, "fitri", "vino", sent)
    assert owner(sent) == "vino"


@pytest.mark.django_db
def test_an_owner_who_does_not_look_is_idle(cast: Cast) -> None:
    sent = send_report(today=DAY)
    give(cast, "fitri", "vera", sent)
    assert assignment.idle_since(DAY + timedelta(days=2)) < DAY  # Wednesday: two working days
    assert assignment.idle_since(DAY + timedelta(days=3)) == DAY
    assert assignment.idle_since(DAY + timedelta(days=6)) > DAY  # a weekend adds nothing to them
    later = at(DAY + timedelta(days=3))
    case_file.open_case(actor=Actor(cast.ring("fitri"), later), case_id=sent.case.pk)
    assert reloaded(sent).owner_seen_on == DAY
    case_file.open_case(actor=Actor(cast.ring("vera"), later), case_id=sent.case.pk)
    assert reloaded(sent).owner_seen_on == DAY + timedelta(days=3)


@pytest.mark.django_db
def test_nothing_is_handed_out_unless_it_is_switched_on(cast: Cast) -> None:
    sent = send_report(today=DAY)
    meet(cast)
    assert assignment.auto_assign(now=NOW) == 0
    assert owner(sent) == ""


@pytest.mark.django_db
def test_in_turn_to_whoever_has_least_then_waited_longest(cast: Cast) -> None:
    busy = send_report(today=DAY)
    assignment.claim(actor=Actor(cast.ring("vera"), NOW), case_id=busy.case.pk, seen=None)
    hand_out_by("province")
    sents = [send_report(today=DAY) for _number in range(5)]
    meet(cast)
    # Fitri and Vino have none; then all have one, and Vera has waited longest for a turn.
    load = {name: Case.objects.filter(assignee=cast[name]).count() for name in ("fitri", "vera", "vino")}
    assert load == {"fitri": 2, "vera": 2, "vino": 2}
    assert {reloaded(sent).confirmed_on for sent in sents} == {None}
    assert {reloaded(sent).assigned_by for sent in sents} == {None}


@pytest.mark.django_db
def test_a_province_goes_to_whoever_looks_after_it(cast: Cast) -> None:
    hand_out_by("province")
    Duty.objects.create(staff=cast["vino"], provinces=["33"])
    Duty.objects.create(staff=cast["vera"], provinces=["31"])
    central, other, none = send_report(today=DAY), send_report(today=DAY, province="35"), send_report(today=DAY)
    meet(cast)
    assert [owner(central), owner(none)] == ["vino", "vino"]
    assert owner(other) == "fitri"  # who looks after no province gets what nobody looks after
    Duty.objects.filter(staff=cast["fitri"]).update(provinces=["11"])
    nobodys = send_report(today=DAY, province="35")
    meet(cast)
    assert owner(nobodys) == ""


@pytest.mark.django_db
def test_by_kind_of_agency(cast: Cast) -> None:
    hand_out_by("agency_kind")
    Duty.objects.create(staff=cast["vino"], agency_kinds=["regency"])
    sent = send_report(today=DAY)
    meet(cast)
    assert owner(sent) == "vino"


@pytest.mark.django_db
def test_auto_assignment_skips_ineligible_officers(cast: Cast) -> None:
    hand_out_by("province")
    assignment.start_absence(actor=Actor(cast.ring("vera"), NOW), stand_in=cast["vino"], from_on=DAY, until_on=DAY)
    Staff.objects.filter(username="vino").update(nip="197001011990031001")
    sents = [send_report(today=DAY, accused_nip="197001011990031001") for _number in range(4)]
    meet(cast, "vino")  # in the session of the concerned person themselves
    assert {owner(sent) for sent in sents} == {"fitri"}
    Staff.objects.filter(username="fitri").update(is_active=False)
    last = send_report(today=DAY, accused_nip="197001011990031001")
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), NOW))
    assert owner(last) == ""


@pytest.mark.django_db
def test_job_assigns_indexed_reports_only(cast: Cast) -> None:
    seen = send_report(today=DAY)
    meet(cast)
    unseen = send_report(today=DAY)
    hand_out_by("province")
    assert assignment.auto_assign(now=NOW) == 1
    assert owner(seen) != ""
    assert owner(unseen) == ""


# --- What somebody wrote into the database


def test_a_stand_in_whom_a_row_alone_names_gets_no_case(cast: Cast) -> None:
    sent = send_report(today=DAY)
    Absence.objects.create(staff=cast["vera"], stand_in=cast["vino"], from_on=DAY, until_on=DAY)
    give(cast, "fitri", "vera", sent)
    assert owner(sent) == "vera"
    Absence.objects.all().delete()
    assignment.start_absence(actor=Actor(cast.ring("vera"), NOW), stand_in=cast["vino"], from_on=DAY, until_on=DAY)
    Absence.objects.update(stand_in=cast["fitri"])
    give(cast, "vino", "vera", sent)
    assert owner(sent) == "vera"


@pytest.mark.parametrize(
    "alter",
    [
        lambda: Absence.objects.update(until_on=DAY + timedelta(days=30)),
        lambda: Absence.objects.all().delete(),
        lambda: Absence.objects.create(
            staff=Staff.objects.get(username="vino"),
            stand_in=Staff.objects.get(username="vera"),
            from_on=DAY,
            until_on=DAY,
        ),
        lambda: Duty.objects.update(provinces=["32"]),
        lambda: Duty.objects.all().delete(),
        lambda: AutoAssignmentRule.objects.update(by=AutoAssignmentRule.By.OFF),
    ],
)
def test_how_cases_are_handed_out_is_compared(cast: Cast, alter: Callable[[], Any]) -> None:
    actor = Actor(cast.ring("vera"), NOW)
    assignment.start_absence(actor=actor, stand_in=cast["vino"], from_on=DAY, until_on=DAY)
    assignment.start_absence(actor=actor, stand_in=cast["fitri"], from_on=DAY, until_on=DAY)
    assignment.end_absence(actor=actor, absence_id=Absence.objects.get(stand_in=cast["fitri"]).pk)
    admin = Actor(cast.ring("adi"), NOW)
    assignment.set_duty(actor=admin, person=cast["vera"], provinces=["33", "31"], agency_kinds=[])
    assignment.set_auto_assignment_rule(actor=admin, by=AutoAssignmentRule.By.PROVINCE)
    Duty.objects.create(staff=cast["vino"], last_turn=1)
    assert verify.verify_chain().whole
    alter()
    assert {fault.code for fault in verify.verify_chain().faults} <= {"state.altered", "state.unrecorded"}
    assert not verify.verify_chain().whole
