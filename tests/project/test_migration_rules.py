"""Each migration after the first is one that the code of the release before can live with, forwards and back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.test import override_settings

from complaints.models.job import JobName
from tests.migration_rules import APP, Rules

INITIAL = (APP, "0001_initial")
LIST = "job_run_of_the_list"


@pytest.fixture(scope="module")
def loader() -> MigrationLoader:
    with override_settings(MIGRATION_MODULES={}):
        return MigrationLoader(None)


def judged(loader: MigrationLoader, *parts: Operation) -> str:
    migration = Migration("0002_tried", APP)
    migration.operations = list(parts)
    return " ".join(Rules(migration, loader.project_state(INITIAL)).faults())


def test_every_migration_keeps_the_release_before_working(loader: MigrationLoader) -> None:
    names = [name for name in loader.graph.forwards_plan(loader.graph.leaf_nodes(APP)[0]) if name[0] == APP]
    assert names[0] == INITIAL
    faults = [
        fault
        for name in names[1:]
        for fault in Rules(loader.get_migration(*name), loader.project_state(name, at_end=False)).faults()
    ]
    assert faults == []


def job_names(values: Sequence[str]) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(name__in=values), name=LIST)


WIDER = (
    operations.RemoveConstraint("jobrun", LIST),
    operations.AddConstraint("jobrun", job_names([*JobName.values, "new"])),
)
TO_CASE = models.ForeignKey("complaints.case", on_delete=models.CASCADE)
NEW_COLUMN = operations.AddField("complaint", "later", models.CharField(max_length=9, null=True))


@pytest.mark.parametrize(
    "parts",
    [
        (operations.CreateModel("Later", [("id", models.UUIDField(primary_key=True))]),),
        (NEW_COLUMN,),
        (operations.AddField("case", "counted", models.IntegerField(db_default=0)),),
        (
            NEW_COLUMN,
            operations.AddConstraint(
                "complaint", models.CheckConstraint(condition=models.Q(later__in=["a"]), name="later_known")
            ),
        ),
        (operations.AddIndex("case", models.Index(fields=["status"], name="status_again")),),
        (operations.AlterField("jobfailure", "type", models.CharField(max_length=200)),),
        (operations.AlterField("jobfailure", "type", models.CharField(max_length=100, help_text="Other words.")),),
        (operations.AlterModelOptions("jobfailure", {"verbose_name": "other"}),),
        (operations.SeparateDatabaseAndState(state_operations=[operations.RemoveField("jobrun", "begun_at")]),),
        WIDER,
    ],
    ids=lambda parts: type(parts[-1]).__name__,
)
def test_what_adds_is_taken(loader: MigrationLoader, parts: tuple[Operation, ...]) -> None:
    assert judged(loader, *parts) == ""


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ((operations.AddField("case", "n", models.IntegerField(default=0)),), "db_default"),
        ((operations.RemoveField("case", "status"),), "reads or writes"),
        ((operations.RenameField("case", "status", "state"),), "reads or writes"),
        ((operations.RenameModel("Case", "File"),), "reads or writes"),
        ((operations.DeleteModel("JobFailure"),), "reads or writes"),
        ((operations.AlterField("jobfailure", "type", models.CharField(max_length=50)),), "reads or writes"),
        ((operations.AlterField("jobrun", "begun_at", models.DateTimeField()),), "reads or writes"),
        (
            (operations.AddConstraint("case", models.CheckConstraint(condition=models.Q(status="x"), name="x")),),
            "break",
        ),
        ((operations.AddConstraint("case", models.UniqueConstraint(fields=["status"], name="one")),), "break"),
        ((WIDER[0],), "cannot come back"),
        ((WIDER[0], operations.AddConstraint("jobrun", job_names(JobName.values[1:]))), "not wider"),
        (
            (operations.SeparateDatabaseAndState(state_operations=[operations.RemoveField("jobrun", "due_at")]),),
            "leaves the column out",
        ),
        ((operations.SeparateDatabaseAndState([operations.RemoveField("jobrun", "begun_at")]),), "person reads"),
        ((NEW_COLUMN, operations.AddField("case", "counted", models.IntegerField(db_default=0))), "of its own"),
        ((NEW_COLUMN, operations.CreateModel("Later", [("case", TO_CASE)])), "of its own"),
        ((operations.AddIndex("complaint", models.Index(fields=["lane"], name="lane")), NEW_COLUMN), "put it first"),
        ((operations.RunSQL("DELETE FROM complaints_jobrun"),), "no way back"),
        ((operations.RunSQL("SELECT 1", "SELECT 1"),), "nobody has read"),
        ((operations.RunPython(lambda _apps, _editor: None),), "no way back"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_the_release_before_cannot_live_with_is_refused(
    loader: MigrationLoader, parts: tuple[Operation, ...], reason: str
) -> None:
    assert reason in judged(loader, *parts)
