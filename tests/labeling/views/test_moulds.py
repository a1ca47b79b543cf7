from __future__ import annotations

import re

import pytest
from django.template.loader import render_to_string
from django.utils import translation
from factories import claim, make_item

from labeling.judgement_forms import judgement_form
from labeling.models import Assignment, Kind
from labeling.selectors.access import membership_in
from labeling.selectors.queue import sheet as read_sheet
from labeling.services.assignments import save_draft
from labeling.services.guidelines import write_guidelines
from labeling.services.projects import update_project
from labeling.views.judge import item_context, shared_context
from labeling.views.moulds import can_be_cast, cast_item

EACH_TIME = re.compile(r'(name="(?:client_id|csrfmiddlewaretoken)" value=")[^"]+')
KINDS = [kind for kind in Kind if kind != Kind.CONVERSATION]
OWN = {"code": "rude", "label": "Ist <grob> \ue0d2far\ue0d2", "key": "j", "is_harmful": True}
MARKED_UP = "A *list* of <b>colours</b>:\n\n1. red\n2. \ue0d2assignment\ue0d2 800000000000000000"


@pytest.fixture
def asked(cast, rf):
    """A function that gives bob's request, membership and sheet for a new item of a kind."""

    def ask(kind, *, texts=("Red.", "Blue.", MARKED_UP), prompt="Name one."):
        Assignment.objects.filter(annotator=cast.bob).update(state="skipped")
        shown = texts[:2] if kind == Kind.PAIR else texts
        make_item(cast.project, prompt=prompt, texts=shown, kind=kind, priority=9)
        request = rf.get("/p/colours/judge/")
        request.user, request.htmx = cast.bob, True
        membership = membership_in("colours", user=cast.bob)
        return request, membership, read_sheet(claim(cast.project, cast.bob), membership=membership)

    return ask


def rendered(request, membership, sheet):
    """The item as the template alone makes it."""
    context = {**shared_context(membership), "form": judgement_form(sheet), "sheet": sheet, "progress": sheet.progress}
    return EACH_TIME.sub(r"\1", render_to_string("labeling/_item.html", context, request))


def cast_of(request, membership, sheet):
    return EACH_TIME.sub(r"\1", cast_item(request, sheet, membership=membership))


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cast_is_what_the_template_renders(asked, kind, language):
    with translation.override(language):
        first = asked(kind)
        second = asked(kind, texts=("Grün.", MARKED_UP, "<script>alert(1)</script>"), prompt=MARKED_UP)

        assert cast_of(*first) == rendered(*first)
        assert cast_of(*second) == rendered(*second)


def test_a_change_of_the_project_shows_in_the_next_item(asked, cast):
    before = cast_of(*asked(Kind.RANKING))

    write_guidelines(project=cast.project, text="Be fair.", author=cast.alice)
    update_project(project=cast.project, flags=["rude", "violent"], own_flags=[OWN])
    after = asked(Kind.RANKING)

    assert cast_of(*after) == rendered(*after)
    assert 'data-guidelines="1"' not in before
    assert "Ist &lt;grob&gt;" in cast_of(*after)


def test_each_item_has_an_id_of_its_own_to_be_sent_with_and_the_browsers_token(asked):
    request, membership, sheet = asked(Kind.RANKING)

    pages = [cast_item(request, sheet, membership=membership) for _ in range(2)]

    ids = [re.findall(r'name="client_id" value="([0-9a-f-]{36})"', page) for page in pages]
    assert [len(found) for found in ids] == [1, 1]
    assert ids[0] != ids[1]
    assert all(re.search(r'name="csrfmiddlewaretoken" value="\w{64}"', page) for page in pages)


def test_what_was_begun_is_rendered_with_the_work(asked):
    request, membership, sheet = asked(Kind.RANKING)
    assignment = Assignment.objects.get(annotator=request.user, state="active")
    save_draft(assignment_id=assignment.pk, annotator=request.user, draft={"notes": "begun"})
    assignment.refresh_from_db()

    context = item_context(request, membership, assignment)

    assert can_be_cast(sheet)
    assert "item" not in context
    assert context["form"]["notes"].value() == "begun"
