import django.contrib.postgres.fields
from django.db import migrations, models

import labeling.models.projects

# A project whose labels were exported, kept in snapshots or trained on keeps the names in them: its key stays empty.
NEW_KEYS = """
UPDATE labeling_project SET pseudonym_key =
    encode(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'hex')
WHERE NOT EXISTS (SELECT FROM labeling_label label WHERE label.project_id = labeling_project.id)
"""
# Open pages hear of it by whatever way it came about: a page, the API, Django's admin, a statement by hand.
TELL = """
CREATE FUNCTION labeling_tell_person() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    person bigint;
BEGIN
    person := CASE TG_TABLE_NAME WHEN 'labeling_user' THEN to_jsonb(OLD) ->> 'id' ELSE to_jsonb(OLD) ->> 'user_id' END;
    PERFORM pg_notify('prefloop', json_build_object('project', '@' || person, 'event', 'access')::text);
    RETURN NULL;
END $$;
CREATE TRIGGER session_ended AFTER DELETE ON labeling_session
    FOR EACH ROW WHEN (OLD.user_id IS NOT NULL) EXECUTE FUNCTION labeling_tell_person();
CREATE TRIGGER person_lost_rights AFTER UPDATE OF is_active, is_superuser ON labeling_user
    FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active OR OLD.is_superuser AND NOT NEW.is_superuser)
    EXECUTE FUNCTION labeling_tell_person();
CREATE TRIGGER place_changed AFTER UPDATE OF is_active, role ON labeling_membership
    FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active OR OLD.role <> NEW.role)
    EXECUTE FUNCTION labeling_tell_person();
CREATE TRIGGER place_removed AFTER DELETE ON labeling_membership
    FOR EACH ROW EXECUTE FUNCTION labeling_tell_person();
"""
SAY_NOTHING = """
DROP TRIGGER place_removed ON labeling_membership;
DROP TRIGGER place_changed ON labeling_membership;
DROP TRIGGER person_lost_rights ON labeling_user;
DROP TRIGGER session_ended ON labeling_session;
DROP FUNCTION labeling_tell_person();
"""


def seal(apps, schema_editor):
    from labeling.sealing import seal

    for factor in apps.get_model("labeling", "SecondFactor").objects.all():
        factor.sealed = seal(factor.sealed)
        factor.save(update_fields=["sealed"])


def unseal(apps, schema_editor):
    from labeling.sealing import unseal

    for factor in apps.get_model("labeling", "SecondFactor").objects.all():
        factor.sealed = unseal(factor.sealed)
        factor.save(update_fields=["sealed"])


class Migration(migrations.Migration):
    dependencies = [("labeling", "0018_chosen_items")]

    operations = [
        migrations.RenameField(model_name='secondfactor', old_name='secret', new_name='sealed'),
        migrations.AlterField(
            model_name='secondfactor',
            name='sealed',
            field=models.TextField(help_text='The secret in Base32, encrypted (labeling.sealing).'),
        ),
        migrations.AddField(
            model_name='project',
            name='pseudonym_key',
            field=models.CharField(db_default='', default='', editable=False, help_text='What pseudonyms are made with; empty where they were made without a secret (migration 0019).', max_length=64),
        ),
        migrations.AlterField(
            model_name='project',
            name='pseudonym_key',
            field=models.CharField(db_default='', default=labeling.models.projects.new_key, editable=False, help_text='What pseudonyms are made with; empty where they were made without a secret (migration 0019).', max_length=64),
        ),
        migrations.AddField(
            model_name='project',
            name='second_factor_roles',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, db_default=[], default=list, help_text='Who has to have a second factor: without one, nobody of these roles gets in.', size=None),
        ),
        migrations.AlterField(
            model_name='slot',
            name='project',
            field=models.ForeignKey(blank=True, help_text='In whose queue it is; empty when it is for one annotator alone (services.known, prompt_changes).', null=True, on_delete=models.deletion.CASCADE, related_name='slots', to='labeling.project'),
        ),
        migrations.AddIndex(
            model_name='slot',
            index=models.Index(condition=models.Q(('is_done', False), ('project__isnull', True)), fields=['item'], name='slot_in_no_queue'),
        ),
        migrations.AddConstraint(
            model_name='project',
            constraint=models.CheckConstraint(condition=models.Q(('second_factor_roles__contained_by', ['annotator', 'reviewer', 'researcher', 'admin'])), name='project_second_factor_roles_known'),
        ),
        migrations.AddConstraint(
            model_name='project',
            constraint=models.CheckConstraint(condition=models.Q(('pseudonym_key', ''), ('pseudonym_key__regex', '^[0-9a-f]{64}$'), _connector='OR'), name='project_key_is_one'),
        ),
        migrations.RunPython(seal, unseal),
        migrations.RunSQL(NEW_KEYS, migrations.RunSQL.noop),
        migrations.RunSQL(TELL, SAY_NOTHING),
    ]
