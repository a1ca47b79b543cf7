"""The part of the exchange that counts: judgements, open slots, and what each annotator's judgements weigh."""

from __future__ import annotations

from datetime import datetime

from labeling.quality.estimates import Estimate
from labeling.selectors import agreement, reliabilities
from labeling.selectors import labels as label_selectors
from labeling.selectors import queue as queue_selectors
from labeling.services import figures


def latest_judgement(project_id: int) -> int:
    """Id of the newest judgement; 0 when there is none."""
    return label_selectors.latest_label(project_id)


def count_judgements(project_id: int, *, at_most: int) -> int:
    """How many current judgements there are, imported ones too, counted to ``at_most`` and no further."""
    return label_selectors.current_labels(project_id)[:at_most].count()


def count_judgements_after(project_id: int, judgement: int, *, at_most: int) -> int:
    """How many judgements were made here after one, counted to ``at_most`` and no further.

    Imported ones don't count: an import of thousands is no reason to train at once.
    """
    return label_selectors.count_labels_after(project_id, judgement, at_most=at_most)


def first_judgement_after(project_id: int, judgement: int) -> datetime | None:
    """When the first judgement was made here after one; imported ones don't count. None without any."""
    return label_selectors.first_label_after(project_id, judgement)


def count_open_slots(project_id: int, *, at_most: int) -> int:
    """How many judgements the queue still wants, counted to ``at_most`` and no further."""
    return queue_selectors.count_open_slots(project_id, at_most=at_most)


def training_weights(project_id: int) -> dict[str, float]:
    """What each annotator's judgements count in training, by pseudonym, where it is not 1; below 0: turned around.

    Empty unless the project weighs annotators; see quality.reliability.weight.
    """
    weights, names = reliabilities.training_weights(project_id), label_selectors.names_of(project_id)
    return {names.of(annotator): each for annotator, each in weights.items() if each != 1}


def human_ceiling(project_id: int) -> Estimate | None:
    """How often two people agree on a comparison, a tie of either counting a half, with its 95 % interval.

    From comparisons that two people made here, as first submitted: what the accuracy of a reward model can be held
    against. None with fewer than 20 of them.
    """
    return agreement.human_ceiling(project_id)


def refresh_figures(project_id: int) -> bool:
    """Count what is new in the figures of a project, in bounded time; whether more is left."""
    return figures.refresh(project_id)
