from __future__ import annotations

import pytest
import torch

from tests import joint_training


@pytest.mark.slow
@pytest.mark.parametrize("name", joint_training.METHODS)
def test_eight_passes_of_one_are_four_of_two_and_one_of_eight(model_folder, name):
    """Prompts and completions of unequal lengths; the token budgets make passes of one unit, of a few, and of all."""
    model = model_folder("gpt2")
    (together, expected), *others = (
        joint_training.run(name, model, steps=2, micro_batch_tokens=tokens) for tokens in (100_000, 60, 1)
    )

    for weights, result in others:
        for key, tensor in together.items():
            torch.testing.assert_close(weights[key], tensor, atol=1e-5, rtol=0)
        for step, wanted in zip(result.history, expected.history, strict=True):
            assert step["loss"] == pytest.approx(wanted["loss"], abs=1e-5)
            norms = {each: value for each, value in step.items() if each.startswith("grad_norm/")}
            assert norms == pytest.approx({each: wanted[each] for each in norms}, rel=1e-3)
