"""No case is stuck in the admin: its pages offer what the table of steps allows, and lead out of every state."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints import access
from complaints.domain.workflow import ENDED, OF_INQUIRIES, Action, ActorKind, Status, allowed
from complaints.models.case import Case
from complaints.models.oversight import Release
from complaints.services import case_actions, case_deadlines
from complaints.services.audit import verify
from complaints.services.keyring import Actor
from tests.cases import act, body_act, body_asks, forwarded, in_review, verified
from tests.world import Cast, Sent, SignedIn, send_report, start_session, ticks

OFFICE, BODY = ("vera", "vino", "fitri"), ("kirana", "kresna")
# Steps that have pages of their own: linking, an import, and a question that a body proposed and the office reads.
ELSEWHERE = {Action.LINK, Action.UNDO_IMPORT}
# A finding is proposed on the page of what would be found, and settled on the page of the release itself.
FOUND = {Action.SUBSTANTIATE, Action.DISMISS}
REASONED = {Action.DISMISS, Action.NO_SANCTION}
SETTLED = {Action.PROPOSE_FINDING, Action.RETURN_FINDING, Action.TAKE_BACK_FINDING} | FOUND

Place = tuple[Sent, Release | None]
Builder = Callable[[Cast], Place]


def later() -> datetime:
    return timezone.now() + timedelta(days=60)


def day() -> str:
    return timezone.localdate().isoformat()


def office(*steps: tuple[str, Action], **report: Any) -> Builder:
    """A case that the office has brought somewhere from its review on."""

    def build(cast: Cast) -> Place:
        sent = in_review(cast, **report)
        for name, action in steps:
            act(cast, name, sent, action, "Alasannya.")
        return sent, None

    return build


def resting(cast: Cast) -> Place:
    sent, _none = office(("vera", Action.ASK_REPORTER))(cast)
    actor = Actor(cast.ring("vera"), later())
    case_actions.act(actor=actor, case_id=sent.case.pk, action=Action.REST, reason="Kami menunggu.")
    return sent, None


def body(*actions: Action) -> Builder:
    """A case that a body has brought somewhere from its release on."""

    def build(cast: Cast) -> Place:
        sent, release = forwarded(cast)
        for action in actions:
            words = {"reply": "Tidak dapat dinyatakan terbukti."} if action in REASONED else {}
            body_act(cast, "kirana", release, action, **words)
        return sent, release

    return build


def asked_by_body(cast: Cast) -> Place:
    sent, release = body(Action.TAKE_UP)(cast)
    assert release
    body_asks(cast, release, "Apakah rapat itu dihadiri orang lain?")
    return sent, release


def overdue(cast: Cast) -> Place:
    place = body(Action.TAKE_UP, Action.SUBSTANTIATE, Action.AWAIT_AGENCY)(cast)
    assert case_deadlines.run_deadlines(now=later()) == 1
    return place


def delivered(cast: Cast) -> Place:
    sent, _none = PLACES["referring"](cast)
    take(sent, "fitri", "deliver", DELIVERY)
    return sent, None


TAKEN_UP = (Action.TAKE_UP,)
AWAITED = (*TAKEN_UP, Action.SUBSTANTIATE, Action.AWAIT_AGENCY)
PLACES: dict[str, Builder] = {
    "received": lambda cast: (send_report(), None),
    "in_review": office(),
    "needs_information": office(("vera", Action.ASK_REPORTER)),
    "asked by a body": asked_by_body,
    "resting": resting,
    "ineligible_proposed": office(("vera", Action.PROPOSE_INELIGIBLE)),
    "verified": lambda cast: (verified(cast), None),
    "referring": office(("vera", Action.PREPARE_REFERRAL), accused_kind="village_head"),
    "forwarded": body(),
    "under_examination": body(*TAKEN_UP),
    "substantiated": body(*TAKEN_UP, Action.SUBSTANTIATE),
    "awaiting_agency": body(*AWAITED),
    "overdue_agency": overdue,
    "unsubstantiated": body(*TAKEN_UP, Action.DISMISS),
    "sanctioned": body(*AWAITED, Action.SANCTION),
    "not_sanctioned": body(*AWAITED, Action.NO_SANCTION),
    "delivered": delivered,
    "referred": office(("vera", Action.REFER)),
    "ineligible": office(("vera", Action.PROPOSE_INELIGIBLE), ("vino", Action.CONFIRM_INELIGIBLE)),
}
ASKED_BY_BODY = "asked by a body"

DELIVERY = {"to": "Bawaslu Kabupaten", "receipt": "TT-1", "reason": "Sudah sampai.", "delivered_on": ""}
SANCTION = {"kind": "moral_open", "number": "800/1", "accused_status": "pns", "decided_on": ""}
NONE = {"why": "agency", "decided_on": "", "reply": "Instansi memutuskan lain."}
REFER = ("vera", "refer", {"reason": "Bukan wewenang kami."})
BACK = ("kirana", "decline", {"text": "Bukan wewenang kami.", "reply": "Bukan wewenang kami."})
# The steps by which people lead a case from each state to an end, pressed on its pages.
WAYS: dict[str, tuple[tuple[str, str, dict[str, str]], ...]] = {
    "received": (("vera", "start_review", {}), REFER),
    "in_review": (REFER,),
    "needs_information": (("vera", "end_wait", {}), REFER),
    ASKED_BY_BODY: (("kirana", "resume", {}), BACK, REFER),
    "resting": (("vera", "end_wait", {}), REFER),
    "ineligible_proposed": (("vino", "confirm_ineligible", {"reason": "Setuju."}),),
    "verified": (("fitri", "send_back", {"reason": "Foto dari acara lain."}), REFER),
    "referring": (("fitri", "deliver", DELIVERY),),
    "forwarded": (("fitri", "recall", {"reason": "Tugas lembaga itu berakhir."}), REFER),
    "under_examination": (BACK, REFER),
    "substantiated": (("kirana", "no_sanction", NONE),),
    "awaiting_agency": (("kirana", "sanction", SANCTION),),
    "overdue_agency": (("kirana", "no_sanction", NONE),),
    "unsubstantiated": (("kirana", "reconsider", {"text": "Bukti baru.", "reply": "Dikaji lagi."}), BACK, REFER),
    **{end: (("vera", "reopen", {"reason": "Ada keterangan baru."}), REFER) for end in sorted(ENDED)},
}


def page_of(sent: Sent, release: Release | None, name: str) -> str:
    if name in BODY and release:
        return reverse("admin:complaints_release_change", args=[release.pk])
    return reverse("admin:complaints_case_change", args=[sent.case.pk])


def take(sent: Sent, name: str, action: str, fields: dict[str, str], release: Release | None = None) -> None:
    """Press a step where its page offers it, fill in its form, and send it."""
    client = start_session(name)
    page = client.get(page_of(sent, release, name))
    address = re.search(rf'(?:href|action)="([^"]*/langkah/{action}/)"', page.content.decode())
    assert address, f"{name} is offered no {action}"
    form = client.get(address[1])
    assert form.status_code == 200, action
    context = form.context
    seen = str(context["mark"]) if "mark" in context else context["form"]["seen"].value()
    dated = {key: value or day() for key, value in fields.items()}
    answer = client.post(address[1], {"seen": seen, "do": "send", **_ticks(name, action), **dated})
    assert answer.status_code == 302, (action, context["form"].fields.keys())


def _ticks(name: str, action: str) -> dict[str, str]:
    return {} if name in BODY else ticks(action)


def offered(client: Client, page: str) -> tuple[set[str], str]:
    """Return the steps that a page leads to, each of which opens, and the page's text."""
    text = client.get(page).content.decode()
    found = set(re.findall(r'(?:href|action)="([^"]*/langkah/\w+/)"', text))
    for address in found:
        page_of_step = client.get(address, follow=True)
        # Nobody is found guilty unheard: that page leads to the hearing first.
        assert page_of_step.status_code == 200 or page_of_step.context["is_unheard"], address
    return {address.rstrip("/").rsplit("/", 1)[1] for address in found}, text


