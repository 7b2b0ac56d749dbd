"""The public keys of a complaint and of a release are signed to their rows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("complaints", "0002_append_only")]
    operations = [
        migrations.AddField("complaint", "key_signature", models.BinaryField(default=b""), preserve_default=False),
        migrations.AddField("release", "key_signature", models.BinaryField(default=b""), preserve_default=False),
    ]
