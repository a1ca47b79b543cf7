from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """New projects ask by BAI-TS; those that are there keep their rule."""

    dependencies = [("alignment", "0010_frozen_features")]

    operations = [
        migrations.AlterField(
            model_name="loopsettings",
            name="rule",
            field=models.CharField(
                choices=[
                    ("random", "at random"),
                    ("bald", "what would teach the reward model most (BALD)"),
                    ("variance", "where the reward model is most uncertain who wins"),
                    ("dts", "double Thompson sampling"),
                    ("bai_ts", "a likely best one and the most informative beside it (BAI-TS)"),
                    ("best_worst", "the best against the worst"),
                    ("d_optimal", "a batch that teaches most together (D-optimal)"),
                ],
                db_default="bai_ts",
                default="bai_ts",
                help_text="How the prompts and completions that people see are chosen among those that were written. Until there is a reward model with two or more members, they are chosen at random.",
                max_length=20,
            ),
        ),
    ]
