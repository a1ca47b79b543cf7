"""Who sees what of how people judge."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.utils import timezone
from factories import judge

from labeling.models import Reliability, Trust
from labeling.selectors.labels import pseudonym
from labeling.services.projects import update_project

PATH = "/p/colours/quality/"
NUM_QUERIES = 28


@pytest.fixture(autouse=True)
def fresh():
    cache.clear()


def test_an_admin_sees_everybody_by_name_and_a_researcher_by_pseudonym(cast, signed_in):
    judge(cast.project, cast.bob)
    judge(cast.project, cast.dora)

    admins = signed_in(cast.alice).get(PATH).content.decode()
    researchers = signed_in(cast.rita).get(PATH).content.decode()

    assert ">bob</a></th>" in admins
    assert ">dora</a></th>" in admins
    assert pseudonym(cast.project.pk, cast.bob.pk) in researchers
    assert "bob" not in researchers
    assert "Crowd-BT" in researchers


def test_annotators_see_their_own_figures_only(cast, signed_in):
    judge(cast.project, cast.bob)
    judge(cast.project, cast.dora)

    page = signed_in(cast.bob).get(PATH).content.decode()

    assert ">You</a></th>" in page
    assert page.count('<th scope="row">') == 1
    assert "Crowd-BT" not in page
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
    client.get(PATH)  # counts what is new
    cache.clear()
    with django_assert_num_queries(NUM_QUERIES):
        client.get(PATH)

    judge(cast.project, cast.dora)
    client.get(PATH)
    cache.clear()

    with django_assert_num_queries(NUM_QUERIES):
        client.get(PATH)


def test_figures_of_the_whole_project_come_with_the_days_and_the_outlook(cast, signed_in):
    judge(cast.project, cast.bob)

    page = signed_in(cast.alice).get(PATH).content.decode()

    assert 'data-judgements="1"' in page
    assert "Still wanted" in page
    assert signed_in(cast.alice).get(f"{PATH}days/").content.decode().count("<tr data-day") == 1


def test_an_annotator_reads_their_own_days_and_nobody_elses(cast, signed_in):
    judge(cast.project, cast.bob)
    judge(cast.project, cast.dora)
    bob, doras = signed_in(cast.bob), pseudonym(cast.project.pk, cast.dora.pk)

    own = bob.get(f"{PATH}me/").content.decode()

    assert 'data-judgements="1"' in own
    assert "Still wanted" not in own
    assert 'data-judgements="1"' in bob.get(f"{PATH}days/").content.decode()
    assert bob.get(f"{PATH}days/?annotator={doras}").status_code == 404
    assert bob.get(f"{PATH}people/{doras}/").status_code == 403
    assert bob.get(f"{PATH}days/?annotator={pseudonym(cast.project.pk, cast.bob.pk)}").status_code == 200


def test_a_persons_page_names_them_to_admins_alone(cast, signed_in):
    judge(cast.project, cast.bob)
    path = f"{PATH}people/{pseudonym(cast.project.pk, cast.bob.pk)}/"

    admins = signed_in(cast.alice).get(path).content.decode()
    researchers = signed_in(cast.rita).get(path).content.decode()

    assert "<h1>bob</h1>" in admins
    assert "bob" not in researchers
    assert "The longer completion wins" in researchers
    assert signed_in(cast.alice).get(f"{PATH}people/annotator-0123456789/").status_code == 404
    assert signed_in(cast.charlie).get(path).status_code == 404
    assert signed_in(cast.charlie).get(path.replace("colours", "other-colours")).status_code == 404


SENT = {"weighs_annotators": "on", "routes_away": "on", "shared_percent": "10", "shared_overlap": "3"}


def test_admins_say_how_judgements_are_used(cast, signed_in):
    now = timezone.now()
    Reliability.objects.create(
        project=cast.project, annotator=cast.bob, value=0.95, low=0.9, high=0.97, comparisons=40, fitted=now
    )
    client = signed_in(cast.alice)

    page = client.post(f"{PATH}weights/", SENT, follow=True).content.decode()

    cast.project.refresh_from_db()
    assert (cast.project.weighs_annotators, cast.project.routes_away, cast.project.shared_percent) == (True, True, 10)
    assert "1.50" in page
    assert "(0.90–0.97)" in page
    assert "Training counts judgements by these weights." in signed_in(cast.rita).get(PATH).content.decode()
    refused = client.post(f"{PATH}weights/", {"shared_percent": "10", "shared_overlap": "1"}, follow=True)
    assert "greater than or equal to 2" in refused.content.decode()
    cast.project.refresh_from_db()
    assert cast.project.weighs_annotators


def test_admins_choose_whose_judgements_are_used_and_nobody_else_does(cast, signed_in):
    path = f"{PATH}people/{pseudonym(cast.project.pk, cast.bob.pk)}/trust/"

    assert signed_in(cast.rita).post(path, {"level": "away"}).status_code == 403
    assert signed_in(cast.bob).post(path, {"level": "trusted"}).status_code == 403
    assert signed_in(cast.charlie).post(path, {"level": "away"}).status_code == 404
    assert signed_in(cast.charlie).post(path.replace("colours", "other-colours"), {"level": "away"}).status_code == 404
    assert not Trust.objects.exists()
    signed_in(cast.alice).post(path, {"level": "away"})

    trust = Trust.objects.get()
    assert (trust.annotator, trust.level, trust.chosen_by) == (cast.bob, "away", cast.alice)
