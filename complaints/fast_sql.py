"""Hand-made SQL that saves queries which a budget needs: few rows and fewer round trips than Django's ORM makes.

Each function says what it saves, as measured, and what would take its place. Everything else uses the ORM plainly.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import islice
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from django.db import connection, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    Exists,
    IntegerField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    UUIDField,
    Value,
    When,
)
from django.db.models import Case as Either
from django.db.models.expressions import BaseExpression
from django.db.models.functions import Cast, Concat
from django.db.models.sql.compiler import SQLCompiler

from complaints.models.case import Assessment, Case, InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.redaction import Redaction
from complaints.models.team import Staff

M = TypeVar("M", bound=Model)
R = TypeVar("R", bound=Model)
W = TypeVar("W", Message, InternalNote, Assessment, Redaction)
Column: TypeAlias = "models.Field[Any, Any]"
WrittenModel = type[Message] | type[InternalNote] | type[Assessment] | type[Redaction]
Written: TypeAlias = Message | InternalNote | Assessment | Redaction


def insert(*rows: Model) -> None:
    """Insert new rows in this order, whose keys are set already, all in the caller's transaction; sends no signals.

    Saves 3 of 4 round trips when a report is stored: on PostgreSQL four rows take 0.5 ms of processor and 1.1 ms in
    all, saved one by one 1.15 ms and 3 ms (README's budget: 75 reports a second, 13 ms of a processor each).

    Raises:
        IntegrityError: as saving the row in question would.
    """
    # The proxy ``django.db.connection`` would look the connection up once for each column.
    database = transaction.get_connection()
    statements = [_insert_statement(type(row)) for row in rows]
    values = [
        [
            column.get_db_prep_save(column.pre_save(row, add=True), database)
            for column in row._meta.local_concrete_fields
        ]
        for row in rows
    ]
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            # psycopg's client-side binding fills the values in, so the server takes all statements at once.
            cursor.execute("; ".join(statements), [value for row_values in values for value in row_values])
        else:
            for statement, row_values in zip(statements, values, strict=True):
                cursor.execute(statement, row_values)
    for row in rows:
        row._state.adding, row._state.db = False, database.alias


@cache
def _insert_statement(model: type[Model]) -> str:
    quote = connection.ops.quote_name
    columns = [quote(str(column.column)) for column in model._meta.local_concrete_fields]
    placeholders = ", ".join("%s" for _ in columns)
    return f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)}) VALUES ({placeholders})"  # noqa: S608


def with_many(rows: QuerySet[M], reverse_name: str, related: type[R], *foreign_keys: str) -> list[tuple[M, list[R]]]:
    """Return each row, in the query's order, with the rows that point at it by the reverse relation ``reverse_name``.

    Saves one query where ``prefetch_related`` makes two, in three places of the case page: 14 queries instead of 17 for
    a case with files and releases, 12 instead of 13 without releases. The budget of tests/admin/test_case_queries.py is
    14 and 12. It saves no processor time (75 ms and 73 ms a page). For few and small rows only: a row's own columns
    are sent once for each row that points at it.

    Args:
        related: the model at the other end of ``reverse_name``.
        foreign_keys: paths of foreign keys to read with the row, as for ``select_related``, each after its parent.
    """
    parents = {path: _model_at(rows.model, path) for path in foreign_keys}
    columns = _columns_of({"": rows.model, **parents, reverse_name: related})
    annotations = list(rows.query.annotations)
    joined: dict[object, tuple[M, list[R]]] = {}
    for values in rows.values_list(*columns, *annotations):
        cells = iter(values)
        row = cast(M, _next_instance(rows.model, cells, rows.db))
        instances: dict[str, Model | None] = {"": row}
        for path, parent in parents.items():
            instances[path] = _next_instance(parent, cells, rows.db)
        _set_foreign_keys(instances, tuple(parents))
        related_row = _next_instance(related, cells, rows.db)
        if row.pk not in joined:
            row.__dict__.update(zip(annotations, cells, strict=True))
            joined[row.pk] = (row, [])
        if related_row is not None:
            joined[row.pk][1].append(related_row)
    return list(joined.values())


class JoinedRows(Subquery):
    """The column ``row`` of a subquery's rows as one text, with spaces between them; NULL where there are none.

    The rows are in no order. It saves a query: of the newest entries of each group in services.similarity, and of the
    reports that a page of a case does not open in services.case_file (12 queries in place of 13, which is the budget).
    """

    output_field = TextField()
    template = "(SELECT %(joined)s(joined_rows.row, ' ') FROM (%(subquery)s) AS joined_rows)"

    def get_group_by_cols(self) -> list[BaseExpression]:
        """Return none: the subquery depends on the grouped columns, and is worked out once for each group.

        Grouped by it too, as Django would, it is worked out for each row. In a case of 500 reports about one person
        that is 1,500 times in place of 3: 6,500 ms in place of 24.
        """
        return []

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, joined="GROUP_CONCAT", **context)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, joined="STRING_AGG", **context)


class CappedCount(Subquery):
    """The number of rows of a query, as a column; a limit of the query is the cap.

    At a million cases a count of half of them takes 60 ms, one that ends at 1,000 takes 1 ms.
    """

    template = "(SELECT COUNT(*) FROM (%(subquery)s) capped)"
    output_field = IntegerField()
    # Of rows that Django knows to be none it asks nothing, and would give None.
    empty_result_set_value = 0


@dataclass(frozen=True)
class ReportLine:
    """What is read of each report of a case, opened or not: whether it has unread messages, and was assessed."""

    id: uuid.UUID
    next_sequence: int
    is_unread: bool
    is_assessed: bool

    @classmethod
    def parse(cls, text: str) -> ReportLine:
        """Read a line of :func:`report_lines`."""
        _day, key, sequence, is_unread, is_assessed = text.split("=")
        return cls(uuid.UUID(key), int(sequence), is_unread == "1", is_assessed == "1")


def _report_line() -> Concat:
    unread, assessed = Message.objects.unread(), Assessment.objects.filter(kind=Assessment.Kind.RISK)
    marks = (Exists(rows.filter(complaint=OuterRef("pk"))) for rows in (unread, assessed))
    digits = (Either(When(mark, then=Value("1")), default=Value("0")) for mark in marks)
    cells = [*(Cast(name, CharField()) for name in ("day", "pk", "next_sequence")), *digits]
    parts = [part for cell in cells for part in (Value("="), cell)]
    return Concat(*parts[1:], output_field=TextField())


_REPORT_LINE: Final = _report_line()


def report_lines(reports: QuerySet[Complaint]) -> JoinedRows:
    """Return an expression for a line of each of ``reports``, to be parsed by :class:`ReportLine`.

    A line begins with the day and the key, the order in which the reports of a case are numbered.
    """
    return JoinedRows(reports.order_by().values(row=_REPORT_LINE))


class CompiledQuery(Generic[M]):
    """A query that Django compiles once, to be run for other values than those that it was built with.

    Compiling the query of :func:`complaints.access.access_facts`, which each request of the staff makes, takes 4.2 of
    the 4.4 ms of processor time that the ORM needs for it; run again it takes 0.19 ms.
    """

    def __init__(self, rows: QuerySet[M], *foreign_keys: str) -> None:
        """Compile ``rows``, each with the rows that its ``foreign_keys`` point at, none of which may be NULL."""
        self._annotations = list(rows.query.annotations)
        self._models: dict[str, type[Model]] = {
            "": rows.model,
            **{name: _model_at(rows.model, name) for name in foreign_keys},
        }
        columns = _columns_of(self._models)
        compiler = rows.values_list(*columns, *self._annotations).query.get_compiler(using=rows.db)
        self._sql, self._parameters = compiler.as_sql()
        self._expressions = [expression for expression, _sql, _alias in compiler.select]
        self._names = {
            path: [column.attname for column in model._meta.concrete_fields] for path, model in self._models.items()
        }

    def run(self, values: Mapping[object, object]) -> list[M]:
        """Return the rows for ``values``, by the value that each replaces; both as the database takes them."""
        # The thread's own connection: the one that compiled the query may be another thread's.
        database = transaction.get_connection()
        with database.cursor() as cursor:
            cursor.execute(self._sql, [values.get(value, value) for value in self._parameters])
            fetched = cursor.fetchall()
        rows = []
        for row_values in fetched:
            converted = []
            for value, expression in zip(row_values, self._expressions, strict=True):
                converters = *database.ops.get_db_converters(expression), *expression.get_db_converters(database)
                for convert in converters:
                    value = convert(value, expression, database)
                converted.append(value)
            cells = iter(converted)
            instances = {
                path: model.from_db(database.alias, self._names[path], list(islice(cells, len(self._names[path]))))
                for path, model in self._models.items()
            }
            row = instances.pop("")
            for name, parent in instances.items():
                setattr(row, name, parent)
            row.__dict__.update(zip(self._annotations, cells, strict=True))
            rows.append(cast(M, row))
        return rows


def _columns_of(models_by_path: Mapping[str, type[Model]]) -> list[str]:
    """Return the names of all columns, as ``values_list`` takes them; the path "" is the query's own model."""
    return [
        f"{path}__{column.attname}" if path else column.attname
        for path, model in models_by_path.items()
        for column in model._meta.concrete_fields
    ]


def _model_at(model: type[Model], path: str) -> type[Model]:
    for name in path.split("__") if path else ():
        model = model._meta.get_field(name).related_model  # type: ignore[assignment]  # "self" is resolved by then
    return model


def _next_instance(model: type[M], cells: Iterator[object], using: str) -> M | None:
    """Return an instance of the next cells; None where the outer join had no row."""
    fields = model._meta.concrete_fields
    values = list(islice(cells, len(fields)))
    key = next(value for column, value in zip(fields, values, strict=True) if column.primary_key)
    return None if key is None else model.from_db(using, [column.attname for column in fields], values)


def _set_foreign_keys(instances: Mapping[str, Model | None], paths: tuple[str, ...]) -> None:
    for path in paths:
        parent, _separator, name = path.rpartition("__")
        if instances[parent] is not None:
            setattr(instances[parent], name, instances[path])


_AUTHOR_COLUMNS: Final = ("username", "first_name", "last_name")
_SHARED_COLUMNS: Final = ("id", "complaint_id", "sequence", "author_id", "sealed")
# Columns that not every model has; a model without one selects NULL of the same type.
_OPTIONAL_COLUMNS: Final[dict[str, Column]] = {
    "step_id": UUIDField(),
    "at": DateTimeField(),
    "day": DateField(),
    "direction": CharField(),
    "release_id": UUIDField(),
    "release_step_id": UUIDField(),
    "is_read": BooleanField(),
    "kind": CharField(),
}
_SIGNER_COLUMNS: Final[dict[WrittenModel, str]] = {
    Message: "signer",
    InternalNote: "author_key",
    Assessment: "author_key",
    Redaction: "author_key",
}


@dataclass
class WrittenRecords:
    """What was written on some reports, still sealed; each author has a name and no other columns.

    Messages are ordered by report and number, notes by time, assessments by number, redactions not at all.
    """

    messages: list[Message] = field(default_factory=list)
    notes: list[InternalNote] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)
    redactions: list[Redaction] = field(default_factory=list)

    def by_report(self, reports: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Written]]:
        """Return what was written on each of these reports, of some nothing."""
        of_report: dict[uuid.UUID, list[Written]] = {report: [] for report in reports}
        rows: list[Written] = [*self.messages, *self.notes, *self.assessments, *self.redactions]
        for row in rows:
            # A checklist may be on a report that is in another case by now.
            if row.complaint_id in of_report:
                of_report[row.complaint_id].append(row)
        return of_report


