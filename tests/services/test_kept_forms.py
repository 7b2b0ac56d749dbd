"""Forms that are begun and not sent outlive the session and are opened by nobody else."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from complaints.models.session import KeptForms
from complaints.services import kept_forms, retention
from complaints.services.kept_forms import BYTES_AT_MOST, DAYS
from complaints.services.keyring import Keyring, Locked
from complaints.services.team_keys import rotation
from tests.world import Cast

DAY = date(2026, 11, 2)


def test_what_is_kept_is_opened_by_its_owner_alone_and_for_a_time(cast: Cast) -> None:
    vera, fitri = cast.ring("vera"), cast.ring("fitri")
    for day in (DAY, DAY + timedelta(days=10)):
        assert kept_forms.keep(keyring=fitri, name=f"release {day}", values={"cover": ["Rahasia."]}, today=day)
    row = KeptForms.objects.get()
    assert b"Rahasia" not in bytes(row.sealed) and row.expires_on == DAY + timedelta(days=10 + DAYS)
    assert kept_forms.forms_of(keyring=vera, today=DAY) == {}
    assert len(kept_forms.forms_of(keyring=fitri, today=DAY + timedelta(days=DAYS - 1))) == 2
    assert list(kept_forms.forms_of(keyring=fitri, today=DAY + timedelta(days=DAYS))) == ["release 2026-11-12"]
    # Laid into another person's row, or sealed by another person, it opens for neither.
    KeptForms.objects.create(staff=cast["vera"], sealed=row.sealed, expires_on=row.expires_on)
    assert kept_forms.forms_of(keyring=vera, today=DAY) == {}
    assert kept_forms.keep(keyring=vera, name="mine", values={}, today=DAY)
    KeptForms.objects.filter(pk=row.pk).update(sealed=KeptForms.objects.get(staff=vera.staff).sealed)
    assert kept_forms.forms_of(keyring=fitri, today=DAY) == {}
    kept_forms.forget(keyring=vera, name="mine", today=DAY)
    assert not KeptForms.objects.filter(staff=vera.staff).exists()
    retention.sweep(today=row.expires_on - timedelta(days=1))
    assert KeptForms.objects.exists()
    retention.sweep(today=row.expires_on)
    assert not KeptForms.objects.exists()


def test_the_oldest_make_room_and_what_is_too_large_leaves_the_others(cast: Cast) -> None:
    fitri = cast.ring("fitri")
    half = {"cover": ["é" * (BYTES_AT_MOST // 4)]}
    for name in "ab":
        assert kept_forms.keep(keyring=fitri, name=name, values=half, today=DAY)
    assert list(kept_forms.forms_of(keyring=fitri, today=DAY)) == ["b"]
    assert not kept_forms.keep(keyring=fitri, name="c", values={"cover": ["é" * BYTES_AT_MOST]}, today=DAY)
    assert list(kept_forms.forms_of(keyring=fitri, today=DAY)) == ["b"]
    # As many letters as the limit lets in fit into the record, signatures and all.
    full = {"cover": ["a" * (BYTES_AT_MOST - 200)]}
    assert kept_forms.keep(keyring=fitri, name="d", values=full, today=DAY)
    assert kept_forms.forms_of(keyring=fitri, today=DAY)["d"].values == full


def test_who_leaves_the_team_or_has_no_key_keeps_nothing(cast: Cast) -> None:
    fitri = cast.ring("fitri")
    kept_forms.keep(keyring=fitri, name="a", values={}, today=DAY)
    assert fitri.staff is not None
    membership = fitri.staff.memberships.get(left_at=None)
    rotation.end_membership(membership, cause=type(membership).Cause.ROLE, now=timezone.now())
    assert not KeptForms.objects.exists()
    with pytest.raises(Locked):
        kept_forms.keep(keyring=Keyring(fitri.staff, None), name="a", values={}, today=DAY)
