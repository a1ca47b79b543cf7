"""Reads of prompts and their completions."""

from __future__ import annotations

import hashlib
from operator import attrgetter
from typing import Any

import pytest
from django.db import connection
from factories import judge, make_cast, make_item, write

from labeling.models import Prompt
from labeling.selectors.prompts import (
    PromptFilter,
    completions_of,
    find_prompts,
    judged_completions,
    prompts,
    prompts_to_sample,
    sources,
    tag_names,
)
from labeling.services.prompts import NewCompletion, add_completions, add_prompts
from labeling.services.tags import set_tags, tag_ids, tag_prompts
from labeling.services.topics import set_topics

pytestmark = pytest.mark.django_db


def test_prompts_are_newest_first_with_their_counts():
    cast = make_cast(num_items=0)
    make_item(cast.project, prompt="One?", texts=("a", "b", "c"))
    make_item(cast.project, prompt="One?", texts=("a", "b"))
    add_prompts(project=cast.project, prompts=["Two?"])
    make_item(cast.other_project, prompt="Three?")

    listed = list(map(attrgetter("last_turn", "num_completions", "num_items"), prompts(cast.project)))

    assert listed == [("Two?", 0, 0), ("One?", 3, 2)]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("SKY", 1),
        ("caf", 1),
        ("CAFÉ", 1),
        ("ky", 0),  # words are found by how they begin
        ("the sky", 1),
        ("sky the", 1),
        ('"the sky"', 1),
        ('"sky the"', 0),
        ('"the sk', 0),  # a phrase is of whole words
        ("sky caf", 0),
        ("don't", 1),
        ("100%", 1),
        ("%", 0),
        ("_", 0),
        ("", 3),
        ("nothing", 0),
        ("user", 0),  # roles are no words of a prompt
        ("' | \\ & ! <-> ( :*", 0),
    ],
)
def test_search_looks_for_words_without_regard_to_case(search, found):
    cast = make_cast(num_items=0)
    add_prompts(project=cast.project, prompts=["The sky?", "Café?", "Don't do it 100%!"])

    assert prompts(cast.project, PromptFilter(search=search)).count() == found


def test_a_prompt_is_found_by_what_was_said_in_any_turn_but_not_beyond_100_000_characters():
    cast = make_cast(num_items=0)
    turns = [("system", "Be brief."), ("user", "Hi."), ("assistant", "Hello."), ("user", "x " * 60_000 + "far")]
    add_prompts(project=cast.project, prompts=[[{"role": role, "content": text} for role, text in turns]])

    found = {word: prompts(cast.project, PromptFilter(search=word)).count() for word in ("brief", "hello", "far")}

    assert found == {"brief": 1, "hello": 1, "far": 0}


def test_a_prompt_is_found_by_what_exports_call_it_or_its_completion():
    cast = make_cast(num_items=0)
    [sky, tea], _ = add_prompts(project=cast.project, prompts=["Sky?", "Tea?"])
    add_prompts(project=cast.other_project, prompts=["Sky?"])
    add_completions(pairs=[(sky, NewCompletion(text="Blue.")), (tea, NewCompletion(text="Black."))])
    blue = hashlib.sha256(b"Blue.").hexdigest()[:8]

    found = {
        search: list(prompts(cast.project, PromptFilter(search=search)))
        for search in (sky.digest[:16], f" {tea.digest[:16]} ", sky.digest[:8] + blue, tea.digest[:8] + blue, "0" * 16)
    }

    assert list(found.values()) == [[sky], [tea], [sky], [], []]


def test_words_that_look_like_an_id_are_found_as_words():
    cast = make_cast(num_items=0)
    [prompt], _ = add_prompts(project=cast.project, prompts=["What is 0123456789abcdef?"])

    assert list(prompts(cast.project, PromptFilter(search="0123456789abcdef"))) == [prompt]


