"""Drafts are their writer's alone, the newest wins, and they end with the case's hand-over, a conflict, a new key."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.session import KeptForms
from complaints.services import assignment, conflicts, retention, staff_drafts
from complaints.services.kept_forms import DAYS
from complaints.services.keyring import Actor, Keyring
from complaints.services.staff_drafts import CHARACTERS_AT_MOST, FIELDS_AT_MOST, DraftRefused, Place
from complaints.services.team_keys import personal
from tests.cases import act
from tests.world import Cast, send_report

CASE = uuid.uuid4()


def keep(ring: Keyring, text: str, now: datetime, *, place: Place | None = None, base: int = 0) -> tuple[int, bool]:
    draft, is_replaced = staff_drafts.keep(
        keyring=ring, place=place or Place(CASE, "note"), texts={"text": text}, base=base, now=now
    )
    return draft.stamp, is_replaced


def texts(ring: Keyring, now: datetime, holder: uuid.UUID | None = None, case: uuid.UUID = CASE) -> dict[str, str]:
    kept = staff_drafts.drafts_of(keyring=ring, object_id=case, holder=holder, now=now)
    return {form: draft.texts["text"] for form, draft in kept.items()}


def test_the_newest_wins_and_says_whether_another_window_lost(cast: Cast) -> None:
    vera, now = cast.ring("vera"), timezone.now()
    first, is_replaced = keep(vera, "Satu.", now)
    assert not is_replaced
    later = now + timedelta(seconds=10)
    with pytest.raises(DraftRefused, match="often"):
        keep(vera, "Terlalu cepat.", now + timedelta(milliseconds=400), base=first)
    second, is_replaced = keep(vera, "Satu, dua.", later, base=first)
    assert not is_replaced
    # Another window still shows the first, or nothing.
    _third, is_replaced = keep(vera, "Jendela lain.", later + timedelta(seconds=10), base=first)
    assert is_replaced
    assert texts(vera, later) == {"note": "Jendela lain."} and second > first
    assert texts(cast.ring("fitri"), later) == {}
    assert b"Jendela" not in bytes(KeptForms.objects.get().sealed)
    staff_drafts.forget(keyring=vera, name=Place(CASE, "note").name, now=later)
    assert texts(vera, later) == {} and not KeptForms.objects.exists()


def test_the_row_tells_neither_the_case_nor_how_much_was_typed(cast: Cast) -> None:
    vera, now, sizes = cast.ring("vera"), timezone.now(), set()
    for number, length in enumerate((5, 200, 600)):
        keep(vera, "a" * length, now + timedelta(seconds=10 * number))
        sizes.add(len(KeptForms.objects.get().sealed))
    assert len(sizes) == 1
    for fields in ({"text": "a" * (CHARACTERS_AT_MOST + 1)}, {str(n): "a" for n in range(FIELDS_AT_MOST + 1)}):
        with pytest.raises(DraftRefused, match="size"):
            staff_drafts.keep(keyring=vera, place=Place(CASE, "note"), texts=fields, base=0, now=now)
    retention.sweep(today=timezone.localdate(now) + timedelta(days=DAYS - 1))
    assert KeptForms.objects.exists()
    retention.sweep(today=timezone.localdate(now) + timedelta(days=DAYS + 1))
    assert not KeptForms.objects.exists()


def test_whoever_hands_a_case_over_keeps_no_draft_of_it(cast: Cast) -> None:
    sent, now = send_report(), timezone.now()
    act(cast, "vera", sent, Action.START_REVIEW)
    vera, vino = cast.ring("vera"), cast["vino"]
    assert vera.staff is not None
    actor, mine = Actor(vera, now), vera.staff.pk
    assignment.claim(actor=actor, case_id=sent.case.pk, seen=None)
    for case in (sent.case.pk, CASE):
        keep(vera, "Catatan.", now, place=Place(case, "note", mine))
    # A colleague gives the case away: nobody can open the record, and the draft is not shown any more.
    assert texts(vera, now, mine, sent.case.pk) and not texts(vera, now, vino.pk, sent.case.pk)
    assignment.assign(actor=actor, case_id=sent.case.pk, assignee=vino)
    assert texts(vera, now, mine, sent.case.pk) == {} and texts(vera, now, mine) == {"note": "Catatan."}


def test_a_declared_conflict_and_a_new_key_end_drafts(cast: Cast) -> None:
    sent, now = send_report(), timezone.now()
    vera = cast.ring("vera")
    assert vera.staff is not None
    for case in (sent.case.pk, CASE):
        keep(vera, "Catatan.", now, place=Place(case, "note"))
    conflicts.declare_conflict(actor=Actor(vera, now), case_id=sent.case.pk, reason="Saudara saya.")
    assert texts(vera, now, case=sent.case.pk) == {} and texts(vera, now) == {"note": "Catatan."}
    personal.set_initial_password(staff=vera.staff, password="padi kuning sawah luas", now=now)
    assert not KeptForms.objects.exists()
