"""What another way of naming people changes: said before it is done."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext, ngettext

from labeling.models import Membership, Project, Snapshot


@dataclass(frozen=True, slots=True)
class Renaming:
    """How a project names its people, and what would change if that were made with its secret.

    ``texts`` say it in words, each with a heading; there are none when nothing is to be done.
    """

    is_keyed: bool
    people: int
    snapshots: int
    texts: list[tuple[str, str]]


def renaming_of(project: Project) -> Renaming:
    """Count who would be called otherwise, and what would not."""
    if project.pseudonym_key:
        return Renaming(is_keyed=True, people=0, snapshots=0, texts=[])
    people = Membership.objects.filter(project=project, num_submitted__gt=0).count()
    snapshots = Snapshot.objects.filter(project=project, has_keyed_names=False).count()
    return Renaming(is_keyed=False, people=people, snapshots=snapshots, texts=_texts(people, snapshots))


def _texts(people: int, snapshots: int) -> list[tuple[str, str]]:
    return [
        (
            gettext("Names in exports"),
            ngettext(
                "{count} person who judged has another name from now on, in exports, the API, pages and filters. Files "
                "exported before and after don't name the same people alike, and links to a person's page end.",
                "{count} people who judged have other names from now on, in exports, the API, pages and filters. Files "
                "exported before and after don't name the same people alike, and links to a person's page end.",
                people,
            ).format(count=people),
        ),
        (
            gettext("Snapshots"),
            ngettext(
                "{count} snapshot keeps the names of before: its files stay the same, byte by byte.",
                "{count} snapshots keep the names of before: their files stay the same, byte by byte.",
                snapshots,
            ).format(count=snapshots),
        ),
        (
            gettext("Runs"),
            gettext(
                "A run that is started or repeated from now on reads the new names: its snapshot has another digest "
                "than one of before, for the same judgements. What runs have kept stays as it is."
            ),
        ),
        (
            gettext("Why, and no way back"),
            gettext(
                "The names of before follow from the number of an account alone: whoever knows it can find out whom a "
                "name means. The new ones are made with a secret of the project. This can't be undone."
            ),
        ),
    ]
