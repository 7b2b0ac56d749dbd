"""Rules of the law change by two people; a confirmed row is in force, and what it changes is shown before."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from complaints import checks
from complaints.domain.law.changes import RowKey, row_text
from complaints.domain.law.reading import RuleError
from complaints.domain.law.vocabulary import Level
from complaints.domain.workflow import Action, Status
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.reference_data import ClosedDay, Election
from complaints.models.rule_change import RuleChange
from complaints.services import (
    conflicts,
    first_look,
    legal_basis,
    reference_data,
    rule_book,
    rule_changes,
    rule_comparison,
    transitions,
)
from complaints.services.audit import recorded_rules, verify, verify_states
from complaints.services.keyring import Locked
from complaints.services.rule_changes import ProposedRow, RuleChangeRefused
from tests.cases import act
from tests.rules import actor, add, confirm, propose
from tests.world import Cast, SignedIn, openings_of, send_report

SANCTION = ("sanctions", "n6-pressure")
VERSION = "2022-09-22"


def levels(answers: dict[str, Any]) -> list[Level]:
    """The levels that the rules in force give for such a report."""
    judged = legal_basis.judge_report(
        category="A1", accused_kind="superior", answers=answers, handled_on=date(2026, 11, 29)
    )
    assert judged is not None
    return [applied.rule.level for applied in judged.sanctions if applied.rule.code == "n6-pressure"]


def printed_state() -> str:
    """What the printed sheet of all rules names."""
    return rule_book.content_mark(reference_data.edition())


def refusal(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(RuleChangeRefused) as refused:
        call(*args, **kwargs)
    return refused.value.code


@pytest.mark.django_db(transaction=True)
def test_confirmed_row_is_in_force_and_nothing_else(live_cast: Cast) -> None:
    cast, act_day = live_cast, {"event_from": "2026-11-02"}
    send_report(event_from="2026-11-02")
    change, state = propose(cast, *SANCTION, version=VERSION, level="medium"), printed_state()
    assert levels(act_day) == [Level.HEAVY], "a proposal changes nothing"
    assert refusal(rule_changes.confirm, actor=actor(cast, "vera"), change_id=change.pk) == "unread"
    confirm(cast, change)
    assert levels(act_day) == [Level.MEDIUM] and printed_state() != state
    # A signature does not alter the state that was signed.
    state = printed_state()
    confirm(cast, propose(cast, *SANCTION, version=VERSION, reviewed_by="Ahli hukum", reviewed_on="2026-11-20"))
    assert printed_state() == state
    entries = AuditEntry.objects.filter(subject=change.pk).order_by("sequence")
    assert list(entries.values_list("event", flat=True)) == ["rule.proposed", "rule.compared", "rule.confirmed"]
    assert entries[1].case is None and set(entries[1].facts) == {"table", "row", "end"}
    assert verify.verify_chain().faults == ()
    # A change on a change: the row in force is the one that is changed, and an end lets another version follow.
    confirm(cast, propose(cast, *SANCTION, version=VERSION, valid_until="2026-10-31"), "fitri")
    assert levels(act_day) == []
    row = dict(rule_changes.rules_in_force().find(RowKey(*SANCTION, VERSION)).values)  # type: ignore[union-attr]
    del row["valid_until"]
    confirm(cast, add(cast, "sanctions", row | {"valid_from": "2026-11-01", "level": "light"}))
    assert levels(act_day) == [Level.LIGHT] and levels({"event_from": "2026-10-30"}) == [Level.MEDIUM]
    assert verify.verify_chain().faults == ()


def test_who_may_propose_and_decide(cast: Cast) -> None:
    typed = ProposedRow(RowKey("limits", "forward"), is_new=False, before="", text="{}", reason="Sebab.")
    assert refusal(rule_changes.propose, actor=actor(cast, "vera"), proposed=typed) == "permission"
    change = propose(cast, "limits", "forward", number=2)
    for name in ("adi", "super", "audi", "kirana", "luar"):
        for decide in (
            lambda who: rule_changes.confirm(actor=who, change_id=change.pk),
            lambda who: rule_changes.decline(actor=who, change_id=change.pk, answer="Tidak."),
            lambda who: rule_comparison.compare_slice(actor=who, change_id=change.pk, after=None),
        ):
            with pytest.raises(Locked):
                decide(actor(cast, name))
    # A row that is not as it was proposed is decided on by nobody.
    RuleChange.objects.filter(pk=change.pk).update(proposed_by=cast["vera"])
    assert refusal(rule_changes.decline, actor=actor(cast, "fitri"), change_id=change.pk, answer="Tidak.") == "record"
    RuleChange.objects.filter(pk=change.pk).update(proposed_by=cast["adi"])
    assert refusal(rule_changes.withdraw, actor=actor(cast, "super"), change_id=change.pk) == "permission"
    assert refusal(rule_changes.decline, actor=actor(cast, "fitri"), change_id=change.pk, answer=" ") == "reason"
    rule_changes.decline(actor=actor(cast, "fitri"), change_id=change.pk, answer="Sumbernya tidak memuat itu.")
    assert refusal(rule_changes.withdraw, actor=actor(cast, "adi"), change_id=change.pk) == "decided"
    again = propose(cast, "limits", "forward", number=2)
    assert refusal(propose, cast, "limits", "forward", number=3) == "proposed"
    rule_changes.withdraw(actor=actor(cast, "adi"), change_id=again.pk)
    assert rule_book.limit_rule("forward", reference_data.edition()).number == 1


def test_proposer_who_joins_triage_does_not_confirm(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("complaints.access.may_administer", lambda _user: True)
        proposed = ProposedRow(
            RowKey("limits", "forward"),
            is_new=False,
            before="",
            text=row_text(dict(rule_changes.rules_in_force().find(RowKey("limits", "forward")).values) | {"number": 2}),  # type: ignore[union-attr]
            reason="Sebab.",
        )
        change = rule_changes.propose(actor=actor(cast, "vera"), proposed=proposed)
    rule_comparison.compare_slice(actor=actor(cast, "vera"), change_id=change.pk, after=None)
    assert refusal(rule_changes.confirm, actor=actor(cast, "vera"), change_id=change.pk) == "same_person"
    # Nor does the database take it.
    with pytest.raises(IntegrityError), transaction.atomic():
        RuleChange.objects.filter(pk=change.pk).update(
            state="confirmed", decided_by=cast["vera"], decided_at=change.proposed_at
        )


def test_bad_rows_are_refused_with_table_row_and_key(cast: Cast) -> None:
    bad = {
        "{": "limits.json: no JSON in line 1, column 2",
        "[]": "the row is no object",
        # How deep it is read depends on the version of Python.
        "[" * 5000: "no JSON",
        '{"code": "forward", "code": "forward"}': "a key occurs twice",
        '{"code": "for ward"}': "code is missing, or not of",
        '{"code": "other"}': "code is another one: other",
        '{"code": "forward", "note": "\\ud800"}': "no JSON that can be read",
    }
    key = RowKey("limits", "forward")
    for text, words in bad.items():
        typed = ProposedRow(key, is_new=False, before="", text=text, reason="Sebab.")
        with pytest.raises(RuleError, match=r"limits\.json") as error:
            rule_changes.propose(actor=actor(cast, "adi"), proposed=typed)
        assert words in str(error.value), text
    changes: list[tuple[dict[str, object], str]] = [
        ({"number": None}, "limits.json, row 10 (forward): number and unit do not go together"),
        ({"number": 10**9}, "number is above 1000"),
        ({"unit": "months"}, "deadlines are counted by this limit"),
        ({"valid_until": "2026-12-31"}, "deadlines are counted by this limit"),
        ({"what": "something"}, "what has an unknown code: something"),
        ({"sources": ["NOWHERE"]}, "limits.json, row 10 (forward): sources has an unknown code: NOWHERE"),
        ({"colour": "red"}, "limits.json, row 10 (forward): nothing reads colour"),
    ]
    for values, words in changes:
        with pytest.raises(RuleError) as error:
            propose(cast, "limits", "forward", **values)
        assert words in str(error.value)
    with pytest.raises(RuleError, match="both are valid on the same days"):
        add(cast, "routes", dict(rule_book.delivered_rules()["routes"][0]))
    assert refusal(propose, cast, "limits", "forward") == "same"
    assert not RuleChange.objects.exists()


def test_slices_name_what_differs_and_leave_out_conflicts(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_comparison, "SLICE", 2)
    differing, same = send_report(event_from="2026-11-02"), send_report(event_from="2026-11-02", category="C1")
    without, mine = send_report(event_from=""), send_report(event_from="2026-11-02")
    first_look.process_new_reports(actor=actor(cast, "vera"))
    conflicts.declare_conflict(actor=actor(cast, "vera"), case_id=mine.case.pk, reason="Kerabat.")
    # Nobody has held this one against the people of the staff yet.
    late = send_report(event_from="2026-11-02")
    change = propose(cast, *SANCTION, version=VERSION, level="medium", note="Lain.")
    pieces: list[rule_comparison.ComparedSlice] = []
    while not pieces or pieces[-1].after:
        after = pieces[-1].after if pieces else None
        pieces.append(rule_comparison.compare_slice(actor=actor(cast, "vera"), change_id=change.pk, after=after))
    assert [piece.read + piece.unread + piece.without_day for piece in pieces] == [2, 2]
    [report] = [report for piece in pieces for report in piece.differing]
    assert report.case.reference == differing.case.reference
    assert (Level.HEAVY, ("status",)) in report.before.levels and (Level.MEDIUM, ("status",)) in report.after.levels
    assert report.before.routes == report.after.routes and report.before.bawaslu == report.after.bawaslu
    counts = [[getattr(piece, name) for piece in pieces] for name in ("read", "without_day", "unread")]
    assert list(map(sum, counts)) == [2, 1, 1]
    # No reporter is told of an opening, and no entry names a case.
    assert [openings_of(sent) for sent in (differing, same, without, late)] == [0, 0, 0, 0]
    assert not AuditEntry.objects.filter(event="rule.compared", case__isnull=False).exists()


def test_limit_holds_for_steps_from_then_on(cast: Cast) -> None:
    before = send_report(today=date(2026, 11, 9))
    after = send_report(today=date(2026, 11, 9))
    act(cast, "vera", before, Action.START_REVIEW)
    act(cast, "vera", before, Action.VERIFY)
    due_on = Case.objects.get(pk=before.case.pk).due_on
    confirm(cast, propose(cast, "limits", "forward", number=5))
    reference_data.clear_cache()
    act(cast, "vera", after, Action.START_REVIEW)
    act(cast, "vera", after, Action.VERIFY)
    assert Case.objects.get(pk=before.case.pk).due_on == due_on
    later = Case.objects.get(pk=after.case.pk).due_on
    assert later is not None and due_on is not None and later > due_on
    today = after.case.received_on
    expected = transitions.due_date(
        Status.VERIFIED, received_on=today, entered_on=today, source=Status.IN_REVIEW, urgent=False
    )
    assert expected is not None and verify.verify_chain().faults == ()


def test_other_processes_follow_with_the_next_edition(cast: Cast) -> None:
    edition = reference_data.edition()
    assert rule_book.limit_rule("forward", edition).number == 1
    change = propose(cast, "limits", "forward", number=2)
    # As another process commits it: nothing is emptied here, because the test's transaction ends in no commit.
    confirm(cast, change)
    assert rule_book.limit_rule("forward", edition).number == 1
    minute_later = (edition[0], edition[1] + 1)
    assert rule_book.limit_rule("forward", minute_later).number == 2
    assert rule_book.limits(None, minute_later)["forward"].number == 2


def test_update_of_a_changed_row_is_named_and_the_change_holds(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    confirm(cast, propose(cast, "limits", "forward", number=2))
    confirm(cast, add(cast, "sources", {"code": "NEW", "text": "UU baru", "where": "halaman 1", "mark": "press"}))
    waiting = propose(cast, "limits", "second-decision", number=2)
    tables = {name: [dict(row) for row in rows] for name, rows in rule_book.delivered_rules().items()}
    for row in tables["limits"]:
        if row["code"] in ("forward", "second-decision"):
            row["number"] = 3
    tables["sources"].append({"code": "NEW", "text": "UU baru", "where": "program", "mark": "seen"})
    monkeypatch.setattr(rule_book, "delivered_rules", lambda: tables)
    rule_book.read_changes.cache_clear()
    reference_data.clear_cache()
    try:
        rules = rule_changes.rules_in_force()
        assert rules.conflicts == (RowKey("limits", "forward"),) and rules.left_out == (RowKey("sources", "NEW"),)
        assert rule_book.limit_rule("forward", reference_data.edition()).number == 2
        assert rules.book.sources["NEW"].where == "program"
        assert [fault.id for fault in checks._law() if "limits forward, sources NEW" in fault.msg] == ["portal.W015"]
        report = reference_data.load(now=actor(cast, "adi").now, sample=True)
        assert report.rules.conflicts == rules.conflicts and report.rules.left_out == rules.left_out
        # What was proposed against the old row is not confirmed unseen; what is proposed now settles the conflict.
        rule_comparison.compare_slice(actor=actor(cast, "vera"), change_id=waiting.pk, after=None)
        assert refusal(rule_changes.confirm, actor=actor(cast, "vera"), change_id=waiting.pk) == "outdated"
        confirm(cast, propose(cast, "limits", "forward", number=4))
        reference_data.clear_cache()
        assert rule_changes.rules_in_force().conflicts == ()
    finally:
        rule_book.read_changes.cache_clear()


def test_rows_altered_by_hand_are_named(cast: Cast, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    change, other = propose(cast, "limits", "forward", number=2), propose(cast, "limits", "second-decision", number=2)
    confirm(cast, change)
    assert verify.verify_chain().faults == ()

    def named() -> set[tuple[str, str]]:
        return {(fault.code, fault.subject) for fault in verify.verify_chain().faults}

    in_force = rule_book.confirmed_changes()
    attacks: dict[str, dict[str, Any]] = {
        "row": {"row": change.row.replace("2", "9", 1)},
        "state": {"state": "declined"},
        "table": {"table": "routes"},
        "confirmer": {"decided_by": cast["fitri"]},
        "salt": {"salt": bytes(len(change.salt))},
    }
    for values in attacks.values():
        with transaction.atomic():
            RuleChange.objects.filter(pk=change.pk).update(**values)
            assert rule_book.confirmed_changes() == in_force, "a process that has read it goes on with it"
            monkeypatch.setattr(rule_book, "_read", {})
            found = rule_book.confirmed()
            assert (found.changes, found.lost) == ((), ("limits forward",)), "one that has not says what it lacks"
            monkeypatch.undo()
            assert named() == {("state.altered", f"rulechange {change.pk}")}, values
            transaction.set_rollback(True)
    # A proposal that the database alone confirms, one that it alone makes, and one that it deletes.
    with transaction.atomic():
        columns = {"state": "confirmed", "decided_by": cast["vera"], "decided_at": change.proposed_at}
        RuleChange.objects.filter(pk=other.pk).update(**columns)
        assert rule_book.confirmed_changes() == in_force
        assert named() == {("state.altered", f"rulechange {other.pk}")}
        transaction.set_rollback(True)
    with transaction.atomic():
        made = RuleChange.objects.get(pk=change.pk)
        made.pk = made.id = uuid.uuid4()
        made.save(force_insert=True)
        assert rule_book.confirmed_changes() == in_force
        assert named() == {("state.unrecorded", f"rulechange {made.pk}")}
        transaction.set_rollback(True)
    with transaction.atomic():
        RuleChange.objects.filter(pk=change.pk).delete()
        assert named() == {("state.gone", f"rulechange {change.pk}")}
        reference_data.clear_cache()
        assert rule_changes.rules_in_force().lost == ("limits forward",)
        assert "limits forward" in signed_in("adi").get(reverse("admin:rules")).content.decode()
        assert rule_book.confirmed_changes() == in_force
        # The job that closes batches names it within the hour.
        assert [fault.subject for fault in verify_states.reference_faults()] == [f"rulechange {change.pk}"]
        transaction.set_rollback(True)


def test_rows_of_the_calendar_altered_by_hand_decide_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a process that has read the calendar before, nor in one that has not and takes the program's rows."""
    voting = Election.objects.filter(voting_on__year=2027).values_list("voting_on", flat=True).get()
    free = date(2026, 12, 2)
    attacks: list[Callable[[], object]] = [
        lambda: ClosedDay.objects.create(code="x", day=free, kind=ClosedDay.Kind.HOLIDAY, name="Libur"),
        lambda: Election.objects.update(voting_on=free),
        lambda: Election.objects.all().delete(),
        lambda: ClosedDay.objects.create(code="x", day=voting, kind=ClosedDay.Kind.WORKING, name="Kerja"),
    ]
    for known in (reference_data._known_rows, {}):
        monkeypatch.setattr(reference_data, "_known_rows", known)
        for attack in attacks:
            with transaction.atomic():
                attack()
                reference_data.clear_cache()
                days = reference_data.calendar(2026)
                assert days.is_working_day(free) and not reference_data.calendar(2027).is_working_day(voting)
                assert verify_states.reference_faults()
                transaction.set_rollback(True)
    reference_data.clear_cache()


