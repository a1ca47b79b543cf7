"""The researcher's page: which judgements, as what, how many; and snapshots of them."""

from __future__ import annotations

import shlex
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.errors import Conflict, Invalid
from labeling.exports.snapshot_jobs import ask_for_snapshot, cancel
from labeling.exports.views import VIEWS
from labeling.forms.data import FILE_FORMATS, LABELS, DataForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import Membership, SnapshotJob
from labeling.selectors.access import RESEARCHERS, membership_in
from labeling.selectors.labels import latest_label
from labeling.selectors.selection import Selection, to_words
from labeling.selectors.snapshots import counts_of, find_job, jobs_of, snapshot_named, snapshots_of

SHOWN = 50


@require_safe
@never_cache
@signed_in
def data(request: SignedInRequest, slug: str) -> HttpResponse:
    """Filters, what they leave, and the ways to have it."""
    return show(request, membership_in(slug, user=request.user, roles=RESEARCHERS), query=request.GET)


@require_POST
@signed_in
def take(request: SignedInRequest, slug: str) -> HttpResponse:
    """Keep what the filters mean now, or meant when a judgement was the newest, under a name."""
    membership = membership_in(slug, user=request.user, roles=RESEARCHERS)
    query = QueryDict(request.POST.get("filters", "")[:4000])
    form = DataForm(query, project=membership.project)
    if not form.is_valid():
        return show(request, membership, query=query, status=422)
    name = request.POST.get("name", "").strip()
    try:
        taken = ask_for_snapshot(
            project=membership.project,
            name=name,
            selection=form.cleaned_data["selection"],
            author=request.user,
            up_to=_label_id(request.POST.get("up_to", "")),
        )
    except (Conflict, Invalid) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return show(request, membership, query=query, refused=error.message, name=name, status=status)
    if isinstance(taken, SnapshotJob):
        return redirect("snapshot-job", slug, taken.pk)
    messages.success(request, gettext("The snapshot is taken."))
    return redirect("data-snapshot", slug, taken.name)


def _label_id(text: str) -> int | None:
    """What was sent as the id of a label; what is none is refused as one that nobody has."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


@require_safe
@signed_in
def snapshot(request: SignedInRequest, slug: str, name: str) -> HttpResponse:
    """One snapshot: its card, and its files."""
    membership = membership_in(slug, user=request.user, roles=RESEARCHERS)
    found = snapshot_named(membership.project, name)
    if "card" in request.GET:
        response = HttpResponse(found.card, content_type="text/markdown; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{slug}-{name}.md"'
        return response
    view = "comparisons" if found.manifest["labels"] else "conversations"
    context = {
        "project": membership.project,
        "role": membership.role,
        "snapshot": found,
        "view": view,
        "card": found.card.split("---\n", 2)[-1].strip(),  # without what is for hubs
        "views": [(view, LABELS[view]) for view in VIEWS],
        "formats": [(each.value, label) for each, label in FILE_FORMATS.items()],
        "ways": ways(request, slug, view=view, file_format="jsonl", words={"snapshot": name}),
    }
    return render(request, "labeling/snapshot.html", context)


@require_safe
@never_cache
@signed_in
def job(request: SignedInRequest, slug: str, job_id: int) -> HttpResponse:
    """How far a large snapshot is; the same as a fragment while it is taken."""
    membership = membership_in(slug, user=request.user, roles=RESEARCHERS)
    found = find_job(membership.project, job_id)
    context = {
        "project": membership.project,
        "role": membership.role,
        "job": found,
        "is_open": found.state in SnapshotJob.OPEN,
        "percent": min(found.labels_done * 100 // found.labels, 100) if found.labels else 0,
    }
    response = render(request, "labeling/_snapshot_job.html" if request.htmx else "labeling/snapshot_job.html", context)
    if request.htmx and not context["is_open"]:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@signed_in
def cancel_job(request: SignedInRequest, slug: str, job_id: int) -> HttpResponse:
    """Ask that a large snapshot is not taken."""
    membership = membership_in(slug, user=request.user, roles=RESEARCHERS)
    cancel(find_job(membership.project, job_id))
    return redirect("snapshot-job", slug, job_id)


def show(
    request: SignedInRequest,
    membership: Membership,
    *,
    query: QueryDict,
    refused: str = "",
    name: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page with the filters of a query."""
    project = membership.project
    form = DataForm(query, project=project)
    context: dict[str, Any] = {"project": project, "role": membership.role, "form": form, "name": name}
    context |= {"refused": refused, "snapshots": snapshots_of(project)[:SHOWN], "query": query.urlencode()}
    context["jobs"] = jobs_of(project).filter(state__in=SnapshotJob.OPEN)[:SHOWN]
    try:
        if form.is_valid():
            context |= _chosen(request, membership, form.cleaned_data)
    except Invalid as error:  # a pseudonym that nobody has
        form.add_error("annotators", error.message)
    if not form.is_valid() and status == 200:
        status = 422
    return render(request, "labeling/data.html", context, status=status)


def _chosen(request: SignedInRequest, membership: Membership, values: dict[str, Any]) -> dict[str, Any]:
    selection: Selection = values["selection"]
    view, file_format = values["view"] or "comparisons", values["format"] or "jsonl"
    slug = membership.project.slug
    return {
        "counts": counts_of(membership.project, selection, up_to=latest_label(membership.project)),
        "ways": ways(request, slug, view=view, file_format=file_format, words=to_words(selection)),
    }


def ways(request: SignedInRequest, slug: str, *, view: str, file_format: str, words: dict[str, str]) -> dict[str, str]:
    """The same export by address, on a command line with curl, with manage.py, and in Python."""
    path = reverse("api:export", args=[slug])
    address = f"{path}?{urlencode({'view': view, 'format': file_format, **words})}"
    absolute = request.build_absolute_uri(address)
    file = f"{slug}-{view}.{file_format}"
    sides = {"true": "only", "false": "without"}
    options = [
        f"--{name.replace('_', '-')}={sides.get(word, word) if name in {'held_out', 'extra'} else word}"
        for name, word in words.items()
    ]
    arguments = "".join(f", {name}={word!r}" for name, word in words.items())
    method = "comparisons(" if view == "comparisons" else "rows("
    shape = "" if view == "comparisons" else f", view={view!r}"
    return {
        "address": address,
        "curl": f"curl -C - -H 'Authorization: Token TOKEN' -o {file} {shlex.quote(absolute)}",
        "manage": shlex.join(
            ["python", "manage.py", "export_preferences", file, f"--project={slug}", f"--view={view}", *options]
        ),
        "python": f"from labeling.client import Client\n"
        f"client = Client({request.build_absolute_uri('/')!r}, token)\n"
        f"frame = client.{method}{slug!r}{shape}{arguments}).to_pandas()",
    }
