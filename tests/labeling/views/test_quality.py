"""Who sees what of how people judge."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from factories import judge

from labeling.selectors.labels import pseudonym
from labeling.services.projects import update_project

PATH = "/p/colours/quality/"


@pytest.fixture(autouse=True)
def fresh():
    cache.clear()


def test_an_admin_sees_everybody_by_name_and_a_researcher_by_pseudonym(cast, signed_in):
    judge(cast.project, cast.bob)
    judge(cast.project, cast.dora)

    admins = signed_in(cast.alice).get(PATH).content.decode()
    researchers = signed_in(cast.rita).get(PATH).content.decode()

    assert '<th scope="row">bob</th>' in admins
    assert '<th scope="row">dora</th>' in admins
    assert pseudonym(cast.project.pk, cast.bob.pk) in researchers
    assert "bob" not in researchers
    assert "Krippendorff" in researchers


def test_annotators_see_their_own_figures_only(cast, signed_in):
    judge(cast.project, cast.bob)
    judge(cast.project, cast.dora)

    page = signed_in(cast.bob).get(PATH).content.decode()

    assert '<th scope="row">You</th>' in page
    assert page.count('<th scope="row">') == 1
    assert "Krippendorff" not in page
    assert "dora" not in page


def test_a_flag_of_the_projects_own_stands_there_in_its_words(cast, signed_in):
    rude = {"code": "rude", "label": "Is rude", "key": "j", "is_harmful": True}
    update_project(project=cast.project, flags=["rude", "violent"], own_flags=[rude])

    page = signed_in(cast.alice).get(PATH).content.decode()

    assert '<th scope="row">Is rude</th>' in page
    assert '<th scope="row">Contains violent content</th>' in page


def test_without_judgements_the_page_says_so(cast, signed_in):
    assert "Nothing to say yet" in signed_in(cast.bob).get(PATH).content.decode()
    assert "Nothing to say yet" in signed_in(cast.alice).get(PATH).content.decode()


def test_the_number_of_queries_does_not_grow_with_people_and_judgements(cast, signed_in, django_assert_num_queries):
    judge(cast.project, cast.bob)
    client = signed_in(cast.alice)
    with django_assert_num_queries(7):
        client.get(PATH)

    judge(cast.project, cast.dora)
    cache.clear()

    with django_assert_num_queries(7):
        client.get(PATH)
