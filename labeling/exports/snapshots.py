"""Snapshots: the labels that some filters choose now, under a name, for ever."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext

from labeling.errors import Conflict, Invalid
from labeling.exports.card import write_card
from labeling.exports.streams import Export, FileFormat, code_version
from labeling.exports.views import VIEWS
from labeling.models import Project, Snapshot, User
from labeling.models.snapshots import SNAPSHOT_NAME
from labeling.selectors.chosen import FROM, condition
from labeling.selectors.elsewhere import TALKS, held_elsewhere
from labeling.selectors.judgements import EVERYTHING
from labeling.selectors.labels import latest_label
from labeling.selectors.selection import Selection
from labeling.services import audit

WHOLE = ("rankings", "demonstrations", "conversations", "evaluations")
"""Views that together hold all that was decided, once."""


def take_snapshot(
    *,
    project: Project,
    name: str,
    selection: Selection = EVERYTHING,
    up_to: int | None = None,
    author: User | None = None,
    on_label: Callable[[int], None] | None = None,
) -> Snapshot:
    """Keep the labels that a selection means, with their digest, counts and a dataset card.

    The same selection of the same labels gives the same digest, whatever the name.

    Args:
        up_to: the last label, as it was when that was the newest: what replaced one later had not happened. Prompts
            have the tags and topics that they have now.
        on_label: called with how many labels are read for the digest; what it raises ends it, and nothing is kept.

    Raises:
        Invalid: a name that can't stand in an address, nothing to keep, or an annotator that nobody is.
        Conflict: another snapshot of the project has the name.
    """
    check_name(name)
    try:
        return _take(project, name, selection, last_label(project, up_to), author, on_label)
    except IntegrityError as error:
        if "snapshot_name_once" not in str(error):
            raise
        raise name_taken(name) from None


def last_label(project: Project, up_to: int | None) -> int:
    """The newest label, or an earlier one that somebody named.

    Raises:
        Invalid: no label's id.
    """
    newest = latest_label(project)
    if up_to is not None and not 0 < up_to <= newest:
        raise Invalid(
            gettext("up_to is {up_to}: give the id of a judgement of this project, at most {newest}").format(
                up_to=up_to, newest=newest
            )
        )
    return newest if up_to is None else up_to


def check_name(name: str) -> None:
    """Refuse a name that can't stand in an address.

    Raises:
        Invalid: names it.
    """
    if len(name) > 60 or not re.fullmatch(SNAPSHOT_NAME, name):
        raise Invalid(
            gettext(
                "the name is {name!r}: use lower-case letters, digits, dots, hyphens, underscores, at most 60"
            ).format(name=name[:80])
        )


def name_taken(name: str) -> Conflict:
    """What is said to whoever wants a name that another snapshot has."""
    return Conflict(
        gettext("there is a snapshot {name!r} already: snapshots never change, take another name").format(name=name),
        code="name_taken",
    )


@transaction.atomic
def _take(
    project: Project,
    name: str,
    selection: Selection,
    up_to: int,
    author: User | None,
    on_label: Callable[[int], None] | None,
) -> Snapshot:
    chosen, parameters = condition(project, selection, up_to=up_to)
    filters = selection.to_dict()
    # Asked for anew: the project may have got its secret since it was read. From here on the snapshot says it.
    is_keyed = Project.objects.filter(pk=project.pk).exclude(pseudonym_key="").exists()
    snapshot = Snapshot.objects.create(
        project=project, name=name, filters=filters, up_to=up_to, author=author, has_keyed_names=is_keyed
    )
    with connection.cursor() as cursor:
        cursor.execute(KEEP.format(from_=FROM, chosen=chosen), {**parameters, "snapshot": snapshot.pk})
        count, talks = cursor.rowcount, 0
        if (elsewhere := held_elsewhere(project, selection, up_to=up_to)) is not None:
            cursor.execute(
                KEEP_TALKS.format(from_=TALKS, chosen=elsewhere[0]), {**elsewhere[1], "snapshot": snapshot.pk}
            )
            talks = cursor.rowcount
    if not count and not talks:
        raise Invalid(gettext("these filters leave no label and no conversation: nothing is kept"))
    snapshot.manifest, snapshot.digest = _described(snapshot, count, talks, on_label)
    snapshot.card = write_card(snapshot)
    snapshot.save(update_fields=["manifest", "card", "digest"])
    audit.record(
        actor=author,
        project=project,
        action="snapshot.taken",
        subject=name,
        after={"labels": count, **({"conversations": talks} if talks else {}), **filters},
    )
    return snapshot


KEEP = """
INSERT INTO labeling_snapshotlabel (snapshot_id, label_id, topics, tags)
SELECT %(snapshot)s, label.id, prompt.topics, ARRAY(
    SELECT tag.name FROM labeling_prompttag tagged JOIN labeling_tag tag ON tag.id = tagged.tag_id
    WHERE tagged.prompt_id = prompt.id ORDER BY tag.name
)
{from_} WHERE {chosen} AND item.purpose IN ('training', 'evaluation') ORDER BY label.id
"""

KEEP_TALKS = """
INSERT INTO labeling_snapshotconversation (snapshot_id, conversation_id)
SELECT %(snapshot)s, talk.id {from_} WHERE {chosen}
"""


def _described(
    snapshot: Snapshot, count: int, talks: int, on_label: Callable[[int], None] | None
) -> tuple[dict[str, Any], str]:
    """The manifest, and the digest of the JSON lines of all whole views one after the other."""
    digest, views, read = hashlib.sha256(), {}, 0

    def tell(number: int) -> None:
        if on_label is not None:
            on_label(read + number)

    for name in WHOLE:
        export = Export(
            project=snapshot.project,
            view=VIEWS[name],
            file_format=FileFormat.JSONL,
            selection=EVERYTHING,
            up_to=snapshot.up_to,
            snapshot=snapshot,
        )
        for part in export.stream(on_judgement=tell):
            digest.update(part)
        read += export.counts["judgements"]
        held = export.manifest()
        views[name] = {key: held[key] for key in ("counts", "bytes", "sha256")}
    manifest = {
        "project": snapshot.project.slug,
        "filters": {**snapshot.filters, "up_to": snapshot.up_to},
        "labels": count,
        "imported_conversations": talks,
        "views": views,
        "code_version": code_version(),
    }
    return manifest, digest.hexdigest()