def test_files_of_rules_on_a_node_are_held_against_the_entry(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in recorded_rules.FILES.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(recorded_rules, "FILES", tmp_path)
    assert verify.verify_chain().faults == ()
    limits = json.loads((tmp_path / "limits.json").read_text(encoding="utf-8"))
    limits[0]["number"] = 70
    (tmp_path / "limits.json").write_text(json.dumps(limits), encoding="utf-8")
    [fault] = verify.verify_chain().faults
    assert (fault.code, fault.subject) == ("rules.differ", "rules of the law")
    # An update is loaded, and with that recorded, once.
    for _twice in range(2):
        reference_data.load(now=actor(cast, "adi").now, sample=True)
    assert AuditEntry.objects.filter(event="rules.delivered").count() == 2
    assert verify.verify_chain().faults == ()


def test_closed_day_takes_a_second_person_too(cast: Cast) -> None:
    day = date(2026, 12, 2)
    row = ClosedDay(code="coblos", day=day, kind=ClosedDay.Kind.VOTING, name="Pemungutan suara", source="Keppres 9")
    assert refusal(rule_changes.propose_day, actor=actor(cast, "vera"), row=row, reason="Sebab.") == "permission"
    change = rule_changes.propose_day(actor=actor(cast, "adi"), row=row, reason="Keppres 9, halaman 1.")
    assert reference_data.calendar(2026).is_working_day(day)
    assert refusal(rule_changes.confirm, actor=actor(cast, "adi"), change_id=change.pk) == "same_person"
    for name in ("audi", "kirana"):
        with pytest.raises(Locked):
            rule_changes.confirm(actor=actor(cast, name), change_id=change.pk)
    rule_changes.confirm(actor=actor(cast, "super"), change_id=change.pk)
    reference_data.clear_cache()
    assert not reference_data.calendar(2026).is_working_day(day)
    stored = ClosedDay.objects.get(pk="coblos")
    assert refusal(rule_changes.propose_day, actor=actor(cast, "adi"), row=stored, reason="Sebab.") == "same"
    # A member of triage decides as well, on the row that was proposed and no other.
    stored.active = False
    off = rule_changes.propose_day(actor=actor(cast, "adi"), row=stored, reason="Dibatalkan.")
    rule_changes.confirm(actor=actor(cast, "vera"), change_id=off.pk)
    assert verify.verify_chain().faults == ()
    election = Election.objects.earliest("pk")
    election.voting_on += timedelta(days=7)
    moved = rule_changes.propose_day(actor=actor(cast, "adi"), row=election, reason="Ditunda.")
    Election.objects.filter(pk=election.pk).update(name_en="Another")
    assert refusal(rule_changes.confirm, actor=actor(cast, "vera"), change_id=moved.pk) == "outdated"
    assert rule_changes.rules_in_force().left_out == ()
