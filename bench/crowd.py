"""Fills a database with many cases for a measurement: rows in the numbers and shapes of an installation of years.

Only what a measurement displays has real sealed content; the rest is copied from one real row of each table, by the
database itself, with other ids, days and codes. PostgreSQL only. Import it after :mod:`bench.inprocess`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlencode

from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper
from django.urls import reverse
from django.utils import timezone

from bench.client import FORM, UnexpectedAnswer
from bench.inprocess import InProcessBrowser
from bench.intake import SentReport, report
from complaints.domain.workflow import ENDED, OPEN, Action, ActorKind, Status
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import Evidence
from complaints.models.reference_data import AccusedKind, Category, Province
from complaints.models.team import Staff
from complaints.services.audit import log
from complaints.services.audit.state import change_facts
from complaints.services.case_links import MOST as LINKED_AT_ONCE

# Half of the cases are open, which is far more than an office can have and so the harder half to page through.
OPEN_IN_100: Final = 50
OFFICERS: Final = ("verifikator1", "verifikator2", "penerus1")
FILLED: Final = (Case, Complaint, KeyGrant, IndexEntry, Message, Evidence, AuditEntry)
SMALL: Final = "'\\x00'::bytea"
NIP: Final = "198001012005011003"
# Of which kinds every report has an entry, and how many values there are.
NAMED: Final = {
    IndexEntry.Kind.NIP: 200_000,
    IndexEntry.Kind.PERSON: 200_000,
    IndexEntry.Kind.AGENCY: 20_000,
}
# What the copies' references begin with; those of real cases begin otherwise.
PREFIX: Final = "KX-"


@contextmanager
def bulk_loading() -> Iterator[CursorWrapper]:
    """Give a cursor of a transaction without triggers and foreign keys; only a superuser of the database may."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        cursor.execute("SET LOCAL work_mem = '256MB'")
        yield cursor


@contextmanager
def without_indexes(cursor: CursorWrapper, table: str) -> Iterator[None]:
    """Drop a table's indexes, but for those of constraints, and create them again: sorted at the end they cost less."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = %s"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass)",
        [table, table],
    )
    indexes = cursor.fetchall()
    for name, _definition in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _name, definition in indexes:
        cursor.execute(definition)


def copy_rows(cursor: CursorWrapper, model: type[models.Model], rows: str, changes: Mapping[str, str]) -> None:
    """Insert a copy of a row of the model for each row of the SQL ``rows``, with ``changes``: SQL by column."""
    table, columns = model._meta.db_table, [str(field.column) for field in model._meta.concrete_fields]
    assert changes.keys() <= set(columns), changes.keys() - set(columns)
    values = ", ".join(changes.get(column, f't."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    with without_indexes(cursor, table):
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM (SELECT * FROM {table} LIMIT 1) AS t, {rows}"
        )


def send_seed(officer: InProcessBrowser) -> Complaint:
    """Send the report whose rows are copied, with a post and a message, and let an officer's first look index it."""
    reporter = InProcessBrowser()
    sent = report(reporter, nip=NIP, links="https://contoh.invalid/unggahan")
    page = reporter.send(reporter.open("/cek/"), {"code": sent.code})
    reporter.post(page, {"text": "Tambahan."}, path="/cek/laporan/jawab/")
    officer.open("/kantor/complaints/case/")
    return Complaint.objects.get()


