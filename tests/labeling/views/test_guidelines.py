from __future__ import annotations

import pytest

from labeling.models import Guidelines
from labeling.services.guidelines import write_guidelines

PAGE = "/p/colours/guidelines/"


def write(cast, text, change=""):
    return write_guidelines(project=cast.project, author=cast.alice, text=text, change=change)


def read_by(cast, user):
    return cast.project.memberships.get(user=user).guidelines_read


def test_the_panel_has_the_text_and_asks_a_newcomer_once_to_read_it(cast, signed_in):
    write(cast, "Be **kind**.")
    client = signed_in(cast.bob, htmx=True)

    before = client.get(f"{PAGE}panel/").content.decode()
    after = client.post(f"{PAGE}read/", {"version": "1"}).content.decode()

    assert "Be <strong>kind</strong>." in before
    assert "New to you" in before
    assert "Be <strong>kind</strong>." in after
    assert "data-unread" not in after
    assert "data-unread" not in client.get(f"{PAGE}panel/").content.decode()
    assert read_by(cast, cast.bob) == 1


def test_a_change_is_shown_once_word_by_word_with_all_that_was_said_since(cast, signed_in):
    write(cast, "Be kind.\n\nRate honestly.")
    signed_in(cast.bob).post(f"{PAGE}read/", {"version": "1"})
    write(cast, "Be fair.\n\nRate honestly.", change="fair, not kind")
    write(cast, "Be fair.\n\nRate quickly.", change="quickly")

    html = signed_in(cast.bob).get(f"{PAGE}panel/").content.decode()

    assert "<del>kind</del><ins>fair</ins>" in html
    assert "<del>honestly</del><ins>quickly</ins>" in html
    assert html.index("quickly") < html.index("fair, not kind")
    assert 'data-version="3"' in html


def test_what_one_person_read_the_other_still_has_to(cast, signed_in):
    write(cast, "Be kind.")

    signed_in(cast.bob).post(f"{PAGE}read/", {"version": "1"})

    assert (read_by(cast, cast.bob), read_by(cast, cast.dora)) == (1, 0)
    assert "data-unread" in signed_in(cast.dora).get(f"{PAGE}panel/").content.decode()


def test_without_a_script_reading_leads_back_to_the_page(cast, signed_in):
    write(cast, "Be kind.")

    answer = signed_in(cast.bob).post(f"{PAGE}read/", {"version": "1"})

    assert (answer.status_code, answer["Location"]) == (302, PAGE)


@pytest.mark.parametrize("version", ["", "x", "-1", "0", "2", "9" * 30, "²"])
def test_a_version_that_was_not_shown_can_not_be_read(cast, signed_in, version):
    write(cast, "Be kind.")

    answer = signed_in(cast.bob).post(f"{PAGE}read/", {"version": version})

    assert answer.status_code == 400
    assert read_by(cast, cast.bob) == 0


def test_an_item_tells_the_version_in_force(cast, signed_in):
    write(cast, "Be kind.")

    html = signed_in(cast.bob).get("/p/colours/judge/").content.decode()

    assert 'data-guidelines="1"' in html
    assert 'data-read="0"' in html
    assert "Be kind." not in html  # it is fetched once, and not with each item


def test_an_admin_looks_at_a_new_version_before_it_is_in_force(cast, signed_in):
    write(cast, "Be kind.")

    html = (
        signed_in(cast.alice)
        .post(f"{PAGE}write/", {"text": "Be *fair*.", "change": "", "follows": "1", "preview": "1"})
        .content.decode()
    )

    assert "Be <em>fair</em>." in html
    assert "<del>kind</del>" in html
    assert "Be *fair*.</textarea>" in html
    assert Guidelines.objects.count() == 1


def test_an_admin_puts_a_new_version_in_force_and_sees_the_history(cast, signed_in):
    write(cast, "Be kind.")

    answer = signed_in(cast.alice).post(
        f"{PAGE}write/", {"text": "Be fair.\r\nAlways.", "change": "fair", "follows": "1"}
    )
    html = signed_in(cast.bob).get(PAGE).content.decode()

    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert Guidelines.objects.get(version=2).text == "Be fair.\nAlways."
    assert html.index("Version 2") < html.index("Version 1")
    assert "alice" in html
    assert "Write a new version" not in html


def test_a_version_that_came_meanwhile_is_told_of_and_what_was_written_is_kept(cast, signed_in):
    write(cast, "Be kind.")
    write(cast, "Be fair.")
    client = signed_in(cast.alice)

    first = client.post(f"{PAGE}write/", {"text": "Be mine.", "change": "", "follows": "1"})
    second = client.post(f"{PAGE}write/", {"text": "Be mine.", "change": "", "follows": "2"})

    html = first.content.decode()
    assert (first.status_code, second.status_code) == (409, 302)
    assert "Version 2 was written meanwhile" in html
    assert "Be mine.</textarea>" in html
    assert 'name="follows" value="2"' in html


def test_an_old_version_can_be_read_with_what_it_changed(cast, signed_in):
    write(cast, "Be kind.")
    write(cast, "Be fair.")
    write(cast, "")

    pages = {number: signed_in(cast.bob).get(f"{PAGE}{number}/").content.decode() for number in (1, 2, 3)}

    assert "What changed" not in pages[1]
    assert "<del>kind</del><ins>fair</ins>" in pages[2]
    assert "This version is empty." in pages[3]
    assert signed_in(cast.bob).get(f"{PAGE}4/").status_code == 404


@pytest.mark.parametrize("versions", [1, 12])
def test_the_page_costs_the_same_queries_for_any_number_of_versions(
    cast, signed_in, django_assert_num_queries, versions
):
    for number in range(versions):
        write(cast, f"Text {number}.")
    client = signed_in(cast.bob)
    client.post(f"{PAGE}read/", {"version": str(versions)})

    with django_assert_num_queries(4):  # session with the person, membership, current, history
        client.get(PAGE)


def test_markdown_of_guidelines_brings_no_code_in(cast, signed_in):
    write(cast, "<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>")

    html = signed_in(cast.bob).get(f"{PAGE}panel/").content.decode()

    assert "<script" not in html
    assert 'href="javascript' not in html
    assert "<img" not in html
