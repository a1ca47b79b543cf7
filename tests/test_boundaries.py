"""What may know what, checked by importing it: the linter reads the code, this runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    path
    for package in ("labeling", "alignment")
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "labeling.settings"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def blocking(*names: str) -> str:
    """Code that makes any import of these packages fail."""
    return f"import sys\nfor name in {names!r}:\n    sys.modules[name] = None\n"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_longer_than_300_lines(path):
    assert len(path.read_text().splitlines()) <= 300


def test_every_module_can_be_imported():
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in SOURCES]
    code = f"import django, importlib\ndjango.setup()\nfor name in {names!r}:\n    importlib.import_module(name)\n"

    result = run_python(code)

    assert result.returncode == 0, result.stderr


def test_the_web_process_boots_without_torch():
    code = blocking("torch", "transformers", "peft", "accelerate") + (
        "import labeling.asgi\n"
        "from django.urls import get_resolver\n"
        "assert get_resolver().url_patterns\n"
        "from django.core.management import call_command\n"
        "call_command('check')\n"
    )

    result = run_python(code)

    assert result.returncode == 0, result.stderr


def test_the_learning_core_is_imported_without_django():
    core = [path for path in SOURCES if path.relative_to(ROOT).parts[:2] == ("alignment", "core")]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in core]
    code = blocking("django", "channels", "rest_framework", "procrastinate", "labeling") + (
        f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)\n"
    )

    result = run_python(code)

    assert result.returncode == 0, result.stderr


def test_records_and_config_need_nothing_but_the_standard_library():
    code = (
        "import sys\nimport alignment.core.config, alignment.core.records\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not loaded & {'torch', 'numpy', 'transformers', 'django'}, loaded\n"
    )

    result = run_python(code)

    assert result.returncode == 0, result.stderr


def test_every_type_that_is_ignored_has_a_code_and_a_reason():
    """As in `x = y  # type: ignore[assignment]  # what the checker cannot know`."""
    mark = "# type: " + "ignore"
    whole = re.compile(re.escape(mark) + r"\[[a-z-]+(, [a-z-]+)*\]  # \S")
    files = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)

    without = [
        f"{name}:{number}"
        for name in files.stdout.split()
        if (ROOT / name).exists()
        for number, line in enumerate((ROOT / name).read_text().splitlines(), start=1)
        if mark in line and not whole.search(line)
    ]

    assert without == []


def test_no_file_names_a_path_of_somebody_s_machine():
    files = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml", "*.html", "*.js", "*.css", "Makefile", ".ci/*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    private = ["/" + "work/", "/" + "root/", "/" + "home/"]

    guilty = [
        name for name in files if (ROOT / name).exists() and any(path in (ROOT / name).read_text() for path in private)
    ]

    assert guilty == []
