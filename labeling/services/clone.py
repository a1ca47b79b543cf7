"""A new project that begins as another one is."""

from __future__ import annotations

from django.db import connection, transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext

from labeling.models import Project, Prompt, User
from labeling.selectors.guidelines import current_guidelines
from labeling.services.audit import record
from labeling.services.guidelines import write_guidelines
from labeling.services.projects import SETTINGS, create_project

ALSO: list[str] = []
NOT_TAKEN_OVER = {"name", "is_paused", "qualification_items", "known_percent"}
"""A new project has no items with known answers."""
OF_ITS_OWN = {"id", "project", "times_sampled", "created"}


@transaction.atomic
def clone_project(*, project: Project, slug: str, name: str, creator: User, with_prompts: bool = False) -> Project:
    """A project with the settings, flags and guidelines of another one; no people but its creator, and no judgements.

    Args:
        with_prompts: its prompts as well, with their topics, tags and sides: what is held out stays so, because models
            of both projects may be compared. Completions and items are not copied.

    Raises:
        Conflict: the slug is taken.
        Invalid: a name or slug that can't be one.
    """
    settings = {setting: getattr(project, setting) for setting in SETTINGS if setting not in NOT_TAKEN_OVER}
    made = create_project(slug=slug, creator=creator, **{**settings, "name": name})
    current = current_guidelines(project)
    if current is not None and current.text:
        taken = gettext("Taken over from {slug}, version {version}.").format(slug=project.slug, version=current.version)
        write_guidelines(project=made, author=creator, text=current.text, change=taken)
    if with_prompts:
        _copy_prompts(project, made)
    for name in ALSO:
        import_string(name)(project.pk, made.pk)
    record(actor=creator, project=made, action="project.cloned", subject=project.slug)
    made.refresh_from_db()
    return made


def when_cloned(name: str) -> None:
    """Have a function of another app copy what is its own, too: it is called with the ids of the old and the new
    project, in the transaction that makes the new one."""
    if name not in ALSO:
        ALSO.append(name)


def _copy_prompts(project: Project, made: Project) -> None:
    fields = [field.column for field in Prompt._meta.concrete_fields if field.name not in OF_ITS_OWN]
    kept = ", ".join(f'"{column}"' for column in fields)
    with connection.cursor() as cursor:
        cursor.execute(COPY_PROMPTS.format(columns=kept), {"old": project.pk, "new": made.pk})
        for statement in (COPY_TAGS, COPY_ENTRIES):
            cursor.execute(statement, {"old": project.pk, "new": made.pk})


# Turns of conversations are prompts, too, but not ones that anybody brought.
COPY_PROMPTS = """
INSERT INTO labeling_prompt (project_id, times_sampled, created, {columns})
SELECT %(new)s, 0, statement_timestamp(), {columns} FROM labeling_prompt
WHERE project_id = %(old)s AND source <> 'conversation' ORDER BY id
"""
COPY_TAGS = """
INSERT INTO labeling_tag (project_id, name) SELECT %(new)s, name FROM labeling_tag WHERE project_id = %(old)s
"""
COPY_ENTRIES = """
INSERT INTO labeling_prompttag (tag_id, prompt_id)
SELECT tag.id, prompt.id
FROM labeling_prompttag entry
JOIN labeling_tag old_tag ON old_tag.id = entry.tag_id AND old_tag.project_id = %(old)s
JOIN labeling_prompt old_prompt ON old_prompt.id = entry.prompt_id
JOIN labeling_tag tag ON tag.project_id = %(new)s AND tag.name = old_tag.name
JOIN labeling_prompt prompt ON prompt.project_id = %(new)s AND prompt.digest = old_prompt.digest
ORDER BY entry.id
"""
