"""The gate's page and endpoints: what they say, who may do what, and what they cost."""

from __future__ import annotations

import re

import pytest
from factories import api_client

from alignment import promotion
from alignment.gating import deciding
from alignment.gating.settings import change_gate, gate_settings
from alignment.models import Promotion
from labeling import exchange
from labeling.models import AuditEntry

pytestmark = pytest.mark.django_db
PAGE, API = "/p/colours/gate/", "/api/v1/projects/colours/"
FAILED = [
    {
        "name": "length", "passed": False, "holds": False, "value": 3.0, "limit": 1.5, "low": None, "high": None,
        "samples": [{"prompt": 1, "text": "so <b>long</b>", "before": "short"}],
    },
    {"name": "held_out", "passed": None, "holds": True, "value": None, "limit": 0.5, "note": "few_labels", "num": 3},
]  # fmt: skip


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_the_page_says_how_far_the_evidence_is(gate, client):
    found = gate.bring(2)
    gate.write_and_say(found, 2, 5)
    gate.write_and_say(found, 1, 1)
    deciding.look(gate.id)
    client.force_login(gate.cast.rita)

    shown = text(client.get(PAGE))

    assert "Version 2 against version 1, which serves" in shown
    assert "6 of at most 200 blind pairs are judged: 5 for version 2, 1 for version 1, 0 without a difference." in shown
    # sum of C(7, j) for j <= 5 is 120, over 7 * C(6, 5); mirrored 8 over 7 * C(6, 1).
    assert "2.9 to 1; 20 to 1 is proof" in shown
    assert "0.2 to 1; 20 to 1 is proof" in shown
    assert "Promote version 2" not in shown  # a researcher reads


def test_pairs_of_equal_texts_are_told_apart_from_what_people_judged(gate, client):
    found = gate.bring(2)
    gate.write(found, 4, same=1)
    deciding.look(gate.id)
    client.force_login(gate.cast.rita)

    before = client.get(PAGE)
    read = api_client(gate.cast.rita).get(API + "gate/").json()["asking"]["evidence"]
    for best in (2, 2, None):
        gate.say(best)
    deciding.look(gate.id)
    after = text(client.get(PAGE))

    assert "0 of at most 200 blind pairs are judged: 0 for version 2, 0 for version 1, 0 without a" in text(before)
    assert "For 1 more pair both wrote the same text: nobody is asked about it" in text(before)
    assert (read["judged"], read["same"], read["ties"], read["asked"], read["open"]) == (0, 1, 1, 4, 3)
    assert "3 of at most 200 blind pairs are judged: 2 for version 2, 0 for version 1, 1 without a" in after
    assert "For 1 more pair both wrote the same text" in after


def test_evidence_from_before_equal_texts_were_counted_apart_is_shown_as_it_is(gate, client):
    found = gate.bring(2)
    kept = {"wins": 2, "losses": 0, "ties": 1, "log_e": 0.1, "log_e_against": -1.0, "asked": 3, "open": 0}
    Promotion.objects.filter(pk=found.pk).update(evidence={**kept, "from_random": 0})
    client.force_login(gate.cast.rita)

    shown = text(client.get(PAGE))
    read = api_client(gate.cast.rita).get(API + "gate/").json()["asking"]["evidence"]

    assert "3 of at most 200 blind pairs are judged: 2 for version 2, 0 for version 1, 1 without a" in shown
    assert (read["ties"], read["same"], read["judged"]) == (1, None, None)


def test_what_showed_a_failure_is_linked_to_its_judgement(gate, client, django_assert_num_queries):
    found = gate.bring(2)
    gate.write_and_say(found, 2, 9, flags=("encourages_harm",))
    deciding.look(gate.id)
    client.force_login(gate.cast.rita)
    client.get(PAGE)

    with django_assert_num_queries(10):  # one of them for all links; nobody is asked, which saves one
        shown = client.get(PAGE).content.decode()
    links = re.findall(r'href="(/p/colours/lineage/labels/\d+/)">(\d+)</a>', shown)

    items = [int(item) for _, item in links]
    found.refresh_from_db()
    [harmful] = [each for each in found.guards if each["name"] == "flags_harmful"]
    assert items == harmful["items"]
    assert [client.get(link).status_code for link, _ in links] == [200] * 5


def test_the_page_says_why_one_was_refused_and_shows_the_samples_without_their_markup(gate, client):
    gate.bring(2, guards=FAILED)
    client.force_login(gate.cast.alice)

    answer = client.get(PAGE)

    shown = text(answer)
    assert "Nothing is at the gate" in shown
    assert "A guard refused it." in shown
    assert "× 3.00 × 0.67 – × 1.50" in shown
    assert "Too few judgements to say anything: 3 of 8." in shown
    assert "so &lt;b&gt;long&lt;/b&gt;" in answer.content.decode()


def test_an_admin_promotes_vetoes_and_rolls_back_on_the_page(gate, client):
    first, second = gate.bring(2), gate.bring(3)
    client.force_login(gate.cast.alice)

    without = client.post(f"{PAGE}{first.pk}/veto/", {"reason": " "})
    vetoed = client.post(f"{PAGE}{first.pk}/veto/", {"reason": "It flatters."})
    promoted = client.post(f"{PAGE}{second.pk}/promote/")
    serving = gate.serving
    back = client.post(f"{PAGE}rollback/3/")

    assert [each.status_code for each in (without, vetoed, promoted, back)] == [400, 302, 302, 302]
    assert (serving, gate.serving) == (3, 1)
    assert gate.states == [(2, "vetoed", "person"), (3, "rolled_back", "person")]
    shown = text(client.get(PAGE))
    assert "It flatters." in shown
    assert "It flatters.." not in shown
    assert "Rolled back by alice" in shown


