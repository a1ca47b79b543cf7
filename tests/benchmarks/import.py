"""Rows per second of an import: a file made for it, taken in as `manage.py import_prompts` does.

With --completions N each prompt has N of them and becomes an item; with --judged 1 they are ranked, so that each row
becomes a label. Repeating is measured too: the second time every row is known.
"""

from __future__ import annotations

import json
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from django.db import connection

from labeling.imports.files import import_file
from labeling.imports.formats import Format
from labeling.models import User
from labeling.services.projects import create_project
from tests.benchmarks.labeling_load.memory import forget_peak, peak_mb

SETTINGS = {"rows": 100_000, "completions": 0, "judged": 0, "words": 60}
VOCABULARY = 20_000


def run(*, say: Callable[[str], object], rows: int, completions: int, judged: int, words: int) -> dict[str, Any]:
    """Seconds of the first and of the second import, the peak of memory, and how large the file was."""
    creator, _ = User.objects.get_or_create(username="benchmark")
    slug = f"import-{secrets.token_hex(3)}"
    project = create_project(slug=slug, creator=creator, name=slug)
    file_format = Format.RANKED if judged else Format.PROMPTS
    with tempfile.TemporaryFile() as file:
        num_bytes = write_rows(file, rows=rows, completions=completions, judged=bool(judged), words=words)
        say(f"{num_bytes / 1e6:,.0f} MB written")
        forget_peak()
        before = peak_mb()
        seconds = []
        for _ in range(2):
            file.seek(0)
            began = time.monotonic()
            import_file(file, project=project, file_format=file_format, source="benchmark")
            seconds.append(round(time.monotonic() - began, 2))
            say(f"{rows:,} rows in {seconds[-1]} s")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {
        "rows": rows,
        "seconds": seconds[0],
        "peak_mb": round(peak_mb(), 1),
        "format": str(file_format),
        "repeated_seconds": seconds[1],
        "grown_mb": round(peak_mb() - before, 1),
        "file_mb": round(num_bytes / 1e6, 1),
        "completions": completions,
    }


def write_rows(file: IO[bytes], *, rows: int, completions: int, judged: bool, words: int) -> int:
    """A file of JSON lines; its size in bytes."""
    text = texts(words=words)
    for number in range(rows):
        row: dict[str, Any] = {"prompt": [{"role": "user", "content": f"{number}: {next(text)}"}]}
        if completions:
            row["completions"] = [f"{place}: {next(text)}" for place in range(completions)]
        if judged:
            row["ranks"] = list(range(1, completions + 1))
        file.write(json.dumps(row).encode() + b"\n")
    return file.tell()


def texts(*, words: int, seed: int = 0) -> Iterator[str]:
    """Texts of so many words from a vocabulary whose n-th word is as frequent as 1/n, as in a natural language."""
    draw = random.Random(seed)
    vocabulary = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(VOCABULARY)]
    weights = [1 / place for place in range(1, VOCABULARY + 1)]
    totals = [sum(weights[:1])]
    for weight in weights[1:]:
        totals.append(totals[-1] + weight)
    while True:
        drawn = draw.choices(vocabulary, cum_weights=totals, k=words)
        yield " ".join(drawn)
