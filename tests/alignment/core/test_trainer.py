from __future__ import annotations

import math

import pytest
import torch

from alignment.core.checkpoints import CheckpointError
from alignment.core.config import TrainerConfig
from alignment.core.methods.base import Loss, ParameterGroup, Update
from alignment.core.running.memory import Allowance
from alignment.core.trainer import NonFiniteLoss, train

SLOPE = torch.tensor([2.0, -1.0, 0.5])
POINTS = [tuple(row) for row in torch.randn(16, 3, generator=torch.Generator().manual_seed(1)).tolist()]


class Line:
    """Least squares on y = SLOPE . x; one token per example, or as many as ``tokens`` says."""

    name = "line"

    def __init__(self, *, memory: int = 10**9, broken_at: int | None = None) -> None:
        self.weight = torch.nn.Parameter(torch.zeros(3))
        self.memory, self.broken_at, self.updates_seen = memory, broken_at, 0
        self.passes: list[int] = []

    def settings(self):
        return {}

    def examples(self, data):
        return [torch.tensor(point) for point in data]

    def prepare(self, examples):
        self.prepared = len(examples)

    def parameter_groups(self):
        return [ParameterGroup(role="line", parameters=[self.weight])]

    def updates(self, batch, *, generator):
        self.updates_seen += 1
        yield Update(units=batch, counts={"loss": len(batch)})

    def size(self, units):
        return len(units)

    def losses(self, units):
        self.passes.append(len(units))
        if len(units) > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory")
        points = torch.stack(units)
        errors = (points @ self.weight - points @ SLOPE) ** 2
        if self.updates_seen == self.broken_at:
            errors = errors * math.nan
        yield Loss({"loss": errors.sum()}, metrics={"size": (points.detach().sum(), len(units))})

    def state_dict(self):
        return {"weight": self.weight.detach().clone()}

    def load_state_dict(self, state):
        self.weight.data.copy_(state["weight"])


def fit(*, points=POINTS, on_step=None, resume_from=None, method=None, **settings):
    method = method or Line()
    defaults = {"steps": 10, "batch_size": 8, "lr": 0.1}
    result = train(method, points, TrainerConfig(**defaults | settings), on_step=on_step, resume_from=resume_from)
    return method, result


