"""Pages that show what the loop does: who sees them, and what they say."""

from __future__ import annotations

import io
import json
import re

import pytest
from django.utils import timezone
from factories import api_client, judge
from seeing import versions_meet

from alignment import bookkeeping, services
from alignment.models import Policy, Run
from labeling.imports.files import import_file
from labeling.imports.formats import Format
from labeling.models import Completion, Item, Label, Prompt, Reliability
from labeling.services import figures
from labeling.services.prompts import NewItem, create_items

pytestmark = pytest.mark.django_db
PAGES = [
    "leaderboard/",
    "leaderboard/?basis=all&length=1",
    "lineage/completions/{completion}/",
    "lineage/labels/{label}/",
    "watch/",
]


def here(path):
    """An address with the ids of what there is."""
    return path.format(completion=Completion.objects.order_by("pk").first().pk, label=Label.objects.get().pk)


def page(client, user, path):
    client.force_login(user)
    return client.get(f"/p/colours/{path}")


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.mark.parametrize("path", PAGES)
def test_admins_and_researchers_see_it_annotators_strangers_and_visitors_do_not(client, compared, path):
    people = (compared.alice, compared.rita, compared.bob, compared.charlie)

    statuses = [page(client, user, here(path)).status_code for user in people]
    client.logout()
    visitor = client.get(f"/p/colours/{here(path)}")

    assert statuses == [200, 200, 403, 404]
    assert (visitor.status_code, visitor["Location"][:13]) == (302, "/login/?next=")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_inline_script_or_style(client, compared, path):
    shown = page(client, compared.alice, here(path)).content.decode()

    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", shown)


def test_the_leaderboard_says_who_and_what_counts(client, compared):
    alike = text(page(client, compared.rita, "leaderboard/"))
    compared.project.weighs_annotators = True
    compared.project.save(update_fields=["weighs_annotators"])
    Reliability.objects.create(
        project=compared.project, annotator=compared.bob, value=0.65, comparisons=9, fitted=timezone.now()
    )
    figures.refresh(compared.project)

    weighed = text(page(client, compared.rita, "leaderboard/"))

    assert "Rankings, pairs and picks count, a pick as a win over each of the others;" in alike
    assert "All who judge count alike." in alike
    assert "Who is less reliable counts less, as in training." in weighed


def test_the_leaderboard_shows_fair_comparisons_as_soon_as_there_are_some(client, compared):
    before = text(page(client, compared.rita, "leaderboard/"))
    Item.objects.filter(labels__isnull=True).update(
        rule="random", propensity=1.0, random_propensity=1.0, is_random=True
    )
    judge(compared.project, compared.bob)
    after = text(page(client, compared.rita, "leaderboard/"))

    assert "All comparisons count" in before
    assert "Only comparisons whose completions were not picked by a rule count" in after
    assert "version 1, the base" in after
    assert "of 1" in after


def test_an_imported_model_is_a_player_by_its_name(client, compared):
    entries = [{"text": "Red, by far.", "model": "llama-3 <8B>"}, {"text": "Blue, by far."}]
    rows = "\n".join(json.dumps({"prompt": f"Number {number}?", "completions": entries}) for number in range(3))
    import_file(io.BytesIO(rows.encode()), project=compared.project, file_format=Format.PROMPTS, source="more.jsonl")
    written = Completion.objects.filter(prompt__project=compared.project).order_by("id")
    items = [
        NewItem(prompt=prompt, completions=list(written.filter(prompt=prompt)), priority=9)
        for prompt in Prompt.objects.filter(project=compared.project, completions__policy_version=1)
    ]
    create_items(project=compared.project, items=items)
    for _ in items:
        judge(compared.project, compared.dora, by_text=True)

    shown = text(page(client, compared.rita, "leaderboard/"))
    named = api_client(compared.rita).get("/api/v1/projects/colours/leaderboard/", {"basis": "all"}).json()["entries"]

    assert "llama-3 &lt;8B&gt; imported model" in shown
    assert "more.jsonl import" in shown
    player = next(each for each in named if each["writer"]["name"] == "llama-3 <8B>")
    assert player["writer"] == {"origin": "import", "name": "llama-3 <8B>", "version": None, "is_model": True}
    assert player["num"] == 9
    assert 0 < player["against"]["base"]["low"] < player["against"]["base"]["win_rate"] < 1


def test_a_project_in_which_nobody_judged_says_so(client, compared):
    client.force_login(compared.charlie)

    shown = text(client.get("/p/other-colours/leaderboard/"))

    assert "Nothing was compared yet" in shown
    assert "Nobody has judged yet" in shown


def test_more_versions_and_judgements_need_no_more_queries(client, compared, django_assert_max_num_queries):
    client.force_login(compared.alice)

    def queries():
        client.get("/p/colours/leaderboard/")  # so that what is counted is kept
        with django_assert_max_num_queries(25) as counted:
            client.get("/p/colours/leaderboard/")
        return len(counted)

    one = queries()
    for version in range(3, 30):
        versions_meet(compared.project, f"Of {version}?", {1: "Red.", version: "Blue."}, priority=5)
        judge(compared.project, compared.bob)

    assert queries() == one


@pytest.mark.parametrize("path", ["lineage/completions/{completion}/", "lineage/labels/{label}/"])
def test_what_belongs_to_another_project_is_not_found(client, compared, path):
    client.force_login(compared.charlie)

    assert client.get(f"/p/other-colours/{here(path)}").status_code == 404