def test_each_filter_lets_through_what_it_says():
    cast = make_cast(num_items=0)
    [plain, archived], _ = add_prompts(project=cast.project, prompts=["Plain?", "Archived?"], source="file")
    asked = make_item(cast.project, prompt="Asked?").prompt
    demonstrated = make_item(cast.project, prompt="Written?", kind="demonstration", texts=(), priority=5).prompt
    write(cast.project, cast.bob, "Yes.")
    Prompt.objects.filter(pk=archived.pk).update(is_archived=True)
    set_topics(prompt=asked, topics=["hate"])
    set_tags(project=cast.project, prompt_id=plain.pk, tags="hard")
    foreign = make_item(cast.other_project, prompt="Elsewhere?").prompt
    set_tags(project=cast.other_project, prompt_id=foreign.pk, tags="hard")

    filters: dict[str, Any] = {
        "tag": "hard",
        "source": "file",
        "topic": "hate",
        "has_items": True,
        "has_demonstrations": True,
        "archived": True,
    }

    found = {
        name: {prompt.last_turn for prompt in find_prompts(cast.project, PromptFilter(**{name: value}))}
        for name, value in filters.items()
    }

    assert found == {
        "tag": {"Plain?"},
        "source": {"Plain?"},
        "topic": {"Asked?"},
        "has_items": {"Asked?", "Written?"},
        "has_demonstrations": {"Written?"},
        "archived": {"Archived?"},
    }
    assert demonstrated in find_prompts(cast.project, PromptFilter(has_demonstrations=True, has_items=True))
    assert find_prompts(cast.project, PromptFilter(has_items=False, archived=None)).count() == 2
    held_out = find_prompts(cast.project, PromptFilter(held_out=True)).count()
    assert held_out + find_prompts(cast.project, PromptFilter(held_out=False)).count() == 3


def test_tags_and_sources_are_listed_by_name():
    cast = make_cast(num_items=0)
    for source in ("b", "a", ""):
        add_prompts(project=cast.project, prompts=[f"From {source}?", f"Also from {source}?"], source=source)
    add_prompts(project=cast.other_project, prompts=["Elsewhere?"], source="elsewhere")
    set_tags(project=cast.project, prompt_id=Prompt.objects.earliest("id").pk, tags="z,y")

    assert sources(cast.project) == ["a", "b"]
    assert tag_names(cast.project) == ["y", "z"]


FILL = """
INSERT INTO labeling_prompt (project_id, messages, digest, held_out, source, times_sampled, created)
SELECT %(project)s, jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'word' || n || ' and more')),
    encode(sha256(n::text::bytea), 'hex'), false, 'file ' || n %% 100, 0, now()
FROM generate_series(1, 20000) n
"""


def test_no_search_and_no_list_goes_through_the_whole_project():
    cast = make_cast(num_items=0)
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"project": cast.project.pk})
        cursor.execute("ANALYZE labeling_prompt")
    tag = tag_ids(project=cast.project, names=["hard"])["hard"]
    tag_prompts((tag, pk) for pk in Prompt.objects.values_list("pk", flat=True)[:50])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE labeling_prompttag")

    filters: dict[str, Any] = {
        "search": {"search": "word77"},
        "id": {"search": "0123456789abcdef"},
        "source": {"source": "file 7"},
        "tag": {"tag": "hard"},
        "all": {},
    }

    plans = {name: prompts(cast.project, PromptFilter(**chosen))[:50].explain() for name, chosen in filters.items()}

    assert [name for name, plan in plans.items() if "Seq Scan on labeling_prompt " in plan] == []
    assert "prompt_words" in plans["search"]
    assert "prompt_once_per_project" in plans["id"]
    assert "prompt_by_source" in plans["source"]


def test_prompts_to_sample_leave_out_the_held_out_and_begin_with_the_least_written_for():
    cast = make_cast(num_items=0)
    stored, _ = add_prompts(project=cast.project, prompts=[f"Prompt {number}?" for number in range(30)])
    trained = [prompt for prompt in stored if not prompt.held_out]
    Prompt.objects.filter(pk=trained[0].pk).update(times_sampled=2)
    Prompt.objects.filter(pk=trained[1].pk).update(times_sampled=1)

    Prompt.objects.filter(pk=trained[2].pk).update(is_archived=True)

    chosen = list(prompts_to_sample(cast.project.pk, limit=100))

    assert chosen == [*trained[3:], trained[1], trained[0]]
    assert len(prompts_to_sample(cast.project.pk, limit=3)) == 3


def test_completions_are_listed_by_policy_version_the_newest_first():
    cast = make_cast(num_items=0)
    [prompt], _ = add_prompts(project=cast.project, prompts=["Sky?"])
    add_completions(pairs=[(prompt, NewCompletion(text="old", policy_version=1))])
    add_completions(pairs=[(prompt, NewCompletion(text="new", policy_version=2))])

    assert [row.text for row in completions_of(prompt)] == ["new", "old"]


def test_judged_completions_have_the_mean_of_their_ratings():
    cast = make_cast(overlap=2)
    judge(cast.project, cast.bob, ratings=[7, 7, 7])
    judge(cast.project, cast.dora, ratings=[4, 4, 4])

    rows = judged_completions(Prompt.objects.get())

    assert list(map(attrgetter("mean_rating", "num_ratings"), rows)) == [(5.5, 2)] * 3
