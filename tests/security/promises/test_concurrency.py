"""Promise 6 under load: one draft sent by thirty clicks at once is one report, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import DraftFile, Evidence, EvidenceObject
from complaints.models.identity import Identity
from complaints.models.oversight import Release
from complaints.services import case_actions, case_file, case_links, follow_up
from complaints.services.audit import verify
from complaints.services.forwarding import reading, release
from complaints.services.forwarding.contents import whole
from complaints.services.keyring import Actor
from complaints.services.messages import send_to_reporter
from complaints.services.transitions import CaseVersion
from tests.cases import body_act, forwarded
from tests.images import photo
from tests.views.walk import ANONYMOUS, STORY_PAGE, code_on, to_story, token_of
from tests.world import Cast, at, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)
ROUNDS = 12


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run ``act`` in ``count`` threads that begin together."""
    start = threading.Barrier(count)

    def run(number: int) -> Any:
        try:
            start.wait(timeout=30)
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_thirty_clicks_make_one_report_and_all_see_its_code(live_cast: Cast) -> None:
    first = Client()
    to_story(first)
    first.post("/lapor/cerita/", STORY_PAGE | {"links": "", "evidence": SimpleUploadedFile("f.jpg", photo())})
    token = token_of(first.get("/lapor/periksa/"))
    cookie = first.cookies["lapor"].value

    def click(number: int) -> str:
        client = Client()
        client.cookies["lapor"] = cookie
        answer = client.post("/lapor/periksa/", ANONYMOUS | {"token": token})
        assert answer.headers["Location"] == "/lapor/kode/"
        return code_on(client.get("/lapor/kode/"))

    codes = at_once(30, click)
    assert len(set(codes)) == 1
    for model in (Case, Complaint, KeyGrant, Identity, Evidence, EvidenceObject):
        assert model._default_manager.count() == 1
    assert not DraftFile.objects.exists()
    assert follow_up.open_ticket(codes[0])


def test_two_officers_cannot_take_the_same_step_twice(live_cast: Cast) -> None:
    sent = send_report(today=DAY)

    def take(number: int) -> str:
        ring = live_cast.ring(("vera", "vino")[number % 2])
        try:
            case_actions.act(
                actor=Actor(ring, NOW), case_id=sent.case.pk, action=Action.START_REVIEW, seen=CaseVersion("received")
            )
        except Exception as refusal:  # noqa: BLE001
            return type(refusal).__name__
        return "done"

    assert sorted(at_once(6, take)) == ["CaseChanged"] * 5 + ["done"]
    assert CaseStep.objects.count() == 1
    assert verify.verify_chain().whole


def test_messages_that_cross_get_each_a_place_of_their_own(live_cast: Cast) -> None:
    sent = send_report(today=DAY)
    complaint = Complaint.objects.get().pk

    def write(number: int) -> None:
        if number % 2:
            follow_up.add_message(ticket=sent.ticket, text=f"Pesan {number}.", files=[], today=DAY)
        else:
            case_actions.reply_to_reporter(
                actor=Actor(live_cast.ring("vera"), NOW), complaint_id=complaint, text=f"Balasan {number}."
            )

    at_once(8, write)
    assert sorted(Message.objects.values_list("sequence", flat=True)) == list(range(1, 9))
    assert verify.verify_chain().whole


MEANWHILE: dict[str, Callable[[Cast, Any], Any]] = {
    "the reporter answers": lambda cast, sent: follow_up.add_message(
        ticket=sent.ticket, text="Jawaban.", files=[], today=DAY
    ),
    "another officer reads": lambda cast, sent: case_file.open_case(
        actor=Actor(cast.ring("vino"), NOW), case_id=sent.case.pk
    ),
    "the reporter withdraws": lambda cast, sent: follow_up.withdraw(ticket=sent.ticket, reason="Takut.", today=DAY),
}


