from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("complaints", "0004_evidence_in_depth")]

    operations = [
        migrations.AlterField(
            model_name="draftfile",
            name="object_name",
            field=models.CharField(blank=True, max_length=40, null=True, unique=True),
        ),
    ]
