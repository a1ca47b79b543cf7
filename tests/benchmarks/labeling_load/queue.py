"""A project with as many items as one likes, and the people who judge them."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import connection, transaction

from labeling.models import Project, Role, User
from labeling.services.projects import create_project, set_member


def make_team(slug: str, *, annotators: int, overlap: int) -> tuple[Project, list[User]]:
    """The project and its annotators, with accounts of their own."""
    boss, _ = User.objects.get_or_create(username="benchmark")
    project = create_project(slug=slug, creator=boss, overlap=overlap)
    team = []
    for number in range(annotators):
        user = User.objects.create(username=f"{slug}-{number}", password=f"{UNUSABLE_PASSWORD_PREFIX}{number}")
        set_member(project=project, user=user, role=Role.ANNOTATOR)
        team.append(user)
    return project, team


@transaction.atomic
def fill_queue(project: Project, *, items: int, completions: int) -> None:
    """Items as services.prompts makes them, written by the database itself: a million takes minutes and not an hour."""
    with connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(
                statement,
                {
                    "project": project.pk,
                    "items": items,
                    "completions": completions,
                    "overlap": project.overlap,
                    "text": "It depends on what you need it for, and on how much time you have to look after it. " * 4,
                },
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@transaction.atomic
def skip_oldest(team: Sequence[User], *, items: int) -> None:
    """Everybody has skipped so many of the oldest items of the only project they are in; all slots are open again."""
    with connection.cursor() as cursor:
        cursor.execute(SKIPPED, {"team": [user.pk for user in team], "items": items})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


SKIPPED = """
INSERT INTO labeling_assignment
    (item_id, annotator_id, state, lease_expires, "order", draft, skip_reason, created, changed)
SELECT item.id, member.user_id, 'skipped', now(), '{}', '{}', '', now(), now()
FROM labeling_membership member CROSS JOIN LATERAL (
    SELECT id FROM labeling_item item WHERE item.project_id = member.project_id ORDER BY id LIMIT %(items)s
) item WHERE member.user_id = ANY (%(team)s)
"""

STATEMENTS = (
    """
    INSERT INTO labeling_prompt (project_id, messages, digest, held_out, source, times_sampled, created)
    SELECT %(project)s,
        jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'How do I do thing ' || n || '?')),
        encode(sha256(convert_to(%(project)s || ' ' || n, 'UTF8')), 'hex'), false, 'benchmark', 1, now()
    FROM generate_series(1, %(items)s) n
    """,
    """
    INSERT INTO labeling_completion (prompt_id, text, digest, origin, policy_version, created)
    SELECT id, %(text)s || k, encode(sha256(convert_to(%(text)s || k, 'UTF8')), 'hex'), 'policy', 1, now()
    FROM labeling_prompt, generate_series(1, %(completions)s) k WHERE project_id = %(project)s
    """,
    """
    INSERT INTO labeling_item (project_id, prompt_id, kind, purpose, overlap, priority, policy_version,
        num_judgements, created)
    SELECT %(project)s, id, 'ranking', 'training', %(overlap)s, 0, 1, 0, now()
    FROM labeling_prompt WHERE project_id = %(project)s ORDER BY id
    """,
    """
    INSERT INTO labeling_itemcompletion (item_id, completion_id, position)
    SELECT item.id, completion.id, row_number() OVER (PARTITION BY item.id ORDER BY completion.id) - 1
    FROM labeling_item item JOIN labeling_completion completion ON completion.prompt_id = item.prompt_id
    WHERE item.project_id = %(project)s
    """,
    """
    INSERT INTO labeling_slot (item_id, project_id, number, priority, leased_until, is_done)
    SELECT id, %(project)s, n, 0, '1970-01-01T00:00:00Z', false
    FROM labeling_item, generate_series(0, %(overlap)s - 1) n WHERE project_id = %(project)s ORDER BY id, n
    """,
    "UPDATE labeling_project SET num_slots = %(items)s * %(overlap)s WHERE id = %(project)s",
)
