"""Two versions that stand in one item, for tests of what is seen of the loop."""

from __future__ import annotations

from factories import Cast

from labeling.models import Item
from labeling.services.prompts import NewCompletion, NewItem, add_completions, add_prompts, create_items


def versions_meet(project, prompt: str, texts: dict[int, str], **more) -> Item:
    """An item in which each version's text stands beside the others."""
    [stored], _ = add_prompts(project=project, prompts=[prompt])
    completions = add_completions(
        pairs=[(stored, NewCompletion(text=text, policy_version=version)) for version, text in texts.items()]
    )
    [item] = create_items(project=project, items=[NewItem(prompt=stored, completions=completions, **more)])
    return item


def two_versions(cast: Cast, *, num: int = 4) -> Cast:
    """Items of versions 1 and 2; whoever sees the longer text of version 2 first prefers it."""
    for number in range(num):
        versions_meet(cast.project, f"Number {number}?", {1: "Red.", 2: "Blue, I think."})
    return cast
