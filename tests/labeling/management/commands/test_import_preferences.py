"""manage.py import_preferences and import_prompts."""

from __future__ import annotations

import gzip
import io
import json

import pytest
from django.core.management import CommandError, call_command
from factories import make_cast, make_user

from labeling.models import Import, Item, Label, Membership, Project, Prompt, User

pytestmark = pytest.mark.django_db

ROWS = [
    {
        "chosen": f"\n\nHuman: Count to {n}.\n\nAssistant: Sure.",
        "rejected": f"\n\nHuman: Count to {n}.\n\nAssistant: No.",
    }
    for n in range(3)
]


@pytest.fixture
def sample(tmp_path):
    path = tmp_path / "HH_sample v1.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in ROWS).encode()))
    return path


def run(*args) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(*map(str, args), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_project_is_named_after_the_file_and_belongs_to_the_first_superuser(sample):
    make_user("early")
    make_user("root", is_superuser=True)
    make_user("root2", is_superuser=True)

    out, _ = run("import_preferences", sample, "--format=hh")

    project = Project.objects.get()
    held_out = Prompt.objects.filter(held_out=True).count()
    assert (project.slug, Membership.objects.get().user.username) == ("hh-sample-v1", "root")
    assert out == (
        "hh-sample-v1: 3 rows: 3 new labels, 3 new prompts, 0 new items in the queue; 0 rows were there already, "
        f"{held_out} are of held-out prompts, 0 rejected\n"
    )
    assert set(Prompt.objects.values_list("source", flat=True)) == {sample.name}


def test_without_a_superuser_it_belongs_to_an_account_that_cannot_log_in(sample):
    run("import_preferences", sample, "--format=hh")

    owner = Membership.objects.get().user
    assert (owner.username, owner.has_usable_password()) == ("system", False)


def test_repeating_finds_project_and_labels_again(sample):
    run("import_preferences", sample, "--format=hh")

    out, _ = run("import_preferences", sample, "--format=hh")

    assert "0 new labels" in out
    assert "3 rows were there already" in out
    assert (Project.objects.count(), Label.objects.count(), User.objects.count()) == (1, 3, 1)


def test_named_project_is_used_and_a_misspelt_one_is_not_made(sample):
    cast = make_cast(num_items=0)

    run("import_preferences", sample, "--format=hh", "--project=colours")
    with pytest.raises(CommandError, match="no project 'colors'"):
        run("import_preferences", sample, "--format=hh", "--project=colors")

    assert Label.objects.filter(project=cast.project).count() == 3
    assert Project.objects.count() == 2


def test_bad_rows_are_listed_on_standard_error_and_nothing_is_stored_unless_asked(tmp_path):
    make_cast(num_items=0)
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a", "chosen": "b", "rejected": "c"}\n{"prompt": "a"}\nnonsense\n')
    errors = io.StringIO()

    with pytest.raises(CommandError, match=r"nothing was imported: line 2: there is no 'chosen' \(and 1 more row\)"):
        call_command("import_preferences", str(path), "--format=trl", "--project=colours", stderr=errors)
    stored_then = Label.objects.count()
    out, err = run("import_preferences", path, "--format=trl", "--project=colours", "--keep-good")

    assert stored_then == 0
    assert errors.getvalue().splitlines() == err.splitlines()
    assert [line.split(":")[0] for line in err.splitlines()] == ["line 2", "line 3"]
    assert "1 new labels" in out
    assert "2 rejected" in out


def test_prompts_are_imported_with_a_word_on_what_was_not_used(tmp_path):
    make_cast(num_items=0)
    path = tmp_path / "prompts.jsonl"
    messages = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]
    path.write_text(
        json.dumps({"messages": messages, "colour": "chat"})
        + "\n"
        + json.dumps({"prompt": "Sky?", "completions": ["Blue.", "Green."]})
    )

    out, _ = run("import_prompts", path, "--project=colours")

    assert "2 new prompts, 1 new items in the queue" in out
    assert "1 turns after the user's last one are no part of the prompts." in out
    assert "Columns without a use here: colour." in out
    assert Item.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.jsonl", "can't be opened: No such file"), (".", "can't be opened: Is a directory")]
)
def test_file_that_cannot_be_opened_is_named(tmp_path, name, reason):
    with pytest.raises(CommandError, match=reason):
        run("import_prompts", tmp_path / name)

    assert not Project.objects.exists()


def test_format_has_to_be_said(sample):
    with pytest.raises(CommandError, match="--format"):
        run("import_preferences", sample)


def test_an_import_at_the_shell_is_remembered_with_its_bad_rows_and_gives_tags(tmp_path):
    path = tmp_path / "more.jsonl"
    path.write_text('{"prompt": "One?"}\n{"prompt": ""}\n')

    _, told = run("import_prompts", path, "--keep-good", "--tags", "May,set 1")

    imported = Import.objects.get()
    assert (imported.state, imported.requested_by, imported.prompts, imported.num_rejected) == ("finished", None, 1, 1)
    assert imported.rejected_rows.get().line == 2
    assert told == "line 2: turn 1 is empty\n"
    assert sorted(Prompt.objects.get().tags.values_list("name", flat=True)) == ["May", "set 1"]
