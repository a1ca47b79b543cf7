"""Getting people ready, for admins: items with known answers, what is asked of new annotators, and how all did."""

from __future__ import annotations

from typing import BinaryIO, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.errors import Invalid, NotFound
from labeling.forms.known import KnownFileForm, KnownForm, ReadinessForm
from labeling.http import SignedInRequest, signed_in
from labeling.imports.known import read_known
from labeling.imports.reading import kind_of
from labeling.models import Label, Membership
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.known import annotators, known_answer, known_answers, num_usable, readiness
from labeling.selectors.labels import current_labels
from labeling.services.known import add_known, change_settings, known_from, set_active
from labeling.services.qualification import let_in

PAGE_SIZE = 25


@require_safe
@never_cache
@signed_in
def known(request: SignedInRequest, slug: str) -> HttpResponse:
    """All of it."""
    return show(request, membership_in(slug, user=request.user, roles=MANAGERS))


@require_POST
@signed_in
def save(request: SignedInRequest, slug: str) -> HttpResponse:
    """Change what is asked of new annotators."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = ReadinessForm(request.POST, instance=membership.project)
    if form.is_valid():
        try:
            change_settings(project=membership.project, changed_by=request.user, **form.cleaned_data)
        except Invalid as error:
            form.add_error(None, error.message)
    if form.errors:
        membership.project.refresh_from_db()
        return show(request, membership, form=form, status=422)
    messages.success(request, gettext("The settings are saved."))
    return redirect("known", slug)


@require_POST
@signed_in
def add(request: SignedInRequest, slug: str) -> HttpResponse:
    """Add one, written by hand."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = KnownForm(request.POST)
    if form.is_valid():
        try:
            add_known(project=membership.project, new=[form.known()], author=request.user)
        except Invalid as error:
            form.add_error(None, error.message)
    if form.errors:
        return show(request, membership, written=form, status=422)
    messages.success(request, gettext("The item is stored with its known answer."))
    return redirect("known", slug)


@require_POST
@signed_in
def upload(request: SignedInRequest, slug: str) -> HttpResponse:
    """Add those of a file: all of it or, when a row is bad, nothing."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = KnownFileForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            new = read_known(cast(BinaryIO, file), kind=kind_of(file.name))
            added = len(add_known(project=membership.project, new=new, author=request.user))
        except Invalid as error:
            form.add_error("file", error.message)
    if form.errors:
        return show(request, membership, file_form=form, status=422)
    text = ngettext("%(count)d item with a known answer added.", "%(count)d items with known answers added.", added)
    messages.success(request, text % {"count": added})
    return redirect("known", slug)


@require_POST
@signed_in
def take(request: SignedInRequest, slug: str, label_id: int) -> HttpResponse:
    """Take a judgement as the known answer of an item of its own."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    label: Label | None = current_labels(membership.project).filter(pk=label_id).first()
    if label is None:
        raise NotFound(gettext("there is no judgement {label_id} in {slug}").format(label_id=label_id, slug=slug))
    try:
        known_from(label=label, author=request.user)
    except Invalid as error:
        messages.error(request, error.message)
        return redirect("prompt", slug, label.item.prompt_id)
    messages.success(request, gettext("The item is stored with its known answer."))
    return redirect("known", slug)


@require_POST
@signed_in
def change(request: SignedInRequest, slug: str, known_id: int) -> HttpResponse:
    """Give an item to people from now on, or no more."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    found = known_answer(membership.project, known_id)
    set_active(known=found, is_active=request.POST.get("is_active") == "yes", changed_by=request.user)
    return redirect("known", slug)


@require_POST
@signed_in
def admit(request: SignedInRequest, slug: str, user_id: int) -> HttpResponse:
    """Let somebody in without a qualification."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    member = let_in(project=membership.project, user_id=user_id, changed_by=request.user)
    messages.success(request, gettext("%(name)s can judge from now on.") % {"name": member.user})
    return redirect("known", slug)


def show(
    request: SignedInRequest,
    membership: Membership,
    *,
    form: ReadinessForm | None = None,
    written: KnownForm | None = None,
    file_form: KnownFileForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page, with the forms as they were sent when something in them was wrong."""
    project = membership.project
    people: QuerySet[Membership] = annotators(project)
    people_page = Paginator(people, PAGE_SIZE).get_page(request.GET.get("people"))
    context = {
        "project": project,
        "role": membership.role,
        "form": form or ReadinessForm(instance=project),
        "written": written or KnownForm(),
        "file_form": file_form or KnownFileForm(),
        "page": Paginator(known_answers(project), PAGE_SIZE).get_page(request.GET.get("page")),
        "num_usable": num_usable(project),
        "people_page": people_page,
        "people": readiness(list(people_page)),
    }
    return render(request, "labeling/known.html", context, status=status)
