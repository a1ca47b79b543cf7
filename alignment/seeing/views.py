"""Pages on which people see what the loop does and what came of it; for admins and researchers."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

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
