from __future__ import annotations

import os
import time

import pytest
import torch

from alignment.core.methods.forward import logprobs_by_token
from alignment.core.methods.reference import KEPT, reference_logprobs
from alignment.core.records import Message
from tests.tiny_models import randomise, save_model

PROMPTS = [(Message("user", "say one"),), (Message("user", "tell me why"),)]


@pytest.fixture
def encoded(tiny_backbone):
    """Three completions of differing length, one of them empty."""
    template = tiny_backbone.template
    return [*template.encode(PROMPTS[0], ["a fox", ""]), *template.encode(PROMPTS[1], ["the lazy dog"])]


@pytest.fixture
def computed(monkeypatch):
    """How many completions were computed, call by call."""
    calls: list[int] = []

    def counted(backbone, encoded, **arguments):
        calls.append(len(encoded))
        return logprobs_by_token(backbone, encoded, **arguments)

    monkeypatch.setattr("alignment.core.methods.reference.logprobs_by_token", counted)
    return calls


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_same(found, expected):
    assert len(found) == len(expected)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_what_was_computed_is_read_again_bit_for_bit(tiny_backbone, encoded, computed, tmp_path):
    folder = tmp_path / "not" / "there yet"
    expected = reference_logprobs(tiny_backbone, encoded, folder=None)

    first = reference_logprobs(tiny_backbone, encoded, folder=folder)
    again = reference_logprobs(tiny_backbone, encoded, folder=folder)

    assert computed == [3, 3]
    assert [len(row) for row in again] == [len(each.completion_ids) for each in encoded]
    assert_same(first, expected)
    assert_same(again, expected)
    assert len(files(folder)) == 1  # and nothing half-written


def test_it_is_the_reference_whatever_adapter_is_in_use(tiny_backbone, encoded, tmp_path):
    before = reference_logprobs(tiny_backbone, encoded, folder=None)
    tiny_backbone.add_adapter("policy")
    randomise(tiny_backbone, "policy")

    with tiny_backbone.adapter("policy"):
        found = reference_logprobs(tiny_backbone, encoded, folder=tmp_path)

    assert_same(found, before)


def test_other_data_another_order_temperature_precision_or_base_is_computed_anew(
    tiny_backbone, load_backbone, encoded, computed, tmp_path
):
    from alignment.core.backbone import Backbone

    reference_logprobs(tiny_backbone, encoded, folder=tmp_path)
    other_base = Backbone.load(save_model(tmp_path / "model", seed=9), device="cpu")

    reference_logprobs(tiny_backbone, encoded[:2], folder=tmp_path)
    reference_logprobs(tiny_backbone, encoded[::-1], folder=tmp_path)
    warm = reference_logprobs(tiny_backbone, encoded, folder=tmp_path, temperature=0.5)
    coarse = reference_logprobs(load_backbone("gpt2", dtype="bfloat16"), encoded, folder=tmp_path)
    strange = reference_logprobs(other_base, encoded, folder=tmp_path)

    assert computed == [3, 2, 3, 3, 3, 3]
    assert len({round(float(rows[0].sum()), 6) for rows in (warm, coarse, strange)}) == 3


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-3])


def altered(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def emptied(path):
    path.write_bytes(b"")


def of_something_else(path):
    from safetensors.torch import save_file

    save_file({"weights": torch.zeros(3)}, path)


@pytest.mark.parametrize("damage", [cut_short, altered, emptied, of_something_else])
def test_a_damaged_file_is_computed_again_and_said_so(tiny_backbone, encoded, computed, tmp_path, caplog, damage):
    expected = reference_logprobs(tiny_backbone, encoded, folder=tmp_path)
    (name,) = files(tmp_path)
    damage(tmp_path / name)

    found = reference_logprobs(tiny_backbone, encoded, folder=tmp_path)
    again = reference_logprobs(tiny_backbone, encoded, folder=tmp_path)

    assert computed == [3, 3]
    assert_same(found, expected)
    assert_same(again, expected)
    assert name in caplog.text
    assert "log-probabilities are computed again" in caplog.text
    assert files(tmp_path) == [name]


def test_a_folder_that_cannot_be_written_to_costs_time_and_nothing_else(
    tiny_backbone, encoded, computed, tmp_path, caplog
):
    (tmp_path / "a file").touch()

    found = reference_logprobs(tiny_backbone, encoded, folder=tmp_path / "a file" / "folder")

    assert [len(row) for row in found] == [len(each.completion_ids) for each in encoded]
    assert "log-probabilities were not kept" in caplog.text


def test_a_write_that_fails_half_way_leaves_nothing(tiny_backbone, encoded, tmp_path, monkeypatch, caplog):
    def full(*arguments, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    reference_logprobs(tiny_backbone, encoded, folder=tmp_path)

    assert files(tmp_path) == []
    assert "No space left on device" in caplog.text


def test_the_files_used_last_stay_and_what_killed_processes_left_goes(tiny_backbone, encoded, computed, tmp_path):
    long_ago = time.time() - 3 * 24 * 3600
    for number in range(KEPT):
        path = tmp_path / f"reference-{number:064}.safetensors"
        path.touch()
        os.utime(path, (long_ago + number, long_ago + number))
    for name in (".reference-old.partial", ".reference-new.partial", "notes.txt"):
        (tmp_path / name).touch()
    for name in (".reference-old.partial", "notes.txt"):
        os.utime(tmp_path / name, (long_ago, long_ago))

    reference_logprobs(tiny_backbone, encoded, folder=tmp_path)

    left = files(tmp_path)
    assert f"reference-{0:064}.safetensors" not in left
    assert f"reference-{1:064}.safetensors" in left
    assert sum(name.endswith(".safetensors") for name in left) == KEPT
    assert ".reference-old.partial" not in left
    assert {".reference-new.partial", "notes.txt"} <= set(left)


def test_nothing_to_compute_keeps_nothing(tiny_backbone, tmp_path):
    assert reference_logprobs(tiny_backbone, [], folder=tmp_path / "folder") == []
    assert not (tmp_path / "folder").exists()
