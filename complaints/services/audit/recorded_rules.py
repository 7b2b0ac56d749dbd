"""What the chain records about the rules of the law: the program's files, proposals, and who has compared cases.

Loading the reference data records the digest of the files. A node whose files are others than the newest entry says
judges by rules that nobody has loaded. The rows of changes are compared as other states (services.audit.verify_states).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import models, transaction

from complaints.domain import hashchain
from complaints.domain.sealing.primitives import blake2b
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.rule_change import RuleChange
from complaints.services.audit import log
from complaints.services.audit.faults import Fault, RowCheck, once
from complaints.services.audit.state import states_of, table_state, table_subject

DELIVERED: Final = "rules.delivered"
COMPARED: Final = "rule.compared"
CONFIRMED: Final = "rule.confirmed"
FILES: Final = Path(__file__).resolve().parent.parent.parent / "data" / "law"


def rules_digest() -> str:
    """Return the digest (32 hexadecimal digits) of this node's files of rules, as they are now."""
    files = {file.name: file.read_text(encoding="utf-8") for file in sorted(FILES.glob("*.json"))}
    return blake2b(hashchain.canonical(files), person=b"rules of the law", size=16).hex()


def record_delivered(*, now: datetime) -> None:
    """Record the digest of the files where the newest entry has another one; the server signs."""
    digest = rules_digest()
    if digest != _recorded()[1]:
        log.append(event=DELIVERED, now=now, facts={"state": digest})


def is_proposed(row: RuleChange, state: str) -> bool:
    """Whether the newest entry about a proposal is the genuine one that proposed it as it stands now."""
    entry = AuditEntry.objects.filter(subject=row.pk).exclude(event=COMPARED).order_by("sequence").last()
    if entry is None or (entry.event, entry.actor) != ("rule.proposed", row.proposed_by_id):
        return False
    return entry.facts.get("state") == state and log.is_genuine(entry)


@dataclass(frozen=True)
class ConfirmedRule:
    """What a genuine entry records of the confirmation of a rule.

    Attributes:
        key: the change, with the ``state`` of its row.
        rule: table and code of the rule.
        row: the row as it stands, None where it was deleted or altered since.
    """

    key: uuid.UUID
    state: str
    rule: str
    row: RuleChange | None


def confirmed_rules(tables: Collection[str]) -> list[ConfirmedRule]:
    """Return the confirmed changes of rules in these tables, oldest first; three queries at most.

    The entries say which there are: whoever writes to the database puts no rule in force by a row, changes none and
    ends none without being noticed. The chain holds the digest of the whole row.
    """
    entries = [
        entry
        for entry in AuditEntry.objects.filter(event=CONFIRMED).order_by("sequence")
        if entry.facts.get("table") in tables and log.is_genuine(entry)
    ]
    by_key = {entry.subject: entry for entry in entries if entry.subject is not None}
    if not by_key:
        return []
    rows, states = RuleChange.objects.in_bulk(list(by_key)), states_of(by_key.keys(), "rule")
    rules = []
    for key, entry in by_key.items():
        row, state = rows.get(key), str(entry.facts.get("state"))
        is_recorded = row is not None and (row.decided_by_id, states.get(row.pk)) == (entry.actor, state)
        rule = f"{entry.facts.get('table')} {entry.facts.get('row')}"
        rules.append(ConfirmedRule(key, state, rule, row if is_recorded else None))
    return rules


def is_table_recorded(model: type[models.Model]) -> bool:
    """Whether a table of reference data is as its newest entry records it, a genuine one; two queries.

    True where nothing is recorded of it, before the reference data was loaded for the first time.
    """
    # Two looks: a change may come between the queries of the first.
    return any(_is_table_recorded(model) for _look in range(2))


def _is_table_recorded(model: type[models.Model]) -> bool:
    about = AuditEntry.objects.filter(subject=table_subject(model), event="catalog.changed")
    entry = about.order_by("-sequence").first()
    return entry is None or (log.is_genuine(entry) and entry.facts.get("state") == table_state(model))


def has_compared(person: uuid.UUID, change: uuid.UUID) -> bool:
    """Whether a person has come to the end of the open cases, held against a proposed rule."""
    entries = AuditEntry.objects.filter(subject=change, event=COMPARED, actor=person).order_by("-sequence")
    return any(entry.facts.get("end") == 1 and log.is_genuine(entry) for entry in entries.iterator())


def _recorded() -> tuple[int | None, str]:
    """Return the number of the newest entry and the digest that it holds; None and "" without one."""
    entry = AuditEntry.objects.filter(event=DELIVERED).order_by("sequence").last()
    return (entry.sequence, str(entry.facts.get("state", ""))) if entry else (None, "")


def _file_faults(_head: object) -> Iterator[Fault]:
    """Yield a fault where this node's files differ; with the head locked, behind which each loading waits."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        sequence, recorded = _recorded()
        digest = rules_digest()
        # Before the reference data was loaded for the first time there is nothing to compare with.
        was_loaded = sequence is not None or AuditEntry.objects.filter(event="catalog.changed").exists()
        if was_loaded and digest != recorded:
            yield Fault(sequence, "rules.differ", "rules of the law", digest)


CHECKS: Final = (RowCheck("delivered_rules", once, _file_faults),)
