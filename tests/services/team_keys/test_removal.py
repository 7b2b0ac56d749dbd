"""A member is removed by two people, or by one after a day's alarm that the others can stop: and by nobody's row."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from complaints.domain.errors import SealError
from complaints.models.audit import AuditEntry
from complaints.models.removal import RemovalRequest
from complaints.models.session import SealedSession
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services.audit import verify
from complaints.services.keyring import Actor, Locked
from complaints.services.team_keys import removal, resealing, rotation
from complaints.services.team_keys.membership import AdmissionRefused
from tests.world import Cast, SignedIn, at

NOW = at(date(2026, 11, 9))
LATER = NOW + removal.ALARM
REASON = "Pindah ke instansi lain, rahasia."
pytestmark = pytest.mark.django_db


def team(slug: str = "triage") -> Team:
    return Team.objects.get(slug=slug)


def membership(cast: Cast, name: str) -> TeamMembership:
    return TeamMembership.objects.get(staff=cast[name], left_at=None)


def asked(cast: Cast, by: str = "vera", whom: str = "vino", *, now: datetime = NOW, **more: Any) -> RemovalRequest:
    row = membership(cast, whom)
    actor = Actor(cast.ring(by), now)
    return removal.ask(actor=actor, team_id=row.team_id, membership_id=row.pk, reason=REASON, **more)


def act(cast: Cast, service: Callable[..., object], name: str, row: RemovalRequest, *, now: datetime = LATER) -> None:
    service(actor=Actor(cast.ring(name), now), request_id=row.pk)


def is_member(cast: Cast, name: str) -> bool:
    return TeamMembership.objects.filter(staff=cast[name], left_at=None, sealed_key__isnull=False).exists()


def events() -> list[str]:
    rows = AuditEntry.objects.filter(event__startswith="teamkey.").order_by("sequence")
    return [row.event.removeprefix("teamkey.") for row in rows]


# --- Two people, or a day


def test_a_second_member_confirms_and_the_person_is_out_at_once(cast: Cast) -> None:
    row = asked(cast)
    assert is_member(cast, "vino") and team().key_number == 1
    act(cast, removal.confirm, "fitri", row, now=NOW)
    row.refresh_from_db()
    assert (row.state, row.decided_by, row.decided_at) == ("done", cast["fitri"], NOW)
    assert not is_member(cast, "vino") and team().key_number == 2
    gone = row.membership
    gone.refresh_from_db()
    assert rotation.reason_of(keyring=cast.ring("vera"), row=gone) == REASON
    assert events() == ["removal_asked", "removal_confirmed", "removed", "rotated"]
    entries = AuditEntry.objects.filter(subject=row.pk).order_by("sequence")
    assert [entry.actor for entry in entries] == [cast["vera"].pk, cast["fitri"].pk]
    assert REASON not in str([entry.facts for entry in AuditEntry.objects.all()])
    assert verify.verify_chain().whole


def test_after_a_day_without_a_stop_the_one_who_asked_carries_it_out(cast: Cast) -> None:
    row = asked(cast)
    with pytest.raises(AdmissionRefused, match="waits"):
        act(cast, removal.complete, "vera", row, now=LATER - timedelta(microseconds=1))
    for name in ("fitri", "vino"):
        with pytest.raises(AdmissionRefused, match="asked_by"):
            act(cast, removal.complete, name, row)
    assert is_member(cast, "vino")
    act(cast, removal.complete, "vera", row)
    assert not is_member(cast, "vino")
    assert events() == ["removal_asked", "removal_completed", "removed", "rotated"]
    assert verify.verify_chain().whole


def test_neither_the_one_who_asked_nor_the_one_concerned_decides(cast: Cast) -> None:
    row = asked(cast)
    for name in ("vera", "vino"):
        for service in (removal.confirm, removal.stop):
            with pytest.raises(AdmissionRefused, match="second"):
                act(cast, service, name, row)
    with pytest.raises(AdmissionRefused, match="asked_by"):
        act(cast, removal.withdraw, "vino", row)
    row.refresh_from_db()
    assert row.state == "open" and is_member(cast, "vino")


@pytest.mark.parametrize("name", ["kirana", "luar", "audi", "adi", "super"])
def test_people_without_the_key_neither_ask_nor_confirm_nor_stop(cast: Cast, name: str) -> None:
    """An administrator too: the team has a third member who can stop it."""
    with pytest.raises(Locked):
        asked(cast, name)
    row = asked(cast)
    for service in (removal.confirm, removal.stop):
        with pytest.raises(AdmissionRefused, match="second"):
            act(cast, service, name, row)
    for service in (removal.complete, removal.withdraw):
        with pytest.raises(AdmissionRefused, match="asked_by"):
            act(cast, service, name, row)
    assert is_member(cast, "vino")


def test_a_third_member_stops_it_for_good(cast: Cast) -> None:
    row = asked(cast)
    act(cast, removal.stop, "fitri", row)
    for service, name in ((removal.complete, "vera"), (removal.confirm, "fitri"), (removal.withdraw, "vera")):
        with pytest.raises(AdmissionRefused, match="decided"):
            act(cast, service, name, row)
    assert is_member(cast, "vino") and events() == ["removal_asked", "removal_stopped"]
    asked(cast)  # it can be asked anew, with a new alarm


def test_the_one_who_asked_takes_it_back(cast: Cast) -> None:
    row = asked(cast)
    with pytest.raises(AdmissionRefused, match="asked"):
        asked(cast, "fitri")
    act(cast, removal.withdraw, "vera", row)
    row.refresh_from_db()
    assert (row.state, row.decided_by) == ("withdrawn", cast["vera"])
    assert events() == ["removal_asked", "removal_withdrawn"]
    assert asked(cast, "fitri").asked_by == cast["fitri"]


def test_in_a_team_of_two_an_administrator_may_stop_it(cast: Cast) -> None:
    row = asked(cast, "kirana", "kresna")
    for name in ("kresna", "kirana"):
        with pytest.raises(AdmissionRefused, match="second"):
            act(cast, removal.stop, name, row)
    for name in ("vera", "audi", "bima"):
        with pytest.raises(AdmissionRefused, match="second"):
            act(cast, removal.stop, name, row)
    act(cast, removal.stop, "adi", row)
    assert is_member(cast, "kresna")
    again = asked(cast, "kirana", "kresna")
    act(cast, removal.complete, "kirana", again)
    assert not is_member(cast, "kresna")


# --- The alarm, and the sessions


def test_everybody_in_the_team_is_told_in_words_that_name_nobody(
    cast: Cast, mailoutbox: list[Any], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    Staff.objects.filter(username="fitri").update(language="en")
    with django_capture_on_commit_callbacks(execute=True):
        asked(cast)
    assert {address for mail in mailoutbox for address in mail.to} == {
        f"{name}@example.invalid" for name in ("vera", "vino", "fitri")
    }
    text = "\n".join(f"{mail.subject}\n{mail.body}" for mail in mailoutbox)
    assert "24 jam" in text and "24 hours" in text
    for word in ("vera", "vino", "fitri", "Vino", "triage", "Triage", REASON):
        assert word not in text


def test_sessions_of_the_one_concerned_end_at_once_if_asked_for(cast: Cast, signed_in: SignedIn) -> None:
    signed_in("vino")
    row = asked(cast)
    assert SealedSession.objects.filter(staff=cast["vino"]).exists()
    act(cast, removal.withdraw, "vera", row)
    asked(cast, end_sessions=True)
    assert not SealedSession.objects.filter(staff=cast["vino"]).exists()
    entry = AuditEntry.objects.get(event="session.ended")
    assert (entry.actor, entry.facts["staff"]) == (cast["vera"].pk, str(cast["vino"].pk))


# --- What changes in between


def test_a_key_change_in_between_loses_nothing(cast: Cast) -> None:
    row = asked(cast)
    rotation.rotate(actor=Actor(cast.ring("fitri"), NOW), team_id=team().pk)
    while resealing.reseal(actor=Actor(cast.ring("fitri"), NOW), team_id=team().pk).open:
        pass
    row.refresh_from_db()
    assert row.sealed_number == 2
    assert removal.reason_of(keyring=cast.ring("fitri"), request=row) == REASON
    act(cast, removal.confirm, "fitri", row)
    assert not is_member(cast, "vino")


def test_a_request_ends_with_the_membership_of_who_asked_or_is_concerned(cast: Cast) -> None:
    row = asked(cast)
    Staff.objects.filter(username="vera").update(is_active=False)
    with pytest.raises(AdmissionRefused, match="asker"):
        act(cast, removal.confirm, "fitri", row)
    Staff.objects.filter(username="vera").update(is_active=True)
    assert [open_row.pk for open_row in removal.open_requests(Team.objects.all())] == [row.pk]
    TeamMembership.objects.filter(staff=cast["vino"]).update(left_at=NOW, left_cause="role", sealed_key=None)
    assert removal.open_requests(Team.objects.all()) == []
    with pytest.raises(AdmissionRefused, match="gone"):
        act(cast, removal.complete, "vera", row)


# --- Whoever writes to the database


def test_a_request_that_nobody_made_is_not_carried_out(cast: Cast) -> None:
    """A row in another member's name, which one dishonest member would then confirm."""
    true = asked(cast)
    act(cast, removal.withdraw, "vera", true, now=NOW)
    values = RemovalRequest.objects.values().get(pk=true.pk)
    values |= {"id": uuid.uuid4(), "state": "open", "decided_by_id": None, "decided_at": None}
    forged = RemovalRequest.objects.create(**values)
    with pytest.raises(SealError):
        act(cast, removal.confirm, "fitri", forged)
    with pytest.raises(SealError):
        act(cast, removal.complete, "vera", forged)
    assert is_member(cast, "vino")