class Gathering(Line):
    """The line from points that are gathered from few places: what threads add up in any order if they may."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.randn(64, 192, generator=torch.Generator().manual_seed(2)))
        self.places = torch.randint(0, 64, (4000,), generator=torch.Generator().manual_seed(3))
        self.targets = torch.randn(4000, 192, generator=torch.Generator().manual_seed(4))

    def parameter_groups(self):
        return [ParameterGroup(role="line", parameters=[self.table])]

    def losses(self, units):
        yield Loss({"loss": ((self.table[self.places] - self.targets) ** 2).sum()})

    def state_dict(self):
        return {"table": self.table.detach().clone()}


def test_the_same_run_gives_the_same_weights_on_several_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first, *others = [fit(method=Gathering())[0].table.detach() for _ in range(4)]
    finally:
        torch.set_num_threads(threads)

    assert all(torch.equal(first, other) for other in others)


def test_training_finds_the_slope():
    method, result = fit(steps=200)

    torch.testing.assert_close(method.weight.detach(), SLOPE, atol=0.01, rtol=0)
    assert result.steps == 200
    assert not result.stopped
    assert result.history[0]["loss"] > 1 > 1e-3 > result.metrics["loss"]


@pytest.mark.parametrize("tokens", [1, 2, 4, 5])
def test_accumulation_changes_nothing(tokens):
    whole, whole_result = fit(micro_batch_tokens=8)
    parts, parts_result = fit(micro_batch_tokens=tokens)

    torch.testing.assert_close(parts.weight, whole.weight, atol=1e-6, rtol=0)
    assert max(parts.passes) == tokens
    for name in ("loss", "size", "grad_norm/line"):
        assert parts_result.metrics[name] == pytest.approx(whole_result.metrics[name], rel=1e-4)


def test_gradients_are_clipped_to_the_norm():
    seen = []
    tight = Line()
    original = torch.optim.AdamW.step

    def look(self, *args, **kwargs):
        seen.append(torch.linalg.vector_norm(torch.as_tensor(tight.weight.grad)).item())
        return original(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", look)
        _, result = fit(steps=1, max_grad_norm=0.5, method=tight)

    assert result.metrics["grad_norm/line"] > 0.5
    assert seen == [pytest.approx(0.5, rel=1e-4)]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    (first, _), (second, _), (other, _) = fit(seed=1), fit(seed=1), fit(seed=2)

    assert torch.equal(first.weight, second.weight)
    assert not torch.equal(first.weight, other.weight)


def test_on_step_sees_every_step_and_may_stop_the_run():
    seen = []

    def stop_at_three(step):
        seen.append((step.step, step.total))
        return step.step == 3

    _, result = fit(on_step=stop_at_three)

    assert seen == [(1, 10), (2, 10), (3, 10)]
    assert result.stopped
    assert result.steps == 3


@pytest.mark.parametrize("stop", [1, 4, 9])
def test_a_stopped_run_goes_on_to_the_very_same_weights(tmp_path, stop):
    whole, whole_result = fit()
    _, stopped = fit(checkpoint_folder=str(tmp_path), on_step=lambda step: step.step == stop)

    resumed, result = fit(resume_from=stopped.checkpoint)

    assert torch.equal(resumed.weight, whole.weight)
    assert result.history == whole_result.history


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    _, result = fit(steps=2, checkpoint_folder=str(tmp_path))

    with pytest.raises(ValueError, match=r"is a checkpoint of another run: its trainer\.lr is 0\.1, here it is 0\.2"):
        fit(lr=0.2, steps=2, resume_from=result.checkpoint)
    with pytest.raises(ValueError, match="its data is"):
        fit(points=POINTS[:-1], steps=2, resume_from=result.checkpoint)


def test_a_loss_that_is_no_number_ends_the_run_and_the_last_checkpoint_stays(tmp_path):
    broken = Line(broken_at=4)
    weights = []

    with pytest.raises(NonFiniteLoss, match=r"loss is nan at step 4, in the batch of examples \[\d+, .*lower lr"):
        fit(
            method=broken,
            checkpoint_folder=str(tmp_path),
            checkpoint_every_steps=1,
            on_step=lambda step: weights.append(broken.weight.detach().clone()),
        )

    assert torch.equal(broken.weight, weights[-1])
    resumed, result = fit(resume_from=tmp_path)
    assert result.steps == 10
    assert torch.equal(resumed.weight, fit()[0].weight)


def test_out_of_memory_halves_the_micro_batch_says_so_and_changes_nothing(caplog):
    tight, _ = fit(method=Line(memory=3))

    assert tight.passes[:4] == [8, 4, 2, 2]
    assert "learning goes on with 2 tokens" in caplog.text
    torch.testing.assert_close(tight.weight, fit()[0].weight, atol=1e-6, rtol=0)


def test_out_of_memory_with_one_example_is_an_error_with_a_remedy():
    with pytest.raises(torch.OutOfMemoryError, match=r"learning ran out of memory with 1 tokens.*smaller model"):
        fit(method=Line(memory=0))


def test_no_data_is_refused():
    with pytest.raises(ValueError, match="nothing to train line on"):
        fit(points=[])


def test_checkpoints_are_written_every_so_many_steps(tmp_path):
    times = []

    def look(step):
        times.append(tmp_path.joinpath("run").exists())
        return step.step == 4

    fit(
        checkpoint_folder=str(tmp_path / "run"),
        checkpoint_every_steps=2,
        checkpoint_every_seconds=None,
        on_step=look,
    )

    assert times == [False, False, True, True]


def test_the_size_of_a_forward_pass_may_change_when_a_run_goes_on(tmp_path):
    _, stopped = fit(checkpoint_folder=str(tmp_path), on_step=lambda step: step.step == 4)

    resumed, _ = fit(resume_from=stopped.checkpoint, micro_batch_tokens=2)

    torch.testing.assert_close(resumed.weight, fit()[0].weight, atol=1e-6, rtol=0)


def test_a_folder_with_checkpoints_of_an_earlier_run_is_not_started_in(tmp_path):
    _, earlier = fit(checkpoint_folder=str(tmp_path))

    with pytest.raises(ValueError, match=r"step-00000010 is there already; give resume_from to go on from it, or"):
        fit(checkpoint_folder=str(tmp_path), steps=3)

    assert [path.name for path in tmp_path.iterdir()] == [earlier.checkpoint.name]


def test_a_folder_without_a_checkpoint_to_resume_from_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=f"there is no whole checkpoint in {tmp_path}; leave resume_from out"):
        fit(resume_from=tmp_path)


class Halves(Line):
    """The line in two parts, of which the second may have nothing to say in a batch."""

    def updates(self, batch, *, generator):
        big = [point for point in batch if point.norm() > 2]
        yield Update(units=batch, counts={"loss": len(batch), "big": len(big)})

    def losses(self, units):
        for loss in super().losses(units):
            big = [((point - SLOPE) @ self.weight) ** 2 for point in units if point.norm() > 2]
            yield Loss({"loss": loss.totals["loss"], "big": torch.stack([self.weight.sum() * 0.0, *big]).sum()})


def test_a_part_of_the_loss_that_a_batch_says_nothing_about_is_zero():
    small = [(0.1, 0.2, 0.3), (0.2, 0.1, 0.0)]

    _, result = fit(points=small, method=Halves(), steps=3, batch_size=2)

    assert result.metrics["loss/big"] == 0.0
    assert result.metrics["loss"] > 0


class Preparing(Line):
    """The line, with a pass without gradient over all points before the first step."""

    def __init__(self) -> None:
        super().__init__()
        self.scoring = Allowance("scoring", "tokens", 16)

    def prepare(self, examples):
        def work(part):
            if len(part) > 4:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return [0.0] * len(part)

        self.scoring.in_parts(examples, fit=lambda rest, most: min(most, len(rest)), size=len, work=work)


def test_what_ran_out_of_memory_before_the_first_step_is_told_in_its_metrics_and_may_be_forbidden():
    _, result = fit(method=Preparing())

    assert result.history[0]["out_of_memory/scoring_tokens"] == 4.0
    with pytest.raises(torch.OutOfMemoryError, match="scoring ran out of memory with 16 tokens"):
        fit(method=Preparing(), halve_when_out_of_memory=False)


def test_the_order_of_a_large_data_set_is_drawn_once_for_each_epoch(monkeypatch):
    drawn = []
    original = torch.randperm

    def look(*args, **kwargs):
        drawn.append(args)
        return original(*args, **kwargs)

    monkeypatch.setattr(torch, "randperm", look)

    fit(steps=None, epochs=3.0, batch_size=2, seed=12345)

    assert drawn == [(16,)] * 3


def test_training_is_complete_where_its_metrics_say_so_and_a_resumed_run_takes_no_further_step(tmp_path):
    config = TrainerConfig(steps=20, batch_size=4, lr=0.05, checkpoint_folder=str(tmp_path))

    first = train(Line(), POINTS, config, until=lambda metrics: metrics["loss"] < 1)
    again = train(Line(), POINTS, config, until=lambda metrics: metrics["loss"] < 1, resume_from=tmp_path)

    assert 1 < first.steps < 20
    assert first.history[-1]["loss"] < 1 <= first.history[-2]["loss"]
    assert (again.steps, again.stopped, first.stopped) == (first.steps, False, False)
