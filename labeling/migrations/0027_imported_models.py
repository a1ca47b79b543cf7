from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

TABLE, ONCE = "labeling_completion", "completion_once_per_origin"
FIELDS = ("prompt", "digest", "origin", "policy_version", "author")
FROM_ELSEWHERE = models.Q(origin="import") | models.Q(model__isnull=True, source__isnull=True)


def _once(*fields: str) -> models.UniqueConstraint:
    return models.UniqueConstraint(fields=[*FIELDS, *fields], name=ONCE, nulls_distinct=False)


def _unique(columns: str) -> list[migrations.operations.base.Operation]:
    """The index is made while people go on, and takes the place of the one before in a moment."""
    name = f"{ONCE}_new"
    return [
        migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {name}", migrations.RunSQL.noop),
        migrations.RunSQL(
            f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {TABLE} ({columns}) NULLS NOT DISTINCT",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            f"ALTER TABLE {TABLE} DROP CONSTRAINT {ONCE}, ADD CONSTRAINT {ONCE} UNIQUE USING INDEX {name}",
            f"ALTER TABLE {TABLE} DROP CONSTRAINT {ONCE}, ADD CONSTRAINT {ONCE} UNIQUE NULLS NOT DISTINCT "
            "(prompt_id, digest, origin, policy_version, author_id)",
        ),
    ]


class Migration(migrations.Migration):
    """The models that wrote imported completions, by name; two may write the same text."""

    atomic = False  # an index is made beside the work; a statement each, so that none keeps the lock of the one before
    dependencies = [("labeling", "0026_conversations_and_names")]

    operations = [
        migrations.CreateModel(
            name="ImportedModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="imported_models",
                        to="labeling.project",
                    ),
                ),
            ],
            options={"ordering": ["project", "name"]},
        ),
        migrations.AddConstraint(
            model_name="importedmodel",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="imported_model_once"),
        ),
        migrations.AddConstraint(
            model_name="importedmodel",
            constraint=models.CheckConstraint(condition=~models.Q(name=""), name="imported_model_has_a_name"),
        ),
        migrations.AddField(
            model_name="completion",
            name="model",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="completions",
                to="labeling.importedmodel",
            ),
        ),
        migrations.AddField(
            model_name="completion", name="source", field=models.CharField(blank=True, max_length=200, null=True)
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=_unique("prompt_id, digest, origin, policy_version, author_id, model_id"),
            state_operations=[
                migrations.RemoveConstraint(model_name="completion", name=ONCE),
                migrations.AddConstraint(model_name="completion", constraint=_once("model")),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"ALTER TABLE {TABLE} ADD CONSTRAINT completion_imported_from_elsewhere "
                    "CHECK (origin = 'import' OR (model_id IS NULL AND source IS NULL)) NOT VALID",
                    f"ALTER TABLE {TABLE} DROP CONSTRAINT completion_imported_from_elsewhere",
                ),
                migrations.RunSQL(
                    f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT completion_imported_from_elsewhere",
                    migrations.RunSQL.noop,
                ),
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="completion",
                    constraint=models.CheckConstraint(
                        condition=FROM_ELSEWHERE, name="completion_imported_from_elsewhere"
                    ),
                ),
            ],
        ),
    ]
