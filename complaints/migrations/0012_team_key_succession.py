"""Teams have a succession of keys; what is sealed to a team says to which of them."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone


def first_keys(apps, schema_editor):
    """Write down the key that each team has as its first."""
    TeamKey = apps.get_model("complaints", "TeamKey")
    Membership = apps.get_model("complaints", "TeamMembership")
    for team in apps.get_model("complaints", "Team").objects.all():
        since = Membership.objects.filter(team=team, admitted_at__isnull=False).order_by("admitted_at").first()
        TeamKey.objects.create(
            team=team,
            number=1,
            public_key=team.public_key,
            verify_key=team.verify_key,
            made_at=since.admitted_at if since else timezone.now(),
        )
    Membership.objects.filter(sealed_key__isnull=False).update(key_number=1)


class Migration(migrations.Migration):

    dependencies = [
        ('complaints', '0011_staff_sessions_and_delays'),
    ]

    operations = [
        migrations.CreateModel(
            name='TeamKey',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveSmallIntegerField(verbose_name='number')),
                ('public_key', models.BinaryField()),
                ('verify_key', models.BinaryField()),
                ('by_predecessor', models.BinaryField(default=b'')),
                ('by_itself', models.BinaryField(default=b'')),
                ('sealed_previous', models.BinaryField(null=True)),
                ('total', models.PositiveIntegerField(default=0)),
                ('made_at', models.DateTimeField(verbose_name='made')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
            ],
            options={
                'verbose_name': 'team key',
                'verbose_name_plural': 'access review',
            },
        ),
        migrations.RemoveConstraint(
            model_name='teammembership',
            name='membership_once',
        ),
        migrations.AddField(
            model_name='identity',
            name='sealed_number',
            field=models.SmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='indexkey',
            name='sealed_number',
            field=models.SmallIntegerField(default=1),
        ),
        migrations.RemoveField(model_name='savedfilter', name='signer'),
        migrations.AddField(
            model_name='savedfilter',
            name='sealed_number',
            field=models.SmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='keygrant',
            name='first_digest',
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name='keygrant',
            name='reseal_signature',
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name='keygrant',
            name='sealed_number',
            field=models.SmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='team',
            name='key_number',
            field=models.PositiveSmallIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name='team',
            name='recovery_keys',
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name='team',
            name='recovery_signature',
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name='teammembership',
            name='certificate',
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name='teammembership',
            name='key_number',
            field=models.PositiveSmallIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='teammembership',
            name='left_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='left'),
        ),
        migrations.AddField(
            model_name='teammembership',
            name='left_cause',
            field=models.CharField(blank=True, choices=[('removed', 'removed by a member'), ('role', 'other role or body'), ('switched_off', 'account switched off')], max_length=12),
        ),
        migrations.AddField(
            model_name='teammembership',
            name='removed_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='teammembership',
            name='sealed_number',
            field=models.SmallIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='teammembership',
            name='sealed_reason',
            field=models.BinaryField(null=True),
        ),
        migrations.AddIndex(
            model_name='identity',
            index=models.Index(fields=['sealed_number'], name='identity_sealed_number'),
        ),
        migrations.AddIndex(
            model_name='keygrant',
            index=models.Index(fields=['team', 'sealed_number'], name='grant_sealed_number'),
        ),
        migrations.AddConstraint(
            model_name='teammembership',
            constraint=models.UniqueConstraint(condition=models.Q(('left_at__isnull', True)), fields=('team', 'staff'), name='membership_once'),
        ),
        migrations.AddConstraint(
            model_name='teammembership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('left_at__isnull', True), ('left_cause', '')), models.Q(('left_at__isnull', False), ('left_cause__in', ['removed', 'role', 'switched_off'])), _connector='OR'), name='membership_left_why'),
        ),
        migrations.AddField(
            model_name='teamkey',
            name='made_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='teamkey',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='complaints.team', verbose_name='team'),
        ),
        migrations.AddConstraint(
            model_name='teamkey',
            constraint=models.UniqueConstraint(fields=('team', 'number'), name='team_key_number'),
        ),
        migrations.RunPython(first_keys, migrations.RunPython.noop),
    ]
