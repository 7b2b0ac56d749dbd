"""The database itself moves the head of the chain with each entry, so that no entry can come without it."""

from django.db import migrations

MOVE = "UPDATE complaints_chainhead SET sequence = NEW.sequence, digest = NEW.digest WHERE id = 1;"


def install(apps, schema_editor):
    """Create the trigger."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE OR REPLACE FUNCTION complaints_move_head() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {MOVE} RETURN NULL; END $$"
        )
        schema_editor.execute(
            "CREATE TRIGGER complaints_auditentry_move_head AFTER INSERT ON complaints_auditentry"
            " FOR EACH ROW EXECUTE FUNCTION complaints_move_head()"
        )
    else:
        schema_editor.execute(
            f"CREATE TRIGGER complaints_auditentry_move_head AFTER INSERT ON complaints_auditentry BEGIN {MOVE} END"
        )


def remove(apps, schema_editor):
    """Drop the trigger."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER IF EXISTS complaints_auditentry_move_head ON complaints_auditentry")
        schema_editor.execute("DROP FUNCTION IF EXISTS complaints_move_head()")
    else:
        schema_editor.execute("DROP TRIGGER IF EXISTS complaints_auditentry_move_head")


class Migration(migrations.Migration):
    dependencies = [("complaints", "0015_back_from_a_body")]
    operations = [migrations.RunPython(install, remove)]
