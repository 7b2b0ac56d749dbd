"""A lost code: two officers decide, both threads are told, and nothing but genuine entries counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from complaints.models.audit import AuditEntry
from complaints.models.case import Case, InternalNote
from complaints.models.complaint import Message
from complaints.services import case_links, follow_up, lost_codes
from complaints.services.audit import log, recorded_lost_codes, verify
from complaints.services.audit.recorded_lost_codes import State
from complaints.services.keyring import Actor
from complaints.services.lost_codes import LostCodeRefused
from complaints.services.transitions import CaseVersion, current_versions
from tests.cases import in_review
from tests.world import Cast, Sent, send_report

pytestmark = pytest.mark.django_db


def actor(cast: Cast, name: str) -> Actor:
    return Actor(cast.ring(name), timezone.now())


def seen(case: Case) -> CaseVersion:
    return current_versions([case])[case.pk]


@pytest.fixture
def both(cast: Cast) -> tuple[Sent, Sent]:
    """An earlier report and a later one in its case."""
    earlier, later = in_review(cast), send_report()
    sources = {later.case.pk: seen(later.case)}
    earlier.case.refresh_from_db()
    vera = actor(cast, "vera")
    case_links.link(actor=vera, target_id=earlier.case.pk, sources=sources, reason="Satu.", seen=seen(earlier.case))
    return earlier, later


def propose(cast: Cast, both: tuple[Sent, Sent], name: str = "vera") -> int:
    earlier, later = (sent.ticket.complaint_id for sent in both)
    lost_codes.propose(actor=actor(cast, name), complaint_id=later, earlier_id=earlier, reason="Nomor notanya sama.")
    return lost_codes.of_reports([later])[later].number


def read(sent: Sent) -> str:
    page = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    return " ".join(entry.text for entry in page.thread)


def test_two_officers_agree_and_both_threads_say_so(cast: Cast, both: tuple[Sent, Sent]) -> None:
    later = both[1].ticket.complaint_id
    number = propose(cast, both)
    assert list(lost_codes.waiting_for(cast["vino"])) and not list(lost_codes.waiting_for(cast["vera"]))
    assert not Message.objects.exists() and InternalNote.objects.filter(complaint=later).count() == 1
    lost_codes.agree(actor=actor(cast, "vino"), complaint_id=later, number=number)
    lost = lost_codes.of_reports([later])[later]
    assert (lost.state, lost.earlier) == (State.AGREED, both[0].ticket.complaint_id)
    assert "Mulai sekarang kami menulis kepada Anda di sini" in read(both[1])
    assert "From now on we write to you here" in read(both[1])
    assert "mungkin orang lain mengaku sebagai Anda" in read(both[0])
    assert not list(lost_codes.waiting_for(cast["vino"]))
    assert verify.verify_chain().whole


def test_an_agreement_is_taken_back_and_proposed_anew(cast: Cast, both: tuple[Sent, Sent]) -> None:
    later = both[1].ticket.complaint_id
    number = propose(cast, both)
    lost_codes.agree(actor=actor(cast, "fitri"), complaint_id=later, number=number)
    lost_codes.refuse(actor=actor(cast, "vera"), complaint_id=later, number=number, reason="Orang lain.")
    assert lost_codes.of_reports([later])[later].state is State.REFUSED
    assert all("dibatalkan" in read(sent) for sent in both)
    propose(cast, both, "vino")
    assert lost_codes.of_reports([later])[later].state is State.OPEN


@pytest.mark.parametrize(
    ("code", "act"),
    [
        ("same_person", lambda a, c, n: lost_codes.agree(actor=a("vera"), complaint_id=c, number=n)),
        ("changed", lambda a, c, n: lost_codes.agree(actor=a("vino"), complaint_id=c, number=n + 1)),
        ("reason", lambda a, c, n: lost_codes.refuse(actor=a("vino"), complaint_id=c, number=n, reason=" ")),
    ],
)
def test_what_is_refused_writes_nothing(
    cast: Cast, both: tuple[Sent, Sent], code: str, act: Callable[..., None]
) -> None:
    later = both[1].ticket.complaint_id
    number, before = propose(cast, both), AuditEntry.objects.count()
    with pytest.raises(LostCodeRefused) as refusal:
        act(lambda name: actor(cast, name), later, number)
    assert refusal.value.code == code and AuditEntry.objects.count() == before
    assert lost_codes.of_reports([later])[later].state is State.OPEN


def test_a_report_is_named_once_and_only_of_its_own_case(cast: Cast, both: tuple[Sent, Sent]) -> None:
    earlier, later = (sent.ticket.complaint_id for sent in both)
    elsewhere = send_report().ticket.complaint_id
    for complaint, of, code in ((later, elsewhere, "report"), (later, later, "report"), (earlier, elsewhere, "report")):
        with pytest.raises(LostCodeRefused, match=code):
            lost_codes.propose(actor=actor(cast, "vera"), complaint_id=complaint, earlier_id=of, reason="Sama.")
    propose(cast, both)
    with pytest.raises(LostCodeRefused, match="decided"):
        propose(cast, both, "vino")


def test_a_report_goes_on_for_one_other_and_can_be_lost_itself(cast: Cast, both: tuple[Sent, Sent]) -> None:
    earlier, later = both
    more = [send_report() for _more in range(2)]
    sources = {sent.case.pk: seen(sent.case) for sent in more}
    earlier.case.refresh_from_db()
    vera = actor(cast, "vera")
    case_links.link(actor=vera, target_id=earlier.case.pk, sources=sources, reason="Satu.", seen=seen(earlier.case))
    number = propose(cast, both)
    lost_codes.agree(actor=actor(cast, "vino"), complaint_id=later.ticket.complaint_id, number=number)
    # A second proposal would be the newest one of the later report, and the first agreement would be told nowhere.
    with pytest.raises(LostCodeRefused, match="decided"):
        propose(cast, (more[0], later))
    propose(cast, (later, more[1]))


def test_an_agreement_of_who_proposed_counts_for_nothing_and_the_night_names_it(
    cast: Cast, both: tuple[Sent, Sent]
) -> None:
    later = both[1].ticket.complaint_id
    number = propose(cast, both)
    actor(cast, "vera").record(
        recorded_lost_codes.AGREED, case=both[0].case.pk, subject=later, facts={"proposal": str(number)}
    )
    assert lost_codes.of_reports([later])[later].state is State.OPEN
    assert "entry.same_person" in [fault.code for fault in verify.verify_chain().faults]


def test_an_entry_that_the_server_did_not_sign_counts_for_nothing(cast: Cast, both: tuple[Sent, Sent]) -> None:
    later = both[1].ticket.complaint_id
    number = propose(cast, both)
    last = AuditEntry.objects.latest("sequence")
    forged = AuditEntry(
        sequence=last.sequence + 1, at=timezone.now(), event=recorded_lost_codes.AGREED, actor=cast["vino"].pk,
        case=last.case, subject=later, facts={"proposal": str(number)}, rights="verifier", signer=last.signer,
        previous=last.digest, digest=last.digest, signature=last.signature, countersignature=last.countersignature,
    )  # fmt: skip
    forged.save(force_insert=True)
    assert not log.is_genuine(forged)
    assert lost_codes.of_reports([later])[later].state is State.OPEN
