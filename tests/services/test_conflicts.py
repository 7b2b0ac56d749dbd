"""The conflict lock: who is kept from a case, by whose word, and that no order of events shows it before."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from complaints import access
from complaints.domain.workflow import Action, TransitionRefused
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, InternalNote
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.models.team import Staff
from complaints.services import assignment, case_actions, case_file, case_summary, conflicts, first_look, scheduled
from complaints.services.keyring import Actor, Locked
from tests.cases import forwarded
from tests.views.walk import words
from tests.world import Cast, Sent, SignedIn, at, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)
NIP = "197001011990031001"
pytestmark = pytest.mark.django_db


def finds(cast: Cast, name: str, sent: Sent) -> bool:
    """Whether somebody finds a case; all ways must agree."""
    ring = cast.ring(name)
    ways = [
        access.cases_for(ring.staff).filter(pk=sent.case.pk).exists(),
    ]
    try:
        ring.complaint(Complaint.objects.filter(case=sent.case).order_by("pk")[0])
        ways.append(True)
    except Locked:
        ways.append(False)
    assert len(set(ways)) == 1, ways
    return ways[0]


def change(name: str, **values: Any) -> None:
    Staff.objects.filter(username=name).update(**values, must_recheck=True)


@pytest.mark.parametrize(
    ("person", "answers"),
    [
        ({"nip": "19700101 199003 1 001"}, {"accused_nip": NIP}),
        ({"first_name": "Siti", "last_name": "Aminah"}, {"accused_name": "Dra. Hj. Siti Aminah, M.Si."}),
        ({"agency": "dinas contoh"}, {}),
    ],
)
def test_named_officer_is_locked_out_whoever_looks_first(
    cast: Cast, person: dict[str, str], answers: dict[str, str]
) -> None:
    Staff.objects.filter(username="vino").update(**person)
    for first in ("vino", "vera"):
        sent = send_report(today=DAY, **answers)
        first_look.process_new_reports(actor=Actor(cast.ring(first), NOW))
        assert not finds(cast, "vino", sent)
        assert finds(cast, "vera", sent)
    assert set(Conflict.objects.values_list("kind", "staff__username")) == {("matched", "vino")}


def test_the_first_look_of_the_accused_shows_nothing(cast: Cast, signed_in: SignedIn) -> None:
    """Neither the page itself nor the queue, although nobody knew before that very request."""
    Staff.objects.filter(username="vino").update(nip=NIP)
    client = signed_in("vino")
    for address in ("admin:complaints_case_change", ""):
        sent = send_report(today=DAY, accused_nip=NIP)
        url = reverse(address, args=[sent.case.pk]) if address else reverse("admin:complaints_case_changelist")
        page = client.get(url)
        assert page.status_code == (404 if address else 200)
        assert sent.case.reference not in page.content.decode()
        assert Conflict.objects.filter(complaint__case=sent.case, staff__username="vino").exists()
        assert not AuditEntry.objects.filter(case=sent.case.pk, event="case.opened").exists()


def test_summaries_omit_cases_in_conflict_with_the_reader(cast: Cast) -> None:
    Staff.objects.filter(username="vino").update(nip=NIP)
    locked, other = send_report(today=DAY, accused_nip=NIP), send_report(today=DAY)
    lines = case_summary.summaries(actor=Actor(cast.ring("vino"), NOW), cases=list(Case.objects.all()))
    assert set(lines) == {other.case.pk}
    assert locked.case.pk in case_summary.summaries(actor=Actor(cast.ring("vera"), NOW), cases=[locked.case])


def test_changed_data_are_compared_with_all_that_is_there(cast: Cast, signed_in: SignedIn) -> None:
    sent = send_report(today=DAY, accused_nip=NIP)
    client = signed_in("vino")
    first_look.process_new_reports(actor=Actor(cast.ring("vino"), NOW))
    assert finds(cast, "vino", sent)
    change("vino", nip=NIP)
    # Until it is compared nothing at all; an own session compares before it shows.
    assert not access.cases_for(cast["vino"]).exists()
    assert client.get(reverse("admin:complaints_case_change", args=[sent.case.pk])).status_code == 404
    assert not cast["vino"].must_recheck
    assert not finds(cast, "vino", sent)
    change("vino", nip="")
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), NOW))
    assert not finds(cast, "vino", sent)  # nobody unlocks a case by changing their own data


def test_own_data_are_saved_and_compared_at_once(cast: Cast, signed_in: SignedIn) -> None:
    sent = send_report(today=DAY, accused_nip=NIP)
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), NOW))
    client = signed_in("vino")
    assert client.post(reverse("admin:own_data"), {"nip": NIP, "agency": ""}).status_code == 302
    assert not finds(cast, "vino", sent)
    entry = AuditEntry.objects.filter(event="staff.changed").latest("sequence")
    assert NIP not in str(entry.facts)


def test_a_liaison_is_kept_from_the_release(cast: Cast) -> None:
    sent, release = forwarded(cast, accused_nip=NIP)
    assert access.releases_for(cast["kirana"]).exists()
    change("kirana", nip=NIP)
    assert not access.releases_for(cast["kirana"]).exists()
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), NOW))
    assert not cast["kirana"].must_recheck
    assert not access.releases_for(cast["kirana"]).exists()
    assert access.releases_for(cast["kresna"]).get() == release
    with pytest.raises(Locked):
        cast.ring("kirana").release(release)
    assert finds(cast, "vera", sent)


def test_declared_conflict_hides_the_case_and_tells_colleagues(cast: Cast) -> None:
    sent = send_report(today=DAY)
    ring = cast.ring("vera")
    assignment.assign(actor=Actor(ring, NOW), case_id=sent.case.pk, assignee=cast["vera"])
    with pytest.raises(TransitionRefused):
        conflicts.declare_conflict(actor=Actor(ring, NOW), case_id=sent.case.pk, reason=" ")
    conflicts.declare_conflict(actor=Actor(ring, NOW), case_id=sent.case.pk, reason="Ia kakak saya.")
    assert not finds(cast, "vera", sent)
    sent.case.refresh_from_db()
    assert sent.case.assignee is None
    notes = case_file.open_case(actor=Actor(cast.ring("vino"), NOW), case_id=sent.case.pk).notes
    assert [note.text for note in notes] == ["Ia kakak saya."]
    for act in (case_file.open_case, case_actions.act):
        extra: dict[str, Any] = {"action": Action.START_REVIEW} if act is case_actions.act else {}
        with pytest.raises(Case.DoesNotExist):
            act(actor=Actor(cast.ring("vera"), NOW), case_id=sent.case.pk, **extra)
    with pytest.raises(Locked):
        assignment.assign(actor=Actor(cast.ring("vino"), NOW), case_id=sent.case.pk, assignee=cast["vera"])
    events = list(AuditEntry.objects.filter(case=sent.case.pk).order_by("sequence").values_list("event", flat=True))
    assert "conflict.declared" in events


def test_the_lock_follows_a_report_into_and_out_of_a_linked_case(cast: Cast) -> None:
    locked, other = send_report(today=DAY, accused_nip=NIP), send_report(today=DAY)
    Staff.objects.filter(username="vino").update(nip=NIP)
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), NOW))
    home = Complaint.objects.get(case=locked.case)
    Complaint.objects.filter(pk=home.pk).update(case=other.case)
    assert not finds(cast, "vino", other)
    Complaint.objects.filter(pk=home.pk).update(case=locked.case)
    assert finds(cast, "vino", other)
    assert not finds(cast, "vino", locked)


def test_another_forwarder_lifts_and_it_is_not_found_anew(cast: Cast) -> None:
    Staff.objects.filter(username__in=["vino", "fitri"]).update(nip=NIP)
    sent = send_report(today=DAY, accused_nip=NIP)
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), NOW))
    fitri, vino = cast["fitri"], cast["vino"]
    do: dict[str, Any] = {"case_id": sent.case.pk, "reason": "Orang lain dengan NIP keliru."}
    with pytest.raises(Locked):
        conflicts.lift_conflict(actor=Actor(cast.ring("vera"), NOW), staff_id=vino.pk, **do)
    for staff_id in (fitri.pk, vino.pk):  # neither one's own, nor anybody's in a case that one stands in
        with pytest.raises(Conflict.DoesNotExist):
            conflicts.lift_conflict(actor=Actor(cast.ring("fitri"), NOW), staff_id=staff_id, **do)
    assert conflicts.conflicts_in_force(keyring=cast.ring("fitri")) == []
    Staff.objects.filter(username="vera").update(role="forwarder")
    listed = conflicts.conflicts_in_force(keyring=cast.ring("vera"))
    assert {row.person.username for row in listed} == {"vino", "fitri"}
    conflicts.lift_conflict(actor=Actor(cast.ring("vera"), NOW), staff_id=vino.pk, **do)
    assert finds(cast, "vino", sent)
    change("vino", nip=NIP)
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), NOW))
    assert finds(cast, "vino", sent)
    conflicts.declare_conflict(actor=Actor(cast.ring("vino"), NOW), case_id=sent.case.pk, reason="Tetap.")
    assert not finds(cast, "vino", sent)
    assert InternalNote.objects.filter(complaint__case=sent.case).count() == 2


def test_the_administrators_hear_that_nobody_is_left(
    cast: Cast, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    Staff.objects.filter(username__in=["vera", "vino", "fitri"]).update(agency="Dinas Contoh")
    sent = send_report(today=DAY)
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), NOW))
    assert conflicts.cases_without_eligible_staff() == 1
    page = signed_in("adi").get(reverse("admin:index"))
    assert page.context["without_anybody"] == 1
    assert sent.case.reference not in page.content.decode()
    monkeypatch.setattr(conflicts, "COUNTED_AT_MOST", 1)
    send_report(today=DAY)
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), NOW))
    assert "1+ kasus tidak dapat dibuka oleh satu pun anggota" in words(signed_in("adi").get(reverse("admin:index")))


def test_staff_mail_ignores_work_the_reader_may_not_see(cast: Cast) -> None:
    Staff.objects.filter(username="vino").update(nip=NIP)
    send_report(today=DAY, accused_nip=NIP)
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), NOW))
    assert scheduled.send_staff_mail(today=DAY) == 2
    assert {address for message in mail.outbox for address in message.to} == {
        "vera@example.invalid",
        "fitri@example.invalid",
    }
    send_report(today=timezone.localdate())
    assert scheduled.send_staff_mail(today=DAY) == 3