@pytest.mark.parametrize("other", MEANWHILE.values(), ids=MEANWHILE)
def test_concurrent_step_and_other_act_do_not_deadlock(
    live_cast: Cast, monkeypatch: pytest.MonkeyPatch, other: Callable[[Cast, Any], Any]
) -> None:
    """The officer holds the case and the chain and wants the complaint; whoever holds the complaint must not want
    the case or the chain, or the database throws one of the two out."""
    sent = send_report(today=DAY)
    case_actions.act(actor=Actor(live_cast.ring("vera"), NOW), case_id=sent.case.pk, action=Action.START_REVIEW)
    half_way, send = threading.Event(), send_to_reporter

    def slow(**kwargs: Any) -> Any:
        half_way.set()
        half_way_other.wait(timeout=1)
        return send(**kwargs)

    half_way_other = threading.Event()
    monkeypatch.setattr(case_actions, "send_to_reporter", slow)

    def officer() -> None:
        do: dict[str, Any] = {"actor": Actor(live_cast.ring("vera"), NOW), "case_id": sent.case.pk}
        case_actions.act(action=Action.ASK_REPORTER, reason="Kapan?", **do)

    def somebody() -> None:
        half_way.wait(timeout=10)
        other(live_cast, sent)
        half_way_other.set()

    at_once(2, lambda number: (officer, somebody)[number]())
    assert verify.verify_chain().whole


def test_crosswise_linking_during_messages_keeps_one_link(live_cast: Cast) -> None:
    """Two officers link two cases into each other while all reporters write and one withdraws: one link holds."""
    sent = [send_report(today=DAY) for _number in range(4)]
    received = CaseVersion("received")
    joined = {sent[2].case.pk: received, sent[3].case.pk: received}
    case_links.link(actor=Actor(live_cast.ring("vera"), NOW), target_id=sent[0].case.pk, sources=joined, reason="Sama.")
    rings = [live_cast.ring("vera"), live_cast.ring("vino")]

    def take(number: int) -> str:
        target, other = (sent[0], sent[1]) if number == 0 else (sent[1], sent[0])
        try:
            if number < 2:
                case_links.link(
                    actor=Actor(rings[number], NOW),
                    target_id=target.case.pk,
                    sources={other.case.pk: received},
                    reason="Sama juga.",
                )
            elif number == 2:
                follow_up.withdraw(ticket=sent[3].ticket, reason="", today=DAY)
            else:
                writer = sent[number % 3]
                follow_up.add_message(ticket=writer.ticket, text=f"Pesan {number}", files=[], today=DAY)
        except Exception as refusal:  # noqa: BLE001
            return type(refusal).__name__
        return "done"

    outcomes = at_once(9, take)
    assert outcomes[2:] == ["done"] * 7
    assert sorted(outcomes[:2]) in (["CaseChanged", "done"], ["DoesNotExist", "done"], ["CaseChanged", "CaseChanged"])
    assert Message.objects.count() == 6
    assert Case.objects.get(complaints=sent[3].ticket.complaint_id).status == "withdrawn"
    assert not Case.objects.exclude(linked_into=None).filter(complaints__isnull=False).exists()
    assert verify.verify_chain().whole


def test_a_release_is_recalled_before_it_is_opened_or_after_and_never_both(live_cast: Cast) -> None:
    sent, row = forwarded(live_cast)
    body_act(live_cast, "kirana", row, Action.TAKE_UP)
    for number in range(ROUNDS):
        follow_up.add_message(ticket=sent.ticket, text=f"Pesan {number}.", files=[], today=timezone.localdate())
        fitri, kirana = (Actor(live_cast.ring(name), timezone.now()) for name in ("fitri", "kirana"))
        more = release.supplement(actor=fitri, first=row, choice=whole(sent.case.pk))

        def race(place: int, fitri: Actor = fitri, kirana: Actor = kirana, more: Release = more) -> bool:
            if place:
                return release.recall(actor=fitri, release_id=more.pk)
            return more.pk in {one.release.pk for one in reading.open_release(actor=kirana, release_id=row.pk).opened}

        was_read, was_opened = at_once(2, race)
        assert was_read == was_opened
    assert not verify.verify_chain().faults