def state_of(place: str) -> tuple[Status, Status | None]:
    if place == ASKED_BY_BODY:
        return Status.NEEDS_INFORMATION, Status.UNDER_EXAMINATION
    status = Status(place)
    return status, Status.IN_REVIEW if status is Status.NEEDS_INFORMATION else None


@pytest.mark.parametrize("place", PLACES)
def test_pages_offer_what_the_table_allows(place: str, signed_in: SignedIn, cast: Cast) -> None:
    status, asked_from = state_of(place)
    sent, release = PLACES[place](cast)
    assert Case.objects.get(pk=sent.case.pk).status == status
    for name in OFFICE + (BODY if release else ()):
        kind = ActorKind.BODY if name in BODY else ActorKind.STAFF
        rows = allowed(status, kind, access.permissions_of(cast[name]), asked_from=asked_from)
        wanted = {row.action for row in rows} - ELSEWHERE
        if status is Status.UNDER_EXAMINATION and kind is ActorKind.STAFF:
            wanted -= {Action.ASK_REPORTER}
        if kind is ActorKind.BODY:
            wanted = wanted - SETTLED | (FOUND if Action.PROPOSE_FINDING in wanted else set())
        client = signed_in(name)
        steps, text = offered(client, page_of(sent, release, name))
        missing = {action for action in wanted if action.value not in steps}
        # What is not offered now is said with its reason: another person must take it, or its day has not come.
        assert not missing or "whynot" in text, (name, missing)
        # From "received" one act begins the review and verifies, two rows of the table.
        also = {Action.VERIFY.value} if Action.START_REVIEW in wanted else set()
        assert steps <= {action.value for action in wanted} | also, name


@pytest.mark.parametrize("place", PLACES)
def test_people_lead_a_case_out_of_every_state_by_its_pages(place: str, cast: Cast) -> None:
    sent, release = PLACES[place](cast)
    for name, action, fields in WAYS[place]:
        take(sent, name, action, fields, release)
    assert Case.objects.get(pk=sent.case.pk).status in ENDED
    # And back: no end is a dead end for the office.
    take(sent, "vera", "reopen", {"reason": "Ada keterangan baru."})
    assert Case.objects.get(pk=sent.case.pk).status == Status.IN_REVIEW
    assert verify.verify_chain().whole


def test_every_state_has_its_place_and_its_way() -> None:
    reached = {state_of(place)[0] for place in PLACES}
    # A withdrawn report has no way on: its reporter took it back. Inquiries have tests of their own.
    assert reached == set(Status) - OF_INQUIRIES - {Status.WITHDRAWN}
    assert PLACES.keys() <= WAYS.keys()
