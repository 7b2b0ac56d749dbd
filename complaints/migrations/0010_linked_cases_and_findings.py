"""Reports can be linked into one case, staff enter findings; the steps of cases know a further action."""

from importlib import import_module

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


def reinstall(apps, schema_editor):
    """SQLite makes a table anew to change its constraints, and loses its triggers."""
    triggers = import_module("complaints.migrations.0002_append_only")
    triggers.remove(schema_editor)
    triggers.install(schema_editor)


class Migration(migrations.Migration):

    dependencies = [
        ('complaints', '0009_conflicts_of_interest'),
    ]

    operations = [
        migrations.CreateModel(
            name='Move',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveSmallIntegerField()),
                ('source_steps', models.PositiveIntegerField()),
                ('target_steps', models.PositiveIntegerField()),
                ('day', models.DateField()),
                ('at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='transition',
            name='transition_action_known',
        ),
        migrations.AddField(
            model_name='case',
            name='linked_into',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='linked', to='complaints.case'),
        ),
        migrations.AlterField(
            model_name='complaint',
            name='channel',
            field=models.CharField(choices=[('web', 'Web'), ('finding', 'Finding from monitoring'), ('import', 'Imported finding')], default='web', max_length=8),
        ),
        migrations.AddConstraint(
            model_name='case',
            constraint=models.CheckConstraint(condition=models.Q(('linked_into', models.F('id')), _negated=True), name='case_not_linked_to_itself'),
        ),
        migrations.AddConstraint(
            model_name='complaint',
            constraint=models.CheckConstraint(condition=models.Q(('channel__in', ['web', 'finding', 'import'])), name='complaint_channel_known'),
        ),
        migrations.AddConstraint(
            model_name='transition',
            constraint=models.CheckConstraint(condition=models.Q(('action__in', ['start_review', 'ask_reporter', 'answer', 'expire', 'verify', 'forward', 'take_up', 'return', 'substantiate', 'dismiss', 'await_agency', 'mark_overdue', 'sanction', 'refer', 'propose_ineligible', 'confirm_ineligible', 'reject_ineligible', 'withdraw', 'reopen', 'answer_late', 'resume', 'link'])), name='transition_action_known'),
        ),
        migrations.AddField(
            model_name='move',
            name='actor',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='move',
            name='complaint',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='complaints.complaint'),
        ),
        migrations.AddField(
            model_name='move',
            name='source',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='complaints.case'),
        ),
        migrations.AddField(
            model_name='move',
            name='target',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='complaints.case'),
        ),
        migrations.AddIndex(
            model_name='move',
            index=models.Index(condition=models.Q(('actor__isnull', True)), fields=['day'], name='move_by_reporter'),
        ),
        migrations.AddConstraint(
            model_name='move',
            constraint=models.UniqueConstraint(fields=('complaint', 'number'), name='move_number'),
        ),
        migrations.AddConstraint(
            model_name='move',
            constraint=models.CheckConstraint(condition=models.Q(('source', models.F('target')), _negated=True), name='move_elsewhere'),
        ),
        migrations.AddConstraint(
            model_name='move',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('actor__isnull', True), ('at__isnull', True)), models.Q(('actor__isnull', False), ('at__isnull', False)), _connector='OR'), name='move_reporter_has_no_hour'),
        ),
        migrations.RunPython(reinstall, reinstall),
    ]