def fill(number: int, officer: InProcessBrowser) -> None:
    """Make ``number`` cases, each with a report, its grant, index entries and, of every third, an answer or a post.

    Offices, people, provinces and kinds are as unequal as in life: the most frequent is named as often as the second
    and third together. The reports that are displayed name the most frequent office and person.
    """
    seed = send_seed(officer)
    people = [str(pk) for pk in Staff.objects.filter(username__in=OFFICERS).values_list("pk", flat=True)]
    cases = f"(SELECT id, received_on FROM complaints_case WHERE id <> '{seed.case_id}') AS c"
    numbered = f"SELECT id, day, row_number() OVER () AS n FROM complaints_complaint WHERE id <> '{seed.pk}'"
    each, third = f"({numbered}) AS c", f"(SELECT * FROM ({numbered}) AS x WHERE n % 3 = 0) AS c"
    of_complaint = {"id": "gen_random_uuid()", "complaint_id": "c.id"}
    entry = {"day": "c.day", "evidence_id": "NULL", "sealed": "NULL"}
    with bulk_loading() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        copy_rows(cursor, Case, f"generate_series(1, {number}) AS n", _case_columns(people))
        copy_rows(cursor, Complaint, cases, _COMPLAINT_COLUMNS)
        copy_rows(cursor, KeyGrant, each, of_complaint | {"sealed": SMALL})
        for kind, values in NAMED.items():
            digest = {"kind": f"'{kind.value}'", "digest": _digest_sql(kind, values, seed)}
            copy_rows(cursor, IndexEntry, each, of_complaint | entry | digest)
        copy_rows(cursor, Message, third, of_complaint | {"sealed": SMALL, "day": "c.day", "is_read": "n % 6 = 0"})
        copy_rows(cursor, Evidence, third, of_complaint | {"day": "c.day", "sealed_post": SMALL})
        _fill_audit(cursor, number)
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {', '.join(model._meta.db_table for model in FILLED)}")


def _any_of(values: list[str]) -> str:
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"(ARRAY[{quoted}])[1 + floor(random() * {len(values)})::int]"


def _rank(number: int) -> str:
    """Return SQL for a rank from 1 to ``number``, the probability of each falling as its reciprocal (Zipf's law)."""
    return f"floor(exp(random() * ln({number + 1})))::int"


def _unequal(values: list[str]) -> str:
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"(ARRAY[{quoted}])[{_rank(len(values))}]"


def _digest_sql(kind: IndexEntry.Kind, number: int, seed: Complaint) -> str:
    """Return SQL for the digest of one of ``number`` values of a kind; the first is that of the seed's own entry."""
    first = bytes(IndexEntry.objects.get(complaint=seed, kind=kind).digest).hex()
    return (
        f"(SELECT CASE WHEN r = 1 THEN '\\x{first}'::bytea ELSE decode(md5('{kind.value}' || r), 'hex') END"
        f" FROM (SELECT {_rank(number)} + 0 * length(c.id::text) AS r) AS ranked)"
    )


def _case_columns(people: list[str]) -> dict[str, str]:
    is_open = f"(n % 100 < {OPEN_IN_100})"
    opened = [status.value for status in sorted(OPEN)]
    ended = [status.value for status in sorted(ENDED)]
    provinces = list(Province.objects.values_list("pk", flat=True))
    kinds = list(AccusedKind.objects.values_list("pk", flat=True))
    categories = list(Category.objects.values_list("pk", flat=True))
    return {
        "id": "gen_random_uuid()",
        "reference": f"'{PREFIX}' || n",
        "status": f"CASE WHEN {is_open} THEN {_any_of(opened)} ELSE {_any_of(ended)} END",
        "category_id": _any_of(categories),
        "accused_kind_id": _unequal(sorted(kinds, key="superior".__ne__)),
        "province_id": f"CASE WHEN random() < 0.2 THEN NULL ELSE {_unequal(sorted(provinces, key='33'.__ne__))} END",
        "assignee_id": f"CASE WHEN random() < 0.4 THEN NULL ELSE {_any_of(people)}::uuid END",
        "received_on": f"CURRENT_DATE - (random() * CASE WHEN {is_open} THEN 60 ELSE 1500 END)::int",
        "status_on": "CURRENT_DATE - 1",
        "due_on": f"CASE WHEN {is_open} AND random() < 0.9 THEN CURRENT_DATE + (random() * 6 - 3)::int END",
    }


_COMPLAINT_COLUMNS: Final = {
    "id": "gen_random_uuid()",
    "case_id": "c.id",
    "day": "c.received_on",
    "index_entry": "1",
    "lookup": "decode(md5(random()::text) || md5(random()::text), 'hex')",
    "sealed_answers": SMALL,
    "sealed_summary": SMALL,
    "sealed_days": SMALL,
}


