from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from labeling import environment


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("false", False), ("", True)]
)
def test_boolean_reads_the_usual_words(monkeypatch, value, expected):
    monkeypatch.setenv("SOME_SWITCH", value)

    assert environment.boolean("SOME_SWITCH", default=True) is expected


def test_boolean_refuses_another_word_by_name(monkeypatch):
    monkeypatch.setenv("SOME_SWITCH", "maybe")

    with pytest.raises(ImproperlyConfigured, match="SOME_SWITCH='maybe' is neither yes nor no"):
        environment.boolean("SOME_SWITCH", default=True)


@pytest.mark.parametrize("value", ["many", "-1", "0", "65536", "80.5", "٣"])
def test_integer_refuses_what_is_outside_its_range_or_no_number(monkeypatch, value):
    monkeypatch.setenv("SOME_PORT", value)

    with pytest.raises(ImproperlyConfigured, match=r"SOME_PORT=.* is not a whole number from 1 to 65535"):
        environment.integer("SOME_PORT", default=8000, lowest=1, highest=65535)


def test_items_are_stripped_and_empty_ones_dropped(monkeypatch):
    monkeypatch.setenv("SOME_HOSTS", " a.example , ,b.example,")

    assert environment.items("SOME_HOSTS") == ["a.example", "b.example"]


def test_folder_refuses_a_file(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SOME_DIR", str(tmp_path / "file"))

    with pytest.raises(ImproperlyConfigured, match="is a file: name a folder"):
        environment.folder("SOME_DIR", default=tmp_path)


def test_database_url_is_taken_apart_with_its_options(monkeypatch):
    monkeypatch.setenv("SOME_URL", "postgresql://ann%40lab:p%2Fw@db.example:5433/labels?sslmode=require")

    assert environment.database_url("SOME_URL") == {
        "NAME": "labels",
        "USER": "ann@lab",
        "PASSWORD": "p/w",
        "HOST": "db.example",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require"},
    }


def test_database_url_takes_a_socket_folder(monkeypatch):
    monkeypatch.setenv("SOME_URL", "postgresql://postgres@/labels?host=/run/somewhere")

    assert environment.database_url("SOME_URL")["HOST"] == "/run/somewhere"


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("sqlite:///labels.db", "Prefloop needs postgresql://"),
        ("postgresql://db.example:no/labels?sslmod=require", "is no database address"),
        ("postgresql://db.example", "names no database"),
    ],
)
def test_database_url_refuses_what_is_no_postgresql_address(monkeypatch, value, complaint):
    monkeypatch.setenv("SOME_URL", value)

    with pytest.raises(ImproperlyConfigured, match=f"SOME_URL.*{complaint}"):
        environment.database_url("SOME_URL")


def test_database_url_is_empty_when_unset(monkeypatch):
    monkeypatch.delenv("SOME_URL", raising=False)

    assert environment.database_url("SOME_URL") == {}
