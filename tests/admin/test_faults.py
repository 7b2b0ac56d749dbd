"""The page of faults: told on the desks of auditors and administrators, acknowledged by auditors alone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.models.audit import AuditEntry
from complaints.models.verification import VerificationFault, VerificationState
from complaints.services.audit import named_faults, nightly_run
from complaints.services.audit.faults import Fault
from tests.world import Cast, SignedIn

LIST = "admin:complaints_verificationfault_changelist"
ACKNOWLEDGE = "admin:complaints_verificationfault_acknowledge"


@pytest.fixture
def fault(cast: Cast) -> VerificationFault:
    """A fault at a case."""
    named_faults.store([Fault(7, "case.status", "KN-26-ABCDEF", "verified.1")], today=date(2026, 11, 9))
    return VerificationFault.objects.get()


@pytest.mark.parametrize(("name", "is_told"), [("audi", True), ("adi", True), ("super", True), ("vera", False)])
def test_the_desk_tells_of_faults(signed_in: SignedIn, fault: VerificationFault, name: str, is_told: bool) -> None:
    page = signed_in(name).get(reverse("admin:index")).content.decode()
    assert (reverse(LIST) + '">Lihat ketidaksesuaian' in page) is is_told
    assert ("1 ketidaksesuaian" in page) is is_told


def test_an_auditor_acknowledges_and_the_entry_bears_the_digest(
    signed_in: SignedIn, cast: Cast, fault: VerificationFault
) -> None:
    client, address = signed_in("audi"), reverse(ACKNOWLEDGE, args=[fault.pk])
    page = client.get(reverse(LIST)).content.decode()
    assert "KN-26-ABCDEF" in page
    assert address in page
    assert client.post(address).status_code == 302
    entry = AuditEntry.objects.get(event="fault.acknowledged")
    assert (entry.actor, entry.subject) == (cast["audi"].pk, fault.pk)
    assert entry.facts["digest"] == Fault(7, "case.status", "KN-26-ABCDEF", "verified.1").digest
    page = client.get(reverse(LIST)).content.decode()
    assert "audi" in page
    assert address not in page
    assert client.post(address).status_code == 404


def test_administrators_read_and_do_not_acknowledge(signed_in: SignedIn, fault: VerificationFault) -> None:
    client, address = signed_in("adi"), reverse(ACKNOWLEDGE, args=[fault.pk])
    page = client.get(reverse(LIST))
    assert page.status_code == 200
    assert address not in page.content.decode()
    assert client.post(address).status_code == 404
    assert not AuditEntry.objects.filter(event="fault.acknowledged").exists()


def test_without_a_fault_the_page_says_so(signed_in: SignedIn) -> None:
    client = signed_in("audi")
    assert "Tidak ada ketidaksesuaian yang menunggu." in client.get(reverse(LIST)).content.decode()
    assert reverse(LIST) + '">Lihat ketidaksesuaian' not in client.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(("name", "is_told"), [("audi", True), ("adi", True), ("vera", False)])
def test_the_desk_tells_that_no_verification_has_finished(signed_in: SignedIn, name: str, is_told: bool) -> None:
    client, words = signed_in(name), "Catatan belum diverifikasi lagi"
    today = timezone.localdate()
    nightly_run.run(today=today, seconds=600)
    assert words not in client.get(reverse("admin:index")).content.decode()
    VerificationState.objects.all().delete()
    nightly_run.run(today=today - timedelta(days=2), seconds=600)
    assert (words in client.get(reverse("admin:index")).content.decode()) is is_told
