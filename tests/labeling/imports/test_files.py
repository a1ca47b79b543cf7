"""Whole files into a project."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import make_cast

from labeling.errors import Conflict, Invalid
from labeling.imports.files import Rejected, RowsRejected, Watch, import_file
from labeling.imports.formats import Format
from labeling.imports.reading import FileKind
from labeling.models import Comparison, Completion, Item, Label, Prompt, Rank, Rating, Slot, Source, Tag
from labeling.selectors.judgements import demonstrations, judgements
from labeling.services.prompts import add_prompts

pytestmark = pytest.mark.django_db

HH_SAMPLE = Path(__file__).parents[4] / "shared" / "data" / "hh-rlhf-harmless-sample.jsonl.gz"


def lines(*rows: object) -> io.BytesIO:
    return io.BytesIO("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode())


@pytest.fixture
def cast():
    return make_cast(num_items=0)


def test_prompts_of_every_form_are_stored_once(cast):
    file = lines(
        {"prompt": "Name a colour."},
        {"prompt": [{"role": "user", "content": "Name a colour."}]},
        {"messages": [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": "Red."}]},
        {"prompt": "Name a fruit.", "topic": "food"},
    )

    summary = import_file(file, project=cast.project, file_format=Format.PROMPTS, source="colours.jsonl")

    stored = Prompt.objects.filter(project=cast.project).order_by("id")
    assert [prompt.messages[0]["content"] for prompt in stored] == ["Name a colour.", "Name a fruit."]
    assert {prompt.source for prompt in stored} == {"colours.jsonl"}
    assert (summary.rows, summary.stored.prompts, summary.stored.repeated) == (4, 2, 2)
    assert (summary.turns_left_out, summary.ignored_columns) == (1, {"topic"})


def test_prompts_with_completions_become_items_in_the_queue(cast):
    file = lines(
        {"prompt": "Name a colour.", "completions": ["Red.", {"text": "Blue.", "policy": None}]},
        {"prompt": "Name a fruit."},
    )

    summary = import_file(file, project=cast.project, file_format=Format.PROMPTS)

    item = Item.objects.get()
    assert list(item.entries.values_list("completion__text", flat=True)) == ["Red.", "Blue."]
    assert Slot.objects.filter(item=item).count() == 1
    assert set(Completion.objects.values_list("origin", flat=True)) == {"import"}
    assert (summary.stored.prompts, summary.stored.items, summary.stored.labels) == (2, 1, 0)


def test_repeated_import_stores_nothing_twice(cast):
    rows = [
        {"prompt": "Name a colour.", "completions": ["Red.", "Blue."]},
        {"prompt": "Name a fruit."},
        {"prompt": "Name a colour.", "completions": ["Blue.", "Red."]},
    ]

    first = import_file(lines(*rows), project=cast.project, file_format=Format.PROMPTS)
    second = import_file(lines(*rows), project=cast.project, file_format=Format.PROMPTS)

    assert (first.stored.items, first.stored.repeated) == (1, 1)
    assert (second.stored.prompts, second.stored.items, second.stored.repeated) == (0, 0, 3)
    assert (Prompt.objects.count(), Completion.objects.count(), Item.objects.count()) == (2, 2, 1)


def test_same_file_in_another_project_is_stored_there_too(cast):
    row = {"prompt": "Sky?", "chosen": "Blue.", "rejected": "Green."}

    import_file(lines(row), project=cast.project, file_format=Format.TRL)
    import_file(lines(row), project=cast.other_project, file_format=Format.TRL)

    assert sorted(Label.objects.values_list("project", flat=True)) == sorted([cast.project.pk, cast.other_project.pk])


def test_pair_becomes_a_label_on_an_item_that_is_never_served(cast):
    file = lines({"prompt": "Sky?", "chosen": "Blue.", "rejected": "Green."})

    import_file(file, project=cast.project, file_format=Format.TRL)

    label = Label.objects.get()
    comparison = Comparison.objects.get()
    assert (label.source, label.annotator, label.assignment, label.is_extra) == (Source.IMPORT, None, None, False)
    assert (label.item.overlap, label.item.num_judgements) == (1, 1)
    assert not Slot.objects.exists()
    assert (comparison.chosen.text, comparison.rejected.text) == ("Blue.", "Green.")
    assert (comparison.outcome, comparison.weight) == ("win", 1.0)


def test_equal_rows_of_one_file_are_two_labels_and_stay_two(cast):
    row = {"prompt": "Sky?", "chosen": "Blue.", "rejected": "Green."}
    opposite = {"prompt": "Sky?", "chosen": "Green.", "rejected": "Blue."}

    first = import_file(lines(row, row, opposite), project=cast.project, file_format=Format.TRL)
    second = import_file(lines(opposite, row, row), project=cast.project, file_format=Format.TRL)

    assert (first.stored.labels, first.stored.repeated) == (3, 0)
    assert (second.stored.labels, second.stored.repeated) == (0, 3)
    assert (Label.objects.count(), Completion.objects.count()) == (3, 2)


def test_ranking_with_ties_ratings_flags_and_notes_is_stored_as_it_stands(cast):
    file = lines(
        {
            "prompt": [{"role": "user", "content": "Sky?"}],
            "completions": [{"text": "Green."}, {"text": "Blue."}, {"text": "Azure."}],
            "ranks": [2, 1, 1],
            "ratings": [2, 7, None],
            "flags": [["hallucination"], [], None],
            "notes": "seen from above",
        }
    )

    import_file(file, project=cast.project, file_format=Format.RANKED)

    ranks = dict(Rank.objects.values_list("completion__text", "rank"))
    ratings = {row[0]: row[1:] for row in Rating.objects.values_list("completion__text", "value", "flags")}
    assert ranks == {"Green.": 2, "Blue.": 1, "Azure.": 1}
    assert ratings == {"Green.": (2, ["hallucination"]), "Blue.": (7, [])}
    assert sorted(Comparison.objects.values_list("outcome", flat=True)) == ["tie", "win", "win"]
    assert Label.objects.get().notes == "seen from above"


def test_ratings_alone_give_no_comparisons(cast):
    file = lines({"prompt": "Sky?", "completions": ["Blue.", "Green."], "ratings": [7, 1]})

    import_file(file, project=cast.project, file_format=Format.RANKED)

    assert Rating.objects.count() == 2
    assert not Rank.objects.exists()
    assert not Comparison.objects.exists()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "a", "completions": ["b", "c"], "ranks": [1, 3]}, "3 is not a whole number from 1 to 2"),
        ({"prompt": "a", "completions": ["b", "c", "d"], "ranks": [1, 3, 3]}, "nothing has rank 2"),
        ({"prompt": "a", "completions": ["b", "c"], "ranks": [True, 2]}, "rank True is not"),
        ({"prompt": "a", "completions": ["b", "c"], "ranks": [1]}, "1 value for 2 completions"),
        ({"prompt": "a", "completions": ["b", "c"], "ranks": {"b": 1}}, "ranks is dict, not a list"),
        ({"prompt": "a", "completions": ["b", "c"], "ratings": [8, 1]}, "rating 8 is not"),
        ({"prompt": "a", "completions": ["b", "c"], "ratings": [1.5, 1]}, "rating 1.5 is not"),
        ({"prompt": "a", "completions": ["b", "c"], "ratings": [None, None]}, "neither"),
        ({"prompt": "a", "completions": ["b", "c"]}, 'neither "ranks" nor "ratings"'),
        ({"prompt": "a", "completions": ["b", "b"], "ranks": [1, 2]}, "completions 1 and 2 are the same text"),
        ({"prompt": "a", "completions": ["b"], "ranks": [1]}, "1 completion: 2 to 9"),
        ({"prompt": "a", "completions": "bc", "ranks": [1, 2]}, '"completions" is str'),
        ({"prompt": "a", "completions": ["b", 3], "ranks": [1, 2]}, "completion 2 is int, not a text"),
        ({"prompt": "a", "completions": ["b", "c\x00"], "ranks": [1, 2]}, "NUL character at 1"),
        ({"prompt": "a", "completions": ["b", "c"], "ranks": [1, 2], "flags": [["rude"], []]}, "no flag 'rude'"),
        ({"prompt": "a", "completions": ["b", "c"], "ranks": [1, 2], "flags": [[[]], []]}, "no text"),
        ({"prompt": "a", "completions": ["b", "c"], "ranks": [1, 2], "notes": 3}, "the notes is int"),
        ({"completions": ["b", "c"], "ranks": [1, 2]}, "a prompt is a text or a list"),
        ({"prompt": "  ", "completions": ["b", "c"], "ranks": [1, 2]}, "turn 1 is empty"),
        ({"prompt": "a" * 200_001, "completions": ["b", "c"], "ranks": [1, 2]}, "200,001 characters"),
    ],
)
def test_broken_ranking_is_refused_with_line_and_reason_and_nothing_is_stored(cast, row, reason):
    good = {"prompt": "good", "completions": ["b", "c"], "ranks": [1, 2]}

    with pytest.raises(RowsRejected) as refused:
        import_file(lines(good, row, good), project=cast.project, file_format=Format.RANKED)

    [rejected] = refused.value.summary.rejected
    assert rejected.line == 2
    assert reason in rejected.reason
    assert refused.value.message.startswith("nothing was imported: line 2: ")
    assert not Prompt.objects.exists()
    assert not Label.objects.exists()


def test_keeping_the_good_rows_lists_every_bad_one(cast):
    told: list[Rejected] = []
    file = lines({"prompt": "one"}, "{broken", {"prompt": ""}, {"prompt": "two"}, {"text": "three"})

    summary = import_file(
        file, project=cast.project, file_format=Format.PROMPTS, keep_good=True, watch=Watch(rejected=told.append)
    )

    assert [row.line for row in summary.rejected] == [2, 3, 5]
    assert told == summary.rejected
    assert (summary.rows, summary.num_rejected, summary.stored.prompts) == (5, 3, 2)


def test_all_bad_rows_are_counted_although_1000_are_listed(cast):
    file = io.BytesIO(b"{}\n" * 2500)

    with pytest.raises(RowsRejected, match="and 2,499 more rows") as refused:
        import_file(file, project=cast.project, file_format=Format.PROMPTS)

    assert (refused.value.summary.num_rejected, len(refused.value.summary.rejected)) == (2500, 1000)


def test_file_that_is_cut_off_after_good_batches_stores_nothing(cast):
    packed = gzip.compress(b"".join(b'{"prompt": "Count to %d."}\n' % number for number in range(3000)))

    with pytest.raises(Invalid, match="damaged or cut off"):
        import_file(io.BytesIO(packed[:-9]), project=cast.project, file_format=Format.PROMPTS, keep_good=True)

    assert not Prompt.objects.exists()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_file_without_rows_is_refused(cast, content):
    with pytest.raises(Invalid, match="no rows"):
        import_file(io.BytesIO(content), project=cast.project, file_format=Format.PROMPTS)


def test_csv_of_prompts_is_taken_in(cast):
    file = io.BytesIO('prompt,topic\n"Say ""hi"".",x\nÇa va?,y\n'.encode())

    import_file(file, project=cast.project, file_format=Format.PROMPTS, kind=FileKind.CSV)

    assert sorted(prompt.last_turn for prompt in Prompt.objects.all()) == ['Say "hi".', "Ça va?"]


def test_prompt_that_was_there_before_keeps_its_source(cast):
    add_prompts(project=cast.project, prompts=["Name a colour."], source="by hand")

    summary = import_file(
        lines({"prompt": "Name a colour."}), project=cast.project, file_format=Format.PROMPTS, source="file"
    )

    assert Prompt.objects.get().source == "by hand"
    assert summary.stored.repeated == 1


def test_queries_do_not_grow_with_the_rows_of_a_batch(cast, django_assert_max_num_queries):
    rows = [{"prompt": f"Prompt {number}", "chosen": "a", "rejected": "b"} for number in range(300)]

    with django_assert_max_num_queries(30):
        import_file(lines(*rows), project=cast.project, file_format=Format.TRL)


@pytest.mark.shared
@pytest.mark.skipif(not HH_SAMPLE.exists(), reason="the folder ../shared is not there")
def test_hh_sample_gives_1181_labels_with_their_conversations_and_none_the_second_time(cast):
    with HH_SAMPLE.open("rb") as file:
        first = import_file(file, project=cast.project, file_format=Format.HH)
    with HH_SAMPLE.open("rb") as file:
        second = import_file(file, project=cast.project, file_format=Format.HH)

    assert (first.rows, first.stored.labels, first.num_rejected) == (1181, 1181, 0)
    assert (second.stored.labels, second.stored.repeated) == (0, 1181)
    with gzip.open(HH_SAMPLE, "rt", encoding="utf-8") as file:
        originals = [json.loads(line) for line in file]
    for original, row in zip(originals, judgements(cast.project), strict=True):
        transcript = "".join(
            f"\n\n{'Human' if turn['role'] == 'user' else 'Assistant'}: {turn['content']}" for turn in row.messages
        )
        for name, text in zip(("chosen", "rejected"), row.texts, strict=True):
            rebuilt = f"{transcript}\n\nAssistant: {text}"
            assert "".join(rebuilt.split()) == "".join(original[name].split())
        assert row.ranks == [1, 2]


@pytest.mark.parametrize(
    ("file_format", "row"),
    [
        (Format.PROMPTS, {"prompt": "Name a colour."}),
        (Format.PROMPTS, {"prompt": "Name a colour.", "completions": ["Red.", "Blue."]}),
        (Format.TRL, {"prompt": "Name a colour.", "chosen": "Red.", "rejected": "Blue."}),
        (Format.RANKED, {"prompt": "Name a colour.", "completions": ["Red.", "Blue."], "ranks": [1, 2]}),
        (
            Format.HH,
            {"chosen": "\n\nHuman: A colour?\n\nAssistant: Red.", "rejected": "\n\nHuman: A colour?\n\nAssistant: No."},
        ),
    ],
)
def test_every_format_takes_topics(cast, file_format, row):
    summary = import_file(lines({**row, "topics": ["hate", "violent"]}), project=cast.project, file_format=file_format)

    assert Prompt.objects.get().topics == ["violent", "hate"]
    assert summary.ignored_columns == set()
    assert {tuple(topics) for topics in Slot.objects.values_list("topics", flat=True)} <= {("violent", "hate")}


def test_a_cell_of_a_csv_names_topics_with_commas_between(cast):
    file = io.BytesIO(b'prompt,topics\nName a colour.,"sexual, hate"\nName a fruit.,\n')

    import_file(file, project=cast.project, file_format=Format.PROMPTS, kind=FileKind.CSV)

    assert list(Prompt.objects.order_by("id").values_list("topics", flat=True)) == [["sexual", "hate"], []]


def test_an_unknown_topic_is_a_bad_row(cast):
    with pytest.raises(RowsRejected, match="line 1: there is no topic 'gore': use sexual, violent"):
        import_file(
            lines({"prompt": "Name a colour.", "topics": ["gore"]}), project=cast.project, file_format=Format.PROMPTS
        )

    assert Prompt.objects.count() == 0


def test_flags_of_imported_judgements_give_their_topics(cast):
    row = {"prompt": "A colour.", "completions": ["Red.", "Blue."], "ranks": [1, 2], "flags": [[], ["sexual"]]}

    import_file(lines(row), project=cast.project, file_format=Format.RANKED)

    assert Prompt.objects.get().topics == ["sexual"]


def test_demonstrations_become_labels_with_what_was_written_and_their_category_is_a_tag(cast):
    row = {
        "prompt": "Name a colour.",
        "messages": [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": "Red."}],
        "category": "Brainstorm",
    }

    first = import_file(lines(row), project=cast.project, file_format=Format.DEMONSTRATIONS)
    again = import_file(lines(row), project=cast.project, file_format=Format.DEMONSTRATIONS)

    label = Label.objects.get()
    assert (first.stored.labels, again.stored.labels, again.stored.repeated) == (1, 0, 1)
    assert label.demonstration is not None
    assert (label.kind, label.item.kind, label.demonstration.text) == ("demonstration", "demonstration", "Red.")
    assert label.demonstration.origin == "import"
    assert not label.item.entries.exists()
    assert not Slot.objects.exists()
    assert list(Tag.objects.values_list("name", flat=True)) == ["Brainstorm"]
    assert [row.text for row in demonstrations(cast.project)] == ["Red."]
    assert first.ignored_columns == set()


def test_tags_of_the_import_and_of_the_rows_are_given_to_new_and_known_prompts_alike(cast):
    add_prompts(project=cast.project, prompts=["Name a colour."])

    import_file(
        lines({"prompt": "Name a colour.", "tags": ["hard"]}, {"prompt": "Name a fruit."}),
        project=cast.project,
        file_format=Format.PROMPTS,
        tags="May, set 1",
    )

    tags = {prompt.last_turn: sorted(tag.name for tag in prompt.tags.all()) for prompt in Prompt.objects.all()}
    assert tags == {"Name a colour.": ["May", "hard", "set 1"], "Name a fruit.": ["May", "set 1"]}


def test_priority_of_a_row_is_that_of_its_item(cast):
    row = {"prompt": "Name a colour.", "completions": ["Red.", "Blue."], "priority": 7}

    import_file(lines(row), project=cast.project, file_format=Format.PROMPTS)

    assert Item.objects.get().priority == Slot.objects.get().priority == 7


def test_the_day_of_a_judgement_is_kept(cast):
    row = {"prompt": "a", "completions": ["b", "c"], "ranks": [1, 2], "created": "2026-01-31T12:00:00Z"}

    import_file(lines(row), project=cast.project, file_format=Format.RANKED)

    assert Label.objects.get().created == dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


def test_csv_holds_messages_and_lists_as_json(cast):
    content = (
        "prompt,completions,ranks,notes\n"
        '"[{""role"": ""user"", ""content"": ""A colour?""}]","[""Red."", ""Blue.""]","[1, 2]",\n'
    )

    import_file(io.BytesIO(content.encode()), project=cast.project, file_format=Format.RANKED, kind=FileKind.CSV)

    assert Comparison.objects.get().chosen.text == "Red."
    assert Prompt.objects.get().last_turn == "A colour?"


def test_topics_of_flags_of_several_labels_of_one_prompt_are_all_kept(cast):
    rows = [
        {"prompt": "A colour.", "completions": ["Red.", "Blue."], "ranks": [1, 2], "flags": [[], [flag]]}
        for flag in ("sexual", "denigrates")
    ]

    import_file(lines(*rows), project=cast.project, file_format=Format.RANKED)

    assert set(Prompt.objects.get().topics) == {"sexual", "hate"}


def test_nothing_new_is_asked_about_an_archived_prompt(cast):
    add_prompts(project=cast.project, prompts=["A colour."])
    Prompt.objects.update(is_archived=True)

    summary = import_file(
        lines({"prompt": "A colour.", "completions": ["Red.", "Blue."]}),
        project=cast.project,
        file_format=Format.PROMPTS,
    )

    assert not Item.objects.exists()
    assert (summary.stored.items, summary.stored.repeated) == (0, 1)


def test_file_that_is_changed_while_it_is_read_is_refused_and_nothing_is_stored(cast, tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(f'{{"prompt": "Count to {number}."}}\n' for number in range(5000)))

    def meddle(_):
        with path.open("a") as file:
            file.write('{"prompt": "One more."}\n')

    with path.open("rb") as file, pytest.raises(Invalid, match="the file changed while it was read"):
        import_file(file, project=cast.project, file_format=Format.PROMPTS, watch=Watch(progress=meddle))

    assert not Prompt.objects.exists()


def test_file_that_is_cut_off_in_its_last_line_is_refused_by_that_line(cast):
    content = b'{"prompt": "Count to 1."}\n{"prompt": "Count to 2."}\n{"prompt": "Cou'

    with pytest.raises(RowsRejected, match="line 3: broken JSON at character 12"):
        import_file(io.BytesIO(content), project=cast.project, file_format=Format.PROMPTS)

    assert not Prompt.objects.exists()


def test_who_watches_can_end_an_import_and_nothing_is_stored(cast):
    rows = [{"prompt": f"Count to {number}."} for number in range(5000)]

    def stop(summary):
        if summary.rows >= 2000:
            raise Conflict("enough")

    with pytest.raises(Conflict, match="enough"):
        import_file(lines(*rows), project=cast.project, file_format=Format.PROMPTS, watch=Watch(progress=stop))

    assert not Prompt.objects.exists()


def test_a_file_of_nothing_but_bad_rows_is_given_up(cast, monkeypatch):
    monkeypatch.setattr("labeling.imports.files.MAX_REJECTED", 100)

    with pytest.raises(Invalid, match=r"line 100: this is bad row number 100, .* the first was line 1: give either"):
        import_file(io.BytesIO(b"{}\n" * 500), project=cast.project, file_format=Format.PROMPTS, keep_good=True)


@pytest.mark.parametrize(
    ("file_format", "row", "reason"),
    [
        (Format.TRL, {"prompt": "a", "chosen": "b", "rejected": "b"}, '"chosen" and "rejected" are the same text'),
        (
            Format.HH,
            {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: b"},
            '"chosen" and "rejected" are the same text',
        ),
        (Format.PROMPTS, {"messages": [{"role": "assistant", "content": "Hi."}]}, "a prompt is a text or a list"),
        (
            Format.PROMPTS,
            {"prompt": [{"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Hi."}]},
            "the assistant's turn comes first",
        ),
        (Format.PROMPTS, '{"prompt": ' + "[" * 1000 + "]" * 1000 + "}", "nested too deep|turn 1 is not"),
        (Format.PROMPTS, '{"prompt": "a", "prompt": "b"}', "the key 'prompt' is there twice"),
        (Format.RANKED, '{"prompt": "a", "completions": ["b", "c"], "ranks": [NaN, 1]}', "NaN is not a number"),
        (
            Format.RANKED,
            {"prompt": "a", "completions": ["b", "c"], "ranks": [1, 2], "created": "2999-01-01T00:00:00Z"},
            "in the future",
        ),
    ],
)
def test_bad_input_is_refused_by_line_and_name_and_nothing_is_stored(cast, file_format, row, reason):
    good = {
        Format.PROMPTS: {"prompt": "good"},
        Format.RANKED: {"prompt": "good", "completions": ["b", "c"], "ranks": [1, 2]},
        Format.TRL: {"prompt": "good", "chosen": "b", "rejected": "c"},
        Format.HH: {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"},
    }[file_format]

    with pytest.raises(RowsRejected, match=f"line 2: .*({reason})"):
        import_file(lines(good, row, good), project=cast.project, file_format=file_format)

    assert not Prompt.objects.exists()
    assert not Label.objects.exists()


def test_csv_with_10_000_columns_tells_which_it_has_no_use_for_and_no_more_than_50(cast):
    header = ",".join(["prompt", *(f"c{number}" for number in range(10_000))])

    summary = import_file(
        io.BytesIO(f"{header}\n{header}\n".encode()),
        project=cast.project,
        file_format=Format.PROMPTS,
        kind=FileKind.CSV,
    )

    assert summary.stored.prompts == 1
    assert len(summary.ignored_columns) == 50


def test_nan_in_a_parquet_file_is_refused_by_its_row(cast):
    file = io.BytesIO()
    rows = [{"prompt": "a", "completions": ["b", "c"], "ranks": [1.0, float("nan")]}]
    pq.write_table(pa.Table.from_pylist(rows), file)

    with pytest.raises(RowsRejected, match=r"line 1: the rank 1\.0 is not a whole number"):
        import_file(file, project=cast.project, file_format=Format.RANKED, kind=FileKind.PARQUET)


@pytest.mark.parametrize("cell", ["[" * 1000 + "]" * 1000, "[{broken", "hello"])
def test_messages_of_a_csv_that_are_no_json_are_refused_and_do_not_become_a_prompt(cast, cell):
    content = f'messages\n"{cell}"\n'.encode()

    with pytest.raises(RowsRejected, match=r'line 2: "messages" is a text that is no list'):
        import_file(io.BytesIO(content), project=cast.project, file_format=Format.PROMPTS, kind=FileKind.CSV)

    assert not Prompt.objects.exists()
