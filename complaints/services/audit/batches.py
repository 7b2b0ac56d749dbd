"""The batches of reporters' rows: which one is open, when it is closed, and the entry that binds it into the chain.

Every transaction that writes a reporter's row holds a shared lock until it ends, and only then reads which batch is
open; closing takes the lock alone. So no row joins a batch that is closed, and none waits for the digests of a batch.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.batch import Batch, KeptLeaf
from complaints.models.identity import Identity
from complaints.services.audit import leaves, log
from complaints.services.audit.faults import Fault

# The key of PostgreSQL's advisory lock; no other use of the portal has it.
_LOCK: Final = 0x62617463
# How long closing waits for transactions of reporters, and so a reporter for closing.
CLOSING_WAIT_MS: Final = 2000
# How far the clocks of the database and of the job may differ.
CLOCKS_AGREE: Final = timedelta(minutes=15)


def database_now() -> datetime:
    """Return the time by the database's clock, aware; the only clock that decides when a batch is closed."""
    statement = "SELECT clock_timestamp()"
    if connection.vendor == "sqlite":
        statement = "SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"
    with connection.cursor() as cursor:
        cursor.execute(statement)
        moment = cursor.fetchone()[0]
    return moment if isinstance(moment, datetime) else parse_datetime(moment) or timezone.now()


def open_batch() -> int:
    """Return the number of the open batch, which stays open until the caller's transaction ends.

    Waits for a closing under way, CLOSING_WAIT_MS at most. To be called before the transaction locks any row. Raises
    TransactionManagementError outside of a transaction.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a batch is open only inside of a transaction")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Two statements, each with a snapshot of its own: one alone would read the batch from before the wait.
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s); SELECT max(number) FROM complaints_batch", [_LOCK])
            cursor.nextset()
        else:
            # SQLite's transactions begin IMMEDIATE: no other one writes before this one ends.
            cursor.execute("SELECT max(number) FROM complaints_batch")
        return int(cursor.fetchone()[0])


def move_to_open_batch(identity: Identity, old_leaf: bytes) -> None:
    """Let a rewritten, locked identity join the open batch; a closed batch keeps ``old_leaf``, of the old version.

    Changes ``version`` and ``batch``, which the caller saves in the same transaction.
    """
    number = open_batch()
    if identity.batch != number:
        KeptLeaf.objects.create(kind="identity", row=identity.pk, batch=identity.batch, digest=old_leaf)
    identity.version += 1
    identity.batch = number


def close_due(*, now: datetime) -> Fault | None:
    """Close the open batch where its day is over, and append the entry of every closed batch that has none yet.

    The day is over when the database's clock says so and ``now``, the clock of the job, agrees. At most one batch is
    closed on a calendar day. Safe to repeat after a kill at any place.

    Returns:
        The fault of clocks that differ, or of a batch that was opened on a day that has not come; then nothing is done.

    Raises:
        OperationalError: transactions of reporters did not end within CLOSING_WAIT_MS.
    """
    clock = database_now()
    today = timezone.localdate(clock)
    newest = Batch.objects.order_by("-number")[0]
    if abs(clock - now) > CLOCKS_AGREE:
        return Fault(None, "clock.differs", f"day {today.isoformat()}")
    if newest.day > today:
        return Fault(None, "clock.future", f"batch {newest.number}", state=newest.day.isoformat())
    if newest.day < today:
        _close(today)
    _append_entries(now)
    return None


@transaction.atomic
def _close(today: date) -> None:
    """Open the next batch, which closes the one before, unless another node has done so meanwhile."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET LOCAL lock_timeout = {CLOSING_WAIT_MS}")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    newest = Batch.objects.order_by("-number")[0]
    if newest.day < today:
        Batch.objects.create(number=newest.number + 1, day=today)


def _append_entries(now: datetime) -> None:
    batches = list(Batch.objects.filter(number__gt=last_batch()).order_by("number"))
    for batch in batches[:-1]:  # the last one is open
        # Nobody waits for the digests: a closed batch changes no more.
        root, count = leaves.batch_root(batch.number)
        with transaction.atomic():
            ChainHead.objects.select_for_update().get(pk=1)
            # Numbers with a gap are for verification to name; what came later is bound all the same.
            if last_batch() < batch.number:
                facts = {"batch": batch.number, "day": batch.day.isoformat(), "root": root.hex(), "count": count}
                log.append(event="day.closed", now=now, facts=facts)


def last_batch() -> int:
    """Return the number of the last batch that has its entry in the chain, 0 for none."""
    last = AuditEntry.objects.filter(event="day.closed").order_by("-sequence").values_list("facts", flat=True).first()
    return int(last["batch"]) if last else 0
