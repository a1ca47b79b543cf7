"""Runs, policies and the loop's state: visible to admins and researchers, steered by admins."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from alignment import promotion, selectors, services
from alignment.blind_results import shown_evaluations as shown_blind_evaluations
from alignment.clocks.showing import loop_context
from alignment.core.fields import InvalidSetting
from alignment.forms import BlindForm, RunForm, SamplesForm
from alignment.models import Run
from alignment.plans import PRESETS
from alignment.presenting import shown_evaluations, shown_metrics, shown_policies, shown_settings, shown_stages
from alignment.seeing.repeating import sameness
from alignment.seeing.samples import side_by_side
from labeling import exchange
from labeling.http import SignedInRequest, signed_in

RUNS_PER_PAGE = 25
POLICIES_PER_PAGE = 25
MOST_COMPARED = 6
PARTS_OF_RUN = {"run-origin": "alignment/_run_origin.html", "run-values": "alignment/_run_values.html"}
PARTS_OF_POLICIES = {"policy-table": "alignment/_policies.html", "blind": "alignment/_blind.html"}
"""Fragments of pages that read themselves anew, by their ids."""


def _context(project: exchange.ProjectRecord, **more: Any) -> dict[str, Any]:
    return {"project": project, "role": project.role, **more}


@require_safe
@signed_in
def runs(request: SignedInRequest, slug: str) -> HttpResponse:
    """The project's runs, what the loop does next, and a form to start one by hand."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
    return _show_runs(request, project, RunForm() if project.is_managed else None)


def _show_runs(
    request: SignedInRequest, project: exchange.ProjectRecord, form: RunForm | None, *, status: int = 200
) -> HttpResponse:
    page = Paginator(selectors.runs(project.id), RUNS_PER_PAGE).get_page(request.GET.get("page"))
    context = _context(project, **loop_context(project), page=page, form=form)
    if request.htmx and request.htmx.target == "runs":
        return render(request, "alignment/_runs.html", context)
    return render(request, "alignment/runs.html", context, status=status)


@require_POST
@signed_in
def start(request: SignedInRequest, slug: str) -> HttpResponse:
    """Start a run by hand."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    form = RunForm(request.POST)
    if not form.is_valid():
        return _show_runs(request, project, form, status=422)
    try:
        run = services.create_run(
            project_id=project.id,
            method=form.cleaned_data["method"],
            changes=form.changes(),
            seed=form.cleaned_data["seed"],
            creator_id=request.user.pk,
        )
    except exchange.Invalid as error:
        _add_error(form, error)
        return _show_runs(request, project, form, status=422)
    return redirect("alignment:run", slug, run.pk)


def _add_error(form: RunForm, error: exchange.Invalid) -> None:
    """Beside the field that the setting belongs to, where it has one."""
    cause = error.__cause__
    name = cause.name if isinstance(cause, InvalidSetting) else None
    form.add_error(name if name in form.fields else None, error.message)


def _run_of(request: SignedInRequest, slug: str, run_id: int) -> tuple[Run, exchange.ProjectRecord]:
    project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
    return selectors.run_in(project.id, run_id), project


@require_safe
@signed_in
def run(request: SignedInRequest, slug: str, run_id: int) -> HttpResponse:
    """One run: stages, live curves, settings, lineage, and the reason when it failed."""
    found, project = _run_of(request, slug, run_id)
    context = _context(
        project,
        run=found,
        stages=shown_stages(found),
        settings=shown_settings(found, defaults=PRESETS[selectors.loop_settings(project.id).preset]),
        evaluations=shown_evaluations(found.evaluations.select_related("against", "policy")),
        measured=shown_metrics(selectors.curves(found)),
        repetition=sameness(found),
        curves_url=reverse("alignment:run-curves", args=[slug, run_id]),
        **_snapshots(found),
    )
    return render(request, PARTS_OF_RUN.get(str(request.htmx.target), "alignment/run.html"), context)


def _snapshots(run: Run) -> dict[str, Any]:
    """The names under which what the run was trained on is kept; without one, it can be named."""
    if not run.snapshot_digest:
        return {}
    named = exchange.snapshots_up_to(run.project_id, run.snapshot_last)
    return {"named": named, "is_nameable": not named and run.snapshot_last}


@require_safe
@never_cache
@signed_in
def run_state(request: SignedInRequest, slug: str, run_id: int) -> HttpResponse:
    """The part of a run's page that changes while it runs."""
    found, project = _run_of(request, slug, run_id)
    evaluations = shown_evaluations(found.evaluations.select_related("against", "policy"))
    context = _context(project, run=found, stages=shown_stages(found), evaluations=evaluations)
    return render(request, "alignment/_run_state.html", context)