@pytest.mark.parametrize("end", [removal.stop, removal.withdraw])
def test_an_ended_request_set_open_again_is_not_carried_out(cast: Cast, end: Callable[..., object]) -> None:
    row = asked(cast)
    act(cast, end, "fitri" if end is removal.stop else "vera", row)
    RemovalRequest.objects.update(state="open", decided_by=None, decided_at=None)
    for service, name in ((removal.confirm, "fitri"), (removal.complete, "vera")):
        with pytest.raises(SealError):
            act(cast, service, name, row)
    assert is_member(cast, "vino")


@pytest.mark.parametrize("column", ["asked_at", "asked_by", "membership", "signature", "sealed"])
def test_an_altered_request_is_not_carried_out(cast: Cast, column: str) -> None:
    row = asked(cast)
    changes: dict[str, Any] = {
        "asked_at": NOW - removal.ALARM,
        "asked_by": cast["fitri"],
        "membership": membership(cast, "fitri"),
        "signature": bytes(64),
        "sealed": bytes(row.sealed)[:-1] + bytes([bytes(row.sealed)[-1] ^ 1]),
    }
    RemovalRequest.objects.update(**{column: changes[column]})
    judge = "vino" if column == "membership" else "fitri"
    asker = "fitri" if column == "asked_by" else "vera"
    for service, name in ((removal.confirm, judge), (removal.complete, asker)):
        with pytest.raises((SealError, AdmissionRefused)):
            act(cast, service, name, row)
    assert is_member(cast, "vino") and is_member(cast, "fitri")


def test_the_database_holds_one_open_request_for_each_membership(cast: Cast) -> None:
    row = asked(cast)
    values = RemovalRequest.objects.values().get(pk=row.pk) | {"id": uuid.uuid4()}
    with pytest.raises(IntegrityError), transaction.atomic():
        RemovalRequest.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        RemovalRequest.objects.update(state="stopped")
