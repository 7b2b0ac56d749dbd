"""Fills a database with many cases for a measurement: rows in the numbers and shapes of an installation of years.

Only what a measurement displays has real sealed content; the rest is copied from one real row of each table, by the
database itself, with other ids, days and codes. PostgreSQL only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from complaints.domain.workflow import ENDED, OPEN
from complaints.models.audit import AuditEntry
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Case
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import Evidence
from complaints.models.reference_data import AccusedKind, Category, Province
from complaints.models.team import Staff
from complaints.services import first_look, follow_up
from complaints.services.actor import Actor
from complaints.services.keyring import Keyring
from tests.cast import send_report

# Half of the cases are open, which is far more than an office can have and so the harder half to page through.
OPEN_IN_100 = 50
FILLED = (Case, Complaint, KeyGrant, IndexEntry, Message, Evidence, AuditEntry)
SMALL = "'\\x00'::bytea"
NIP = "198001012005011003"


def _pick(values: list[str], seed: str = "random()") -> str:
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"(ARRAY[{quoted}])[1 + floor({seed} * {len(values)})::int]"


def _copy(model: type[models.Model], number: int, changes: Mapping[str, str], source: str = "") -> None:
    """Insert ``number`` copies of the model's newest row, or one for each row of ``source``, with ``changes``."""
    table, columns = model._meta.db_table, [field.column for field in model._meta.concrete_fields]
    values = ", ".join(changes.get(column, f't."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    rows = source or f"generate_series(1, {number}) AS n"
    sql = f"INSERT INTO {table} ({names}) SELECT {values} FROM (SELECT * FROM {table} LIMIT 1) AS t, {rows}"
    with connection.cursor() as cursor:
        # Sorted at the end the indexes are made in a tenth of the time, those behind constraints too.
        cursor.execute("UPDATE pg_index SET indisready = false WHERE indrelid = %s::regclass", [table])
        cursor.execute(sql)
        cursor.execute(f"REINDEX TABLE {table}")


def fill(number: int, ring: Keyring) -> None:
    """Make ``number`` cases, each with a report, its grant, an index entry and, of every third, an answer or a file."""
    seed = send_report(accused_nip=NIP, links="https://contoh.invalid/unggahan")
    follow_up.add_message(ticket=seed.ticket, text="Tambahan.", files=[], today=timezone.localdate())
    complaint = Complaint.objects.get(case=seed.case)
    # Makes the key of the indexes, and with the first look everything would be indexed anew.
    first_look.process_new_reports(actor=Actor(ring, timezone.now()))
    people = [
        str(pk) for pk in Staff.objects.filter(username__in=["vera", "vino", "fitri"]).values_list("pk", flat=True)
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        cursor.execute("SET LOCAL work_mem = '256MB'")
        cursor.execute("SELECT setseed(0.5)")
        _copy(Case, number, _case(people))
        _copy(
            Complaint,
            number,
            _COMPLAINT,
            f"(SELECT id, received_on FROM complaints_case WHERE id <> '{seed.case.pk}') AS c",
        )
        rows = f"SELECT id, day, row_number() OVER () AS n FROM complaints_complaint WHERE id <> '{complaint.pk}'"
        each = f"({rows}) AS c"
        new = {"id": "gen_random_uuid()", "complaint_id": "c.id"}
        _copy(KeyGrant, number, new | {"sealed": SMALL}, each)
        digest = "decode(md5(random()::text), 'hex')"
        _copy(IndexEntry, number, new | {"digest": digest, "kind": "'nip'", "evidence_id": "NULL"}, each)
        third = f"(SELECT * FROM ({rows}) AS x WHERE n % 3 = 0) AS c"
        said = {"sealed": SMALL, "day": "c.day", "is_read": "n % 6 = 0"}
        _copy(Message, number, new | said, third)
        _copy(Evidence, number, new | {"day": "c.day", "sealed_post": SMALL}, third)
        _audit(cursor, number)
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {', '.join(model._meta.db_table for model in FILLED)}")


def _case(people: list[str]) -> dict[str, str]:
    is_open = f"(n % 100 < {OPEN_IN_100})"
    opened = [status.value for status in sorted(OPEN)]
    ended = [status.value for status in sorted(ENDED)]
    provinces = list(Province.objects.values_list("pk", flat=True))
    kinds = list(AccusedKind.objects.values_list("pk", flat=True))
    categories = list(Category.objects.values_list("pk", flat=True))
    return {
        "id": "gen_random_uuid()",
        "reference": "'KX-' || n",
        "status": f"CASE WHEN {is_open} THEN {_pick(opened)} ELSE {_pick(ended)} END",
        "category_id": _pick(categories),
        "accused_kind_id": f"CASE WHEN random() < 0.3 THEN 'superior' ELSE {_pick(kinds)} END",
        "province_id": f"CASE WHEN random() < 0.3 THEN '33' WHEN random() < 0.3 THEN NULL ELSE {_pick(provinces)} END",
        "assignee_id": f"CASE WHEN random() < 0.4 THEN NULL ELSE {_pick(people)}::uuid END",
        "received_on": f"CURRENT_DATE - (random() * CASE WHEN {is_open} THEN 60 ELSE 1500 END)::int",
        "status_on": "CURRENT_DATE - 1",
        "due_on": f"CASE WHEN {is_open} AND random() < 0.9 THEN CURRENT_DATE + (random() * 6 - 3)::int END",
    }


_COMPLAINT = {
    "id": "gen_random_uuid()",
    "case_id": "c.id",
    "day": "c.received_on",
    "is_indexed": "true",
    "lookup": "decode(md5(random()::text) || md5(random()::text), 'hex')",
    "sealed_answers": SMALL,
    "sealed_summary": SMALL,
}


def _audit(cursor: Any, number: int) -> None:
    """Entries of years: as many as there are cases, about them."""
    last = AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True)[0]
    source = f"(SELECT id, row_number() OVER () + {last} AS n FROM complaints_case) AS c"
    short = {"previous": SMALL, "digest": SMALL, "signature": SMALL, "signer": SMALL}
    _copy(AuditEntry, number, short | {"sequence": "c.n", "case": "c.id", "event": "'case.opened'"}, source)
    cursor.execute("UPDATE complaints_chainhead SET sequence = sequence + 10 * %s + 10", [number])


def display(cases: list[Any]) -> None:
    """Give real sealed content to cases that a measurement displays."""
    for case in cases:
        sent = send_report(accused_nip=NIP)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table in ("keygrant", "indexentry", "message", "evidence"):
                cursor.execute(
                    f"DELETE FROM complaints_{table} WHERE complaint_id IN"
                    " (SELECT id FROM complaints_complaint WHERE case_id = %s)",
                    [case],
                )
            cursor.execute("DELETE FROM complaints_complaint WHERE case_id = %s", [case])
            cursor.execute("UPDATE complaints_complaint SET case_id = %s WHERE case_id = %s", [case, sent.case.pk])
            cursor.execute("DELETE FROM complaints_case WHERE id = %s", [sent.case.pk])
