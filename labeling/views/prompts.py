"""A project's prompts, for its admins."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from labeling.errors import Invalid, NotFound
from labeling.forms import PromptsForm, TopicsForm
from labeling.forms_prompts import UploadForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import Membership, Prompt
from labeling.selectors import prompts as selectors
from labeling.selectors.access import MANAGERS, membership_in
from labeling.services.prompts import add_prompts
from labeling.services.topics import set_topics

PAGE_SIZE = 50


@require_safe
@signed_in
def prompts(request: SignedInRequest, slug: str) -> HttpResponse:
    """The list, with search."""
    return show_list(request, membership_in(slug, user=request.user, roles=MANAGERS))


@require_POST
@signed_in
def add(request: SignedInRequest, slug: str) -> HttpResponse:
    """Add prompts, one per line."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = PromptsForm(request.POST)
    if not form.is_valid():
        return show_list(request, membership, form=form, status=422)
    try:
        lines = form.cleaned_data["prompts"]
        _, added = add_prompts(project=membership.project, prompts=lines, source=f"added by {request.user}")
    except Invalid as error:
        form.add_error("prompts", error.message)
        return show_list(request, membership, form=form, status=422)
    messages.success(request, say_added(added, known=len(lines) - added))
    return redirect("prompts", slug)


@require_safe
@signed_in
def prompt(request: SignedInRequest, slug: str, prompt_id: int) -> HttpResponse:
    """One prompt, its completions and what was decided about them."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    found = selectors.prompts(membership.project).filter(pk=prompt_id).first()
    if found is None:
        raise NotFound(gettext("there is no prompt {prompt_id} in {slug}").format(prompt_id=prompt_id, slug=slug))
    context = {
        "project": membership.project,
        "role": membership.role,
        "topics_form": TopicsForm(initial={"topics": found.topics}),
        "prompt": found,
        "completions": selectors.judged_completions(found),
        "judgements": selectors.judgements_of(found),
    }
    return render(request, "labeling/prompt.html", context)


@require_POST
@signed_in
def change_topics(request: SignedInRequest, slug: str, prompt_id: int) -> HttpResponse:
    """Say which sensitive topics a prompt has."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    found = Prompt.objects.filter(project=membership.project, pk=prompt_id).first()
    if found is None:
        raise NotFound(gettext("there is no prompt {prompt_id} in {slug}").format(prompt_id=prompt_id, slug=slug))
    form = TopicsForm(request.POST)
    if not form.is_valid():
        raise Invalid(" ".join(str(error) for errors in form.errors.values() for error in errors))
    set_topics(prompt=found, topics=form.cleaned_data["topics"], changed_by=request.user)
    messages.success(request, gettext("The topics are saved."))
    return redirect("prompt", slug, prompt_id)


def say_added(added: int, *, known: int) -> str:
    """How many prompts were new, and how many the project had."""
    text = ngettext("%(count)d prompt added.", "%(count)d prompts added.", added) % {"count": added}
    if known:
        text += " " + ngettext("%(count)d was known.", "%(count)d were known.", known) % {"count": known}
    return text


def show_list(
    request: SignedInRequest,
    membership: Membership,
    *,
    form: PromptsForm | None = None,
    upload_form: UploadForm | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """The list with the forms for new prompts, as they were sent when something in them was wrong."""
    search = request.GET.get("search", "").strip()
    found = selectors.prompts(membership.project, search=search)
    context |= {
        "project": membership.project,
        "role": membership.role,
        "form": form or PromptsForm(),
        "upload_form": upload_form or UploadForm(auto_id="upload_%s"),
        "search": search,
        "query": f"{urlencode({'search': search})}&" if search else "",
        "page": Paginator(found, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "labeling/prompts.html", context, status=status)
