"""Pages on which people see what the loop does and what came of it; for admins and researchers."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from alignment import selectors
from alignment.seeing import lineage, repeating
from alignment.seeing.leaderboard import ALL, FAIR
from alignment.seeing.shown import WIDTH, shown_board, shown_flags, usual_basis, with_drawings
from alignment.seeing.standings import standings
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
