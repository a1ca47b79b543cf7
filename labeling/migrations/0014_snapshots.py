import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# A snapshot is made in one transaction, which ends with its digest; from then on it stays as it is. Marks are no part
# of it: they come and go with downloads.
NEVER = """
CREATE FUNCTION labeling_snapshot_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.digest <> '' THEN
        RAISE EXCEPTION 'snapshot % of project % is never changed: make another one', OLD.name, OLD.project_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'snapshot_never_changes';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER snapshot_never_changes BEFORE UPDATE OR DELETE ON labeling_snapshot
    FOR EACH ROW EXECUTE FUNCTION labeling_snapshot_never_changes();
CREATE FUNCTION labeling_snapshot_labels_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' OR EXISTS (
        SELECT 1 FROM labeling_snapshot WHERE id IN (SELECT snapshot_id FROM written) AND digest <> ''
    ) THEN
        RAISE EXCEPTION 'the labels of a snapshot are never changed: make another one'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'snapshot_labels_never_change';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER snapshot_labels_are_sealed AFTER INSERT ON labeling_snapshotlabel
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION labeling_snapshot_labels_never_change();
CREATE FUNCTION labeling_snapshot_labels_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the labels of a snapshot are never changed: make another one'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'snapshot_labels_never_change';
END $$;
CREATE TRIGGER snapshot_labels_stay BEFORE UPDATE OR DELETE ON labeling_snapshotlabel
    FOR EACH ROW EXECUTE FUNCTION labeling_snapshot_labels_stay();
"""
AGAIN = """
DROP TRIGGER snapshot_labels_stay ON labeling_snapshotlabel;
DROP FUNCTION labeling_snapshot_labels_stay();
DROP TRIGGER snapshot_labels_are_sealed ON labeling_snapshotlabel;
DROP FUNCTION labeling_snapshot_labels_never_change();
DROP TRIGGER snapshot_never_changes ON labeling_snapshot;
DROP FUNCTION labeling_snapshot_never_changes();
"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0013_known_answers")]

    operations = [
        migrations.CreateModel(
            name="Snapshot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        max_length=60,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9][a-z0-9._-]*$",
                                "Use lower-case letters, digits, dots, hyphens and underscores.",
                            )
                        ],
                    ),
                ),
                ("filters", models.JSONField(help_text="As selectors.selection writes them.")),
                ("up_to", models.BigIntegerField(help_text="The id of the newest label when it was made.")),
                (
                    "digest",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="SHA-256 of the JSON lines of all views of whole judgements.",
                        max_length=64,
                    ),
                ),
                ("manifest", models.JSONField(default=dict, help_text="Counts, and what each of those views holds.")),
                ("card", models.TextField(blank=True, db_default="", help_text="The dataset card, Markdown.")),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="snapshots", to="labeling.project"
                    ),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.CreateModel(
            name="SnapshotLabel",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "snapshot", "label", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "topics",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("sexual", "sexual content"),
                                ("violent", "violence"),
                                ("self_harm", "self-harm"),
                                ("hate", "hate"),
                                ("other", "other sensitive content"),
                            ],
                            max_length=20,
                        ),
                        blank=True,
                        db_default=[],
                        default=list,
                        help_text="The prompt's.",
                        size=None,
                    ),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60),
                        blank=True,
                        db_default=[],
                        default=list,
                        help_text="The prompt's.",
                        size=None,
                    ),
                ),
                (
                    "label",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="labeling.label",
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="labeling.snapshot",
                    ),
                ),
            ],
            options={"ordering": ["label"]},
        ),
        migrations.CreateModel(
            name="ExportMark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(help_text="SHA-256 of what the bytes depend on; the ETag.", max_length=64),
                ),
                ("position", models.BigIntegerField(help_text="Bytes before it.")),
                ("after", models.BigIntegerField(help_text="The last thing before it, by id.")),
                ("is_end", models.BooleanField(default=False)),
                (
                    "sha256",
                    models.CharField(
                        blank=True, db_default="", help_text="Of the whole file, at its end.", max_length=64
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="marks",
                        to="labeling.snapshot",
                    ),
                ),
            ],
            options={"ordering": ["key", "position"]},
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="snapshot_name_once"),
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "^[a-z0-9][a-z0-9._-]*$")), name="snapshot_name_is_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(("digest", ""), ("digest__regex", "^[0-9a-f]{64}$"), _connector="OR"),
                name="snapshot_digest_is_sha256",
            ),
        ),
        migrations.AddConstraint(
            model_name="exportmark",
            constraint=models.UniqueConstraint(fields=("key", "position"), name="export_mark_once"),
        ),
        migrations.AddConstraint(
            model_name="exportmark",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_end", True)), fields=("key",), name="export_ends_once"
            ),
        ),
        migrations.RunSQL(NEVER, AGAIN),
    ]
