"""Why a run failed, in words; and what the loop does then."""

from __future__ import annotations

import errno

import pytest
import torch

from alignment import worker
from alignment.clocks.facts import facts
from alignment.clocks.reasons import readable
from alignment.clocks.starting import start_if_due
from alignment.loop import not_before
from alignment.models import Policy, RunState, Trigger
from alignment.services import change_loop


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("too few"), "too few"),
        (RuntimeError(), "RuntimeError"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/data/a"),
            "the disk is full (No space left on device: /data/a): free some space, or keep fewer versions in the "
            "settings",
        ),
        (OSError(errno.EACCES, "Permission denied", "/data/a"), "Permission denied: /data/a"),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total of 79 GiB."),
            "the accelerator ran out of memory (CUDA out of memory): free it, or make trainer.micro_batch_tokens, "
            "max_new_tokens or the rollouts of a prompt smaller",
        ),
    ],
)
def test_a_failure_says_what_to_do(error, said):
    assert readable(error) == said


@pytest.mark.django_db(transaction=True)
def test_a_run_whose_gradients_do_not_fit_into_memory_says_so_and_the_loop_backs_off(judged, start, monkeypatch):
    def out_of_memory(*tensors, **options):
        raise torch.cuda.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB of which 1.02 GiB "
            "is free."
        )

    change_loop(project_id=judged.project.pk, judgements_per_refresh=1)
    run = start("rm", more={"reward_model": {"features": "trained"}}, trigger=Trigger.LOOP)
    monkeypatch.setattr(torch.autograd, "backward", out_of_memory)

    ended = worker.execute_run(run.pk)

    assert ended is not None
    assert ended.state == RunState.FAILED
    assert ended.error.startswith("the accelerator ran out of memory (learning ran out of memory with ")
    assert ended.error.endswith("make trainer.micro_batch_tokens, max_new_tokens or the rollouts of a prompt smaller")
    assert "Tried to allocate 2.00 GiB" in ended.traceback
    known = facts(judged.project.pk)
    assert (known.new_judgements, known.refresh.failures) == (1, 1)
    waits = not_before(known.refresh, facts=known)
    assert waits is not None
    assert 0 < (waits - known.now).total_seconds() <= 60
    assert start_if_due(project_id=judged.project.pk) == []
    assert Policy.objects.get(project=judged.project, is_serving=True).version == 1
