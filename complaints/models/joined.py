"""Rows together with those that point at them, in one query where ``prefetch_related`` makes two."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

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
