"""What the chain records of restorations: each begins an era, and names the entries that the backup did not hold.

A head that left the machine and lies behind the end of a restored backup would else count as a chain that was cut off.
Nobody can sign in while a backup is restored, so the server signs the entry, and two auditors acknowledge it later.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from complaints.models.audit import AuditEntry, ChainHead
from complaints.services.audit import log
from complaints.services.audit.faults import Fault
from complaints.services.audit.log import Head

RESTORED: Final = "chain.restored"
# By this subject, the same in every portal, the few entries are found.
SUBJECT: Final = uuid.UUID("6d0c2f0e-5a0b-4f55-9d4e-0f7f3a1f9b66")


@dataclass(frozen=True)
class Restoration:
    """A restored backup.

    Attributes:
        entry: the number of its entry, with which the era ``era`` begins; ``digest`` is that of the entry.
        backup_era, sequence: where the backup's chain ended.
        lost: the number of the newest entry from outside that the backup does not hold, 0 where none is known.
        erasures: how many erasures the list names that was applied.
    """

    entry: int
    digest: str
    era: int
    backup_era: int
    sequence: int
    lost: int
    erasures: int

    def names_lost(self, head: Head) -> bool:
        """Whether it says of a head that its entry was lost."""
        is_behind = head.sequence > self.sequence or head.era > self.backup_era
        return head.era < self.era and is_behind and head.sequence <= self.lost


def recorded() -> list[Restoration]:
    """Return the restorations of this chain that the server has signed, in order; one query."""
    entries = AuditEntry.objects.filter(subject=SUBJECT, event=RESTORED).order_by("sequence")
    return [_restoration(entry) for entry in entries if log.is_signed_by_server(entry)]


def _restoration(entry: AuditEntry) -> Restoration:
    numbers = (int(entry.facts[name]) for name in ("backup_era", "sequence", "lost", "erasures"))
    return Restoration(entry.sequence, bytes(entry.digest).hex(), entry.era, *numbers)


def record(*, heads: Iterable[Head], lost: int, list_era: int, erasures: int, now: datetime) -> Restoration:
    """Begin a new era in a database that was just restored, in the caller's transaction or one of its own.

    ``heads`` have left the machine; ``lost`` and ``list_era`` are of the list of erasures: the number of the newest
    entry that it knows, and its era.
    """
    heads = list(heads)
    with transaction.atomic():
        end = ChainHead.objects.select_for_update().get(pk=1)
        newest = max((head.sequence for head in heads), default=0)
        known = max(lost, newest)
        facts = {
            "backup_era": end.era,
            "sequence": end.sequence,
            "digest": bytes(end.digest).hex(),
            "lost": known if known > end.sequence or any(head.era > end.era for head in heads) else 0,
            "erasures": erasures,
        }
        era = max([end.era, list_era, *(head.era for head in heads)]) + 1
        return _restoration(log.append(event=RESTORED, now=now, subject=SUBJECT, facts=facts, era=era))


def not_lost(heads: Iterable[Head]) -> list[Head]:
    """Return the heads that the chain has to hold: those that no restoration names as lost; a query where any."""
    heads = list(heads)
    restorations = recorded() if heads else []
    return [head for head in heads if not any(restoration.names_lost(head) for restoration in restorations)]


def faults() -> Iterator[Fault]:
    """Yield a fault for each restoration, which is named until two auditors have acknowledged it."""
    for restoration in recorded():
        subject = f"restoration {restoration.era}"
        yield Fault(restoration.entry, RESTORED, subject, f"{restoration.digest}.{restoration.lost}")
