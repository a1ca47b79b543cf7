from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


def _of_project() -> tuple[str, models.Field]:
    return (
        "project",
        models.ForeignKey(
            db_index=False,
            on_delete=django.db.models.deletion.CASCADE,
            related_name="+",
            to="labeling.project",
        ),
    )


def _key(*names: str) -> tuple[str, models.Field]:
    key = models.CompositePrimaryKey(
        "project", *names, blank=True, editable=False, primary_key=True, serialize=False
    )
    return "pk", key


class Migration(migrations.Migration):
    """What the leaderboard is made from, kept as judgements come: empty at first, and counted by the worker."""

    dependencies = [("labeling", "0027_imported_models")]

    operations = [
        migrations.CreateModel(
            name="OutcomeSums",
            fields=[
                _key("first", "second", "cluster", "is_fair", "longer"),
                _of_project(),
                ("first", models.CharField(max_length=220)),
                ("second", models.CharField(max_length=220)),
                ("cluster", models.SmallIntegerField()),
                ("is_fair", models.BooleanField()),
                ("longer", models.SmallIntegerField()),
                ("num", models.BigIntegerField()),
                ("wins", models.BigIntegerField()),
                ("ties", models.BigIntegerField()),
                ("losses", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="FlagSums",
            fields=[
                _key("writer", "cluster", "flag"),
                _of_project(),
                ("writer", models.CharField(max_length=220)),
                ("cluster", models.SmallIntegerField()),
                ("flag", models.CharField(blank=True, help_text="Empty: judged at all.", max_length=40)),
                ("num", models.BigIntegerField()),
                ("completions", models.BigIntegerField(default=0)),
                ("prompts", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name="folded",
            name="standing_label",
            field=models.BigIntegerField(db_default=0, default=0, help_text="As `label`, for OutcomeSums, FlagSums."),
        ),
        migrations.AddField(
            model_name="folded",
            name="standing_weights",
            field=models.JSONField(
                db_default={},
                default=dict,
                help_text="What each annotator's judgements count in OutcomeSums, where not 1.",
            ),
        ),
    ]
