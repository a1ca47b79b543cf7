"""Writes of tags, by which prompts are found again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from django.db import connection, transaction
from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.models import Project, PromptTag, Tag
from labeling.models.tags import MAX_TAG_CHARACTERS
from labeling.services.texts import check_text

UNFIT = re.compile(r"[,\x00-\x1f\x7f-\x9f]")


def check_tags(tags: object) -> list[str]:
    """Names of tags, each once, in the order given.

    Args:
        tags: a list of names, or a text with commas between them; None and nothing are no tags.

    Raises:
        Invalid: neither, or a name that is empty, over 60 characters, or has a comma or a line end in it.
    """
    if tags is None or tags == "":
        return []
    names = tags.split(",") if isinstance(tags, str) else tags
    if not isinstance(names, Sequence):
        raise Invalid(gettext("tags is {name}, not a list of names").format(name=type(tags).__name__))
    return list(dict.fromkeys(_check_name(name) for name in names))


def _check_name(name: object) -> str:
    # Spaces of every kind become one: two tags that look the same are the same.
    checked = " ".join(check_text(name, name="a tag").split())
    if not checked:
        raise Invalid(gettext("a tag is empty: give it a name or leave it out"))
    if len(checked) > MAX_TAG_CHARACTERS:
        raise Invalid(
            gettext("the tag {name!r} has {count} characters: at most {most} are taken").format(
                name=checked[:30], count=len(checked), most=MAX_TAG_CHARACTERS
            )
        )
    if UNFIT.search(checked):
        raise Invalid(gettext("the tag {name!r} has a comma or a control character in it").format(name=checked))
    return checked


@transaction.atomic
def tag_ids(*, project: Project, names: Collection[str]) -> dict[str, int]:
    """The tags of these checked names, made where the project has none yet."""
    if not names:
        return {}
    Tag.objects.bulk_create([Tag(project=project, name=name) for name in sorted(names)], ignore_conflicts=True)
    return dict(Tag.objects.filter(project=project, name__in=names).values_list("name", "pk"))


def tag_prompts(pairs: Iterable[tuple[int, int]]) -> int:
    """Give tags to prompts: pairs of a tag's id and a prompt's, both of one project. How many were new."""
    rows = sorted(set(pairs))
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, {"tags": [tag for tag, _ in rows], "prompts": [prompt for _, prompt in rows]})
        return int(cursor.rowcount)


ENTRIES = """
INSERT INTO labeling_prompttag (tag_id, prompt_id)
SELECT tag, prompt FROM unnest(%(tags)s::bigint[], %(prompts)s::bigint[]) given (tag, prompt)
ORDER BY tag, prompt
ON CONFLICT DO NOTHING
"""


@transaction.atomic
def set_tags(*, project: Project, prompt_id: int, tags: object) -> list[str]:
    """Say which tags a prompt has, and no others.

    Raises:
        Invalid: a tag that is none.
    """
    names = check_tags(tags)
    ids = tag_ids(project=project, names=names)
    PromptTag.objects.filter(prompt=prompt_id).exclude(tag__in=ids.values()).delete()
    tag_prompts((pk, prompt_id) for pk in ids.values())
    return sorted(names)
