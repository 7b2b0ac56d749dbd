"""Reminders: sealed to the person, shown on the day, and gone when they are done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.models.session import KeptForms
from complaints.services import conflicts, kept_forms, reminders
from complaints.services.keyring import Actor
from tests.cases import in_review
from tests.views.walk import words
from tests.world import Cast, SignedIn, send_report

pytestmark = pytest.mark.django_db
DESK = "/kantor/"


def later(cast: Cast, name: str, days: int) -> Actor:
    return Actor(cast.ring(name), timezone.now() + timedelta(days=days))


def test_the_desk_shows_a_case_on_the_day_and_not_before(cast: Cast, signed_in: SignedIn) -> None:
    case, vera = in_review(cast).case, signed_in("vera")
    day = timezone.localdate() + timedelta(days=3)
    url = reverse("admin:complaints_case_remind", args=[case.pk])
    assert "Meja Anda menampilkan kasus ini" in words(vera.post(url, {"day": day.isoformat()}, follow=True))
    assert not vera.get(DESK).context["reminders"]
    row = {"kept_forms": KeptForms.objects.get().sealed}
    assert reminders.due(actor=later(cast, "vera", 2), values=row) == []
    assert reminders.due(actor=later(cast, "vera", 3), values=row) == [(case, day)]
    # Nobody else opens it, whatever row is put in their place.
    assert reminders.due(actor=later(cast, "vino", 3), values=row) == []


def test_what_is_due_is_a_line_of_the_desk_until_it_is_done(
    cast: Cast, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, vera = in_review(cast).case, signed_in("vera")
    monkeypatch.setattr(reminders, "FURTHEST", timedelta(days=0))
    kept_forms.keep(
        keyring=cast.ring("vera"),
        name=f"{kept_forms.REMINDER}{case.pk}",
        values={"day": [timezone.localdate().isoformat()]},
        today=timezone.localdate(),
    )
    assert case.reference in words(vera.get(DESK))
    assert "Yang ingin Anda lihat hari ini" in words(vera.get(DESK))
    vera.post(reverse("admin:complaints_case_remind", args=[case.pk]))
    assert "Yang ingin Anda lihat hari ini" not in words(vera.get(DESK))
    assert not KeptForms.objects.exists()


@pytest.mark.parametrize("days", [-1, 0, 14, 400])
def test_a_day_past_or_too_far_is_refused_in_words(cast: Cast, signed_in: SignedIn, days: int) -> None:
    case, vera = in_review(cast).case, signed_in("vera")
    day = (timezone.localdate() + timedelta(days=days)).isoformat()
    page = vera.post(reverse("admin:complaints_case_remind", args=[case.pk]), {"day": day}, follow=True)
    assert "Pilih tanggal dari besok sampai" in words(page) and not KeptForms.objects.exists()
    page = vera.post(reverse("admin:complaints_case_remind", args=[case.pk]), {"day": "x"}, follow=True)
    assert "Pilih tanggal." in words(page)


def test_a_case_in_conflict_is_reminded_of_to_nobody(cast: Cast, signed_in: SignedIn) -> None:
    case = in_review(cast).case
    actor = later(cast, "vera", 0)
    reminders.remind(actor=actor, case_id=case.pk, day=actor.today + timedelta(days=1))
    conflicts.declare_conflict(actor=actor, case_id=case.pk, reason="Saudara.")
    row = {"kept_forms": KeptForms.objects.get().sealed} if KeptForms.objects.exists() else {}
    assert reminders.due(actor=later(cast, "vera", 1), values=row) == []
    url = reverse("admin:complaints_case_remind", args=[case.pk])
    assert signed_in("vera").post(url, {"day": "2030-01-01"}).status_code == 404


def test_begun_forms_take_no_room_of_reminders(cast: Cast) -> None:
    case, actor = send_report().case, later(cast, "vera", 0)
    reminders.remind(actor=actor, case_id=case.pk, day=actor.today + timedelta(days=1))
    for number in range(6):
        kept_forms.keep(
            keyring=actor.keyring, name=f"form {number}", values={"text": ["x" * 15_000]}, today=actor.today
        )
    forms = kept_forms.forms_of(keyring=actor.keyring, today=actor.today)
    assert f"{kept_forms.REMINDER}{case.pk}" in forms and "form 5" in forms and "form 0" not in forms


def test_so_many_reminders_and_no_more(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "AT_MOST", 1)
    first, second, actor = send_report().case, send_report().case, later(cast, "vera", 0)
    day = actor.today + timedelta(days=1)
    reminders.remind(actor=actor, case_id=first.pk, day=day)
    with pytest.raises(reminders.ReminderRefused, match="many"):
        reminders.remind(actor=actor, case_id=second.pk, day=day)
    reminders.remind(actor=actor, case_id=first.pk, day=day + timedelta(days=1))
