"""The reviewers' pages."""

from __future__ import annotations

from uuid import uuid4

import pytest
from factories import a_verdict, claim, make_cast, make_item, make_user

from labeling.models import Label, Review, Role, Source
from labeling.selectors.labels import pseudonym
from labeling.services.labels import submit_label
from labeling.services.projects import set_member
from labeling.services.reviews import change_review_settings

PATH = "/p/colours/review/"


@pytest.fixture
def cast(db, settings):
    """Three items on which bob and dora agree in nothing; vera reviews."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cast = make_cast(num_items=3, overlap=2)
    change_review_settings(project=cast.project, changed_by=cast.alice, review_below=50)
    set_member(project=cast.project, user=make_user("vera"), role=Role.REVIEWER)
    for _ in range(2):
        disagree(cast)
    return cast


@pytest.fixture
def vera(cast):
    return cast.project.memberships.get(user__username="vera").user


def disagree(cast):
    for user, ranks in ((cast.bob, (1, 2, 3)), (cast.dora, (3, 2, 1))):
        assignment = claim(cast.project, user)
        places = dict(zip(assignment.item.entries.values_list("completion", flat=True), ranks, strict=True))
        verdict = a_verdict(assignment, ranks=[places[pk] for pk in assignment.order], notes=f"So says {user}.")
        submit_label(assignment_id=assignment.pk, annotator=user, verdict=verdict, client_id=uuid4())


def decision(review, *ranks):
    ids = review.item.entries.values_list("completion", flat=True)
    places = {f"place-{pk}": rank for pk, rank in zip(ids, ranks, strict=True)}
    return {"client_id": str(uuid4()), "notes": "Decided.", **places, **{f"rating-{pk}": 4 for pk in ids}}


def test_the_queue_lists_what_waits_and_a_page_shows_what_everybody_judged(cast, vera, signed_in):
    client = signed_in(vera)

    queue = client.get(PATH).content.decode()
    first = Review.objects.earliest("pk")
    page = client.get(f"{PATH}{first.pk}/").content.decode()

    assert queue.count(">people disagree<") == 2
    assert 'href="/p/colours/review/"' in queue
    assert pseudonym(cast.project.pk, cast.bob.pk) in page
    assert "place 3" in page
    assert "So says bob." in page
    assert "Store the decision" in page


def test_a_decision_is_stored_and_the_next_one_comes(cast, vera, signed_in):
    signed_in(vera).get(PATH)
    first, second = Review.objects.all()

    response = signed_in(vera).post(f"{PATH}{first.pk}/submit/", decision(first, 1, 2, 2))

    assert response.headers["Location"] == f"{PATH}{second.pk}/"
    label = Label.objects.get(source=Source.REVIEW)
    assert sorted(label.ranks.values_list("rank", flat=True)) == [1, 2, 2]
    closed = signed_in(vera).get(f"{PATH}{first.pk}/").content.decode()
    assert "(decision)" in closed
    assert "Store the decision" not in closed
    assert f"{PATH}{first.pk}/" in signed_in(cast.alice).get(f"{PATH}?state=decided").content.decode()


def test_what_is_missing_is_said_and_what_was_chosen_is_kept(cast, vera, signed_in):
    signed_in(vera).get(PATH)
    first = Review.objects.earliest("pk")
    sent = decision(first, 1, 2, 3)
    left_out = next(name for name in sent if name.startswith("place-"))

    response = signed_in(vera).post(f"{PATH}{first.pk}/submit/", {**sent, left_out: ""})

    assert response.status_code == 422
    assert "This was not stored." in response.content.decode()
    assert "Decided." in response.content.decode()
    assert not Label.objects.filter(source=Source.REVIEW).exists()


def test_who_comes_too_late_is_told_and_keeps_their_work(cast, vera, signed_in):
    signed_in(vera).get(PATH)
    first = Review.objects.earliest("pk")
    signed_in(vera).post(f"{PATH}{first.pk}/leave/")

    response = signed_in(cast.alice).post(f"{PATH}{first.pk}/submit/", decision(first, 1, 2, 3))

    assert response.status_code == 409
    assert "somebody closed this review meanwhile" in response.content.decode()


def test_an_item_is_left_as_it_was_judged(cast, vera, signed_in):
    signed_in(vera).get(PATH)
    first, second = Review.objects.all()

    assert signed_in(vera).post(f"{PATH}{first.pk}/leave/").headers["Location"] == f"{PATH}{second.pk}/"
    assert signed_in(vera).post(f"{PATH}{second.pk}/leave/").headers["Location"] == PATH
    assert "Nothing waits for a decision of yours." in signed_in(vera).get(PATH).content.decode()


def test_admins_say_what_is_reviewed_and_reviewers_do_not(cast, vera, signed_in):
    wanted = {"review_below": 30, "reviews_harmful": "on"}

    assert signed_in(vera).post(f"{PATH}settings/", wanted).status_code == 403
    signed_in(cast.alice).post(f"{PATH}settings/", wanted)
    wrong = signed_in(cast.alice).post(f"{PATH}settings/", {"review_below": 101})

    cast.project.refresh_from_db()
    assert (cast.project.review_below, cast.project.reviews_harmful) == (30, True)
    assert wrong.status_code == 422
    assert "What is reviewed" not in signed_in(vera).get(PATH).content.decode()


@pytest.mark.parametrize(("user", "status"), [("bob", 403), ("rita", 403), ("charlie", 404), ("", 302)])
def test_it_is_for_reviewers_and_admins(cast, vera, signed_in, client, user, status):
    signed_in(vera).get(PATH)
    first = Review.objects.earliest("pk")
    browser = signed_in(getattr(cast, user)) if user else client

    assert browser.get(PATH).status_code == status
    assert browser.get(f"{PATH}{first.pk}/").status_code == status
    for name in ("submit", "leave"):
        assert browser.post(f"{PATH}{first.pk}/{name}/", decision(first, 1, 2, 3)).status_code == status
    assert signed_in(cast.charlie).get(f"/p/other-colours/review/{first.pk}/").status_code == 404


def test_the_queue_asks_as_much_for_one_as_for_many(cast, vera, signed_in, django_assert_max_num_queries):
    client = signed_in(vera)
    client.get(PATH)
    with django_assert_max_num_queries(16) as few:
        client.get(PATH)

    disagree(cast)
    client.get(PATH)

    with django_assert_max_num_queries(16) as more:
        assert client.get(PATH).content.decode().count(">people disagree<") == 3
    assert len(more) == len(few)


def test_for_the_scripts_the_next_one_takes_its_place_and_the_list_comes_in_the_end(cast, vera, signed_in):
    signed_in(vera).get(PATH)
    first, second = Review.objects.all()
    scripts = signed_in(vera, htmx=True)

    following = scripts.post(f"{PATH}{first.pk}/submit/", decision(first, 1, 2, 2))
    again = scripts.get(f"{PATH}next/").content.decode()
    ended = scripts.post(f"{PATH}{second.pk}/leave/", {"reason": ""})

    fragment = following.content.decode()
    assert f'data-review="{second.pk}"' in fragment
    assert "<html" not in fragment
    assert "data-heartbeat-url" not in fragment
    assert following["HX-Push-Url"] == f"{PATH}{second.pk}/"
    assert "The decision is stored." in following["HX-Trigger"]
    assert f'data-review="{second.pk}"' in again
    assert ended["HX-Redirect"] == PATH
    assert signed_in(vera).get(f"{PATH}next/").headers["Location"] == PATH


def test_a_decision_that_waited_for_a_connection_is_answered_in_json_and_counts_once(cast, vera, signed_in):
    signed_in(vera).get(PATH)
    first = Review.objects.earliest("pk")
    sent = decision(first, 2, 1, 3)
    client, json_wanted = signed_in(vera), {"Accept": "application/json"}

    refused = client.post(f"{PATH}{first.pk}/submit/", {**sent, "client_id": "x"}, headers=json_wanted)
    labels = [client.post(f"{PATH}{first.pk}/submit/", sent, headers=json_wanted).json()["label"] for _ in range(2)]
    late = client.post(f"{PATH}{first.pk}/submit/", decision(first, 1, 1, 1), headers=json_wanted)

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    assert labels == [Label.objects.get(source=Source.REVIEW).pk] * 2
    assert (late.status_code, late.json()["code"]) == (409, "review_closed")


@pytest.mark.parametrize("kind", ["rating", "best", "pair"])
def test_every_kind_is_decided_on_the_page_of_its_kind(cast, vera, signed_in, kind):
    item = make_item(cast.project, prompt="Which?", texts=("Yes.", "No."), kind=kind)
    review = Review.objects.create(project=cast.project, item=item, reason="flag")
    ids = list(item.entries.values_list("completion", flat=True))

    page = signed_in(vera).get(f"{PATH}{review.pk}/").content.decode()
    answer = {"rating": {f"rating-{pk}": 5 for pk in ids}, "best": {"best": ids[1]}, "pair": {"choice": "2"}}[kind]
    signed_in(vera).post(f"{PATH}{review.pk}/submit/", {"client_id": str(uuid4()), "seconds": "2.5", **answer})

    assert f'data-kind="{kind}"' in page
    label = Label.objects.get(source=Source.REVIEW)
    assert (label.kind, label.seconds) == (kind, 2.5)
    assert (label.best_id, label.strength) == {"rating": (None, None), "best": (ids[1], None), "pair": (None, 2)}[kind]