def read_written_records(*, case: Case, complaints: Collection[uuid.UUID]) -> WrittenRecords:
    """Read what was written on ``complaints``, the reports of ``case``, and its steps' checklists.

    One UNION in place of three queries with ``select_related``: the case page makes 14 queries instead of 16 with
    releases and 12 instead of 14 without. The budget of tests/admin/test_case_queries.py is 14 and 12. It saves no
    processor time (75 ms and 73 ms a page).
    """
    of_reports = Q(complaint__in=complaints)
    # A checklist belongs to its step, also where its report has been moved to another case since.
    of_steps = Assessment.objects.filter(step__case=case).exclude(complaint__in=complaints)
    first, *others = (
        _union_part(Message, Message.objects.filter(of_reports)),
        _union_part(InternalNote, InternalNote.objects.filter(of_reports)),
        _union_part(Assessment, Assessment.objects.filter(of_reports)),
        _union_part(Assessment, of_steps),
        _union_part(Redaction, Redaction.objects.filter(of_reports)),
    )
    records = WrittenRecords()
    for name, *values in first.union(*others, all=True):
        if name == Message.__name__:
            records.messages.append(_written_row(Message, values))
        elif name == InternalNote.__name__:
            records.notes.append(_written_row(InternalNote, values))
        elif name == Assessment.__name__:
            records.assessments.append(_written_row(Assessment, values))
        else:
            records.redactions.append(_written_row(Redaction, values))
    records.messages.sort(key=lambda row: (str(row.complaint_id), row.sequence))
    records.notes.sort(key=lambda row: (row.at, row.sequence))
    records.assessments.sort(key=lambda row: row.sequence)
    return records


