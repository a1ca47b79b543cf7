import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0002_kinds")]

    operations = [
        migrations.AddField(
            model_name="assignment",
            name="guidelines_version",
            field=models.PositiveIntegerField(
                blank=True, help_text="In force when the item was given to them last.", null=True
            ),
        ),
        migrations.AddField(
            model_name="label",
            name="guidelines_version",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="The guidelines that were in force for the annotator; unknown for imports.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="guidelines_read",
            field=models.PositiveIntegerField(
                default=0, editable=False, help_text="The newest guidelines that they said they have read."
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="guidelines_version",
            field=models.PositiveIntegerField(
                blank=True, editable=False, help_text="The guidelines in force; none while it is empty.", null=True
            ),
        ),
        migrations.CreateModel(
            name="Guidelines",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField()),
                ("text", models.TextField(blank=True, help_text="Markdown.")),
                (
                    "change",
                    models.CharField(blank=True, help_text="What changed, in a sentence.", max_length=300),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
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
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="guidelines_versions",
                        to="labeling.project",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "guidelines",
                "ordering": ["-version"],
                "constraints": [
                    models.UniqueConstraint(fields=("project", "version"), name="guidelines_version_once"),
                    models.CheckConstraint(condition=models.Q(("version__gte", 1)), name="guidelines_version_from_1"),
                ],
            },
        ),
    ]
