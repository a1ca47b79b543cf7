from __future__ import annotations

import pytest
from django.core.management import call_command

from alignment.management.commands.prepare_model import Lines


def test_without_a_terminal_a_line_says_now_and_then_how_far_it_is(monkeypatch):
    said: list[str] = []
    clock = iter([100.0, 101.0, 114.9, 115.0, 116.0])
    monkeypatch.setattr("alignment.management.commands.prepare_model.time.monotonic", lambda: next(clock))
    lines = Lines(said.append)

    for step in range(1, 6):
        lines.on_step(step, 400, 2.0 / step)

    assert said == ["default model: step 1 of 400, loss 2.000", "default model: step 4 of 400, loss 0.500"]


def test_the_command_says_it_where_there_is_no_terminal(monkeypatch, capsys):
    def train(on_step):
        on_step(1, 400, {"loss": 5.25})
        raise OSError("no space left")

    monkeypatch.setattr("alignment.artifacts.base_model", train)

    with pytest.raises(Exception, match="no space left"):
        call_command("prepare_model")

    assert capsys.readouterr().out == "default model: step 1 of 400, loss 5.250\n"