def test_limits_are_changed_on_the_page_and_wrong_ones_are_refused_beside_their_field(gate, client):
    client.force_login(gate.cast.alice)
    settings = gate_settings(gate.id)
    names = client.get(PAGE).context["form"].fields
    form = {name: getattr(settings, name) for name in names if name != "hold_unknown"}

    wrong = client.post(f"{PAGE}settings/", {**form, "alpha": "0.6"})
    saved = client.post(f"{PAGE}settings/", {**form, "most_kl": "12.5"})

    assert (wrong.status_code, saved.status_code) == (422, 302)
    assert "less than or equal to 0.25" in text(wrong)
    assert gate_settings(gate.id).most_kl == 12.5
    entry = AuditEntry.objects.filter(action="gate.settings").latest("pk")
    assert (entry.actor, entry.after) == (gate.cast.alice, {"most_kl": 12.5})


@pytest.mark.parametrize("path", ["", "settings/", "{}/promote/", "{}/veto/", "rollback/2/"])
@pytest.mark.parametrize(("who", "status"), [("charlie", 404), ("bob", 403), ("rita", 403), (None, 302)])
def test_who_may_not_is_kept_out(gate, client, path, who, status):
    found = gate.bring(2)
    if who:
        client.force_login(getattr(gate.cast, who))

    answer = client.post(PAGE + path.format(found.pk), {"reason": "x"}) if path else client.get(PAGE)

    assert answer.status_code == (200 if (who, path) == ("rita", "") else status)
    assert Promotion.objects.get().state == "asking"


def test_a_promotion_of_another_project_is_not_found(gate, client):
    found = gate.bring(2)
    client.force_login(gate.cast.charlie)

    answer = client.post(f"/p/other-colours/gate/{found.pk}/veto/", {"reason": "x"})

    assert answer.status_code == 404


def test_the_page_costs_the_same_with_one_and_with_many(gate, client, django_assert_num_queries):
    client.force_login(gate.cast.alice)
    gate.bring(2, guards=FAILED)
    client.get(PAGE)
    with django_assert_num_queries(10):
        client.get(PAGE)
    for version in range(3, 23):
        gate.bring(version, guards=FAILED)

    with django_assert_num_queries(10):
        client.get(PAGE)


def test_the_gate_is_read_changed_and_decided_over_the_api(gate):
    admin, found = api_client(gate.cast.alice), gate.bring(2)
    gate.write_and_say(found, 2, 5)
    deciding.look(gate.id)

    read = api_client(gate.cast.rita).get(API + "gate/").json()
    changed = admin.patch(API + "gate/", {"most_pairs": 50}, format="json")
    vetoed = admin.post(f"{API}promotions/{found.pk}/veto/", {"reason": "It flatters."}, format="json")
    [row] = admin.get(API + "promotions/").json()["results"]

    assert (read["serving"], read["asking"]["candidate"], read["asking"]["evidence"]["wins"]) == (1, 2, 5)
    assert read["asking"]["threshold"] == pytest.approx(2.9957, abs=1e-4)
    assert (changed.status_code, changed.json()["settings"]["most_pairs"]) == (200, 50)
    assert (vetoed.status_code, vetoed.json()["state"], row["reason"]) == (200, "vetoed", "It flatters.")
    assert Promotion.objects.get().most_pairs == 200  # it came with that


def test_a_rollback_over_the_api(gate):
    promotion.promote(policy_id=gate.bring(2).candidate_id)

    answers = [
        api_client(gate.cast.alice).post(API + "gate/rollback/", {"version": 2}, format="json") for _ in range(2)
    ]

    assert [(each.status_code, each.json()["serving"]) for each in answers] == [(200, 1), (200, 1)]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("patch", "gate/", {"alpha": 0}, 400),
        ("patch", "gate/", {"alpha": "nan"}, 400),
        ("patch", "gate/", {"alfa": 0.05}, 400),
        ("post", "promotions/{}/veto/", {}, 400),
        ("post", "promotions/999999/veto/", {"reason": "x"}, 404),
        ("post", "gate/rollback/", {"version": 9}, 404),
        ("post", "gate/rollback/", {"version": 1}, 409),
    ],
)
def test_what_is_wrong_is_refused_over_the_api(gate, method, path, body, status):
    found = gate.bring(2)

    answer = getattr(api_client(gate.cast.alice), method)(API + path.format(found.pk), body, format="json")

    assert answer.status_code == status


@pytest.mark.parametrize(("who", "status"), [("charlie", 404), ("bob", 403), ("rita", 403), (None, 401)])
def test_who_may_not_is_kept_out_of_the_api(gate, who, status):
    found = gate.bring(2)
    client = api_client(getattr(gate.cast, who) if who else None)

    answers = [
        client.patch(API + "gate/", {"most_pairs": 50}, format="json"),
        client.post(f"{API}promotions/{found.pk}/veto/", {"reason": "x"}, format="json"),
        client.post(API + "gate/rollback/", {"version": 1}, format="json"),
    ]

    assert {each.status_code for each in answers} == {status}


def test_settings_that_are_none_are_refused(gate):
    with pytest.raises(exchange.Invalid, match="the gate has no setting 'beta'"):
        change_gate(project_id=gate.id, beta=1)
