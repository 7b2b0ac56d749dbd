"""Which migrations the release before can live with: its code goes on while they run, and after a way back.

An allow-list (docs/adr/0089-no-outage-to-change.md). What it does not know is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db import connection, models
from django.db.migrations import Migration, operations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

APP: Final = "complaints"
# Code and SQL that a person has read, as "migration: operation": the release before works during it and after it.
READ: Final[frozenset[str]] = frozenset()
# They change nothing in the database.
_STATE_ONLY: Final = (operations.AlterModelOptions, operations.AlterModelManagers)


class Rules:
    """The rules for one migration, whose operations are judged in their order."""

    def __init__(self, migration: Migration, state: ProjectState) -> None:
        """Judge from ``state``, that of the models before the migration; it is changed."""
        self._migration, self._state = migration, state
        self._new_models: set[str] = set()
        self._new_fields: set[tuple[str, str]] = set()
        self._removed: dict[tuple[str, str], models.BaseConstraint] = {}
        # The existing table that it locks, and whether it lets nobody read meanwhile.
        self._locked, self._is_exclusive = "", False

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each operation that the release before cannot live with."""
        for operation in self._migration.operations:
            if fault := self._fault(operation) or self._deadlock(operation):
                yield f"{self._migration.name}: {operation.describe()}: {fault}"
            operation.state_forwards(APP, self._state)
        for model, name in self._removed:
            yield f"{self._migration.name}: constraint {name} of {model}: it cannot come back over rows of meanwhile"

    def _fault(self, operation: Operation) -> str:
        if isinstance(operation, _STATE_ONLY):
            return ""
        judge = {
            operations.CreateModel: self._create_model,
            operations.AddField: self._add_field,
            operations.AddIndex: lambda _operation: "",
            operations.AddConstraint: self._add_constraint,
            operations.RemoveConstraint: self._remove_constraint,
            operations.AlterField: self._alter_field,
            operations.SeparateDatabaseAndState: self._forget,
            operations.RunPython: self._run,
            operations.RunSQL: self._run,
        }.get(type(operation))
        return judge(operation) if judge else "the release before reads or writes what it changes"

    def _deadlock(self, operation: Operation) -> str:
        """A migration is one transaction, and reports lock the tables in an order of their own."""
        exclusive, shared = self._locks(operation)
        for table in sorted(exclusive | shared):
            if self._locked not in ("", table):
                return f"locks {table} beside {self._locked}; it needs a migration of its own"
            if self._locked and table in exclusive and not self._is_exclusive:
                return f"locks out who reads {table}, which is locked for others already; put it first"
            self._locked, self._is_exclusive = table, self._is_exclusive or table in exclusive
        return ""

    def _locks(self, operation: Operation) -> tuple[set[str], set[str]]:
        """Return the existing tables that nobody can read meanwhile, and those that nobody can write."""
        fields: list[Any] = []
        exclusive, shared = set(), set()
        if isinstance(operation, operations.CreateModel):
            fields = [field for _name, field in operation.fields]
        elif isinstance(operation, operations.AddField):
            fields, exclusive = [operation.field], {operation.model_name_lower}
        elif isinstance(operation, operations.AddIndex):
            shared = {operation.model_name_lower}
        elif isinstance(operation, (operations.AlterField, operations.AddConstraint, operations.RemoveConstraint)):
            exclusive = {operation.model_name_lower}
        for field in fields:
            if field.remote_field:
                shared.add(str(field.remote_field.model).rpartition(".")[2].lower())
        return exclusive - self._new_models, shared - self._new_models

    def _create_model(self, operation: operations.CreateModel) -> str:
        self._new_models.add(operation.name_lower)
        return ""

    def _add_field(self, operation: operations.AddField) -> str:
        self._new_fields.add((operation.model_name_lower, operation.name))
        field = operation.field
        may_be_left_out = field.null or field.has_db_default() or field.many_to_many
        is_free = may_be_left_out or operation.model_name_lower in self._new_models
        return "" if is_free else "needs null=True or db_default: the release before leaves the column out"

    def _add_constraint(self, operation: operations.AddConstraint) -> str:
        model, constraint = operation.model_name_lower, operation.constraint
        before = self._removed.pop((model, constraint.name), None)
        if before is not None:
            return "" if _is_wider(constraint, before) else "is not wider than the one of this name before"
        fields = {(model, name) for name in _fields(constraint)}
        is_new = model in self._new_models or (fields and fields <= self._new_fields)
        return "" if is_new else "the release before may write rows that break it"

    def _remove_constraint(self, operation: operations.RemoveConstraint) -> str:
        model = self._state.models[APP, operation.model_name_lower]
        constraint = next(one for one in model.options["constraints"] if one.name == operation.name)
        self._removed[operation.model_name_lower, operation.name] = constraint
        return ""

    def _alter_field(self, operation: operations.AlterField) -> str:
        field = self._state.models[APP, operation.model_name_lower].fields[operation.name]
        pair = (_named(field, operation.name), _named(operation.field, operation.name))
        if not connection.schema_editor()._field_should_be_altered(*pair):
            return ""
        before, after = field.deconstruct()[3], operation.field.deconstruct()[3]
        lengths = before.pop("max_length", 0), after.pop("max_length", 0)
        is_longer = type(field) is type(operation.field) and before == after and lengths[0] <= lengths[1]
        return "" if is_longer else "the release before reads or writes what it changes"

    def _forget(self, operation: operations.SeparateDatabaseAndState) -> str:
        """The first half of a removal: the column or table stays, and the new release leaves it out."""
        if operation.database_operations:
            return "changes the database; a removal in it is SQL of the release after, which a person reads"
        for part in operation.state_operations:
            if isinstance(part, operations.DeleteModel):
                continue
            if not isinstance(part, operations.RemoveField):
                return "only a field or a model can be forgotten"
            field = self._state.models[APP, part.model_name_lower].fields[part.name]
            if not (field.null or field.has_db_default()):
                return "needs null=True or db_default before: the new release leaves the column out"
        return ""

    def _run(self, operation: operations.RunPython | operations.RunSQL) -> str:
        if not operation.reversible:
            return "has no way back"
        name = f"{self._migration.name}: {operation.describe()}"
        return "" if name in READ else f"nobody has read it; its place is READ: {name}"


