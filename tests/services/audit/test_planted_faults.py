"""Whoever writes to the database makes no fault quiet: not by acknowledgements, not by other faults in its place."""

from __future__ import annotations

import uuid

from complaints.domain.hashchain import next_digest
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.verification import VerificationFault, VerificationState
from complaints.services.audit import log, named_faults, verify
from complaints.services.audit.faults import Fault
from tests.services.audit.test_nightly_run import DAY, acknowledge, codes, fault, run, sent, without_triggers
from tests.world import Cast, at

__all__ = ["fault", "sent"]


def plant(number: int, *, event: str, actor: uuid.UUID | None, subject: uuid.UUID, facts: dict[str, object]) -> None:
    """Write an entry without a signature, and leave the head of the chain as it was."""
    head = ChainHead.objects.get()
    entry = AuditEntry(sequence=number, at=at(DAY), event=event, actor=actor, subject=subject, facts=facts)
    entry.signer, entry.previous, entry.signature = b"\1" * 32, b"\0" * 32, b"\0" * 64
    entry.digest = next_digest(entry.previous, log.payload(entry))
    entry.save(force_insert=True)
    ChainHead.objects.update(sequence=head.sequence, digest=head.digest)


def test_planted_acknowledgements_count_for_nothing(cast: Cast, fault: VerificationFault) -> None:
    end = ChainHead.objects.get().sequence
    facts: dict[str, object] = {"digest": named_faults.named_faults()[0].fault.digest}
    for number, name in enumerate(("audi", "adi"), start=end + 1):
        plant(number, event="fault.acknowledged", actor=cast[name].pk, subject=fault.pk, facts=facts)
    assert named_faults.waiting() == 1
    with without_triggers():
        AuditEntry.objects.filter(sequence__gt=end).delete()
    assert acknowledge(cast, "audi", fault)
    assert acknowledge(cast, "adi", fault)
    assert named_faults.waiting() == 0


def test_an_entry_before_the_first_is_named(cast: Cast, fault: VerificationFault) -> None:
    known = set(verify.verify_chain().faults)
    plant(0, event="index.written", actor=None, subject=uuid.uuid4(), facts={})
    assert {item.code for item in set(verify.verify_chain().faults) - known} == {"chain.beyond"}
    assert run(2)
    assert codes() == ["case.status", "chain.beyond"]


def test_another_fault_in_the_place_of_one_is_named(cast: Cast, fault: VerificationFault) -> None:
    with without_triggers():
        VerificationFault.objects.update(code="clock.differs", subject="day 2026-11-09", state="")
    assert [item.fault.code for item in named_faults.named_faults()] == ["faults.gone"]
    for name in ("audi", "adi"):
        assert acknowledge(cast, name, fault)
    assert named_faults.waiting() == 0
    assert run(2)
    assert named_faults.waiting() == 1


def test_a_planted_fault_of_an_unknown_code_breaks_nothing(cast: Cast, fault: VerificationFault) -> None:
    VerificationFault.objects.create(pk=uuid.uuid4(), code="gossip", day=DAY)
    named_faults.store([Fault(1, "entry.altered")], today=DAY)
    assert named_faults.waiting() == 3
    assert VerificationState.objects.exists()
