import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Tokens of before are kept by their digests, with all that they could do. Their app is gone, its table with it.
TAKE_OVER = """
DO $$
BEGIN
    IF to_regclass('authtoken_token') IS NOT NULL THEN
        INSERT INTO labeling_apitoken (user_id, name, digest, beginning, scopes, created)
        SELECT user_id, 'made before tokens had names', encode(sha256(convert_to(key, 'UTF8')), 'hex'), left(key, 8),
            ARRAY['read', 'judge', 'data', 'manage', 'runs'], created
        FROM authtoken_token;
        DROP TABLE authtoken_token;
        DELETE FROM django_migrations WHERE app = 'authtoken';
    END IF;
END $$;
"""
NOT_LOGGED = "ALTER TABLE labeling_apiuse SET UNLOGGED"
# Judging asks the project that it has locked anyway; whatever else brings something new meets these.
REFUSE = """
CREATE FUNCTION labeling_project_not_archived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM labeling_project project
        WHERE project.is_archived AND project.id IN (SELECT added.project_id FROM added)
    ) THEN
        RAISE EXCEPTION 'the project is archived: nothing is added to it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'project_not_archived';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER prompt_of_no_archived_project AFTER INSERT ON labeling_prompt
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION labeling_project_not_archived();
CREATE TRIGGER item_of_no_archived_project AFTER INSERT ON labeling_item
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION labeling_project_not_archived();
"""
ALLOW = """
DROP TRIGGER item_of_no_archived_project ON labeling_item;
DROP TRIGGER prompt_of_no_archived_project ON labeling_prompt;
DROP FUNCTION labeling_project_not_archived();
"""
SCOPES = [
    ('read', 'look at projects, guidelines, figures, runs and policies'),
    ('judge', 'ask for items and judge them'),
    ('data', 'take prompts and judgements away'),
    ('manage', 'change projects, bring prompts and people'),
    ('runs', 'start and stop runs, promote policies'),
]


class Migration(migrations.Migration):
    dependencies = [("labeling", "0014_snapshots")]

    operations = [
        migrations.CreateModel(
            name='ApiUse',
            fields=[
                ('key', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('minute', models.BigIntegerField(help_text='Since 1970.')),
                ('granted', models.PositiveIntegerField()),
            ],
            options={'ordering': ['key']},
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('digest', models.CharField(editable=False, help_text='SHA-256 of the token.', max_length=64, unique=True)),
                ('beginning', models.CharField(editable=False, help_text='Its first characters, to tell it by.', max_length=8)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=SCOPES, max_length=10), size=None)),
                ('is_login', models.BooleanField(db_default=False, default=False, editable=False)),
                ('expires', models.DateTimeField(blank=True, help_text='Never while it is empty.', null=True)),
                ('last_used', models.DateTimeField(blank=True, editable=False, help_text='To within ten minutes.', null=True)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('is_login', True)), fields=('user',), name='token_one_for_logins'),
                    models.CheckConstraint(condition=models.Q(('digest__regex', '^[0-9a-f]{64}$')), name='token_digest_is_sha256'),
                    models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='token_has_a_name'),
                    models.CheckConstraint(condition=models.Q(('scopes__len__gte', 1), ('scopes__contained_by', ['read', 'judge', 'data', 'manage', 'runs'])), name='token_scopes_known'),
                ],
            },
        ),
        migrations.AddField(
            model_name='project',
            name='is_archived',
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text='Read-only, and hidden from lists.'),
        ),
        migrations.AddConstraint(
            model_name='project',
            constraint=models.CheckConstraint(condition=models.Q(('is_archived', False), ('is_paused', True), _connector='OR'), name='project_archived_is_paused'),
        ),
        migrations.RunSQL(TAKE_OVER, migrations.RunSQL.noop),
        migrations.RunSQL(NOT_LOGGED, migrations.RunSQL.noop),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