def _is_wider(constraint: models.BaseConstraint, before: models.BaseConstraint) -> bool:
    """Whether a list of values has become longer."""
    values = [_values(one) for one in (constraint, before)]
    return None not in values and values[0][0] == values[1][0] and values[0][1] >= values[1][1]  # type: ignore[index]


def _values(constraint: models.BaseConstraint) -> tuple[str, set[Any]] | None:
    condition = getattr(constraint, "condition", None)
    if not isinstance(constraint, models.CheckConstraint) or not isinstance(condition, models.Q):
        return None
    if condition.negated or len(condition.children) != 1 or not isinstance(condition.children[0], tuple):
        return None
    name, values = condition.children[0]
    return (name, set(values)) if name.endswith("__in") else None


def _fields(constraint: models.BaseConstraint) -> set[str]:
    """Return the names of the fields of a constraint; none where it holds anything but names."""
    if isinstance(constraint, models.CheckConstraint) and isinstance(constraint.condition, models.Q):
        return {name.partition("__")[0] for name, _value in _pairs(constraint.condition)}
    if isinstance(constraint, models.UniqueConstraint) and not constraint.expressions:
        return set(constraint.fields)
    return set()


def _pairs(condition: models.Q) -> Iterator[tuple[str, Any]]:
    for child in condition.children:
        if isinstance(child, models.Q):
            yield from _pairs(child)
        elif isinstance(child, tuple):
            yield child


def _named(field: models.Field[Any, Any], name: str) -> models.Field[Any, Any]:
    copy = field.clone()
    copy.set_attributes_from_name(name)
    return copy
