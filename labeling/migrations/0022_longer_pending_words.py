from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import migrations, models

WORDS = models.Func(models.F("messages"), function="labeling_prompt_words", output_field=SearchVectorField())


class Migration(migrations.Migration):
    """An import of 100,000 prompts sorts no words in: vacuum does, soon after it."""

    dependencies = [("labeling", "0021_provenance_and_snapshot_jobs")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER INDEX prompt_words SET (gin_pending_list_limit = 131072)",
                    "ALTER INDEX prompt_words SET (gin_pending_list_limit = 32768)",
                )
            ],
            state_operations=[
                migrations.RemoveIndex(model_name="prompt", name="prompt_words"),
                migrations.AddIndex(
                    model_name="prompt", index=GinIndex(WORDS, name="prompt_words", gin_pending_list_limit=128 * 1024)
                ),
            ],
        )
    ]
