from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from factories import judge, make_item

from labeling.models import Completion, Item, Prompt
from labeling.services.tags import set_tags

PATH = "/p/colours/prompts/"


def test_prompts_are_listed_with_what_they_have_the_newest_first(cast, signed_in):
    page = signed_in(cast.alice).get(PATH)

    rows = [(row.last_turn, row.num_completions, row.num_items) for row in page.context["page"]]
    assert rows == [("Name a colour, number 1.", 3, 1), ("Name a colour, number 0.", 3, 1)]


def test_the_search_finds_words_and_quotes_mean_phrases(cast, signed_in):
    make_item(cast.project, prompt='Say "100% <b>so</b>".')
    client = signed_in(cast.alice)
    first = Prompt.objects.get(messages__0__content="Name a colour, number 0.").digest[:16]

    found = {
        search: [row.last_turn for row in client.get(PATH, {"search": search}).context["page"]]
        for search in ("number 0", '"say 100"', "%", "nothing of this", first)
    }

    assert found == {
        "number 0": ["Name a colour, number 0."],
        '"say 100"': ['Say "100% <b>so</b>".'],
        "%": [],
        "nothing of this": [],
        first: ["Name a colour, number 0."],
    }


def test_filters_are_kept_in_the_address_and_in_the_form_of_changes(cast, signed_in):
    set_tags(project=cast.project, prompt_id=cast.items[0].prompt_id, tags="hard, set 1")
    client = signed_in(cast.alice)

    page = client.get(PATH, {"tag": "hard", "held_out": "nonsense", "has_items": "yes", "archived": "both"})

    html = page.content.decode()
    assert [row.last_turn for row in page.context["page"]] == ["Name a colour, number 0."]
    assert page.context["chosen"] == {"tag": "hard", "has_items": "yes", "archived": "both"}
    assert '<input type="hidden" name="tag" value="hard">' in html
    assert '<span class="badge">set 1</span>' in html


def test_a_change_is_said_before_it_is_done_and_done_to_what_the_filter_finds(cast, signed_in):
    client = signed_in(cast.alice)
    sent = {"search": '"number 0"', "action": "archive"}

    asked = client.post(f"{PATH}change/", sent)
    then = Prompt.objects.filter(is_archived=True).count()
    wrong = client.post(f"{PATH}change/", {**sent, "expected": "5"})
    done = client.post(f"{PATH}change/", {**sent, "expected": "1"}, follow=True)

    html = asked.content.decode()
    assert "1 prompt is changed." in html
    assert "1 open judgement leaves the queue." in html
    assert '<input type="hidden" name="expected" value="1">' in html
    assert (then, wrong.status_code) == (0, 409)
    assert "1 prompt changed." in done.content.decode()
    assert [prompt.last_turn for prompt in Prompt.objects.filter(is_archived=True)] == ["Name a colour, number 0."]
    assert len(client.get(PATH).context["page"]) == 1
    assert len(client.get(PATH, {"archived": "both"}).context["page"]) == 2


def test_a_change_with_a_value_that_is_none_is_refused(cast, signed_in):
    client = signed_in(cast.alice)

    assert client.post(f"{PATH}change/", {"action": "explode"}).status_code == 400
    assert client.post(f"{PATH}change/", {"action": "priority", "value": "high"}).status_code == 400


def test_the_tags_of_a_prompt_are_said_on_its_page(cast, signed_in):
    client = signed_in(cast.alice)
    path = f"{PATH}{cast.items[0].prompt_id}/"

    client.post(f"{path}tags/", {"tags": "b, a"})
    refused = client.post(f"{path}tags/", {"tags": "a,,b"})

    assert 'value="a, b"' in client.get(path).content.decode()
    assert refused.status_code == 400


def test_a_list_of_more_than_10_000_is_counted_no_further(cast, signed_in, monkeypatch):
    monkeypatch.setattr("labeling.views.prompts.MOST_COUNTED", 1)

    page = signed_in(cast.alice).get(PATH)

    assert page.context["page"].paginator.shown_count == "1+"


