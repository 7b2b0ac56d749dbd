"""The database itself refuses to alter or remove an audit entry or a step of a case; the chain gets its first link."""

from django.db import migrations

from complaints.domain.hashchain import GENESIS

TABLES = ("complaints_auditentry", "complaints_transition")


def install(schema_editor):
    """Create the triggers."""
    vendor = schema_editor.connection.vendor
    if vendor == "postgresql":
        schema_editor.execute(
            "CREATE OR REPLACE FUNCTION complaints_append_only() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'append-only'; END $$"
        )
    for table in TABLES:
        if vendor == "postgresql":
            schema_editor.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION complaints_append_only()"
            )
        elif vendor == "sqlite":
            for act in ("UPDATE", "DELETE"):
                schema_editor.execute(
                    f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table}"
                    " BEGIN SELECT RAISE(ABORT, 'append-only'); END"
                )


def remove(schema_editor):
    """Drop the triggers."""
    for table in TABLES:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}")
        else:
            for act in ("update", "delete"):
                schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_no_{act}")


def forwards(apps, schema_editor):
    apps.get_model("complaints", "ChainHead").objects.get_or_create(pk=1, defaults={"sequence": 0, "digest": GENESIS})
    install(schema_editor)


def backwards(apps, schema_editor):
    remove(schema_editor)


class Migration(migrations.Migration):
    dependencies = [("complaints", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards)]
