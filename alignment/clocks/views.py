"""The page of the loop: the three clocks, what each does next, and what an admin can do about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from alignment import selectors, services
from alignment.clocks import reward_models, starting
from alignment.clocks.effects import Effect, effects_of
from alignment.clocks.showing import loop_context
from alignment.forms import LoopForm, PauseForm
from labeling import exchange
from labeling.confirming import ask, is_confirmed, said
from labeling.http import SignedInRequest, signed_in


def _context(project: exchange.ProjectRecord, **more: Any) -> dict[str, Any]:
    return {"project": project, "role": project.role, **loop_context(project), **more}


@require_safe
@signed_in
def loop_status(request: SignedInRequest, slug: str) -> HttpResponse:
    """What the loop does now and next; a fragment for the project's page, and a page of its own without htmx."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
    if request.htmx:
        return render(request, "alignment/_loop.html", _context(project))
    form = LoopForm(instance=selectors.loop_settings(project.id)) if project.is_managed else None
    return render(request, "alignment/loop.html", _context(project, form=form))


@require_POST
@signed_in
def change_settings(request: SignedInRequest, slug: str) -> HttpResponse:
    """Change how the loop runs by itself: sent, what that does, and sent once more, the change."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    form = LoopForm(request.POST, instance=selectors.loop_settings(project.id))
    if not form.is_valid():
        return render(request, "alignment/loop.html", _context(project, form=form), status=422)
    if "back" in request.POST:
        return render(request, "alignment/loop.html", _context(project, form=form))
    effects = [_shown(effect, form) for effect in effects_of(project.id, form.cleaned_data)]
    if effects and not is_confirmed(request):
        return ask(
            request,
            {"project": project, "role": project.role},
            effects=effects,
            save=gettext("Save the settings"),
            back=gettext("Back to the settings"),
        )
    services.change_loop(project_id=project.id, changed_by=request.user.pk, **form.cleaned_data)
    messages.success(request, gettext("The settings of the loop are saved."))
    return redirect("alignment:loop-status", slug)


def _shown(effect: Effect, form: LoopForm) -> dict[str, Any]:
    """An effect in the words of the form."""
    if not effect.setting:
        return {"label": effect.clock, "text": effect.text}
    field = form.fields[effect.setting]
    was, now = form.initial.get(effect.setting), form.cleaned_data[effect.setting]
    return {"label": field.label, "was": said(was, field), "now": said(now, field), "text": effect.text}


@require_POST
@signed_in
def pause(request: SignedInRequest, slug: str) -> HttpResponse:
    """Let one clock stand still, or go on."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    form = PauseForm(request.POST)
    if not form.is_valid():
        raise exchange.Invalid(" ".join(str(error) for errors in form.errors.values() for error in errors))
    runs = form.cleaned_data["on"]
    changes = {f"{form.cleaned_data['clock']}_enabled": runs}
    services.change_loop(project_id=project.id, changed_by=request.user.pk, **changes)
    messages.success(request, gettext("The clock goes on.") if runs else gettext("The clock is paused."))
    return redirect("alignment:loop-status", slug)


@require_POST
@signed_in
def refresh(request: SignedInRequest, slug: str) -> HttpResponse:
    """Refresh the reward model now."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    run = starting.refresh_now(project_id=project.id, creator_id=request.user.pk)
    messages.success(request, gettext("Run %(run)d refreshes the reward model.") % {"run": run.pk})
    return redirect("alignment:loop-status", slug)


@require_POST
@signed_in
def train(request: SignedInRequest, slug: str) -> HttpResponse:
    """Train a policy now."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    run = starting.train_now(project_id=project.id, creator_id=request.user.pk)
    messages.success(request, gettext("Run %(run)d trains a policy.") % {"run": run.pk})
    return redirect("alignment:loop-status", slug)


@require_POST
@signed_in
def make_current(request: SignedInRequest, slug: str, number: int) -> HttpResponse:
    """Let an older reward model give the rewards again."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    reward_models.make_current(project_id=project.id, number=number, changed_by=request.user.pk)
    messages.success(request, gettext("Reward model %(number)d gives the rewards now.") % {"number": number})
    return redirect("alignment:loop-status", slug)
