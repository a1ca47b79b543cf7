from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """The folder that a server serves from; compressing takes most of its making."""
    folder = tmp_path_factory.mktemp("static")
    storages = {**settings.STORAGES, "staticfiles": {"BACKEND": "labeling.staticfiles.HashedStorage"}}
    with override_settings(STATIC_ROOT=folder, STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
    return folder


def test_modules_import_hashed_files_that_exist(collected):
    [entry] = [path for path in (collected / "js").glob("judge.*.js") if re.fullmatch(r"judge\.\w{12}\.js", path.name)]
    seen, waiting = set(), [entry]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        for name in re.findall(r'from\s+"([^"]+)"', path.read_text()):
            found = (path.parent / name).resolve()
            assert re.search(r"\.\w{12}\.js$", name), f"{path.name} imports {name}"
            assert found.is_file(), f"{path.name} imports {name}"
            if found not in seen:
                waiting.append(found)

    assert {path.name.split(".")[0] for path in seen} >= {"judge", "lib", "item", "rank", "sending", "timer"}


def test_files_are_there_compressed_too(collected):
    packed = {path.name.split(".")[0] for path in (collected / "css").glob("*.css.br")}

    assert {"base", "components", "judge"} <= packed
