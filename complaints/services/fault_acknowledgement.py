"""Acknowledging the faults that verification has named: an act of auditors, two for each fault."""

from __future__ import annotations

import uuid

from complaints import access
from complaints.services.audit import named_faults
from complaints.services.audit.named_faults import NamedFault
from complaints.services.keyring import Actor


def may_acknowledge(actor: Actor, fault: NamedFault) -> bool:
    """Whether the person is an auditor who has not acknowledged the fault, which still waits for somebody."""
    person = actor.staff
    return access.may_audit(person) and not fault.is_settled and person.pk not in fault.acknowledged_by


def acknowledge(*, actor: Actor, fault_id: uuid.UUID) -> bool:
    """Append the entry by which an auditor acknowledges a fault as it stands; return False where they may not.

    A person who presses twice at once leaves two entries, which count once.
    """
    fault = named_faults.named_fault(fault_id)
    if fault is None or not may_acknowledge(actor, fault):
        return False
    actor.record(named_faults.EVENT, subject=fault.id, facts={"fault": str(fault.id), "digest": fault.fault.digest})
    return True