@pytest.mark.parametrize("count", [1, 50])
def test_the_list_costs_the_same_queries_for_any_number_of_rows(cast, signed_in, django_assert_num_queries, count):
    for number in range(count):
        make_item(cast.project, prompt=f"More, number {number}.")
    client = signed_in(cast.alice)

    with django_assert_num_queries(6):
        client.get(PATH)


def test_prompts_are_added_one_per_line_and_known_ones_once(cast, signed_in):
    lines = "One?\r\n\r\n  Two?  \r\nOne?\r\nName a colour, number 0.\r\n"

    page = signed_in(cast.alice).post(f"{PATH}add/", {"prompts": lines}, follow=True)

    assert {row.last_turn for row in Prompt.objects.filter(source="added by alice")} == {"One?", "Two?"}
    assert "2 prompts added. 2 were known." in page.content.decode()


@pytest.mark.parametrize("prompts", ["", "  \n ", "fine\nnot\x00fine", "x" * 200_001])
def test_bad_prompts_add_nothing_and_stay_in_the_form(cast, signed_in, prompts):
    answer = signed_in(cast.alice).post(f"{PATH}add/", {"prompts": prompts})

    assert answer.status_code == 422
    assert answer.context["form"].errors["prompts"]
    assert Prompt.objects.filter(project=cast.project).count() == 2


def test_a_file_is_imported_with_its_completions(cast, signed_in):
    rows = b'{"prompt": "Three?", "completions": ["a", "b"]}\n{"prompt": "Four?"}\n'

    page = signed_in(cast.alice).post(
        f"{PATH}upload/",
        {"file": SimpleUploadedFile("more.jsonl", rows), "format": "prompts", "tags": "May"},
        follow=True,
    )

    assert "2 rows read: 2 new prompts, 1 item for the queue, 0 labels" in page.content.decode()
    assert Item.objects.filter(project=cast.project).count() == 3
    assert Prompt.objects.filter(tags__name="May").count() == 2


def test_a_file_with_bad_rows_imports_nothing_and_names_them(cast, signed_in):
    rows = b'{"prompt": "Three?"}\n{"prompt": \n{"prompt": ""}\n'

    answer = signed_in(cast.alice).post(
        f"{PATH}upload/", {"file": SimpleUploadedFile("more.jsonl", rows), "format": "prompts"}
    )

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "<li>line 2:" in html
    assert "<li>line 3:" in html
    assert Prompt.objects.filter(project=cast.project).count() == 2


def test_a_prompt_shows_its_completions_who_wrote_them_and_what_was_decided(cast, signed_in):
    label = judge(cast.project, cast.bob, ratings=[7, 2, 4], ranks=[1, 2, 2])

    page = signed_in(cast.alice).get(f"{PATH}{label.item.prompt_id}/")

    html = page.content.decode()
    assert "policy 1" in html
    assert "rated 7.0 by 1 person" in html
    assert "<td>bob<" in html
    assert html.count("2. #") == 2  # the tie


def test_a_prompt_of_another_project_is_not_found(cast, signed_in):
    other = make_item(cast.other_project, prompt="Elsewhere.")

    assert signed_in(cast.alice).get(f"{PATH}{other.prompt_id}/").status_code == 404


@pytest.mark.parametrize("count", [2, 9])
def test_a_prompt_costs_the_same_queries_for_any_number_of_completions(
    cast, signed_in, django_assert_num_queries, count
):
    item = make_item(cast.project, texts=[f"Text {number}." for number in range(count)], priority=9, overlap=2)
    judge(cast.project, cast.bob)
    if count > 2:
        judge(cast.project, cast.dora)
    client = signed_in(cast.alice)

    with django_assert_num_queries(7):
        client.get(f"{PATH}{item.prompt_id}/")

    assert Completion.objects.filter(prompt=item.prompt).count() == count