@require_safe
@never_cache
@signed_in
def curves(request: SignedInRequest, slug: str, run_id: int) -> JsonResponse:
    """The run's metrics as columns, for the charts."""
    found, _ = _run_of(request, slug, run_id)
    return JsonResponse({"state": found.state, "stages": selectors.curves(found)})


@require_POST
@signed_in
def stop(request: SignedInRequest, slug: str, run_id: int) -> HttpResponse:
    """Ask a run to stop."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    found = selectors.run_in(project.id, run_id)
    services.request_stop(run_id=found.pk, stopped_by=request.user.pk)
    messages.success(request, gettext("The run stops after its current step."))
    return redirect("alignment:run", slug, run_id)


@require_safe
@signed_in
def policies(request: SignedInRequest, slug: str) -> HttpResponse:
    """All versions with how they did, what people say of them, and a way into the sample browser."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
    return _show_policies(request, project)


def _show_policies(
    request: SignedInRequest, project: exchange.ProjectRecord, form: BlindForm | None = None, *, status: int = 200
) -> HttpResponse:
    page = Paginator(selectors.policies(project.id), POLICIES_PER_PAGE).get_page(request.GET.get("page"))
    versions = selectors.versions(project.id)
    if project.is_managed and form is None and len(versions) > 1:
        usual = {"version": versions[0], "against": versions[1], "num_prompts": 50, "overlap": project.overlap}
        form = BlindForm(versions=versions, initial=usual)
    blind = shown_blind_evaluations(project.id)
    context = _context(project, page=page, policies=shown_policies(page), blind=blind, form=form)
    template = PARTS_OF_POLICIES.get(str(request.htmx.target), "alignment/policies.html")
    return render(request, template, context, status=status)


@require_POST
@signed_in
def evaluate(request: SignedInRequest, slug: str) -> HttpResponse:
    """Have people compare two versions blindly."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    form = BlindForm(request.POST, versions=selectors.versions(project.id))
    if not form.is_valid():
        return _show_policies(request, project, form, status=422)
    try:
        services.start_blind_evaluation(project_id=project.id, creator_id=request.user.pk, **form.cleaned_data)
    except (exchange.Invalid, exchange.Conflict) as error:
        form.add_error(None, error.message)
        return _show_policies(request, project, form, status=422)
    messages.success(request, gettext("Annotators get the pairs as soon as the worker has written what is missing."))
    return redirect("alignment:policies", slug)


@require_POST
@signed_in
def promote(request: SignedInRequest, slug: str, version: int) -> HttpResponse:
    """Let a version write for the queue from now on; an older one is a rollback."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    policy = selectors.policy_in(project.id, version)
    promotion.promote(policy_id=policy.pk, changed_by=request.user.pk)
    messages.success(request, gettext("Version %(version)d serves now.") % {"version": version})
    return redirect("alignment:policies", slug)


@require_safe
@signed_in
def samples(request: SignedInRequest, slug: str) -> HttpResponse:
    """One prompt through several versions, side by side, from what they wrote before."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
    listed = selectors.browsable_prompts(project.id)
    chosen = selectors.chosen_prompt(project.id, request.GET.get("prompt", ""), listed)
    versions = [int(value) for value in request.GET.getlist("version") if value.isdecimal()][:MOST_COMPARED]
    every, compared = selectors.policies_to_compare(project.id, versions)
    stored = selectors.samples_of(chosen.id, policies=compared) if chosen else {}
    wanted = request.GET.get("against", "")
    against = int(wanted) if wanted.isdecimal() and len(wanted) < 10 else None
    context = _context(
        project,
        prompts=listed,
        prompt=chosen,
        every=every,
        compared=side_by_side(compared, stored, against=against) if chosen else [],
        versions=[policy.version for policy in compared],
        against=against,
    )
    template = (
        "alignment/_samples.html" if request.htmx and request.htmx.target == "samples" else "alignment/samples.html"
    )
    return render(request, template, context)


@require_POST
@signed_in
def write_samples(request: SignedInRequest, slug: str) -> HttpResponse:
    """Have the versions write for the prompt once more; the worker does it."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    every, _ = selectors.policies_to_compare(project.id, [])
    form = SamplesForm(request.POST, versions=[policy.version for policy in every])
    if not form.is_valid():
        raise exchange.Invalid(" ".join(str(error) for errors in form.errors.values() for error in errors))
    prompt, versions = form.cleaned_data["prompt"], form.cleaned_data["version"]
    services.request_samples(project_id=project.id, prompt_id=prompt, versions=versions)
    messages.success(request, gettext("The worker writes; this page shows it as soon as it is there."))
    query = "&".join([f"prompt={prompt}", *(f"version={version}" for version in versions)])
    return redirect(f"{reverse('alignment:samples', args=[slug])}?{query}")
