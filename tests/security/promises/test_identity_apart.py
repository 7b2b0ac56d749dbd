"""Promise 4: a name is in two halves that no single team holds, and nothing tells whether there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet, join, reporter_keys
from complaints.domain.sealing.primitives import BoxPair, decrypt, unpad, unseal
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record
from complaints.models.complaint import Complaint, Identity
from complaints.models.team import Team
from complaints.services import case_actions, case_file, case_summary, follow_up, reporter_identity
from complaints.services.actor import Actor
from tests.images import photo
from tests.world import Cast, Sent, at, sealed_upload, send_report

DAY = date(2026, 11, 9)
COLUMNS = ("blob", "outer_reporter", "outer_complaint", "outer_custodian", "signature")
NAMED: dict[str, Any] = {"identity": "confidential", "name": "Ratna Penanda", "contact": "0812-3456"}
# The longest that the form takes, of characters that take the most room.
LONGEST: dict[str, Any] = {"identity": "confidential", "name": "\U0001f600" * 200, "contact": "\U0001f600" * 300}

ACTS: dict[str, Callable[[Sent], None]] = {
    "message": lambda sent: follow_up.add_message(ticket=sent.ticket, text="Lagi.", files=[], today=DAY),
    "file": lambda sent: follow_up.add_message(ticket=sent.ticket, text="", files=[sealed_upload(photo())], today=DAY),
    "withdrawal": lambda sent: follow_up.withdraw(ticket=sent.ticket, reason="Takut.", today=DAY),
}


def row(sent: Sent) -> Identity:
    return Identity.objects.get(complaint__case=sent.case)


def columns(sent: Sent) -> list[bytes]:
    return [bytes(getattr(row(sent), name)) for name in COLUMNS]


def parts(sent: Sent) -> dict[str, bytes]:
    keys = reporter_keys(sent.code)
    return reporter_identity.open_outer(row(sent), unseal(keys.box, bytes(row(sent).outer_reporter)))


def test_with_or_without_a_name_it_has_one_shape(cast: Cast) -> None:
    kinds = [send_report(), send_report(**NAMED), send_report(**LONGEST)]
    kinds.append(send_report(identity="anonymous", name="Sudah diketik", contact="lalu dibatalkan"))
    assert len({tuple(len(value) for value in columns(sent)) for sent in kinds}) == 1
    inner = [{name: len(value) for name, value in parts(sent).items() if name != "box"} for sent in kinds]
    assert all(shape == inner[0] for shape in inner)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_every_act_of_the_reporter_writes_it_anew(cast: Cast, act: Callable[[Sent], None]) -> None:
    for sent in (send_report(), send_report(**NAMED)):
        before = columns(sent)
        act(sent)
        after = columns(sent)
        assert all(old != new for old, new in zip(before, after, strict=True))
        assert [len(old) for old in before] == [len(new) for new in after]
        if sent.case.complaints.get().messages.exists():
            assert "Ratna" not in str(after)


def test_staff_acts_do_not_change_the_stored_identity(cast: Cast) -> None:
    sent = send_report(**NAMED)
    before = columns(sent)
    vera = cast.ring("vera")
    case_file.open_case(actor=Actor(vera, at(DAY)), case_id=sent.case.pk)
    case_actions.reply_to_reporter(actor=Actor(vera, at(DAY)), complaint_id=sent.case.complaints.get().pk, text="Halo.")
    assert columns(sent) == before


def test_a_name_that_was_typed_and_then_not_given_is_not_kept(cast: Cast) -> None:
    sent = send_report(identity="anonymous", name="Sudah diketik", contact="lalu dibatalkan")
    assert opened(cast, sent) == '{"name": "", "contact": ""}'


def half(pair: BoxPair, sealed: bytes, complaint: Complaint) -> bytes:
    """Open one half, as whoever holds ``pair`` would."""
    context = Context("identity-half", str(complaint.pk), str(complaint.pk))
    signer = bytes(complaint.reporter_verify_key)
    return bytes.fromhex(open_record(pair, sealed, context, signer, sizes=KEY_SIZES))


def custodians(cast: Cast) -> KeySet:
    return cast.ring("cakra").team(Team.objects.get(slug="custodian"))


def opened(cast: Cast, sent: Sent) -> str:
    """Put the two halves together, as only two people of two sides can."""
    complaint, inner = sent.case.complaints.get(), parts(sent)
    outer = half(custodians(cast).box, inner["custodian"], complaint)
    other = half(reporter_keys(sent.code).box, inner["reporter"], complaint)
    plain = decrypt(join(outer, other), inner["box"], str(complaint.pk).encode())
    return unpad(plain, reporter_identity.BOX_SIZES).decode()


def test_two_halves_make_the_name(cast: Cast) -> None:
    sent = send_report(**NAMED)
    ACTS["message"](sent)  # also after it was written anew
    assert opened(cast, sent) == '{"name": "Ratna Penanda", "contact": "0812-3456"}'


def pairs_of(cast: Cast, name: str, complaint: Complaint) -> Iterator[BoxPair]:
    """Every private key that any member of staff can obtain."""
    ring = cast.ring(name)
    assert ring.keys
    yield ring.keys.box
    for team in Team.objects.filter(pk__in=ring.team_ids):
        yield ring.team(team).box
    if complaint.grants.filter(team__in=ring.team_ids).exists():
        yield ring.complaint(complaint)


@pytest.mark.parametrize("name", ["vera", "fitri", "cakra", "kirana", "super", "adi", "audi", "luar"])
def test_nobody_alone_comes_to_the_name(cast: Cast, name: str) -> None:
    sent = send_report(**NAMED)
    complaint, apart = sent.case.complaints.get(), row(sent)
    halves = 0
    for pair in pairs_of(cast, name, complaint):
        for outer in (apart.outer_complaint, apart.outer_custodian, apart.outer_reporter):
            try:
                inner = reporter_identity.open_outer(apart, unseal(pair, bytes(outer)))
            except SealError:
                continue
            for side in ("custodian", "reporter"):
                try:
                    opened = half(pair, inner[side], complaint)
                except SealError:
                    continue
                halves += 1
                with pytest.raises(SealError):
                    decrypt(opened, inner["box"], str(complaint.pk).encode())
    # Triage gets through the outer layer and finds no half; a custodian finds one.
    assert halves == (1 if name == "cakra" else 0)


def test_the_name_is_in_nothing_that_an_officer_opens(cast: Cast) -> None:
    sent = send_report(**NAMED)
    opened_case = case_file.open_case(actor=Actor(cast.ring("vera"), at(DAY)), case_id=sent.case.pk)
    summary = case_summary.summaries(actor=Actor(cast.ring("vera"), timezone.now()), cases=[sent.case])
    text = f"{opened_case.complaints[0].answers} {summary}"
    assert "Ratna" not in text
    assert "0812" not in text
