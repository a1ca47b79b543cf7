"""Conversations come back: as they were exported, in every format, once, and into snapshots."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from factories import api_client, judge, make_cast, make_item
from talking import converse, decide, offer, speak

from labeling.errors import Invalid
from labeling.exports import snapshot_jobs
from labeling.exports.snapshot_jobs import ask_for_snapshot
from labeling.exports.snapshots import take_snapshot
from labeling.exports.streams import FileFormat, make_export
from labeling.imports.conversations import parse
from labeling.imports.files import RowsRejected, import_file
from labeling.imports.formats import Format
from labeling.imports.reading import FileKind
from labeling.models import ImportedConversation, Label, Prompt, SnapshotConversation, SnapshotJob
from labeling.selectors.selection import Selection
from labeling.selectors.stored import prompt_key
from labeling.services.conversations import finish
from labeling.services.projects import create_project, update_project
from labeling.services.texts import messages_digest

pytestmark = pytest.mark.django_db

TALK = [
    {"role": "user", "content": "Hello."},
    {"role": "assistant", "content": "Hi!"},
    {"role": "user", "content": "Name a colour."},
    {"role": "assistant", "content": "=Red"},
]


@pytest.fixture
def cast():
    return make_cast(num_items=0)


@pytest.fixture
def talked(cast):
    """A finished conversation of two turns, one that was not finished, and one with a topic."""
    assignment = converse(cast.project, cast.bob, prompt="=Name a colour.", texts=("Red.", "=Blue", "Green."))
    decide(assignment, shown=assignment.order)
    turn = offer(speak(assignment, "More?"), "Yes.", "No.")
    decide(assignment, number=2, shown=turn.order, text="Rather not,\nthank you.")
    finish(assignment_id=assignment.pk, annotator=cast.bob)
    begun = converse(cast.project, cast.dora, prompt="Name a shape.", texts=("Round.", "Square."))
    decide(begun, shown=begun.order)
    update_project(project=cast.project, conversation_opening="topic")
    about = converse(cast.project, cast.bob, prompt="Talk about tea.")
    decide(about, shown=offer(speak(about, "Which tea?"), "Green.", "Black.").order)
    return cast


def content(project, file_format="jsonl", view="conversations", **options):
    return b"".join(make_export(project=project, view=view, file_format=file_format, **options).stream())


def take_in(written, project, *, kind="jsonl", file_format=Format.CONVERSATIONS, **options):
    return import_file(
        io.BytesIO(written), project=project, file_format=file_format, kind=FileKind(str(kind)), **options
    )


def lines(*rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def rows_of(project, **options):
    return [json.loads(line) for line in content(project, **options).splitlines()]


def judge_one(cast):
    make_item(cast.project, prompt="One?", texts=("A", "B"))
    return judge(cast.project, cast.bob).pk


@pytest.mark.parametrize("file_format", FileFormat)
def test_equal_bytes_come_back_in_every_format(talked, file_format):
    other = create_project(slug="copy", creator=talked.alice, name="Copy")
    first = content(talked.project, file_format)

    summary = take_in(first, other, kind=file_format)

    assert content(other, file_format) == first
    assert (summary.rows, summary.num_rejected, summary.stored.prompts) == (3, 0, 3)
    assert len(rows_of(other)) == 3


def test_their_judgements_come_in_a_file_of_their_own_and_are_named_as_before(talked):
    other = create_project(slug="copy", creator=talked.alice, name="Copy")
    for view, file_format in (("conversations", Format.CONVERSATIONS), ("rankings", Format.RANKED)):
        take_in(content(talked.project, view=view), other, file_format=file_format)

    assert content(other) == content(talked.project)
    assert content(other, view="rankings") == content(talked.project, view="rankings")
    named = [each for row in rows_of(other) for each in row["ranking_ids"]]
    assert named == [row["ranking_id"] for row in rows_of(other, view="rankings")]
    assert not Label.objects.filter(project=other, turn__isnull=False).exists()


def test_a_repeated_file_stores_nothing_twice_and_a_new_row_is_added(cast):
    take_in(lines({"messages": TALK}), cast.project)

    again = take_in(lines({"messages": TALK}, {"messages": TALK[:2]}, {"messages": TALK}), cast.project)

    assert (again.rows, again.stored.repeated, again.stored.prompts) == (3, 2, 0)
    assert [row["messages"] for row in rows_of(cast.project)] == [TALK, TALK[:2]]


def test_of_foreign_messages_the_first_turn_is_the_prompt(cast):
    take_in(lines({"messages": TALK, "tags": ["tea"], "created": "2026-01-31T12:00:00Z"}), cast.project)

    [row] = rows_of(cast.project)

    assert Prompt.objects.get(project=cast.project).messages == TALK[:1]
    assert row["prompt_id"] == prompt_key(messages_digest(TALK[:1]))
    assert (row["turns"], row["ranking_ids"], row["annotator"], row["topic"]) == (2, [], "", "")
    assert (row["is_finished"], row["created"]) == (None, "2026-01-31T12:00:00+00:00")


def test_the_prompt_is_what_its_id_says():
    key = prompt_key(messages_digest(TALK[:3]))
    about = prompt_key(messages_digest([{"role": "user", "content": "Tea"}]))

    assert parse({"messages": TALK, "prompt_id": key}).messages == TALK[:3]
    assert parse({"messages": TALK, "prompt_id": about, "topic": "Tea"}).messages == [
        {"role": "user", "content": "Tea"}
    ]
    unknown = parse({"messages": TALK, "prompt_id": "0" * 16})
    assert (unknown.messages, unknown.talk.prompt_key) == (TALK[:1], "0" * 16)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": TALK[:1]}, "two turns or more"),
        ({"messages": TALK[:3]}, "ends with the assistant's turn"),
        ({"messages": [TALK[1], TALK[1]]}, "last turn is the assistant's"),
        ({"messages": TALK, "turns": 0}, "turns is '0', which no export says"),
        ({"messages": TALK, "turns": True}, "turns is 'True'"),
        ({"messages": TALK, "ranking_ids": ["x"]}, "ranking_ids is 'x'"),
        ({"messages": TALK, "ranking_ids": "0" * 16}, "ranking_ids is"),
        ({"messages": TALK, "is_finished": "perhaps"}, "is_finished is 'perhaps'"),
        ({"messages": TALK, "held_out": 1}, "held_out is '1'"),
        ({"messages": TALK, "annotator": 3}, "annotator is '3'"),
        ({"messages": TALK, "topic": "a\x00b"}, "NUL"),
        ({"messages": [*TALK[:3], {"role": "assistant", "content": 3}]}, "turn 4 is int, not a text"),
        ({"messages": [TALK[0], TALK[1]] * 1001}, "at most 2,000"),
        ({"prompt": "Hello."}, "two turns or more"),
    ],
)
def test_what_is_no_conversation_is_refused_with_its_reason(row, reason):
    with pytest.raises(Invalid, match=reason):
        parse(row)


def test_a_bad_row_is_told_by_its_line_and_nothing_is_kept(cast):
    with pytest.raises(RowsRejected, match="line 2: "):
        take_in(lines({"messages": TALK}, {"messages": TALK[:3]}), cast.project)

    assert not ImportedConversation.objects.exists()


def test_held_out_conversations_stay_held_out_and_filters_find_them(cast):
    update_project(project=cast.project, held_out_percent=0)
    take_in(
        lines({"messages": TALK, "held_out": True, "created": "2026-01-31T12:00:00Z"}, {"messages": TALK[2:]}),
        cast.project,
    )

    def found(**chosen):
        return len(rows_of(cast.project, selection=Selection(**chosen)))

    assert (found(held_out=True), found(held_out=False), found()) == (1, 1, 2)
    assert (found(kinds=("conversation",)), found(kinds=("ranking",))) == (2, 0)
    assert (found(sources=("import",)), found(sources=("person",)), found(extra=True)) == (2, 0, 0)
    assert (found(policies=(1,)), found(superseded="only"), found(tags=("a",))) == (0, 0, 0)


def test_an_export_up_to_a_label_lacks_what_came_later(cast):
    newest = judge_one(cast)
    take_in(lines({"messages": TALK}), cast.project)

    assert rows_of(cast.project, up_to=newest - 1) == []
    assert len(rows_of(cast.project)) == 1


def test_a_snapshot_keeps_those_that_were_there(cast):
    judge_one(cast)
    take_in(lines({"messages": TALK}), cast.project)
    snapshot = take_snapshot(project=cast.project, name="v1")
    before = content(cast.project, snapshot=snapshot)
    take_in(lines({"messages": TALK[2:]}), cast.project)

    assert content(cast.project, snapshot=snapshot) == before
    assert len(before.splitlines()) == 1
    assert snapshot.manifest["views"]["conversations"]["counts"]["rows"] == 1
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        SnapshotConversation.objects.filter(snapshot=snapshot).delete()


def test_those_of_another_project_are_not_seen(cast):
    take_in(lines({"messages": TALK}), cast.other_project)

    assert rows_of(cast.project) == []


def test_a_project_with_nothing_else_is_exported_and_kept_in_snapshots(cast):
    take_in(lines({"messages": TALK}, {"messages": TALK[2:]}), cast.project)

    snapshot = take_snapshot(project=cast.project, name="v1")

    assert len(rows_of(cast.project)) == 2
    assert content(cast.project, snapshot=snapshot) == content(cast.project)
    assert (snapshot.manifest["labels"], snapshot.manifest["imported_conversations"]) == (0, 2)
    assert "0 judgements, and 2 conversations that were held elsewhere" in snapshot.card
    with pytest.raises(Invalid, match="leave no label and no conversation"):
        take_snapshot(project=cast.project, name="v2", selection=Selection(kinds=("ranking",)))


def test_they_are_counted_by_themselves(cast):
    first = take_in(lines({"messages": TALK}, {"messages": TALK[2:]}), cast.project)
    again = take_in(lines({"messages": TALK}, {"messages": TALK[:2]}), cast.project)

    assert (first.stored.conversations, first.stored.labels, first.stored.prompts) == (2, 0, 2)
    assert (again.stored.conversations, again.stored.repeated) == (1, 1)


def test_page_api_and_command_say_how_many_and_name_a_snapshot_of_nothing_else(cast, client, tmp_path, capsys):
    file = tmp_path / "talks.jsonl"
    file.write_bytes(lines({"messages": TALK}, {"messages": TALK[2:]}))
    client.force_login(cast.alice)
    api, project = api_client(cast.alice), "/api/v1/projects/colours/"

    sent = api.post(
        f"{project}prompts/import/?format=conversations", lines({"messages": TALK}), content_type="application/x-ndjson"
    )
    call_command("import_preferences", str(file), "--project=colours", "--format=conversations")
    call_command("snapshot", "v1", "--project=colours")
    taken = api.post(f"{project}snapshots/", {"name": "v2"}, format="json").json()
    report = client.get(f"/p/colours/imports/{sent.json()['id']}/").content.decode()
    chosen = client.get("/p/colours/data/").content.decode()
    shown = client.get("/p/colours/data/v1/").content.decode()

    assert (sent.json()["conversations"], sent.json()["labels"]) == (1, 0)
    assert '<dt>New conversations</dt><dd class="numeric">1</dd>' in report
    said = capsys.readouterr().out
    assert "2 rows: 0 new labels, 1 new prompts, 0 new items in the queue, 1 new conversations; 1 rows were" in said
    assert "v1: 0 labels, 2 conversations from elsewhere; sha256" in said
    assert (taken["labels"], taken["imported_conversations"], taken["manifest"]["labels"]) == (0, 2, 0)
    assert "Conversations held elsewhere: <strong>2</strong>." in chosen
    assert "and 2 conversations</td>" in chosen
    assert '<option value="conversations" selected>' in shown
    assert "view=conversations" in shown


def test_many_of_them_are_left_to_the_importer(cast, monkeypatch):
    monkeypatch.setattr(snapshot_jobs, "AT_ONCE_LABELS", 1)
    take_in(lines({"messages": TALK}, {"messages": TALK[2:]}), cast.project)

    asked = ask_for_snapshot(project=cast.project, name="v1", selection=Selection(), author=cast.rita)

    assert isinstance(asked, SnapshotJob)