def _union_part(model: type[W], rows: QuerySet[W]) -> QuerySet[W, tuple[object, ...]]:
    """Select the same columns in the same order and of the same types from each model, as a UNION requires."""
    columns = {column.attname for column in model._meta.concrete_fields}
    nulls = {f"no_{name}": Cast(Value(None), kind) for name, kind in _OPTIONAL_COLUMNS.items() if name not in columns}
    optional = (name if name in columns else f"no_{name}" for name in _OPTIONAL_COLUMNS)
    authors = (f"author__{name}" for name in _AUTHOR_COLUMNS)
    rows = rows.annotate(model=Cast(Value(model.__name__), CharField()), **nulls).order_by()
    return rows.values_list("model", *_SHARED_COLUMNS, _SIGNER_COLUMNS[model], *optional, *authors)


def _written_row(model: type[W], values: list[object]) -> W:
    columns = [*_SHARED_COLUMNS, _SIGNER_COLUMNS[model], *_OPTIONAL_COLUMNS]
    row = _partial_instance(model, dict(zip(columns, values, strict=False)))
    names = dict(zip(_AUTHOR_COLUMNS, values[-len(_AUTHOR_COLUMNS) :], strict=True))
    if row.author_id:
        row.author = _partial_instance(Staff, names | {"id": row.author_id})
    return row


