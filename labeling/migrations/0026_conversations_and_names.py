from django.db import migrations, models

# A sealed snapshot refuses every change; that what it holds is not changed by this one is why it may be made. Its
# files name people as they did: where the project has no secret, without one (migration 0019).
NAMES_OF_BEFORE = """
ALTER TABLE labeling_snapshot DISABLE TRIGGER snapshot_never_changes;
UPDATE labeling_snapshot SET has_keyed_names = false
FROM labeling_project project WHERE project.id = labeling_snapshot.project_id AND project.pseudonym_key = '';
ALTER TABLE labeling_snapshot ENABLE TRIGGER snapshot_never_changes;
"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0025_snapshots_of_then")]

    operations = [
        migrations.AddField(
            model_name="import",
            name="conversations",
            field=models.PositiveBigIntegerField(db_default=0, default=0, help_text="Held elsewhere, new ones."),
        ),
        migrations.AddField(
            model_name="snapshot",
            name="has_keyed_names",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="Its people are called after the project's secret (selectors.labels).",
            ),
        ),
        migrations.RunSQL(NAMES_OF_BEFORE, migrations.RunSQL.noop),
    ]
