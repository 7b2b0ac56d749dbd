"""How a case is filed and who its officer is stand on its own page as the chain records them, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.services import assignment, case_file
from complaints.services.audit import verify
from complaints.services.forwarding import reading
from complaints.services.keyring import Actor
from tests.cases import act, forwarded, in_review
from tests.world import Cast, Sent, SignedIn, change_account

pytestmark = pytest.mark.django_db
NOT_SHOWN = "Tidak ditampilkan karena tidak sesuai dengan rantai audit."
FILED = "Penggolongan kasus ini tidak sesuai dengan rantai audit."


def read(client: Client, sent: Sent, name: str = "complaints_case_change") -> str:
    return client.get(reverse(f"admin:{name}", args=[sent.case.pk])).content.decode()


def opened(cast: Cast, sent: Sent) -> case_file.CaseFile:
    return case_file.open_case(actor=Actor(cast.ring("vino"), timezone.now()), case_id=sent.case.pk)


def given(cast: Cast) -> Sent:
    """A case in review that vera gave to vino."""
    sent = in_review(cast)
    assignment.assign(actor=Actor(cast.ring("vera"), timezone.now()), case_id=sent.case.pk, assignee=cast["vino"])
    return sent


FILINGS: list[dict[str, Any]] = [
    {"category": "B2"},
    {"accused_kind": "colleague"},
    {"province": "11"},
    {"agency_kind": "village"},
    {"received_on": date(2025, 1, 1)},
    {"reference": "KN-26-BCDFGH"},
    {"lane": "out"},
]


@pytest.mark.parametrize("altered", FILINGS, ids=lambda altered: next(iter(altered)))
def test_an_altered_filing_is_told_to_no_officer_and_opens_no_step(cast: Cast, altered: dict[str, Any]) -> None:
    sent = given(cast)
    before = opened(cast, sent)
    assert (before.under_check, before.differing) == (False, frozenset()) and before.choices
    Case.objects.filter(pk=sent.case.pk).update(**altered)
    after = opened(cast, sent)
    name = "lane" if "lane" in altered else "filing"
    assert (after.under_check, after.differing, after.choices) == (True, frozenset({name}), [])
    assert not verify.verify_chain().whole


def test_the_page_says_so_and_names_neither_category_nor_place(cast: Cast, signed_in: SignedIn) -> None:
    sent, client = given(cast), signed_in("vera")
    assert FILED not in read(client, sent) and NOT_SHOWN not in read(client, sent, "complaints_case_rules")
    Case.objects.filter(pk=sent.case.pk).update(category="B2", province="11", received_on=date(2025, 1, 1))
    text = read(client, sent)
    assert FILED in text and NOT_SHOWN in text
    assert not any(word in text for word in ("Aceh", "Januari 2025", ">B2<"))
    assert NOT_SHOWN in read(client, sent, "complaints_case_rules")


ASSIGNMENTS: list[Callable[[Cast], dict[str, Any]]] = [
    lambda cast: {"assignee": cast["vera"]},
    lambda cast: {"assignee": None, "assigned_by": None, "assigned_on": None, "confirmed_on": None},
    lambda cast: {"assigned_by": cast["vino"]},
    lambda cast: {"confirmed_on": date(2025, 1, 1)},
]


@pytest.mark.parametrize("make", ASSIGNMENTS)
def test_an_altered_officer_is_told_to_nobody_and_the_case_goes_on(
    cast: Cast, signed_in: SignedIn, make: Callable[[Cast], dict[str, Any]]
) -> None:
    sent, client = given(cast), signed_in("vera")
    officer = get_user_model().objects.get(username="vino").get_full_name() or "vino"
    assert officer in (shown := of_officer(read(client, sent))) and NOT_SHOWN not in shown
    Case.objects.filter(pk=sent.case.pk).update(**make(cast))
    file = opened(cast, sent)
    assert (file.under_check, file.differing) == (False, frozenset({"assignment"})) and file.choices
    shown = of_officer(read(client, sent))
    assert NOT_SHOWN in shown and "selected" not in shown
    assert "Diserahkan" not in shown and "Kasus ini belum ada petugasnya" not in shown
    act(cast, "vera", sent, Action.VERIFY)


def of_officer(page: str) -> str:
    return page[page.index('id="officer"') :].split("</section>")[0]


def test_taking_the_case_records_an_officer_again_and_the_night_names_what_was_altered(cast: Cast) -> None:
    sent = given(cast)
    Case.objects.filter(pk=sent.case.pk).update(assignee=None, assigned_by=None, assigned_on=None, confirmed_on=None)
    actor = Actor(cast.ring("vera"), timezone.now())
    assignment.claim(actor=actor, case_id=sent.case.pk, seen=None)
    assert opened(cast, sent).differing == frozenset()
    assert not verify.verify_chain().whole


def test_who_opens_no_report_reads_of_an_altered_case_its_reference_alone(cast: Cast, signed_in: SignedIn) -> None:
    change_account("adi", is_superuser=True)
    sent, client = given(cast), signed_in("adi")
    assert NOT_SHOWN not in read(client, sent)
    Case.objects.filter(pk=sent.case.pk).update(category="B2", province="11", status="ineligible")
    text = read(client, sent)
    assert NOT_SHOWN in text and sent.case.reference in text
    assert not any(word in text for word in ("Aceh", "Tidak memenuhi syarat", ">B2<"))


def test_a_body_is_told_no_altered_category(cast: Cast, signed_in: SignedIn) -> None:
    sent, release = forwarded(cast)
    opened(cast, sent)
    address = reverse("admin:complaints_release_change", args=[release.pk])
    assert NOT_SHOWN not in signed_in("kirana").get(address).content.decode()
    Case.objects.filter(pk=sent.case.pk).update(category="B2", province="11")
    actor = Actor(cast.ring("kirana"), timezone.now())
    file = reading.open_release(actor=actor, release_id=release.pk)
    assert (file.under_check, file.actions) == (True, [])
    text = signed_in("kirana").get(address).content.decode()
    assert NOT_SHOWN in text and "Aceh" not in text and ">B2<" not in text
