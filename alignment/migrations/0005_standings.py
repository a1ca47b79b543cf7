import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alignment', '0004_blind_evaluations'),
        ('labeling', '0017_reviews'),
    ]

    operations = [
        migrations.CreateModel(
            name='Standings',
            fields=[
                ('project', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='labeling.project')),
                ('label', models.BigIntegerField(help_text='The newest judgement when they were computed.')),
                ('leaderboard', models.JSONField()),
                ('flags', models.JSONField()),
                ('seconds', models.FloatField(help_text='What computing them took.')),
                ('computed', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'standings',
            },
        ),
        migrations.AddField(
            model_name='run',
            name='repeats',
            field=models.ForeignKey(blank=True, help_text='The run it does again.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='repetitions', to='alignment.run'),
        ),
    ]