def read_both(
    first: QuerySet[M], second: QuerySet[R], *, shared: Mapping[str, str], person: str
) -> tuple[list[M], list[R]]:
    """Read rows of two models in one UNION, in no order; of the ``person`` of a second one a name and nothing else.

    It saves one query where a budget leaves none: on the case page, steps and their entries in the audit chain.

    Args:
        shared: columns of the first model, each with one of the second of the same type, which share a place.
        person: a foreign key of the second model to a member of staff.
    """
    of_first, of_second = _columns_beside(first.model, shared.keys()), _columns_beside(second.model, shared.values())
    names = {f"{person}__{name}": CharField() for name in _AUTHOR_COLUMNS}
    no_first, no_second = _nulls(of_first), _nulls({**of_second, **names})
    marked_first = first.order_by().annotate(is_first=Value(True), **no_second)
    marked_second = second.order_by().annotate(is_first=Value(False), **no_first)
    rows = marked_first.values_list("is_first", *shared, *of_first, *no_second).union(
        marked_second.values_list("is_first", *shared.values(), *no_first, *of_second, *names), all=True
    )
    read_first: list[M] = []
    read_second: list[R] = []
    for is_first, *values in rows:
        if is_first:
            cells = dict(zip((*shared, *of_first), values, strict=False))
            read_first.append(_partial_instance(first.model, cells))
        else:
            cells = dict(zip((*shared.values(), *of_first, *of_second, *names), values, strict=True))
            read_second.append(_with_person(_partial_instance(second.model, cells), person, cells))
    return read_first, read_second


def _columns_beside(model: type[Model], shared: Collection[str]) -> dict[str, Column]:
    return {column.attname: column for column in model._meta.concrete_fields if column.attname not in shared}


def _nulls(columns: Mapping[str, Column]) -> dict[str, Cast]:
    return {f"no_{name}": Cast(Value(None), column) for name, column in columns.items()}


def _with_person(row: R, person: str, cells: Mapping[str, object]) -> R:
    if key := cells[f"{person}_id"]:
        names = {name: cells[f"{person}__{name}"] for name in _AUTHOR_COLUMNS}
        setattr(row, person, _partial_instance(Staff, names | {"id": key}))
    return row


def _partial_instance(model: type[M], cells: Mapping[str, object]) -> M:
    """Return an instance with some columns; ``from_db`` takes them in the order of the model."""
    columns = [column.attname for column in model._meta.concrete_fields if column.attname in cells]
    return model.from_db(None, columns, [cells[name] for name in columns])


_COUNT_SIGNIN: Final = """
    INSERT INTO complaints_signincount (account, day, kind, n, notified, recorded, is_mailed)
    VALUES (%s, %s, %s, 1, 0, 0, %s)
    ON CONFLICT (account, day, kind) DO UPDATE SET
        n = CASE WHEN complaints_signincount.n < 1000000 THEN complaints_signincount.n + 1 ELSE 1000000 END
    RETURNING n"""


def count_signin(account: uuid.UUID, day: date, kind: str) -> int:
    """Count an attempt at signing in, or a change; return the count of that account, day and kind with this one.

    One statement in place of three and a savepoint: the row's lock lasts no longer than the statement, so no attempt
    waits for another's transaction, and the first attempt of a day takes as long as those after it.
    """
    account_value = UUIDField().get_db_prep_value(account, connection)
    day_value = DateField().get_db_prep_value(day, connection)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SIGNIN, [account_value, day_value, kind, False])
        # All rows: SQLite ends the statement, and with it its transaction, after the last one.
        return int(cursor.fetchall()[0][0])
