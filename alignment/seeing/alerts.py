"""What somebody should look at: derived from what is stored, so that it ends by itself when its cause has ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from procrastinate.contrib.django.models import ProcrastinateJob

from alignment.gating.showing import GUARDS
from alignment.jobs import QUEUE
from alignment.locks import a_worker_trains
from alignment.loop import Facts
from alignment.models import Method, Promotion, RewardModel, Run, RunState
from alignment.models.promotions import SERVED_PROMOTIONS
from alignment.numbers import fill
from labeling.exchange import ProjectRecord

CLOCKS = {"refresh": (Method.REWARD_MODEL,), "policy": tuple(m for m in Method if m != Method.REWARD_MODEL)}


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to look at: what it is, what to do about it, and where."""

    code: str
    tone: str
    said: str
    to_do: str
    url: str


def alerts(project: ProjectRecord, facts: Facts) -> list[Alert]:
    """All there are now, the worst first; a fixed number of queries."""
    found = [*_worker(project), *_runs(project), *_guards(project), *_accuracy(project), *_queue(project, facts)]
    return sorted(found, key=lambda alert: alert.tone != "bad")


def _worker(project: ProjectRecord) -> Iterator[Alert]:
    if a_worker_trains():
        return
    waiting = ProcrastinateJob.objects.filter(queue_name=QUEUE, status__in=["todo", "doing"]).exists()
    said = _("No worker is there.")
    if waiting:
        said = _("No worker is there, and jobs wait for one.")
    to_do = _("Start one with “make run”, or “manage.py worker” on the machine that trains; its log says why it ended.")
    yield Alert("worker_away", "bad", said, to_do, reverse("alignment:runs", args=[project.slug]))


def _runs(project: ProjectRecord) -> Iterator[Alert]:
    """Of each clock the newest run that has ended, when it failed."""
    for methods in CLOCKS.values():
        ended = Run.objects.filter(project=project.id, method__in=methods, finished__isnull=False)
        last = ended.order_by("-id").only("pk", "state", "error").first()
        if last is not None and last.state == RunState.FAILED:
            said = _("Run {run} failed: {reason}").format(run=last.pk, reason=last.error)
            to_do = _("The served policy goes on. Remove the cause, then repeat the run on its page.")
            yield Alert("run_failed", "bad", said, to_do, reverse("alignment:run", args=[project.slug, last.pk]))


def _guards(project: ProjectRecord) -> Iterator[Alert]:
    """The newest candidate, where a guard found something wrong with it and it was not let through all the same."""
    newest = Promotion.objects.select_related("candidate").filter(project=project.id).order_by("-id").first()
    if newest is None or newest.state in SERVED_PROMOTIONS:
        return
    failed = [str(each["name"]) for each in newest.guards if each.get("passed") is False]
    if failed:
        said = _("Version {version} was held back by these guards: {guards}.").format(
            version=newest.candidate.version, guards=", ".join(str(GUARDS.get(name, name)) for name in failed)
        )
        to_do = _("Look at the samples that showed it; the worst of them are at the front of the queue.")
        url = reverse("alignment:gate", args=[project.slug])
        yield Alert("guards_failed", "warn", said, to_do, url)


def _accuracy(project: ProjectRecord) -> Iterator[Alert]:
    model = RewardModel.objects.filter(project=project.id, is_current=True).first()
    if model is None:
        return
    url = reverse("alignment:run", args=[project.slug, model.run_id])
    if model.accuracy is None:
        said = _("Nobody knows whether reward model {number} is right: no held-out prompt was judged yet.")
        to_do = _("Let people judge on: a share of the prompts is held out, and comes up among the others.")
        yield Alert("accuracy_unknown", "warn", said.format(number=model.number), to_do, url)
    elif model.accuracy_low is not None and model.accuracy_low <= 0.5:
        text = _("Reward model {number} may be guessing: it is right in {share:.0%} ({low:.0%} to {high:.0%}).")
        shares = {"share": model.accuracy, "low": model.accuracy_low, "high": model.accuracy_high}
        said = fill(text, number=model.number, **shares)
        to_do = _("More judgements help; look at how far people agree among themselves on the page of quality.")
        yield Alert("accuracy_chance", "warn", said, to_do, reverse("quality", args=[project.slug]))


def _queue(project: ProjectRecord, facts: Facts) -> Iterator[Alert]:
    if facts.open_slots or project.is_archived:
        return
    url = reverse("project", args=[project.slug])
    if facts.has_prompts:
        to_do = _("The worker writes for it by itself; if this stays, look whether a run has the device for long.")
        yield Alert("queue_empty", "warn", _("The queue is empty."), to_do, url)
    else:
        yield Alert("no_prompts", "warn", _("There are no prompts."), _("Import prompts, or add them by hand."), url)
