"""How many people could know what is told: one size for each choice, read by the office, released by choice."""

from __future__ import annotations

import pytest
from django.db import models
from django.urls import reverse
from django.utils import timezone

from complaints.domain.circle import Circle
from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import OversightBody
from complaints.services import circles, follow_up
from complaints.services.forwarding import asking, reading
from complaints.services.forwarding.contents import ANSWERS, Choice
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from tests.cases import act, body_act, body_asks, complaint_of, forwarded, in_review, verified
from tests.world import Cast, Sent, SignedIn, send_report

CHOICES = ("", *(circle.value for circle in Circle), "x", "12345")
WORDS = "jumlah orang yang mungkin tahu: {}. Jangan mengutip"


def sizes(row: models.Model) -> dict[str, int]:
    columns = (field.attname for field in row._meta.concrete_fields)
    return {name: len(bytes(value)) for name in columns if isinstance(value := getattr(row, name), bytes | memoryview)}


def writes(sent: Sent, circle: str, text: str = "Ada tambahan.") -> Message:
    follow_up.add_message(ticket=sent.ticket, text=text, files=[], today=timezone.localdate(), circle=circle)
    return Message.objects.from_reporter().order_by("-sequence").first() or pytest.fail("no message")


def told(cast: Cast, case: Case) -> list[object]:
    return circles.of_case(keyring=cast.ring("vera"), case_id=case.pk)


def test_every_choice_takes_up_the_same_room(cast: Cast) -> None:
    """Also a story that fills its size to the last byte tells nothing of the choice."""
    reports, messages = set(), set()
    for circle in CHOICES:
        sent = send_report(circle=circle)
        reports.add(tuple(sizes(complaint_of(sent)).items()))
        messages.add(tuple(sizes(writes(sent, circle)).items()))
    assert len(reports) == len(messages) == 1
    # Nor is it in a column: whatever of a row is not sealed is the same, but for keys and numbers of the report itself.
    assert {field.name for field in Complaint._meta.concrete_fields if "circle" in field.name} == set()


@pytest.mark.parametrize(("circle", "kept"), [("2", "2"), ("", "0"), ("x", "0"), ("12345", "0")])
def test_what_the_form_does_not_offer_was_not_answered(cast: Cast, circle: str, kept: str) -> None:
    sent = send_report(circle=circle)
    writes(sent, circle)
    assert told(cast, sent.case) == [kept, kept]


def test_a_body_gets_it_only_where_an_officer_ticks_it(cast: Cast) -> None:
    sent, row = forwarded(cast, circle="2")
    other = verified(cast, circle="3")
    bkn, pk = OversightBody.objects.get(pk="bkn"), complaint_of(other).pk
    fitri = Actor(cast.ring("fitri"), timezone.now())
    ticked = forward(actor=fitri, case_id=other.case.pk, body=bkn, choice=Choice({pk: set(ANSWERS)}), cover="Mohon.")
    for release, given in ((row, None), (ticked, "3")):
        seen = reading.open_release(actor=Actor(cast.ring("kirana"), timezone.now()), release_id=release.pk)
        (report,) = seen.opened[0].content.reports
        assert report.answers.get("circle") == given and "circle" not in report.left_out
    assert sent.case.pk != other.case.pk


def test_the_answer_to_a_body_goes_to_it_without(cast: Cast) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_asks(cast, release, "Pada jam berapa?")
    message = writes(sent, "1", "Jam sembilan.")
    seen = reading.open_release(actor=Actor(cast.ring("kirana"), timezone.now()), release_id=release.pk)
    assert message.sealed_for_release and "Jam sembilan." in str(seen) and "circle" not in str(seen)
    assert told(cast, sent.case) == ["0", "1"]


def test_it_stands_wherever_the_office_may_quote(cast: Cast, signed_in: SignedIn) -> None:
    sent = in_review(cast, circle="3")
    vera, fitri, report = signed_in("vera"), signed_in("fitri"), complaint_of(sent).pk
    pages = {
        "case": reverse("admin:complaints_case_change", args=[sent.case.pk]),
        "step": reverse("admin:complaints_case_step", args=[sent.case.pk, "ask_reporter"]),
        "redactions": reverse("admin:complaints_case_redact", args=[sent.case.pk, report]),
        "redacted text": reverse("admin:complaints_case_redact_text", args=[sent.case.pk, report, "answer-story"]),
    }
    for name, url in pages.items():
        assert WORDS.format("6–20") in vera.get(url).content.decode(), name
    reply = reverse("admin:complaints_case_reply", args=[sent.case.pk, report])
    assert WORDS.format("6–20") in vera.post(reply, {"text": "Baik.", "do": "preview"}).content.decode()
    # The smallest that was told counts.
    writes(sent, "2")
    assert WORDS.format("2–5") in vera.get(pages["case"]).content.decode()
    act(cast, "vera", sent, Action.VERIFY)
    forwarding = fitri.get(reverse("admin:complaints_case_forward", args=[sent.case.pk])).content.decode()
    assert WORDS.format("2–5") in forwarding
    (line,) = [part for part in forwarding.split("<input") if f"{report}.circle" in part]
    assert "checked" not in line


def test_it_stands_beside_a_bodys_question_and_words_where_the_body_got_it(cast: Cast, signed_in: SignedIn) -> None:
    kirana, fitri = signed_in("kirana"), Actor(cast.ring("fitri"), timezone.now())
    bkn = OversightBody.objects.get(pk="bkn")
    for keys, stands in ((set(ANSWERS), True), (set(ANSWERS) - {"circle"}, False)):
        sent = verified(cast, circle="3")
        choice = Choice({complaint_of(sent).pk: keys})
        release = forward(actor=fitri, case_id=sent.case.pk, body=bkn, choice=choice, cover="Mohon.")
        body_act(cast, "kirana", release, Action.TAKE_UP)
        for name, more in (("release_ask_reporter", []), ("release_step", [Action.DISMISS.value])):
            url = reverse(f"admin:complaints_{name}", args=[release.pk, *more])
            assert (WORDS.format("6–20") in kirana.get(url).content.decode()) is stands, name


def test_a_letter_is_warned_and_tells_it_by_nobodys_default(cast: Cast, signed_in: SignedIn) -> None:
    sent = in_review(cast, circle="2")
    act(cast, "vera", sent, Action.PREPARE_REFERRAL, "Urusan Bawaslu.")
    page = signed_in("fitri").get(reverse("admin:complaints_case_letter", args=[sent.case.pk]))
    assert WORDS.format("2–5") in page.content.decode()
    ticked = {part.label: is_ticked for part, is_ticked in page.context["parts"]}
    assert ticked["Jumlah orang yang mungkin tahu"] is False and ticked["Apa yang terjadi"] is True


def test_nothing_is_said_where_nothing_was_told(cast: Cast, signed_in: SignedIn) -> None:
    sent = in_review(cast)
    page = signed_in("vera").get(reverse("admin:complaints_case_change", args=[sent.case.pk])).content.decode()
    assert "mungkin tahu" not in page


def test_a_question_of_a_body_is_read_beside_it(cast: Cast, signed_in: SignedIn) -> None:
    sent, release = forwarded(cast, circle="1")
    body_act(cast, "kirana", release, Action.TAKE_UP)
    row = asking.ask_office(
        actor=Actor(cast.ring("kirana"), timezone.now()), release_id=release.pk, text="Siapa notulisnya?"
    )
    url = reverse("admin:complaints_case_question", args=[sent.case.pk, row.pk])
    assert WORDS.format("1") in signed_in("vera").get(url).content.decode()
