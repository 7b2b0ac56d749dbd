"""Acts on ticked lines: what was done and what was not is said, case by case, and nothing is half done."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.models.audit import AuditEntry
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Message
from complaints.services import assignment, bulk_actions, reference_data
from complaints.services.keyring import Actor
from tests.cases import in_review
from tests.views.walk import words
from tests.world import Cast, SignedIn, send_report

QUEUE, MANY = "admin:complaints_case_changelist", "admin:complaints_case_many"
UNDO = "admin:complaints_case_undo"
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
    outcome = bulk_actions.bulk_start_review(
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


def test_giving_can_be_undone_once_and_by_whom_it_still_is(signed_in: SignedIn, cast: Cast) -> None:
    taken, free, moved = (send_report().case for _number in range(3))
    Case.objects.filter(pk=taken.pk).update(assignee=cast["vino"])
    client, ticked = signed_in("vera"), [taken.pk, free.pk, moved.pk]
    page = client.post(reverse(MANY), {"case": ticked, "do": "mine"}, follow=True)
    assert page.context["undoable"] == 3
    assignment.assign(actor=Actor(cast.ring("fitri"), timezone.now()), case_id=moved.pk, assignee=cast["fitri"])
    page = client.post(reverse(UNDO), follow=True)
    assert "2 kasus sudah diproses." in words(page)
    assert f"Belum diproses: {moved.reference}." in words(page)
    holders = [Case.objects.get(pk=case.pk).assignee for case in (taken, free, moved)]
    assert holders == [cast["vino"], None, cast["fitri"]]
    assert "Tidak ada lagi yang dapat dibatalkan." in words(client.post(reverse(UNDO), follow=True))


def test_an_old_giving_is_not_undone(signed_in: SignedIn, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    case, client = send_report().case, signed_in("vera")
    client.post(reverse(MANY), {"case": [case.pk], "do": "mine"})
    monkeypatch.setattr("complaints.admin.queue_bulk.UNDO_FOR", timedelta(0))
    assert "Tidak ada lagi yang dapat dibatalkan." in words(client.post(reverse(UNDO), follow=True))
    assert Case.objects.get(pk=case.pk).assignee == cast["vera"]


def test_proposing_several_shows_first_which_can_be(signed_in: SignedIn, cast: Cast) -> None:
    begun, new, client = in_review(cast).case, send_report().case, signed_in("vera")
    form = {"case": [begun.pk, new.pk], "do": "propose"}
    page = client.post(reverse(MANY), form)
    assert page.status_code == 200 and words(page).count("tidak dapat dari status ini") == 1
    assert client.post(reverse(MANY), form | {"reason": " "}).status_code == 400
    assert not CaseStep.objects.filter(action="propose_ineligible").exists()
    page = client.post(reverse(MANY), form | {"reason": "Bukan ASN."}, follow=True)
    assert "1 kasus sudah diproses." in words(page) and f"Belum diproses: {new.reference}." in words(page)
    assert Case.objects.get(pk=begun.pk).status == "ineligible_proposed"


def test_a_text_goes_to_all_but_where_it_would_disclose(signed_in: SignedIn, cast: Cast) -> None:
    telling, quiet = in_review(cast, accused_name="Camat Suryono").case, in_review(cast).case
    client, form = signed_in("vera"), {"case": [telling.pk, quiet.pk], "do": "text"}
    assert words(client.post(reverse(MANY), form)).count("Tidak dapat ditarik") == 0
    page = client.post(reverse(MANY), form | {"text": "Tentang Camat Suryono kami menunggu."}, follow=True)
    assert f"Belum diproses: {telling.reference}." in words(page)
    sent = Message.objects.filter(direction="to_reporter", complaint__case__in=[telling, quiet], step=None)
    assert [message.complaint.case_id for message in sent] == [quiet.pk]


def test_a_standard_text_is_put_in_before_it_is_sent(signed_in: SignedIn, cast: Cast) -> None:
    case, client = in_review(cast).case, signed_in("vera")
    row = reference_data.standard_texts("reply", "")[0]
    form = {"case": [case.pk], "do": "text", "text": "", "standard": f"{row.code}.id", "go": "insert"}
    page = client.post(reverse(MANY), form)
    assert page.context["form"]["text"].value() == row.body_id
    assert not Message.objects.filter(direction="to_reporter", step=None).exists()


def test_ticked_cases_are_linked_on_the_page_of_linking(signed_in: SignedIn, cast: Cast) -> None:
    lead, other, third = in_review(cast).case, send_report().case, send_report().case
    client = signed_in("vera")
    page = client.post(reverse(MANY), {"case": [other.pk, lead.pk], "do": "link"}, follow=True)
    assert page.redirect_chain[-1][0].startswith(reverse("admin:complaints_case_link", args=[lead.pk]))
    ticked = {row["candidate"].case.pk for row in page.context["rows"] if row["ticked"]}
    assert ticked == {other.pk} and third.pk not in ticked
    page = client.post(reverse(MANY), {"case": [other.pk], "do": "link"}, follow=True)
    assert "Centang sedikitnya dua kasus" in words(page)


def test_the_ticked_are_exported_alone(signed_in: SignedIn, cast: Cast) -> None:
    ticked, other, client = in_review(cast).case, in_review(cast).case, signed_in("vera")
    page = client.post(reverse(MANY), {"case": [ticked.pk], "do": "export"}, follow=True)
    assert page.context["number"] == 1 and "hanya kasus yang dicentang" in words(page)
    url = page.redirect_chain[-1][0]
    answer = client.post(url, {"columns": ["reference"], "form": "csv", "reason": "report"})
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert ticked.reference in text and other.reference not in text
