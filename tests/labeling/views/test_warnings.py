"""Sensitive items are not on the page before somebody asked to see them."""

from __future__ import annotations

from factories import claim

from labeling.models import Prompt, State
from labeling.services.assignments import save_draft
from labeling.services.topics import set_topics

JUDGE = "/p/colours/judge/"


def make_sensitive(cast, *topics):
    for item in cast.items:
        set_topics(prompt=item.prompt, topics=topics)


def test_a_sensitive_item_stands_behind_a_warning_that_names_its_topics(cast, signed_in):
    make_sensitive(cast, "violent", "self_harm")

    html = signed_in(cast.bob).get(JUDGE).content.decode()

    assert "Violence, self-harm" in html
    assert "Name a colour" not in html
    assert "Red." not in html


def test_show_brings_the_item_and_only_this_one(cast, signed_in):
    make_sensitive(cast, "violent")
    client = signed_in(cast.bob, htmx=True)
    client.get(JUDGE)
    held = cast.bob.assignments.get()

    shown = client.get(f"{JUDGE}?show={held.pk}").content.decode()
    other = client.get(f"{JUDGE}?show={held.pk + 1}").content.decode()

    assert "Name a colour" in shown
    assert "Content warning" in other


def test_skipping_at_the_warning_gives_the_item_to_others(cast, signed_in):
    make_sensitive(cast, "hate")
    client = signed_in(cast.bob, htmx=True)
    client.get(JUDGE)
    held = cast.bob.assignments.get()

    after = client.post(f"{JUDGE}{held.pk}/skip/", {"reason": "sensitive"}).content.decode()

    held.refresh_from_db()
    assert held.state == State.SKIPPED
    assert f"?show={cast.bob.assignments.get(state=State.ACTIVE).pk}" in after
    assert claim(cast.project, cast.dora).item_id == held.item_id


def test_who_has_begun_is_not_warned_again(cast, signed_in):
    make_sensitive(cast, "sexual")
    held = claim(cast.project, cast.bob)
    save_draft(assignment_id=held.pk, annotator=cast.bob, draft={"notes": "begun"})

    html = signed_in(cast.bob).get(JUDGE).content.decode()

    assert "Content warning" not in html
    assert "Name a colour" in html


def test_without_topics_there_is_no_warning(cast, signed_in):
    assert "Content warning" not in signed_in(cast.bob).get(JUDGE).content.decode()


def test_an_admin_says_what_a_prompt_is_about(cast, signed_in):
    prompt = cast.items[0].prompt
    page = f"/p/colours/prompts/{prompt.pk}/"
    client = signed_in(cast.alice)

    saved = client.post(f"{page}topics/", {"topics": ["hate", "violent"]})
    shown = client.get(page).context["topics_form"]["topics"].value()
    refused = client.post(f"{page}topics/", {"topics": ["gore"]})

    assert (saved.status_code, refused.status_code) == (302, 400)
    assert shown == ["violent", "hate"]
    assert Prompt.objects.get(pk=prompt.pk).topics == ["violent", "hate"]


def test_the_prompt_of_another_project_is_not_there(cast, signed_in):
    prompt = cast.items[0].prompt

    answer = signed_in(cast.charlie).post(f"/p/other-colours/prompts/{prompt.pk}/topics/", {"topics": ["hate"]})

    assert answer.status_code == 404
    assert Prompt.objects.get(pk=prompt.pk).topics == []
