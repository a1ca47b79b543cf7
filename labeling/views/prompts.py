"""A project's prompts, for its admins."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from labeling.errors import Invalid, NotFound
from labeling.forms.prompts import ChangeForm, FilterForm, PromptsForm, TagsForm, TopicsForm, UploadForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import Membership, Prompt
from labeling.selectors import prompts as selectors
from labeling.selectors.access import MANAGERS, membership_in
from labeling.services.prompt_changes import change_prompts, check_change, effect_of
from labeling.services.prompts import add_prompts
from labeling.services.tags import set_tags
from labeling.services.topics import set_topics

PAGE_SIZE = 50
MOST_COUNTED = 10_000


class Pages(Paginator):  # type: ignore[type-arg]  # generic in the stubs alone
    """Pages of a list that may have a million rows: counted to 10,000 and no further."""

    @cached_property
    def count(self) -> int:
        """How many there are, or one more than 10,000."""
        rows = cast("QuerySet[Prompt]", self.object_list)
        return rows[: MOST_COUNTED + 1].count()

    @property
    def shown_count(self) -> str:
        """The same for people."""
        shown = number_format(min(self.count, MOST_COUNTED), force_grouping=True)
        return f"{shown}+" if self.count > MOST_COUNTED else shown


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
        "tags_form": TagsForm(initial={"tags": ", ".join(getattr(found, "tag_names", None) or [])}),
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


@require_POST
@signed_in
def change_tags(request: SignedInRequest, slug: str, prompt_id: int) -> HttpResponse:
    """Say which tags a prompt has."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    found = Prompt.objects.filter(project=membership.project, pk=prompt_id).first()
    if found is None:
        raise NotFound(gettext("there is no prompt {prompt_id} in {slug}").format(prompt_id=prompt_id, slug=slug))
    set_tags(project=membership.project, prompt_id=found.pk, tags=request.POST.get("tags", ""))
    messages.success(request, gettext("The tags are saved."))
    return redirect("prompt", slug, prompt_id)


@require_POST
@signed_in
def change_found(request: SignedInRequest, slug: str) -> HttpResponse:
    """Change every prompt that the filter finds: first say how many, and do it once that number comes back."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    filters, form = FilterForm(request.POST), ChangeForm(request.POST, auto_id="change_%s")
    if not form.is_valid():
        raise Invalid(" ".join(str(error) for errors in form.errors.values() for error in errors))
    change = check_change(action=form.cleaned_data["action"], value=form.cleaned_data["value"])
    expected, wanted = form.cleaned_data["expected"], filters.wanted()
    if expected is None:
        context = {
            "project": membership.project,
            "role": membership.role,
            "change": change,
            "label": change.action.label,
            "effect": effect_of(change, project=membership.project, wanted=wanted),
            "chosen": filters.as_query(),
            "query": urlencode(filters.as_query()),
        }
        return render(request, "labeling/prompts_change.html", context)
    made = change_prompts(change, project=membership.project, wanted=wanted, expected=expected, actor=request.user)
    text = ngettext("%(count)d prompt changed.", "%(count)d prompts changed.", made.prompts)
    messages.success(request, text % {"count": made.prompts})
    return redirect("prompts", slug)


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
    project = membership.project
    filters = FilterForm(request.GET, tags=selectors.tag_names(project), sources=selectors.sources(project))
    wanted = filters.wanted()
    query = filters.as_query()
    context |= {
        "project": project,
        "role": membership.role,
        "form": form or PromptsForm(),
        "upload_form": upload_form or UploadForm(auto_id="upload_%s"),
        "filters": filters,
        "is_filtered": bool(query),
        "change_form": ChangeForm(auto_id="change_%s"),
        "chosen": query,
        "query": f"{urlencode(query)}&" if query else "",
        "page": Pages(selectors.prompts(project, wanted), PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "labeling/prompts.html", context, status=status)
