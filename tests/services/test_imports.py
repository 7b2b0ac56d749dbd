"""Imports as wholes: which cases came with one, who may take it back and until when, and what stays."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from complaints.domain.workflow import Action, TransitionRefused
from complaints.models import triggers
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, CaseStep, InternalNote
from complaints.services import assignment, case_actions, case_file, imports, monitoring, transitions
from complaints.services.audit import verify
from complaints.services.imports import UNDO_WITHIN, ImportRefused
from complaints.services.keyring import Actor, Locked
from tests.database import editor
from tests.services.test_monitoring import ANSWERS, NOW
from tests.world import Cast

LATE = NOW + UNDO_WITHIN + timedelta(seconds=1)
pytestmark = pytest.mark.django_db


def enter(cast: Cast, number: int = 3, name: str = "vera") -> uuid.UUID:
    """Import a table of some rows and return the key of the import."""
    key = uuid.uuid4()
    rows = [ANSWERS | {"url": f"https://instagram.com/p/{name}{place}"} for place in range(number)]
    monitoring.enter_reports(actor=Actor(cast.ring(name), NOW), rows=rows, key=key)
    return key


def undo(cast: Cast, key: uuid.UUID, name: str = "vera", **given: Any) -> imports.Import:
    return imports.undo(
        actor=Actor(cast.ring(name), given.get("now", NOW)), key=key, reason=given.get("reason", "Tabel keliru.")
    )


def test_an_import_is_taken_back_as_a_whole_and_may_come_again(cast: Cast) -> None:
    key, other, vera = enter(cast), enter(cast, 1, "fitri"), cast.ring("vera")
    assert len(imports.cases_of(key)) == 3
    assert [found.key for found in imports.recent_imports(actor=Actor(vera, NOW))] == [key]
    with pytest.raises(TransitionRefused, match="reason_missing"):
        undo(cast, key, reason=" ")
    done = undo(cast, key, now=NOW + UNDO_WITHIN)
    assert (len(done.undone), len(done.untouched), len(done.worked), done.refused) == (3, 0, 0, "nothing")
    assert set(Case.objects.filter(pk__in=imports.cases_of(key)).values_list("status", flat=True)) == {"ineligible"}
    assert Case.objects.get(pk__in=imports.cases_of(other)).status == "received"
    step = CaseStep.objects.filter(case=imports.cases_of(key)[0]).get()
    assert (step.action, step.actor_id, step.actor_kind) == ("undo_import", cast["vera"].pk, "staff")
    recorded = AuditEntry.objects.filter(event="case.transition", facts__action="undo_import")
    assert {(entry.actor, entry.case) for entry in recorded} == {
        (cast["vera"].pk, case) for case in imports.cases_of(key)
    }
    opened = case_file.open_case(actor=Actor(cast.ring("fitri"), NOW), case_id=step.case_id)
    assert [note.text for note in opened.notes] == ["Tabel keliru."]
    assert monitoring.known_posts(keyring=vera, urls=["https://instagram.com/p/vera0"]) == {}
    # A colleague may find that it was right after all; then its post is known again.
    case_actions.act(
        actor=Actor(cast.ring("vino"), NOW), case_id=step.case_id, action=Action.REOPEN, reason="Benar adanya."
    )
    assert sum(map(len, monitoring.known_posts(keyring=vera, urls=[post(n) for n in range(3)]).values())) == 1
    assert verify.verify_chain().whole


def post(number: int) -> str:
    return f"https://instagram.com/p/vera{number}"


def test_only_who_made_it_takes_it_back_and_only_for_a_day(cast: Cast) -> None:
    key = enter(cast, 1)
    for name, now, code in (("fitri", NOW, "theirs"), ("vino", NOW, "theirs"), ("vera", LATE, "late")):
        with pytest.raises(ImportRefused) as refused:
            undo(cast, key, name, now=now)
        assert refused.value.code == code
        assert imports.open_import(actor=Actor(cast.ring(name), now), key=key).refused == code
    assert imports.recent_imports(actor=Actor(cast.ring("vera"), LATE)) == []
    for name in ("kirana", "audi", "super", "luar"):
        with pytest.raises(Locked):
            undo(cast, key, name)
    with pytest.raises(Case.DoesNotExist):
        undo(cast, uuid.uuid4())
    assert Case.objects.get().status == "received"


def take(cast: Cast, case: Case) -> None:
    assignment.assign(actor=Actor(cast.ring("vino"), NOW), case_id=case.pk, assignee=cast["vino"])


def note(cast: Cast, case: Case) -> None:
    report = case.complaints.get()
    case_actions.write_case_note(actor=Actor(cast.ring("vino"), NOW), complaint_id=report.pk, text="Saya lihat.")


def review(cast: Cast, case: Case) -> None:
    case_actions.act(actor=Actor(cast.ring("vino"), NOW), case_id=case.pk, action=Action.START_REVIEW)


@pytest.mark.parametrize("work", [take, note, review])
def test_a_case_on_which_somebody_has_worked_stays_and_is_named(cast: Cast, work: Callable[[Cast, Case], None]) -> None:
    key = enter(cast)
    first = Case.objects.get(pk=imports.cases_of(key)[0])
    work(cast, first)
    before = Case.objects.values("status", "step_count").get(pk=first.pk)
    done = undo(cast, key)
    assert [case.pk for case in done.worked] == [first.pk]
    assert len(done.undone) == 2
    assert Case.objects.values("status", "step_count").get(pk=first.pk) == before
    with pytest.raises(ImportRefused, match="nothing"):
        undo(cast, key)
    assert verify.verify_chain().whole


def test_all_steps_are_taken_or_none(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    key, real, calls = enter(cast), transitions.perform, []

    def stumble(**given: Any) -> CaseStep:
        calls.append(given["case_id"])
        if len(calls) == 3:
            raise TransitionRefused("not_from_here")
        return real(**given)

    monkeypatch.setattr(transitions, "perform", stumble)
    with pytest.raises(TransitionRefused):
        undo(cast, key)
    assert not CaseStep.objects.exists()
    assert not InternalNote.objects.exists()


def test_no_page_of_a_case_offers_the_step_and_no_forged_entry_counts(cast: Cast) -> None:
    key = enter(cast, 2)
    first, other = imports.cases_of(key)
    case = Case.objects.get(pk=first)
    offered = {step.action for step in transitions.available_steps(staff=cast["vera"], case=case)}
    assert offered == {Action.START_REVIEW, Action.VERIFY}
    with pytest.raises(TransitionRefused):
        case_actions.act(actor=Actor(cast.ring("vera"), NOW), case_id=case.pk, action=Action.UNDO_IMPORT, reason="x")
    # Somebody who writes to the database gives a case of it away to a colleague, and another one into it.
    triggers.remove_append_only(editor())
    AuditEntry.objects.filter(event="finding.entered", case=case.pk).update(actor=cast["vino"].pk)
    alone = monitoring.enter_report(actor=Actor(cast.ring("vino"), NOW), answers=ANSWERS)
    AuditEntry.objects.filter(event="finding.entered", case=alone.pk).update(subject=key)
    triggers.install_append_only(editor())
    assert list(imports.cases_of(key)) == [other]
