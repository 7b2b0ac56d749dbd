"""Drafts by the addresses of the pages: whose case it is, what counts as activity, and when a draft is sent."""

from __future__ import annotations

from datetime import timedelta

import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.models.complaint import Complaint
from complaints.models.session import KeptForms, SealedSession
from complaints.services import conflicts
from complaints.services.keyring import Actor
from tests.cases import forwarded, in_review
from tests.world import Cast, SignedIn

TEXT = "Dua baris yang belum dikirim."


def address(pk: object) -> str:
    return reverse("admin:drafts", args=[pk])


def post(client: Client, pk: object, form: str, text: str = TEXT) -> int:
    return client.post(address(pk), {"form": form, "base": "0", "text.text": text}).status_code


def test_a_draft_comes_back_on_its_page_and_ends_when_it_was_sent(signed_in: SignedIn, cast: Cast) -> None:
    case = in_review(cast).case
    complaint, vera = Complaint.objects.get(case=case), signed_in("vera")
    assert post(vera, case.pk, "note") == 200
    assert vera.get(address(case.pk)).json()["drafts"]["note"]["texts"] == {"text": TEXT}
    page = reverse("admin:complaints_case_change", args=[case.pk])
    assert TEXT not in vera.get(page).content.decode()
    assert TEXT in vera.get(f"{page}?drafts=1").content.decode()
    note = reverse("admin:complaints_case_note", args=[case.pk, complaint.pk])
    # What is not taken stays kept, also without a script.
    form = {"draft": f"{case.pk} note", "text": f"{TEXT} " * 400}
    assert vera.post(note, form).status_code == 400
    assert vera.post(note, {"draft": f"{case.pk} note", "text": TEXT}).status_code == 302
    assert vera.get(address(case.pk)).json() == {"drafts": {}}
    preview = {"draft": f"{case.pk} reply-{complaint.pk}", "text": TEXT, "do": "preview"}
    assert vera.post(reverse("admin:complaints_case_reply", args=[case.pk, complaint.pk]), preview).status_code == 200
    kept = vera.get(address(case.pk)).json()["drafts"]
    assert kept[f"reply-{complaint.pk}"]["texts"] == {"text": TEXT}
    # Emptied, it is gone.
    assert post(vera, case.pk, f"reply-{complaint.pk}", " ") == 200
    assert not KeptForms.objects.exists()


def test_drafts_exist_only_where_the_person_may_write(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast)
    vera, kirana = signed_in("vera"), signed_in("kirana")
    assert post(kirana, release.pk, "note") == 200 and post(kirana, sent.case.pk, "note") == 404
    assert post(vera, release.pk, "note") == 404 and post(signed_in("bayu"), release.pk, "note") == 404
    assert signed_in("audi").get(address(sent.case.pk)).status_code == 404
    assert post(vera, sent.case.pk, "note", "a" * 20_000) == 413
    assert post(vera, sent.case.pk, "note") == 200 and post(vera, sent.case.pk, "note") == 429
    conflicts.declare_conflict(
        actor=Actor(cast.ring("vera"), timezone.now()), case_id=sent.case.pk, reason="Saudara saya."
    )
    assert vera.get(address(sent.case.pk)).status_code == 404 and post(vera, sent.case.pk, "note") == 404


def test_keeping_is_no_activity_and_without_a_session_nothing_is_stored(signed_in: SignedIn, cast: Cast) -> None:
    case, vera = in_review(cast).case, signed_in("vera")
    left, idle = reverse("admin:session_left"), settings.SESSION_COOKIE_AGE
    start = timezone.now()
    with time_machine.travel(start + timedelta(seconds=idle * 0.6), tick=False):
        assert post(vera, case.pk, "note") == 200
        seconds = vera.get(left).json()["seconds"]
        assert abs(seconds - idle * 0.4) < 30
        assert vera.get(left).json()["longest"] == idle
        assert vera.post(left).json()["seconds"] == idle
        assert vera.get(left).json()["seconds"] == idle
    with time_machine.travel(start + timedelta(seconds=idle * 1.7), tick=False):
        assert vera.get(left).status_code == 302 and not SealedSession.objects.exists()
    rows = KeptForms.objects.get().sealed
    with time_machine.travel(start + timedelta(seconds=idle * 1.8), tick=False):
        assert post(signed_in("vera"), case.pk, "note", "Baru.") == 200
    with time_machine.travel(start + timedelta(seconds=idle * 3), tick=False):
        late = signed_in("vera")
    kept, sessions = KeptForms.objects.get().sealed, SealedSession.objects.count()
    assert kept != rows
    with time_machine.travel(start + timedelta(seconds=idle * 6), tick=False):
        assert post(late, case.pk, "note", "Terlambat, dua kata.") == 302
        assert KeptForms.objects.get().sealed == kept and SealedSession.objects.count() == sessions - 1
