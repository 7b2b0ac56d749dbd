"""Writes new rows of several tables in one round trip. For the one transaction that must be quick, a report's own;
everything else saves its rows one by one."""

from __future__ import annotations

from functools import cache

from django.db import connection, models, transaction


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
