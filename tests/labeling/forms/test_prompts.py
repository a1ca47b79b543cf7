from __future__ import annotations

from labeling.forms.prompts import PromptsForm


def test_prompts_are_lines_that_hold_something():
    form = PromptsForm({"prompts": " One? \r\n\r\n\tTwo?\n"})

    assert form.is_valid()
    assert form.cleaned_data["prompts"] == ["One?", "Two?"]
