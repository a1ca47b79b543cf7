"""Pages on which people see what the loop does and what came of it; for admins and researchers."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from alignment import selectors
from alignment.clocks.facts import facts as facts_of
from alignment.seeing import lineage, repeating
from alignment.seeing.alerts import alerts
from alignment.seeing.leaderboard import ALL, FAIR
from alignment.seeing.picture import picture as picture_of
from alignment.seeing.shown import WIDTH, shown_board, shown_flags, usual_basis, with_drawings
from alignment.seeing.standings import standings
from alignment.seeing.versions import model_points, over_optimised, version_points
from labeling import exchange
from labeling.http import SignedInRequest, signed_in


@require_safe
@signed_in
def leaderboard(request: SignedInRequest, slug: str) -> HttpResponse:
    """Who writes best, by all comparisons; and how often flags were raised on what they wrote."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
    kept = standings(project.id)
    context: dict[str, Any] = {"project": project, "role": project.role, "kept": kept, "width": WIDTH}
    if kept is not None:
        basis = request.GET.get("basis")
        basis = basis if basis in (FAIR, ALL) else usual_basis(kept)
        with_length = request.GET.get("length") == "1"
        board = shown_board(kept, basis=basis, with_length=with_length)
        words = exchange.seeing.flag_words(project.id)
        rows, left_out = shown_flags(kept, flags=list(words))
        context |= {
            "basis": basis,
            "with_length": with_length,
            "board": board,
            "entries": with_drawings(board["entries"]),
            "flags": [(label, [row.cells[at] for row in rows]) for at, label in enumerate(words.values())],
            "has_sft": kept.leaderboard["sft"] is not None,
            "rows": rows,
            "left_out": left_out,
        }
    return render(request, "alignment/leaderboard.html", context)


@require_safe
@signed_in
def completion(request: SignedInRequest, slug: str, completion_id: int) -> HttpResponse:
    """Where a completion comes from: the versions, runs, judgements and people behind it."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
    origin = lineage.origin_of(project.id, completion_id)
    context = {"project": project, "role": project.role, "facts": origin.facts}
    context |= {"policies": origin.policies, "people": origin.people}
    return render(request, "alignment/lineage_completion.html", context)


@require_safe
@signed_in
def label(request: SignedInRequest, slug: str, label_id: int) -> HttpResponse:
    """What a judgement moved."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
    moved = lineage.moved_by(project.id, label_id)
    context = {"project": project, "role": project.role, "facts": moved.facts, "runs": moved.runs}
    context |= {"num_runs": moved.num_runs, "first": moved.first, "newest": moved.newest}
    return render(request, "alignment/lineage_label.html", context)


@require_POST
@signed_in
def repeat(request: SignedInRequest, slug: str, run_id: int) -> HttpResponse:
    """Do a run again."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    found = selectors.run_in(project.id, run_id)
    again = repeating.repeat_run(run_id=found.pk, creator_id=request.user.pk)
    messages.success(request, gettext("It is queued: the same settings, judgements, seed and parent."))
    return redirect("alignment:run", slug, again.pk)


@require_safe
@signed_in
def own_part(request: SignedInRequest, slug: str) -> HttpResponse:
    """A line for whoever judges: in which version their judgements are. Nothing while they are in none."""
    project = exchange.project_for(slug, user=request.user)
    part = lineage.own_part(project.id, user_id=request.user.pk)
    return render(request, "alignment/_own_part.html", {"part": part})


@require_safe
@signed_in
def watch(request: SignedInRequest, slug: str) -> HttpResponse:
    """The loop at work: its picture, what to look at, and curves over versions; its parts are fragments, too."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
    context: dict[str, Any] = {"project": project, "role": project.role}
    target = request.htmx.target if request.htmx else ""
    if target == "alerts":
        context["alerts"] = alerts(project, facts_of(project.id))
        return render(request, "alignment/_alerts.html", context)
    if target == "versions":
        return render(request, "alignment/_curves.html", context | _curves(project.id))
    shown = picture_of(project)
    context |= {"picture": shown, "alerts": alerts(project, shown.facts), **_curves(project.id)}
    return render(request, "alignment/watch.html", context)


def _curves(project_id: int) -> dict[str, Any]:
    points, basis = version_points(project_id, kept=standings(project_id))
    return {
        "points": points,
        "basis": basis,
        "worse": over_optimised(points),
        "models": model_points(project_id),
        "ceiling": exchange.human_ceiling(project_id),
    }


@require_safe
@signed_in
def picture(request: SignedInRequest, slug: str) -> HttpResponse:
    """The picture alone, for other pages; without htmx the whole page."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
    if not request.htmx:
        return redirect("alignment:watch", slug)
    context = {"project": project, "role": project.role, "picture": picture_of(project)}
    return render(request, "alignment/_picture.html", context)
