"""Prompts and the completions written for them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from labeling.models.projects import Project
from labeling.models.topics import Topic, topics_field

MAX_MODEL_CHARACTERS = 200
"""Of the name of a model of elsewhere."""


def prompt_words(messages: F) -> Func:
    """The words of a prompt as the search knows them; the function is in the database (migration 0012)."""
    return Func(messages, function="labeling_prompt_words", output_field=SearchVectorField())


# With {64} inside, the expression took 8 microseconds for each digest, a tenth of an import.
IS_SHA256 = Q(digest__regex=r"^[0-9a-f]+$") & Q(Exact(Length("digest"), 64))


class Prompt(models.Model):
    """Messages up to and including the last user turn; unique in its project by their digest.

    ``held_out`` follows from the digest (services.prompts) and is never set by hand: a held-out prompt is never
    trained on.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="prompts", db_index=False)
    messages = models.JSONField(help_text='[{"role": "user", "content": "..."}, ...]')
    digest = models.CharField(max_length=64, help_text="SHA-256 of the messages.")
    held_out = models.BooleanField()
    source = models.CharField(max_length=200, blank=True, help_text="Where it came from: a file, a person, the demo.")
    topics = topics_field("What to warn people of before they see it.")
    times_sampled = models.PositiveIntegerField(default=0, editable=False)
    is_archived = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Nothing new is asked about it."
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="prompt_once_per_project"),
            models.CheckConstraint(condition=IS_SHA256, name="prompt_digest_is_sha256"),
            models.CheckConstraint(condition=Q(messages__0__isnull=False), name="prompt_has_messages"),
            models.CheckConstraint(condition=Q(topics__contained_by=Topic.values), name="prompt_topics_known"),
        ]
        indexes = [
            models.Index(fields=["project", "id"], name="prompt_by_project"),
            models.Index(fields=["project", "source", "id"], name="prompt_by_source"),
            # The loop asks for the training prompts that were sampled least.
            models.Index(
                fields=["project", "held_out", "times_sampled", "id"],
                condition=Q(is_archived=False),
                name="prompt_to_sample",
            ),
            # Words are sorted in by the hundred thousand, after an import: before, it was a quarter of its cost.
            GinIndex(prompt_words(F("messages")), name="prompt_words", gin_pending_list_limit=128 * 1024),
        ]

    def __str__(self) -> str:
        return f"prompt {self.pk}"

    @property
    def last_turn(self) -> str:
        """The text of the last message."""
        return str(self.messages[-1]["content"])


class Origin(models.TextChoices):
    """Who wrote a completion."""

    POLICY = "policy", _("policy")
    PERSON = "person", _("person")
    IMPORT = "import", _("import")


class ImportedModel(models.Model):
    """A model of elsewhere, by the name that files of completions give it."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="imported_models", db_index=False)
    name = models.CharField(max_length=MAX_MODEL_CHARACTERS)

    class Meta:
        ordering = ["project", "name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="imported_model_once"),
            models.CheckConstraint(condition=~Q(name=""), name="imported_model_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Completion(models.Model):
    """A text that answers a prompt, and who wrote it: a policy version, a person or an import.

    Of an import ``model`` wrote it, where its file says so. ``source`` is where it came from, where that is not where
    its prompt did.
    """

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="completions")
    text = models.TextField(blank=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the text.")
    origin = models.CharField(max_length=10, choices=Origin.choices)
    policy_version = models.PositiveIntegerField(null=True, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="completions"
    )
    model = models.ForeignKey(
        ImportedModel, models.PROTECT, null=True, blank=True, db_index=False, related_name="completions"
    )
    source = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 -- no value takes no room
    sampling = models.JSONField(null=True, blank=True, help_text="Temperature, top_k, top_p, seed, ...")
    logprob = models.FloatField(null=True, blank=True, help_text="In nats, under the sampling distribution.")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["prompt", "digest", "origin", "policy_version", "author", "model"],
                name="completion_once_per_origin",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=(
                    Q(origin=Origin.POLICY, policy_version__isnull=False, author__isnull=True)
                    | Q(origin=Origin.PERSON, policy_version__isnull=True, author__isnull=False)
                    | Q(origin=Origin.IMPORT, policy_version__isnull=True, author__isnull=True)
                ),
                name="completion_knows_who_wrote_it",
            ),
            models.CheckConstraint(
                condition=Q(origin=Origin.IMPORT) | Q(model__isnull=True, source__isnull=True),
                name="completion_imported_from_elsewhere",
            ),
            models.CheckConstraint(condition=IS_SHA256, name="completion_digest_is_sha256"),
        ]

    def __str__(self) -> str:
        return f"completion {self.pk}"
