"""Files that admins bring: uploads, how far they are, and what came of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO, cast

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from labeling.errors import Invalid
from labeling.forms.prompts import UploadForm
from labeling.http import SignedInRequest, signed_in
from labeling.imports import recorded
from labeling.imports.files import RowsRejected
from labeling.imports.formats import Format
from labeling.imports.reading import kind_of
from labeling.models import Import, ImportState
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.imports import find_import, rejected_rows
from labeling.selectors.imports import imports as imports_of
from labeling.templatetags.prefloop import grouped
from labeling.views.prompts import show_list

PAGE_SIZE = 50
SHOWN_ROWS = 100


@require_POST
@signed_in
def upload(request: SignedInRequest, slug: str) -> HttpResponse:
    """Take in a small file; a large one is left to the importer, and its page tells how far it is."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = UploadForm(request.POST, request.FILES, auto_id="upload_%s")
    if not form.is_valid():
        return show_list(request, membership, upload_form=form, status=422)
    file: UploadedFile[bytes] = form.cleaned_data["file"]
    brought = recorded.Brought(
        name=file.name or "",
        file_format=Format(form.cleaned_data["format"]),
        kind=kind_of(file.name or ""),
        keep_good=form.cleaned_data["keep_good"],
        tags=form.cleaned_data["tags"],
    )
    try:
        with closing(file):
            imported = recorded.receive(
                cast(BinaryIO, file), brought, project=membership.project, by=request.user, num_bytes=file.size or 0
            )
    except Invalid as error:
        form.add_error("file", error.message)
        rejected = error.summary.rejected[:20] if isinstance(error, RowsRejected) else []
        report = getattr(error, "imported", None)
        return show_list(request, membership, upload_form=form, rejected=rejected, report=report, status=422)
    if imported.state != ImportState.FINISHED:
        return redirect("import", slug, imported.pk)
    messages.success(request, say_imported(imported))
    return redirect("import", slug, imported.pk) if imported.num_rejected else redirect("prompts", slug)


@require_safe
@signed_in
def imports(request: SignedInRequest, slug: str) -> HttpResponse:
    """What was imported into the project, the newest first."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    page = Paginator(imports_of(membership.project), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"project": membership.project, "role": membership.role, "page": page}
    return render(request, "labeling/imports.html", context)


@require_safe
@signed_in
def one(request: SignedInRequest, slug: str, import_id: int) -> HttpResponse:
    """How far an import is, or what came of it; the same as a fragment while it runs."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    imported = find_import(membership.project, import_id)
    context = {
        "project": membership.project,
        "role": membership.role,
        "imported": imported,
        "is_open": imported.state in Import.OPEN,
        "percent": percent_read(imported),
        "rejected": rejected_rows(imported)[:SHOWN_ROWS] if imported.num_rejected else [],
        "more_rejected": max(imported.num_rejected - SHOWN_ROWS, 0),
    }
    response = render(request, "labeling/_import.html" if request.htmx else "labeling/import.html", context)
    if request.htmx and not context["is_open"]:
        response["HX-Refresh"] = "true"  # the page around it has its messages and buttons
    return response


@require_POST
@signed_in
def cancel(request: SignedInRequest, slug: str, import_id: int) -> HttpResponse:
    """Ask that an import ends; nothing of it is stored."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    recorded.cancel(find_import(membership.project, import_id))
    messages.success(request, gettext("The import is being cancelled. Nothing of it is kept."))
    return redirect("import", slug, import_id)


@require_safe
@signed_in
def rejected(request: SignedInRequest, slug: str, import_id: int) -> HttpResponse:
    """Every row that was not taken in, as a CSV file."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    imported = find_import(membership.project, import_id)
    response = HttpResponse(_as_csv(imported), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="rejected-{imported.pk}.csv"'
    return response


class _Echo:
    """What the csv module writes to: it hands the line back."""

    def write(self, line: str) -> str:
        return line


def _as_csv(imported: Import) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(["line", "reason"])
    for row in rejected_rows(imported).iterator(chunk_size=2000):
        reason = row.reason
        yield writer.writerow([row.line, f"'{reason}" if reason.startswith(("=", "+", "-", "@")) else reason])


def percent_read(imported: Import) -> int:
    """How much of the file was read."""
    return min(imported.bytes_read * 100 // imported.num_bytes, 100) if imported.num_bytes else 0


def say_imported(imported: Import) -> str:
    """What came of a file."""
    said = {
        "rows": ngettext("%(count)s row read", "%(count)s rows read", imported.rows),
        "prompts": ngettext("%(count)s new prompt", "%(count)s new prompts", imported.prompts),
        "items": ngettext("%(count)s item for the queue", "%(count)s items for the queue", imported.items),
        "labels": ngettext("%(count)s label", "%(count)s labels", imported.labels),
        "repeated": ngettext("%(count)s was here already", "%(count)s were here already", imported.repeated),
    }
    counted = {name: words % {"count": grouped(getattr(imported, name))} for name, words in said.items()}
    return gettext("%(rows)s: %(prompts)s, %(items)s, %(labels)s; %(repeated)s.") % counted
