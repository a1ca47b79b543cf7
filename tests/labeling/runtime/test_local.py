from __future__ import annotations

import os
import stat

import pytest

from labeling.runtime import local


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("DATABASE_URL", "SECRET_KEY", "HTTPS", "ALLOWED_HOSTS", "DATA_DIR"):
        monkeypatch.setenv(name, "")  # so that what the code sets is taken back after the test
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        ([], False),
        (["help"], False),
        (["migrate", "--help"], False),
        (["check"], False),
        (["check", "--database", "default"], True),
        (["collectstatic", "--noinput"], False),
        (["spectacular"], False),
        (["run"], False),
        (["migrate"], True),
        (["import_preferences", "file.jsonl"], True),
        (["worker"], True),
    ],
)
def test_only_commands_that_reach_for_the_database_get_one(arguments, needed):
    assert local.needs_database(arguments) is needed


def test_a_machine_of_its_own_gets_a_secret_key_once(bare, tmp_path):
    local.set_local_environment(tmp_path / "data")
    first = os.environ["SECRET_KEY"]
    bare.delenv("SECRET_KEY")
    local.set_local_environment(tmp_path / "data")

    key_file = tmp_path / "data" / "secret_key"
    assert os.environ["SECRET_KEY"] == first == key_file.read_text()
    assert len(first) >= 50
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [path.name for path in key_file.parent.iterdir()] == ["secret_key"]
    assert (os.environ["HTTPS"], os.environ["ALLOWED_HOSTS"]) == ("0", "localhost,127.0.0.1,[::1]")


def test_what_the_environment_says_is_kept(bare, tmp_path):
    bare.setenv("SECRET_KEY", "mine")
    bare.setenv("HTTPS", "1")
    bare.setenv("ALLOWED_HOSTS", "labels.example")

    local.set_local_environment(tmp_path / "data")

    assert [os.environ[name] for name in ("SECRET_KEY", "HTTPS", "ALLOWED_HOSTS")] == ["mine", "1", "labels.example"]
    assert not (tmp_path / "data").exists()


def test_a_deployment_sets_its_own(bare):
    assert local.is_local(["migrate"])
    assert not local.is_local(["check", "--deploy"])
    bare.setenv("DATABASE_URL", "postgresql://user@database.example/prefloop")
    assert not local.is_local(["migrate"])
    assert local.is_local(["run"])


def test_a_named_server_gets_no_embedded_database_beside_it(bare, tmp_path):
    bare.setenv("DATABASE_URL", "postgresql://user@database.example/prefloop")
    bare.setenv("DATA_DIR", str(tmp_path / "data"))

    with local.surroundings(["migrate"]):
        inside = os.environ.get("SECRET_KEY")

    assert inside is None
    assert not (tmp_path / "data").exists()
