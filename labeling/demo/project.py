"""The demo project: made once, with its people, its prompts and the first items."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from labeling.demo import DemoCompletion, DemoPrompt, read_corpus, read_guidelines
from labeling.models import Project, Role, User
from labeling.services.projects import create_project, set_member
from labeling.services.prompts import NewCompletion, NewItem, add_completions, add_prompts, create_items

SLUG = "demo"
NUM_COMPLETIONS = 4
NUM_ITEMS = 40
SOURCE = "demo"
PEOPLE = {
    "admin": Role.ADMIN,
    "annotator1": Role.ANNOTATOR,
    "annotator2": Role.ANNOTATOR,
    "researcher": Role.RESEARCHER,
}
LOCK = 0x64656D6F  # "demo": two first starts at once would both find nothing


@dataclass(frozen=True, slots=True)
class Demo:
    """The project, whether this call made it, and the accounts that it made with their one password."""

    project: Project
    created: bool
    accounts: tuple[str, ...]
    password: str


@transaction.atomic
def make_demo(*, password: str = "") -> Demo:
    """The demo project; what is there already stays as it is, accounts and passwords too.

    Args:
        password: of accounts that are made; one is generated when it is empty.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    project = Project.objects.filter(slug=SLUG).first()
    if project is not None:
        return Demo(project=project, created=False, accounts=(), password="")
    password = password or secrets.token_urlsafe(9)
    accounts = [name for name in PEOPLE if _make_account(name, password)]
    people = {user.username: user for user in User.objects.filter(username__in=PEOPLE)}
    project = create_project(
        slug=SLUG,
        creator=people["admin"],
        name="Demo",
        guidelines=read_guidelines(),
        completions_per_item=NUM_COMPLETIONS,
        overlap=1,
    )
    for name, role in PEOPLE.items():
        set_member(project=project, user=people[name], role=role)
    _add_texts(project)
    return Demo(project=project, created=True, accounts=tuple(accounts), password=password if accounts else "")


def _make_account(name: str, password: str) -> bool:
    if User.objects.filter(username=name).exists():
        return False
    if PEOPLE[name] == Role.ADMIN:
        User.objects.create_superuser(name, password=password)
    else:
        User.objects.create_user(name, password=password)
    return True


def _add_texts(project: Project) -> None:
    corpus = list(read_corpus())
    prompts, _ = add_prompts(project=project, prompts=[row.messages for row in corpus], source=SOURCE)
    rich = [
        (prompt, row) for prompt, row in zip(prompts, corpus, strict=True) if len(row.completions) >= NUM_COMPLETIONS
    ]
    chosen = rich[:: max(1, len(rich) // NUM_ITEMS)][:NUM_ITEMS]
    stored = iter(
        add_completions(
            pairs=[
                (prompt, NewCompletion(text=completion.text)) for prompt, row in chosen for completion in spread(row)
            ]
        )
    )
    items = [NewItem(prompt=prompt, completions=[next(stored) for _ in range(NUM_COMPLETIONS)]) for prompt, _ in chosen]
    create_items(project=project, items=items)


def spread(row: DemoPrompt) -> Sequence[DemoCompletion]:
    """Four completions from the best to the worst, evenly between."""
    ordered = sorted(row.completions, key=lambda completion: -completion.quality)
    last = len(ordered) - 1
    return [ordered[round(place * last / (NUM_COMPLETIONS - 1))] for place in range(NUM_COMPLETIONS)]
