"""System checks."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from django.core.checks import run_checks
from django.core.management import call_command

from labeling import checks


def ids(messages) -> list[str]:
    return [message.id for message in messages if message.id.startswith("labeling.")]


@pytest.mark.django_db
def test_the_project_as_it_is_has_nothing_to_complain_about(capsys):
    call_command("check", databases=["default"], fail_level="WARNING")

    assert "no issues" in capsys.readouterr().out


@pytest.mark.parametrize(("version", "expected"), [(140_011, ["labeling.E001"]), (150_000, []), (180_004, [])])
def test_old_postgresql_is_refused_by_its_version(monkeypatch, version, expected):
    monkeypatch.setattr(checks, "connections", {"default": SimpleNamespace(pg_version=version)})

    assert ids(checks.check_database_version(databases=["default"])) == expected


def test_data_folder_need_not_be_there_but_has_to_be_possible(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path / "not" / "yet"
    possible = ids(checks.check_data_folder())

    # root may write everywhere: the system's answer stands in for a folder of somebody else
    monkeypatch.setattr(os, "access", lambda folder, mode: folder != tmp_path)
    impossible = checks.check_data_folder()

    assert possible == []
    assert ids(impossible) == ["labeling.E002"]
    assert str(tmp_path) in impossible[0].msg


@pytest.mark.parametrize(("password", "expected"), [("", []), ("open sesame", ["labeling.W001"])])
def test_demo_password_on_a_server_is_warned_of(settings, password, expected):
    settings.DEMO_PASSWORD = password

    assert ids(run_checks(tags=["security"], include_deployment_checks=True)) == expected
