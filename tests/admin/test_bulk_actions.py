"""Acts on ticked lines: what was done and what was not is said, case by case, and nothing is half done."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.services import case_actions
from complaints.services.keyring import Actor
from tests.cases import in_review
from tests.views.walk import words
from tests.world import Cast, SignedIn, send_report

QUEUE, MANY = "admin:complaints_case_changelist", "admin:complaints_case_many"
pytestmark = pytest.mark.django_db


def test_claiming_several_cases(signed_in: SignedIn, cast: Cast) -> None:
    cases = [send_report().case for _number in range(3)]
    client = signed_in("vera")
    page = client.post(
        reverse(MANY), {"case": [case.pk for case in cases[:2]], "do": "mine", "back": "officer=none"}, follow=True
    )
    assert page.redirect_chain[-1][0].endswith("?officer=none")
    assert "2 kasus sudah diproses." in words(page)
    assert [Case.objects.get(pk=case.pk).assignee for case in cases] == [cast["vera"], cast["vera"], None]
    assert AuditEntry.objects.filter(event="case.assigned").count() == 2


def test_giving_several_asks_to_whom(signed_in: SignedIn, cast: Cast) -> None:
    case = send_report().case
    client, form = signed_in("vera"), {"case": [case.pk], "do": "give"}
    page = client.post(reverse(MANY), form)
    assert case.reference in words(page)
    assert "Vino" in words(page)
    client.post(reverse(MANY), form | {"person": str(cast["vino"].pk)})
    assert Case.objects.get().assignee == cast["vino"]
    client.post(reverse(MANY), form | {"person": ""})
    assert Case.objects.get().assignee is None
    for stranger in ("luar", "kirana"):
        assert client.post(reverse(MANY), form | {"person": str(cast[stranger].pk)}).status_code == 404


def test_beginning_several_tells_which_were_not_new_any_more(signed_in: SignedIn, cast: Cast) -> None:
    new, begun = send_report().case, in_review(cast).case
    ticked = [new.pk, begun.pk, uuid.uuid4(), new.pk]
    page = signed_in("vera").post(reverse(MANY), {"case": ticked, "do": "start"}, follow=True)
    text = words(page)
    assert "1 kasus sudah diproses." in text
    assert f"Belum diproses: {begun.reference}." in text
    assert "1 kasus tidak lagi ada di daftar Anda." in text
    assert {case.status for case in Case.objects.all()} == {"in_review"}
    assert Case.objects.get(pk=begun.pk).step_count == 1


def test_one_that_breaks_takes_nothing_of_it_along(cast: Cast) -> None:
    """A savepoint each: the refused one leaves no step, the others stay."""
    first, second = send_report().case, send_report().case
    Case.objects.filter(pk=first.pk).update(status="withdrawn")
    outcome = case_actions.bulk_start_review(
        actor=Actor(cast.ring("vera"), timezone.now()), case_ids=[first.pk, second.pk]
    )
    assert (outcome.done, [reference for reference, _code in outcome.refused]) == (
        [second.reference],
        [first.reference],
    )
    assert not first.steps.exists()
    assert second.steps.count() == 1


def test_nothing_ticked_and_odd_forms(signed_in: SignedIn, cast: Cast) -> None:
    case = send_report().case
    client = signed_in("vera")
    assert "Centang paling sedikit satu kasus." in words(client.post(reverse(MANY), {"do": "mine"}, follow=True))
    for form in ({"case": ["x"], "do": "mine"}, {"case": [case.pk], "do": "verify"}, {"case": [case.pk]}):
        assert client.post(reverse(MANY), form).status_code == 404
    assert Case.objects.get().assignee is None


@pytest.mark.parametrize("name", ["super", "kirana", "luar"])
def test_nobody_else_acts(signed_in: SignedIn, cast: Cast, name: str) -> None:
    case = send_report().case
    for do in ("mine", "start", "give"):
        assert signed_in(name).post(reverse(MANY), {"case": [case.pk], "do": do}).status_code == 404
    assert Case.objects.get().status == "received"


def test_all_lines_can_be_ticked_without_a_script(signed_in: SignedIn, cast: Cast) -> None:
    send_report()
    client = signed_in("vera")
    assert " checked>" not in client.get(reverse(QUEUE)).content.decode().partition("<tbody")[2]
    assert " checked>" in client.get(reverse(QUEUE) + "?tick=all").content.decode().partition("<tbody")[2]