def test_lineage_leads_from_a_judgement_to_the_version_and_from_its_completion_back(client, compared):
    Prompt.objects.update(held_out=False)
    run = services.create_run(project_id=compared.project.pk, start=False, seed=12)
    Run.objects.filter(pk=run.pk).update(snapshot_digest="a" * 64, snapshot_counts={"train": 1})
    fields = {"method": "dpo", "path": "p", "digest": "b" * 64, "parent": Policy.objects.get(version=1)}
    Policy.objects.create(project=compared.project, version=2, run=run, **fields)
    text_of_two = Completion.objects.filter(policy_version=2, entries__item__labels__isnull=False).first()

    forward = text(page(client, compared.rita, here("lineage/labels/{label}/")))
    back = text(page(client, compared.rita, f"lineage/completions/{text_of_two.pk}/"))

    assert "Version 2 learned from it" in forward
    assert "aaaaaaaaaaaa" in back
    assert "bbbbbbbbbbbb" in back
    assert "annotator-" in back


def test_who_judges_sees_in_which_version_their_judgements_are(client, compared):
    Prompt.objects.update(held_out=False)
    before = page(client, compared.bob, "my-part/").content.decode()
    run = services.create_run(project_id=compared.project.pk, start=False)
    fields = {"method": "dpo", "path": "p", "digest": "b" * 64, "parent": Policy.objects.get(version=1)}
    Policy.objects.create(project=compared.project, version=12, run=run, **fields)

    after, of_others = (text(page(client, user, "my-part/")) for user in (compared.bob, compared.dora))

    assert before.strip() == of_others.strip() == ""
    assert "1 judgement of yours is in version 12." in after
    assert page(client, compared.charlie, "my-part/").status_code == 404


def test_an_admin_repeats_a_run_that_has_ended(client, compared, attempt_at):
    run = services.create_run(project_id=compared.project.pk, start=False)
    bookkeeping.stop_run(run_id=run.pk, attempt=attempt_at(run))
    client.force_login(compared.alice)

    shown = text(client.get(f"/p/colours/runs/{run.pk}/"))
    response = client.post(f"/p/colours/runs/{run.pk}/repeat/")

    again = Run.objects.get(repeats=run)
    assert "Repeat this run" in shown
    assert response["Location"] == f"/p/colours/runs/{again.pk}/"
    assert f"Repeats run {run.pk}" in text(client.get(response["Location"]))
    for user, status in ((compared.rita, 403), (compared.bob, 403), (compared.charlie, 404)):
        client.force_login(user)
        assert client.post(f"/p/colours/runs/{run.pk}/repeat/").status_code == status


def test_the_page_to_watch_is_made_of_fragments_that_read_themselves_anew(client, compared):
    client.force_login(compared.rita)
    whole = client.get("/p/colours/watch/").content.decode()

    for target, begins in (("alerts", '<section id="alerts"'), ("versions", '<div id="versions"')):
        part = client.get("/p/colours/watch/", headers={"HX-Request": "true", "HX-Target": target})
        assert part.content.decode().strip().startswith(begins)
        assert begins in whole
    picture = client.get("/p/colours/watch/picture/", headers={"HX-Request": "true"}).content.decode()
    assert picture.strip().startswith('<section id="picture"')
    assert "1 of 50 new" in picture
    assert client.get("/p/colours/watch/picture/")["Location"] == "/p/colours/watch/"


def test_more_versions_need_no_more_queries_to_be_watched(client, compared, django_assert_max_num_queries):
    client.force_login(compared.alice)
    client.get("/p/colours/watch/")

    def queries():
        with django_assert_max_num_queries(60) as counted:
            client.get("/p/colours/watch/")
        return len(counted)

    services.ensure_loop(project_id=compared.project.pk)
    one = queries()
    base = Policy.objects.get(project=compared.project, version=1)
    for version in range(2, 20):
        run = services.create_run(project_id=compared.project.pk, start=False)
        Run.objects.filter(pk=run.pk).update(state="finished", finished=run.created)
        fields = {"method": "dpo", "path": "p", "digest": "b" * 64, "parent": base, "run": run}
        Policy.objects.create(project=compared.project, version=version, **fields)

    assert queries() <= one + 1  # a run can have failed only where there is one


def test_samples_are_told_word_by_word_from_those_of_another_version(client, compared):
    services.ensure_loop(project_id=compared.project.pk)
    run = services.create_run(project_id=compared.project.pk, start=False)
    base = Policy.objects.get(project=compared.project, version=1)
    fields = {"method": "dpo", "path": "p", "digest": "b" * 64, "parent": base, "run": run}
    second = Policy.objects.create(project=compared.project, version=2, **fields)
    prompt = Prompt.objects.filter(project=compared.project).first()
    rows = [
        {"policy": policy, "text": f"The <b>sky</b> is {colour}.", "ended": True, "logprob": -3.0}
        for policy, colour in ((base, "red"), (second, "blue"))
    ]
    bookkeeping.store_samples(project_id=compared.project.pk, prompt_id=prompt.pk, samples=rows)

    address = f"policies/samples/?prompt={prompt.pk}&version=1&version=2"
    plain = page(client, compared.rita, address).content.decode()
    told = page(client, compared.rita, f"{address}&against=1").content.decode()

    assert "<del>" not in plain
    assert "&lt;b&gt;sky&lt;/b&gt; is <del>red</del><ins>blue</ins>." in told.replace("\n", "")
    assert 'value="1" selected' in told
    assert page(client, compared.rita, f"{address}&against=x").status_code == 200
