from django.db import migrations
from django.db.models import F

BATCH = 500


def text_to_version_1(apps, schema_editor):
    """What a project had as its guidelines becomes their first version. Nobody has said yet that they read it, and
    judgements made so far were made by it."""
    Project = apps.get_model("labeling", "Project")
    Guidelines = apps.get_model("labeling", "Guidelines")
    for project in Project.objects.exclude(guidelines="").iterator(chunk_size=BATCH):
        Guidelines.objects.create(project=project, version=1, text=project.guidelines)
        Project.objects.filter(pk=project.pk).update(guidelines_version=1)
        apps.get_model("labeling", "Assignment").objects.filter(item__project=project).update(guidelines_version=1)
        labels = apps.get_model("labeling", "Label").objects.filter(project=project)
        labels.exclude(source="import").update(guidelines_version=1)


def current_version_to_text(apps, schema_editor):
    Project = apps.get_model("labeling", "Project")
    Guidelines = apps.get_model("labeling", "Guidelines")
    for current in Guidelines.objects.filter(version=F("project__guidelines_version")).iterator(chunk_size=BATCH):
        Project.objects.filter(pk=current.project_id).update(guidelines=current.text)
    Project.objects.update(guidelines_version=None)
    apps.get_model("labeling", "Assignment").objects.update(guidelines_version=None)
    apps.get_model("labeling", "Label").objects.update(guidelines_version=None)
    Guidelines.objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("labeling", "0003_guidelines")]

    operations = [migrations.RunPython(text_to_version_1, current_version_to_text)]
