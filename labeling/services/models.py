"""The models of elsewhere whose completions a project has."""

from __future__ import annotations

from collections.abc import Collection

from labeling.models import ImportedModel, Project


def model_ids(*, project: Project, names: Collection[str]) -> dict[str, int]:
    """The models of these checked names, remembered where the project has none yet; part of an import."""
    rows = [ImportedModel(project=project, name=name) for name in sorted(names)]
    ImportedModel.objects.bulk_create(rows, ignore_conflicts=True)
    return dict(ImportedModel.objects.filter(project=project, name__in=names).values_list("name", "pk"))