def _fill_audit(cursor: CursorWrapper, number: int) -> None:
    """Add two entries for each case, its opening and the index of its report, and move the head of the chain on."""
    small = dict.fromkeys(("previous", "digest", "signature", "signer"), SMALL)
    for event, subject in (("case.opened", "NULL::uuid"), ("index.written", "c.report")):
        last = AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True)[0]
        numbered = f"SELECT id AS report, case_id AS id, row_number() OVER () + {last} AS n FROM complaints_complaint"
        entry = {"sequence": "c.n", "case": "c.id", "subject": subject, "event": f"'{event}'"}
        copy_rows(cursor, AuditEntry, f"({numbered}) AS c", entry | small)
    ChainHead.objects.update(sequence=models.F("sequence") + 10 * number + 10)


def display(cases: list[str]) -> None:
    """Give real sealed content to cases that a measurement displays: a new report each, in place of the copied one."""
    for _case in cases:
        report(InProcessBrowser(), nip=NIP)
    sent = Case.objects.exclude(reference__startswith=PREFIX).order_by("pk").values_list("pk", flat=True)
    with bulk_loading() as cursor:
        for case, new in zip(cases, [pk for pk in sent if str(pk) not in cases], strict=False):
            for table in ("keygrant", "indexentry", "message", "evidence"):
                cursor.execute(
                    f"DELETE FROM complaints_{table} WHERE complaint_id IN"
                    " (SELECT id FROM complaints_complaint WHERE case_id = %s)",
                    [case],
                )
            cursor.execute("DELETE FROM complaints_complaint WHERE case_id = %s", [case])
            cursor.execute("UPDATE complaints_complaint SET case_id = %s WHERE case_id = %s", [case, new])
            cursor.execute("DELETE FROM complaints_case WHERE id = %s", [new])
    # Every line of a list is held against the chain.
    record(cases)


def record(cases: list[str]) -> None:
    """Append what the chain holds of cases in life: a step, how each is filed, and who has it; the server signs."""
    now = timezone.now()
    for case in Case.objects.filter(pk__in=cases):
        case.step_count, case.status_on = 1, timezone.localdate(now)
        case.save(update_fields=["step_count", "status_on"])
        step = CaseStep(
            case=case,
            sequence=1,
            action=Action.START_REVIEW.value,
            source=Status.RECEIVED.value,
            target=case.status,
            actor_kind=ActorKind.SYSTEM.value,
            due_on=case.due_on,
            stage=case.stage_reached,
            day=case.status_on,
            at=now,
        )
        step.save(force_insert=True)
        log.append(event="case.transition", now=now, case=case.pk, facts=log.step_facts(step))
        for event, state in (("case.changed", "filing"), ("case.assigned", "assignment")):
            facts = change_facts(case, state, before="")
            log.append(event=event, now=now, case=case.pk, subject=case.pk, facts=facts)


def join(number: int, officer: InProcessBrowser) -> tuple[str, SentReport]:
    """Send ``number`` reports about the most frequent person, and link them into one case as an officer does.

    Returns:
        The key of the case, and the last of its reports, by whose code its reporter comes back.
    """
    earlier = set(Case.objects.exclude(reference__startswith=PREFIX).values_list("pk", flat=True))
    sent = [report(InProcessBrowser(), nip=NIP) for _number in range(number)][-1]
    new = Case.objects.exclude(reference__startswith=PREFIX).exclude(pk__in=earlier).order_by("pk")
    joint, *others = (str(pk) for pk in new.values_list("pk", flat=True))
    page = officer.open(reverse("admin:complaints_case_change", args=[joint]))
    path = reverse("admin:complaints_case_link", args=[joint])
    for first in range(0, len(others), LINKED_AT_ONCE):
        ticked = [("cases", f"{case}:received") for case in others[first : first + LINKED_AT_ONCE]]
        form = [("csrfmiddlewaretoken", page.hidden()["csrfmiddlewaretoken"]), ("seen", "received"), *ticked]
        body = urlencode([*form, ("reason", "Perkara yang sama.")]).encode()
        answer = officer.request("POST", path, body, FORM)
        if answer.status != 302:
            raise UnexpectedAnswer(f"{answer.status} for linking {len(ticked)} cases")
    return joint, sent
