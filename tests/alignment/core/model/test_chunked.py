from __future__ import annotations

import pytest
import torch

from alignment.core.model.chunked import token_logprobs

TOKENS, WIDTH, VOCABULARY = 23, 6, 50


def _problem() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(TOKENS, WIDTH, generator=generator, requires_grad=True)
    weight = torch.randn(VOCABULARY, WIDTH, generator=generator, requires_grad=True)
    return states, weight, torch.randint(0, VOCABULARY, (TOKENS,), generator=generator)


@pytest.mark.parametrize("tokens_at_once", [1, 4, 23, 100])
def test_chunks_give_the_values_and_gradients_of_one_log_softmax(tokens_at_once):
    states, weight, labels = _problem()
    full = (states @ weight.T / 0.8).log_softmax(dim=-1)[torch.arange(TOKENS), labels]
    expected = torch.autograd.grad(full.pow(2).sum(), [states, weight])

    values = token_logprobs(
        states, labels, logits=lambda chunk: chunk @ weight.T, vocabulary_size=VOCABULARY, temperature=0.8,
        max_logits=tokens_at_once * VOCABULARY,
    )  # fmt: skip
    gradients = torch.autograd.grad(values.pow(2).sum(), [states, weight])

    torch.testing.assert_close(values, full, atol=1e-5, rtol=1e-5)
    for gradient, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("tokens_at_once", [1, 4, 100])
def test_a_frozen_head_gives_the_same_values_and_gradients_of_the_states(tokens_at_once):
    states, weight, labels = _problem()
    weight = weight.detach()
    full = (states @ weight.T / 0.8).log_softmax(dim=-1)[torch.arange(TOKENS), labels]
    (expected,) = torch.autograd.grad(full.pow(2).sum(), states)

    values = token_logprobs(
        states, labels, logits=lambda chunk: chunk @ weight.T, vocabulary_size=VOCABULARY, temperature=0.8,
        max_logits=tokens_at_once * VOCABULARY, frozen=True,
    )  # fmt: skip
    (gradient,) = torch.autograd.grad(values.pow(2).sum(), states)

    torch.testing.assert_close(values, full, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(gradient, expected, atol=1e-4, rtol=1e-4)


def test_logits_of_a_frozen_head_never_stay_for_the_backward_pass():
    states, weight, labels = _problem()
    kept = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        token_logprobs(states, labels, logits=lambda c: c @ weight.detach().T, vocabulary_size=VOCABULARY, frozen=True)

    assert kept[-1] == TOKENS * WIDTH  # what came before it was freed when the value was known


@pytest.mark.parametrize("grad", [True, False])
def test_no_more_than_a_chunk_of_logits_exists_at_once_nor_stays_for_the_backward_pass(grad):
    states, weight, labels = _problem()
    sizes, kept = [], []

    def logits(chunk: torch.Tensor) -> torch.Tensor:
        sizes.append(len(chunk))
        return chunk @ weight.T

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.set_grad_enabled(grad), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        token_logprobs(states, labels, logits=logits, vocabulary_size=VOCABULARY, max_logits=4 * VOCABULARY)

    assert sizes == [4, 4, 4, 4, 4, 3]
    assert max(kept, default=0) < 4 * VOCABULARY


def test_logits_in_bfloat16_are_normalised_in_float32():
    states, weight, labels = _problem()
    coarse = (states @ weight.T).bfloat16()

    values = token_logprobs(torch.arange(TOKENS), labels, logits=lambda rows: coarse[rows], vocabulary_size=VOCABULARY)

    expected = coarse.double().log_softmax(dim=-1)[torch.arange(TOKENS), labels]
    assert values.dtype == torch.float32
    torch.testing.assert_close(values.double(), expected, atol=1e-5, rtol=0)


def test_no_tokens_have_no_logprobs():
    empty = token_logprobs(
        torch.zeros(0, WIDTH), torch.zeros(0, dtype=torch.long), logits=lambda c: c @ torch.zeros(WIDTH, 5),
        vocabulary_size=5,
    )  # fmt: skip

    assert empty.shape == (0,)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature):
    states, weight, labels = _problem()

    with pytest.raises(ValueError, match="log-probabilities need one above 0"):
        token_logprobs(
            states, labels, logits=lambda c: c @ weight.T, vocabulary_size=VOCABULARY, temperature=temperature
        )
