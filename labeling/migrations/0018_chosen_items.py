"""How an item was chosen, and when it left the queue. The columns have defaults of the database: no row is written."""

from __future__ import annotations

from django.db import migrations, models

RULES = [
    ("random", "at random"),
    ("bald", "what would teach the reward model most (BALD)"),
    ("variance", "where the reward model is most uncertain who wins"),
    ("dts", "double Thompson sampling"),
    ("bai_ts", "a likely best one and the most informative beside it (BAI-TS)"),
    ("best_worst", "the best against the worst"),
    ("d_optimal", "a batch that teaches most together (D-optimal)"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0017_reviews"),
    ]

    operations = [
        migrations.AddField(
            model_name="item",
            name="rule",
            field=models.CharField(
                blank=True, choices=RULES, db_default="", default="", help_text="Empty: by no rule.", max_length=20
            ),
        ),
        migrations.AddField(
            model_name="item",
            name="propensity",
            field=models.FloatField(
                blank=True,
                help_text="How probable it was that just this would be asked about, 0 to 1.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="item",
            name="random_propensity",
            field=models.FloatField(
                blank=True,
                help_text="How probable it would have been with everything chosen at random.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="item",
            name="is_random",
            field=models.BooleanField(db_default=False, default=False, help_text="Of the share chosen at random."),
        ),
        migrations.AddField(
            model_name="item",
            name="left_queue",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When it left the queue, untouched: it was out of date.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="item",
            index=models.Index(
                condition=models.Q(("left_queue__isnull", False)), fields=["project"], name="item_that_left_the_queue"
            ),
        ),
        migrations.AddConstraint(
            model_name="item",
            constraint=models.CheckConstraint(
                condition=models.Q(("rule__in", ["", *(code for code, _ in RULES)])), name="item_rule_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="item",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("is_random", False),
                        ("propensity__isnull", True),
                        ("random_propensity__isnull", True),
                        ("rule", ""),
                    ),
                    models.Q(
                        models.Q(("rule", ""), _negated=True),
                        ("propensity__gt", 0),
                        ("propensity__isnull", False),
                        ("propensity__lte", 1),
                        ("random_propensity__gt", 0),
                        ("random_propensity__isnull", False),
                        ("random_propensity__lte", 1),
                    ),
                    _connector="OR",
                ),
                name="item_rule_with_its_propensity",
            ),
        ),
        migrations.AddConstraint(
            model_name="item",
            constraint=models.CheckConstraint(
                condition=models.Q(("left_queue__isnull", True), ("num_judgements", 0), _connector="OR"),
                name="item_left_the_queue_unjudged",
            ),
        ),
    ]
