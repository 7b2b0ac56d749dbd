"""Writes new rows of several tables in one round trip. For the one transaction that must be quick, a report's own;
everything else saves its rows one by one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, models, transaction
from django.db.models import Model, QuerySet


def insert(*rows: models.Model) -> None:
    """Insert new rows in this order, whose keys are set already, all in the caller's transaction; sends no signals.

    Raises:
        IntegrityError: as saving the row in question would.
    """
    # Behind the proxy: it would be asked once for each column.
    database = transaction.get_connection()
    statements, values = [], []
    for row in rows:
        statements.append(_statement(type(row)))
        fields = row._meta.local_concrete_fields
        values.append([field.get_db_prep_save(field.pre_save(row, add=True), database) for field in fields])
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            # The client fills the values in, so the server takes all statements at once.
            cursor.execute("; ".join(statements), [value for row_values in values for value in row_values])
        else:
            for statement, row_values in zip(statements, values, strict=True):
                cursor.execute(statement, row_values)
    for row in rows:
        row._state.adding, row._state.db = False, database.alias


@cache
def _statement(model: type[models.Model]) -> str:
    quote = connection.ops.quote_name
    columns = [quote(str(field.column)) for field in model._meta.local_concrete_fields]
    places = ", ".join("%s" for _ in columns)
    return f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608


# Rows together with those that point at them, in one query where ``prefetch_related`` makes two.


M = TypeVar("M", bound=Model)


def with_many(rows: QuerySet[M], many: str, *ones: str) -> list[tuple[M, list[Any]]]:
    """Return each row, in the query's order, with the rows that point at it by the reverse relation ``many``.

    For few and small ones: the row's own columns travel once for each of them.

    Args:
        ones: paths of foreign keys that are read with the row, as for ``select_related``, each after its parent.
    """
    models = {path: _model_at(rows.model, path) for path in ("", *ones, many)}
    columns = [
        f"{path}__{field.attname}" if path else field.attname
        for path, model in models.items()
        for field in model._meta.concrete_fields
    ]
    extra = list(rows.query.annotations)
    found: dict[Any, tuple[M, list[Any]]] = {}
    for values in rows.values_list(*columns, *extra):
        cells = iter(values)
        made = {path: _made(model, cells, rows.db) for path, model in models.items()}
        one = made[""]
        if one.pk not in found:
            _attach(made, ones)
            one.__dict__.update(zip(extra, cells, strict=True))
            found[one.pk] = (one, [])
        if made[many] is not None:
            found[one.pk][1].append(made[many])
    return list(found.values())


def _model_at(model: type[Model], path: str) -> type[Model]:
    for name in path.split("__") if path else ():
        model = model._meta.get_field(name).related_model  # type: ignore[assignment]  # "self" is resolved by then
    return model


def _made(model: type[Model], cells: Iterator[Any], using: str) -> Any:
    """Make one row of the next cells; None where the join found none."""
    fields = model._meta.concrete_fields
    values = list(islice(cells, len(fields)))
    key = next(value for field, value in zip(fields, values, strict=True) if field.primary_key)
    return None if key is None else model.from_db(using, [field.attname for field in fields], values)


def _attach(made: dict[str, Any], ones: tuple[str, ...]) -> None:
    for path in ones:
        parent, _separator, name = path.rpartition("__")
        if made[parent] is not None:
            setattr(made[parent], name, made[path])
