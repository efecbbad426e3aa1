from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='AuditChain',
            fields=[
                ('tenant', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('last_sequence', models.BigIntegerField(default=0)),
                ('last_hash', models.CharField(default='', max_length=64)),
                ('first_sequence', models.BigIntegerField(default=1)),
                ('first_previous_hash', models.CharField(default='', max_length=64)),
            ],
            options={
                'verbose_name': 'audit chain',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant', models.CharField(help_text="the tenant's slug", max_length=100)),
                ('sequence', models.BigIntegerField(help_text="position in the tenant's chain, from 1, without gaps")),
                ('at', models.DateTimeField(verbose_name='time')),
                ('actor', models.TextField()),
                ('integration', models.TextField()),
                ('flow', models.TextField()),
                ('run', models.TextField(help_text='id of the run, empty outside of runs')),
                ('event', models.TextField()),
                ('record_type', models.TextField()),
                ('document', models.CharField(help_text='the number people know the record by', max_length=255)),
                ('source_key', models.CharField(max_length=255)),
                ('target_id', models.CharField(max_length=255)),
                ('amount', models.TextField(help_text='exact decimal as text: SQLite would round a number')),
                ('currency', models.TextField()),
                ('gl_accounts', models.TextField(help_text='comma separated', verbose_name='GL accounts')),
                ('outcome', models.TextField()),
                ('reason', models.TextField()),
                ('attempt', models.PositiveIntegerField()),
                ('message', models.TextField()),
                ('request', models.TextField(help_text='redacted and cut')),
                ('response', models.TextField(help_text='redacted and cut')),
                ('previous_hash', models.CharField(max_length=64)),
                ('hash', models.CharField(max_length=64)),
            ],
            options={
                'verbose_name': 'audit event',
                'ordering': ('-at', '-id'),
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['at'], name='audit_event_at'), models.Index(fields=['tenant', 'at', 'outcome', 'event'], name='audit_event_tenant_at'), models.Index(fields=['outcome', 'at', 'event', 'tenant'], name='audit_event_outcome_at'), models.Index(fields=['event', 'at', 'outcome', 'tenant'], name='audit_event_event_at'), models.Index(fields=['document'], name='audit_event_document'), models.Index(fields=['source_key'], name='audit_event_source_key'), models.Index(fields=['target_id'], name='audit_event_target_id')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'sequence'), name='audit_event_position')],
            },
        ),
    ]
