# Names for sets of prompts, a search that an index answers, and imports that are remembered.

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

# What the search looks in: the words of all turns, as far as 100,000 characters (a tsvector holds 1 MB).
WORDS = r"""
CREATE FUNCTION labeling_prompt_words(messages jsonb) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT to_tsvector('simple', left(string_agg(turn->>'content', E'\n'), 100000))
    FROM jsonb_array_elements(messages) turn
$$;
"""
NO_WORDS = "DROP FUNCTION labeling_prompt_words(jsonb);"


class Migration(migrations.Migration):

    dependencies = [
        ('labeling', '0011_people_of_projects'),
    ]

    operations = [
        migrations.RunSQL(WORDS, NO_WORDS),
        migrations.CreateModel(
            name='Import',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('running', 'running'), ('finished', 'finished'), ('refused', 'refused'), ('cancelled', 'cancelled'), ('failed', 'failed')], default='waiting', max_length=10)),
                ('file_name', models.CharField(max_length=200)),
                ('file_format', models.CharField(help_text='What a row means.', max_length=20)),
                ('kind', models.CharField(help_text='How the file is written.', max_length=10)),
                ('keep_good', models.BooleanField(default=False, help_text='The good rows are kept although others are bad.')),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, help_text='Given to every prompt.', size=None)),
                ('num_bytes', models.BigIntegerField(default=0, help_text='Of the file as it came.')),
                ('bytes_read', models.BigIntegerField(default=0)),
                ('digest', models.CharField(blank=True, help_text='SHA-256 of the file, once it was read to its end.', max_length=64)),
                ('rows', models.PositiveBigIntegerField(default=0)),
                ('num_rejected', models.PositiveBigIntegerField(default=0)),
                ('prompts', models.PositiveBigIntegerField(default=0, help_text='New ones, like items and labels.')),
                ('items', models.PositiveBigIntegerField(default=0)),
                ('labels', models.PositiveBigIntegerField(default=0)),
                ('repeated', models.PositiveBigIntegerField(default=0, help_text='Rows that were there already.')),
                ('held_out', models.PositiveBigIntegerField(default=0, help_text='Rows of held-out prompts.')),
                ('turns_left_out', models.PositiveBigIntegerField(default=0)),
                ('ignored_columns', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ('error', models.TextField(blank=True, help_text='Why nothing was imported.')),
                ('cancel_asked', models.BooleanField(default=False)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('started', models.DateTimeField(null=True)),
                ('ended', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='PromptTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='RejectedRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.PositiveBigIntegerField(help_text='From 1; of a Parquet file the row.')),
                ('reason', models.TextField()),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Tag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.RemoveIndex(
            model_name='prompt',
            name='prompt_to_sample',
        ),
        migrations.AddField(
            model_name='prompt',
            name='is_archived',
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text='Nothing new is asked about it.'),
        ),
        migrations.AlterField(
            model_name='prompt',
            name='project',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='prompts', to='labeling.project'),
        ),
        migrations.AddIndex(
            model_name='prompt',
            index=models.Index(fields=['project', 'id'], name='prompt_by_project'),
        ),
        migrations.AddIndex(
            model_name='prompt',
            index=models.Index(fields=['project', 'source', 'id'], name='prompt_by_source'),
        ),
        migrations.AddIndex(
            model_name='prompt',
            index=models.Index(condition=models.Q(('is_archived', False)), fields=['project', 'held_out', 'times_sampled', 'id'], name='prompt_to_sample'),
        ),
        migrations.AddIndex(
            model_name='prompt',
            index=django.contrib.postgres.indexes.GinIndex(models.Func(models.F('messages'), function='labeling_prompt_words', output_field=django.contrib.postgres.search.SearchVectorField()), gin_pending_list_limit=32768, name='prompt_words'),
        ),
        migrations.AddField(
            model_name='import',
            name='project',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='imports', to='labeling.project'),
        ),
        migrations.AddField(
            model_name='import',
            name='requested_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='prompttag',
            name='prompt',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tag_entries', to='labeling.prompt'),
        ),
        migrations.AddField(
            model_name='rejectedrow',
            name='imported',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rejected_rows', to='labeling.import'),
        ),
        migrations.AddField(
            model_name='tag',
            name='project',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tags', to='labeling.project'),
        ),
        migrations.AddField(
            model_name='tag',
            name='prompts',
            field=models.ManyToManyField(related_name='tags', through='labeling.PromptTag', to='labeling.prompt'),
        ),
        migrations.AddField(
            model_name='prompttag',
            name='tag',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='entries', to='labeling.tag'),
        ),
        migrations.AddIndex(
            model_name='import',
            index=models.Index(fields=['project', '-id'], name='import_by_project'),
        ),
        migrations.AddIndex(
            model_name='import',
            index=models.Index(condition=models.Q(('state__in', ['waiting', 'running'])), fields=['id'], name='import_open'),
        ),
        migrations.AddConstraint(
            model_name='import',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'running', 'finished', 'refused', 'cancelled', 'failed'])), name='import_state_known'),
        ),
        migrations.AddConstraint(
            model_name='import',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended__isnull', True), ('state__in', ['waiting', 'running'])), models.Q(models.Q(('state__in', ['waiting', 'running']), _negated=True), ('ended__isnull', False)), _connector='OR'), name='import_ended_or_open'),
        ),
        migrations.AddConstraint(
            model_name='import',
            constraint=models.CheckConstraint(condition=models.Q(('num_rejected__lte', models.F('rows'))), name='import_rejects_its_rows'),
        ),
        migrations.AddIndex(
            model_name='rejectedrow',
            index=models.Index(fields=['imported', 'id'], name='rejected_by_import'),
        ),
        migrations.AddConstraint(
            model_name='tag',
            constraint=models.UniqueConstraint(fields=('project', 'name'), name='tag_once_per_project'),
        ),
        migrations.AddConstraint(
            model_name='tag',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('name', ''), _negated=True), django.db.models.expressions.NegatedExpression(django.db.models.lookups.Regex(models.F('name'), '^\\s|\\s$|[,[:cntrl:]]'))), name='tag_has_a_name'),
        ),
        migrations.AddConstraint(
            model_name='prompttag',
            constraint=models.UniqueConstraint(fields=('tag', 'prompt'), name='prompt_tag_once'),
        ),
    ]
