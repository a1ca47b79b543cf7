from django.db import migrations

# A version that a project has in force, or that a judgement names, is there; it belongs to the same project.
REFERENCES = """
ALTER TABLE labeling_project ADD CONSTRAINT project_guidelines_exist
    FOREIGN KEY (id, guidelines_version) REFERENCES labeling_guidelines (project_id, version)
    DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE labeling_label ADD CONSTRAINT label_guidelines_exist
    FOREIGN KEY (project_id, guidelines_version) REFERENCES labeling_guidelines (project_id, version)
    DEFERRABLE INITIALLY DEFERRED;
"""
NO_REFERENCES = """
ALTER TABLE labeling_label DROP CONSTRAINT label_guidelines_exist;
ALTER TABLE labeling_project DROP CONSTRAINT project_guidelines_exist;
"""
NEVER = """
CREATE FUNCTION labeling_guidelines_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'guidelines % of project % are never changed: write a new version', OLD.version, OLD.project_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'guidelines_never_change';
END $$;
CREATE TRIGGER guidelines_never_change BEFORE UPDATE ON labeling_guidelines
    FOR EACH ROW EXECUTE FUNCTION labeling_guidelines_never_change();
"""
AGAIN = """
DROP TRIGGER guidelines_never_change ON labeling_guidelines;
DROP FUNCTION labeling_guidelines_never_change();
"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0004_guidelines_version_1")]

    operations = [
        migrations.RemoveField(model_name="project", name="guidelines"),
        migrations.RunSQL(REFERENCES, NO_REFERENCES),
        migrations.RunSQL(NEVER, AGAIN),
    ]
