from __future__ import annotations

from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import Exact

IS_SHA256 = models.Q(digest__regex=r"^[0-9a-f]+$") & models.Q(Exact(Length("digest"), 64))

# The same words as before, so that the index stays; most prompts have one turn, which needs no query of its own.
WORDS = r"""
CREATE OR REPLACE FUNCTION labeling_prompt_words(messages jsonb) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF jsonb_array_length(messages) = 1 THEN
        RETURN to_tsvector('simple', left(messages->0->>'content', 100000));
    END IF;
    RETURN (
        SELECT to_tsvector('simple', left(string_agg(turn->>'content', E'\n'), 100000))
        FROM jsonb_array_elements(messages) turn
    );
END $$;
"""
WORDS_BEFORE = r"""
CREATE OR REPLACE FUNCTION labeling_prompt_words(messages jsonb) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT to_tsvector('simple', left(string_agg(turn->>'content', E'\n'), 100000))
    FROM jsonb_array_elements(messages) turn
$$;
"""


def _changed(model: str) -> list[migrations.operations.base.Operation]:
    """Another condition of the same name. What is stored was checked by the one before: nobody waits while it is
    looked through again."""
    table, name = f"labeling_{model}", f"{model}_digest_is_sha256"
    condition = "digest ~ '^[0-9a-f]+$' AND length(digest) = 64"
    before = "digest ~ '^[0-9a-f]{64}$'"
    return [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID",
                    f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK ({before}) NOT VALID",
                ),
                migrations.RunSQL(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}", migrations.RunSQL.noop),
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name=model, name=name),
                migrations.AddConstraint(
                    model_name=model, constraint=models.CheckConstraint(condition=IS_SHA256, name=name)
                ),
            ],
        )
    ]


class Migration(migrations.Migration):
    """What is done for each prompt of an import, in less time: the words of its index, and the look at its digest."""

    atomic = False  # a statement each, so that none keeps the lock of the one before
    dependencies = [("labeling", "0022_longer_pending_words")]

    operations = [migrations.RunSQL(WORDS, WORDS_BEFORE), *_changed("prompt"), *_changed("completion")]
