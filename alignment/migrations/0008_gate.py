import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alignment", "0007_asking"),
        ("labeling", "0018_chosen_items"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="GateSettings",
            fields=[
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="labeling.project",
                    ),
                ),
                (
                    "alpha",
                    models.FloatField(
                        default=0.05,
                        help_text="Chance that a candidate that is no better is promoted, however often one looks.",
                        validators=[
                            django.core.validators.MinValueValidator(1e-06),
                            django.core.validators.MaxValueValidator(0.25),
                        ],
                    ),
                ),
                (
                    "most_pairs",
                    models.PositiveIntegerField(
                        default=200,
                        help_text="Pairs after which a candidate that is not shown to be better is given up.",
                        validators=[
                            django.core.validators.MinValueValidator(10),
                            django.core.validators.MaxValueValidator(100000),
                        ],
                    ),
                ),
                (
                    "share",
                    models.FloatField(
                        default=0.3,
                        help_text="Of the judgements, so many at most are asked for the gate; all others teach the reward model.",
                        validators=[
                            django.core.validators.MinValueValidator(0.05),
                            django.core.validators.MaxValueValidator(0.9),
                        ],
                    ),
                ),
                (
                    "watch_pairs",
                    models.PositiveIntegerField(
                        default=100,
                        help_text="So long a promoted version is compared with the one before it. 0: not at all.",
                        validators=[django.core.validators.MaxValueValidator(100000)],
                    ),
                ),
                (
                    "watch_share",
                    models.FloatField(
                        default=0.1,
                        help_text="Of the judgements, so many at most are asked for that.",
                        validators=[
                            django.core.validators.MinValueValidator(0.01),
                            django.core.validators.MaxValueValidator(0.5),
                        ],
                    ),
                ),
                (
                    "second_share",
                    models.PositiveSmallIntegerField(
                        default=20,
                        help_text="Per cent of the training prompts whose judgements only the second reward model learns from.",
                        validators=[django.core.validators.MaxValueValidator(50)],
                    ),
                ),
                (
                    "least_judgements",
                    models.PositiveIntegerField(
                        default=8,
                        help_text="With fewer judgements a guard says that it cannot say anything.",
                        validators=[
                            django.core.validators.MinValueValidator(2),
                            django.core.validators.MaxValueValidator(100000),
                        ],
                    ),
                ),
                (
                    "hold_unknown",
                    models.BooleanField(
                        default=True,
                        help_text="A guard that cannot say anything yet holds the promotion until a person decides.",
                    ),
                ),
                (
                    "win_rate",
                    models.FloatField(
                        default=0.5,
                        help_text="The second reward model refuses what it is sure to win less often than this.",
                        validators=[
                            django.core.validators.MinValueValidator(0.01),
                            django.core.validators.MaxValueValidator(0.99),
                        ],
                    ),
                ),
                (
                    "most_kl",
                    models.FloatField(
                        default=20.0,
                        help_text="Nats per completion from the base model.",
                        validators=[
                            django.core.validators.MinValueValidator(0.01),
                            django.core.validators.MaxValueValidator(10000),
                        ],
                    ),
                ),
                (
                    "length_ratio",
                    models.FloatField(
                        default=1.5,
                        help_text="So many times longer, or shorter, its completions may be on average.",
                        validators=[
                            django.core.validators.MinValueValidator(1.01),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "eos_drop",
                    models.FloatField(
                        default=0.2,
                        help_text="By so much the share of completions that end by themselves may fall.",
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(1),
                        ],
                    ),
                ),
                (
                    "repetition_rise",
                    models.FloatField(
                        default=0.15,
                        help_text="By so much the share of repeated word groups may rise.",
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(1),
                        ],
                    ),
                ),
                (
                    "deviation_ratio",
                    models.FloatField(
                        default=1.15,
                        help_text="The heads of the reward model may disagree so many times more than on judged completions.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "flag_rise",
                    models.FloatField(
                        default=0.0,
                        help_text="By so much the share of completions with a flag may be sure to be higher.",
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(1),
                        ],
                    ),
                ),
                (
                    "regression_tag",
                    models.CharField(
                        default="regression", help_text="Prompts with this tag are the regression set.", max_length=60
                    ),
                ),
                (
                    "regression_margin",
                    models.FloatField(
                        default=1.0,
                        help_text="A prompt is lost when its reward falls by more nats than this.",
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "regression_lost",
                    models.FloatField(
                        default=0.1,
                        help_text="So large a share of the regression set may be lost.",
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(1),
                        ],
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "gate settings",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("alpha__gt", 0), ("alpha__lt", 0.5)), name="gate_alpha_is_an_error"
                    ),
                    models.CheckConstraint(condition=models.Q(("most_pairs__gte", 10)), name="gate_asks_10_at_least"),
                    models.CheckConstraint(
                        condition=models.Q(("share__gt", 0), ("share__lt", 1)), name="gate_share_leaves_some"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("watch_share__gt", 0), ("watch_share__lt", 1)),
                        name="gate_watch_leaves_some",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("second_share__lte", 50)), name="gate_second_share_at_most_half"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Promotion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waits"),
                            ("asking", "people are asked"),
                            ("promoted", "promoted"),
                            ("rejected", "not promoted"),
                            ("vetoed", "vetoed"),
                            ("superseded", "superseded"),
                            ("rolled_back", "rolled back"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("proof", "people prefer it, and all guards passed"),
                            ("person", "somebody decided it"),
                            ("worse", "people prefer the served version"),
                            ("futile", "as many pairs as the gate may ask for showed no difference"),
                            ("guard", "a guard refused it"),
                            ("identical", "it is identical to the served version, so nobody was asked"),
                            ("newer", "a newer version took its place"),
                            ("served", "another version began to serve meanwhile"),
                            ("watch", "people prefer the version before it"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True, help_text="What a person gave as the reason.")),
                ("alpha", models.FloatField()),
                ("most_pairs", models.PositiveIntegerField()),
                (
                    "seed",
                    models.PositiveBigIntegerField(
                        help_text="Of the prompts and completions that people are asked about."
                    ),
                ),
                ("evidence", models.JSONField(blank=True, default=dict)),
                ("guards", models.JSONField(blank=True, default=list)),
                ("watched", models.JSONField(blank=True, default=dict)),
                ("error", models.TextField(blank=True, help_text="Why nobody can be asked.")),
                (
                    "began",
                    models.PositiveBigIntegerField(
                        default=0, help_text="The newest judgement when asking began; the share is counted from there."
                    ),
                ),
                (
                    "began_item",
                    models.PositiveBigIntegerField(
                        default=0,
                        help_text="The newest item then; of those chosen at random, the later ones are counted, too.",
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("decided", models.DateTimeField(blank=True, null=True)),
                ("ended", models.DateTimeField(blank=True, help_text="When it was rolled back.", null=True)),
                (
                    "against",
                    models.ForeignKey(
                        help_text="The version that served.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="alignment.policy",
                    ),
                ),
                (
                    "candidate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="promotions", to="alignment.policy"
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the gate.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="labeling.project"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="GatePair",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_watch", models.BooleanField(help_text="Whether it was asked after the promotion.")),
                ("is_same", models.BooleanField()),
                (
                    "item",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="labeling.item"
                    ),
                ),
                (
                    "promotion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pairs", to="alignment.promotion"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="SecondRewardModel",
            fields=[
                (
                    "reward_model",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="second",
                        serialize=False,
                        to="alignment.rewardmodel",
                    ),
                ),
                ("path", models.CharField(help_text="Folder, relative to DATA_DIR.", max_length=300)),
                ("digest", models.CharField(max_length=64)),
                ("num_judgements", models.PositiveIntegerField()),
                (
                    "accuracy",
                    models.FloatField(blank=True, help_text="On held-out comparisons; ties count half.", null=True),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")),
                        name="second_reward_model_digest_is_sha256",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("accuracy__isnull", True), ("accuracy__range", (0, 1)), _connector="OR"),
                        name="second_accuracy_0_to_1",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="promotion",
            index=models.Index(fields=["project", "-id"], name="promotion_by_project"),
        ),
        migrations.AddConstraint(
            model_name="promotion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "asking")), fields=("project",), name="promotion_one_asks"
            ),
        ),
        migrations.AddConstraint(
            model_name="promotion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("waiting", "asking"))),
                fields=("candidate",),
                name="promotion_one_of_a_candidate",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotion",
            constraint=models.CheckConstraint(
                condition=models.Q(("candidate", models.F("against")), _negated=True), name="promotion_of_two"
            ),
        ),
        migrations.AddConstraint(
            model_name="promotion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["waiting", "asking", "promoted", "rejected", "vetoed", "superseded", "rolled_back"])
                ),
                name="promotion_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cause", ""),
                    (
                        "cause__in",
                        ["proof", "person", "worse", "futile", "guard", "identical", "newer", "served", "watch"],
                    ),
                    _connector="OR",
                ),
                name="promotion_cause_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cause", ""), ("decided__isnull", True), ("state__in", ("waiting", "asking"))),
                    models.Q(
                        models.Q(("state__in", ("waiting", "asking")), _negated=True),
                        ("decided__isnull", False),
                        models.Q(("cause", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="promotion_decided_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotion",
            constraint=models.CheckConstraint(
                condition=models.Q(("alpha__gt", 0), ("alpha__lt", 0.5)), name="promotion_alpha_is_an_error"
            ),
        ),
        migrations.AddIndex(
            model_name="gatepair",
            index=models.Index(fields=["promotion", "is_watch"], name="gate_pair_of_promotion"),
        ),
    ]
