"""Recovery codes that were used: each use has an entry, so that a mark which is taken back makes no code work again.

The marks stand in the row of the codes. Whoever writes to the database could clear them, and sign in with a password
and a code that its owner had used and thrown away.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Final

from allauth.mfa.models import Authenticator
from django.db import transaction

from complaints.domain.sealing.primitives import blake2b
from complaints.models.audit import AuditEntry
from complaints.models.team import Staff
from complaints.services.audit import log
from complaints.services.audit.faults import Fault, RowCheck, Rows, Scope, lock

USED: Final = "factor.code_used"
CODES: Final = Authenticator.Type.RECOVERY_CODES
# The person and the digest of the seed of their codes.
Key = tuple[uuid.UUID, str]


def record_use(*, staff: Staff, seed: str, mask: int, now: datetime) -> None:
    """Record which of a person's codes were used; ``seed`` is the sealed seed, ``mask`` has a bit for each code."""
    facts = {"staff": str(staff.pk), "codes": _digest(seed), "mask": mask}
    log.append(event=USED, now=now, actor=staff, subject=staff.pk, facts=facts)


def used_codes(person: uuid.UUID, seed: str) -> int:
    """Return the mask of the codes of which genuine entries say that they were used; 0 for new codes. One query."""
    return _used([person])[person, _digest(seed)]


def _digest(seed: str) -> str:
    return blake2b(seed.encode(), person=b"recovery codes", size=16).hex()


def _used(people: Collection[uuid.UUID]) -> dict[Key, int]:
    masks: dict[Key, int] = defaultdict(int)
    for entry in AuditEntry.objects.filter(subject__in=people, event=USED).iterator():
        if entry.subject is not None and log.is_genuine(entry):
            masks[entry.subject, str(entry.facts["codes"])] |= int(entry.facts["mask"])
    return masks


def _code_faults(people: Sequence[uuid.UUID]) -> Iterator[Fault]:
    for person in _cleared(people):
        with transaction.atomic():
            lock(Authenticator.objects.filter(user=person, type=CODES))
            still = _cleared([person])
        if still:
            yield Fault(None, "factor.mark", f"factors of staff {person}", still[person])


def _cleared(people: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the people whose used codes stand as unused, each with the marks that stand there now."""
    rows = Authenticator.objects.filter(user__in=people, type=CODES).order_by("user").values_list("user", "data")
    # Rows first: what is used meanwhile has its mark before its entry.
    stored = {person: data for person, data in rows if isinstance(data, dict)}
    masks = _used(stored)
    return {
        person: str(data.get("used_mask"))[:20]
        for person, data in stored.items()
        if (used := masks[person, _digest(str(data.get("seed")))]) and used & ~_mask_of(data)
    }


def _mask_of(data: dict[str, object]) -> int:
    mask = data.get("used_mask")
    return mask if isinstance(mask, int) else 0


def _staff(_scope: Scope) -> Rows:
    return Staff.objects.all()


CHECKS: Final = (RowCheck("recovery_codes", _staff, _code_faults),)
