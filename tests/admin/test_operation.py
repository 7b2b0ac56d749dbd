"""Administrators read how the installation stands, in words; nobody else finds the page."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.adapters.certificate import Certificate
from complaints.models.measurement import Measurement
from complaints.models.team import Staff
from complaints.services import measurement
from complaints.services.audit import named_faults, recorded_backups
from complaints.services.audit.faults import Fault
from tests.runner import only_due
from tests.world import Cast, SignedIn

PAGE = "admin:operation"


def page(signed_in: SignedIn) -> str:
    return signed_in("adi").get(reverse(PAGE)).content.decode()


def test_a_sound_installation_needs_nobody(cast: Cast, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    only_due()
    recorded_backups.record_made(digest="a" * 64, now=now)
    recorded_backups.record_rehearsed(digest="a" * 64, day=timezone.localdate(), now=now)
    measurement.measure(now=now)
    shown = Certificate("lapor.example.go.id", now - timedelta(days=1), now + timedelta(days=80))
    monkeypatch.setattr(measurement, "certificates", lambda: (shown,))
    monkeypatch.setattr("complaints.services.audit.nightly_run.is_late", lambda **_today: False)
    monkeypatch.setattr("complaints.services.alarms.HEAD_EVERY", timedelta(days=9999))
    text = page(signed_in)
    assert "Tidak ada yang perlu ditangani." in text
    for words in (
        "lapor.example.go.id: berakhir pada",
        "Penyimpanan berkas:",
        "belum 10 menit",
        "Belum pernah ditemukan",
    ):
        assert words in text, words


def test_what_is_wrong_is_said_with_what_to_do(cast: Cast, signed_in: SignedIn) -> None:
    named_faults.store([Fault(7, "case.status", "KN-26-ABCDEF", "verified.1")], today=date(2026, 11, 9))
    text = page(signed_in)
    for words in (
        "Tugas terjadwal portal berhenti",
        "Jalankan kanal-jobs di server",
        "Belum ada.",
        "9 Nov 2026",
        "1 menunggu dua auditor.",
        "belum ada angkanya",
    ):
        assert words in text, words
    assert "KN-26-ABCDEF" not in text, "the place stands on the page of faults"
    Staff.objects.update(language="en")
    assert "The background jobs of the portal stand still" in page(signed_in)


def test_figures_are_said_with_the_hour_of_their_quarter(cast: Cast, signed_in: SignedIn) -> None:
    measurement.measure(now=timezone.now())
    taken_at = timezone.localtime(Measurement.objects.get().taken_at)
    assert f"{taken_at:%H}:00" in page(signed_in)
