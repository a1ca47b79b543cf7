"""The words of a prompt are the same ones, made in less time: the index that has them stays as it is."""

from __future__ import annotations

import json
from importlib import import_module

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db
MIGRATION = import_module("labeling.migrations.0023_cheaper_prompts")
TURNS = [
    ["The sky?"],
    ["Don't do it 100%! https://example.com/a?b=c x@example.com"],
    ["Be brief.", "Hi.", "Hello, Café!", "x " * 60_000 + "far"],
    ["x " * 60_000 + "far"],
    ["\\n \"quoted\" 😀 汉字 \t\n"],
    [""],
]


@pytest.mark.parametrize("texts", TURNS)
def test_the_words_of_a_prompt_stay_the_same(texts):
    messages = json.dumps([{"role": "user", "content": text} for text in texts])

    with connection.cursor() as cursor:
        cursor.execute(MIGRATION.WORDS_BEFORE.replace("labeling_prompt_words", "words_before"))
        cursor.execute(
            "SELECT labeling_prompt_words(%s::jsonb)::text, words_before(%s::jsonb)::text", [messages, messages]
        )
        now, before = cursor.fetchone()

    assert now == before
