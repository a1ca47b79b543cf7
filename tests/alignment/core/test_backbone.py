from __future__ import annotations

import pytest
import torch

from alignment.core.heads import ScalarHead
from alignment.core.records import Message
from alignment.core.text import Encoded, Template, collate
from tests.tiny_models import ARCHITECTURES, randomise


def _prompt(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def _rows(template: Template) -> list[Encoded]:
    """Completions of several prompts and lengths, an empty one among them."""
    return [
        *template.encode(_prompt("tell me why"), ["the fox", "", "a good small red dog"]),
        *template.encode(_prompt("hi"), ["x", "why"]),
        *template.encode(_prompt("what is a name for a boat"), ["quick"]),
    ]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("layout", "side"),
    [
        ("padded", "right"),
        ("padded", "left"),
        ("packed", "right"),
        ("shared_prefix", "right"),
        ("shared_prefix", "left"),
    ],
)
def test_a_row_has_the_same_logprobs_and_reward_alone_and_in_every_layout(
    load_backbone, architecture, attention, layout, side
):
    backbone = load_backbone(architecture, attention=attention)
    backbone.add_adapter("policy")
    randomise(backbone, "policy")
    head = ScalarHead(backbone.hidden_size, seed=0)
    rows = _rows(backbone.template)

    with backbone.inference("policy"):
        alone = [(backbone.logprobs(collate([row]))[0], head(backbone.last_hidden(collate([row])))[0]) for row in rows]
        batch = collate(rows, layout=layout, side=side, pad_id=backbone.eos_id)  # pad == eos must not matter
        logprobs, rewards = backbone.logprobs(batch), head(backbone.last_hidden(batch))

    for number, (expected, reward) in enumerate(alone):
        real = batch.mask[number]
        torch.testing.assert_close(logprobs[number][real], expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(rewards[number], reward, atol=1e-5, rtol=0)
        assert (logprobs[number][~real] == 0).all()
