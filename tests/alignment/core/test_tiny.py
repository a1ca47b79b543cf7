from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from alignment.core.backbone import Backbone
from alignment.core.records import Message
from alignment.core.rollout import sample
from alignment.core.tiny import TinyConfig, train_tiny

SMALL = TinyConfig(vocabulary=300, width=16, inner_width=32, layers=1, heads=2, context=128, epochs=2, batch=2)
ROWS = [
    {"prompt": [{"role": "user", "content": f"What is {name}?"}], "completions": [{"text": text} for text in texts]}
    for name, texts in {
        "honey": ["Honey is made by bees.", "I do not know.", "Go away."],
        "rain": ["Rain is water from clouds.", "It depends."],
        "snow": ["Snow is frozen water.", "Maybe yes, maybe no."],
        "wind": [],
    }.items()
]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_the_folder_loads_offline_as_an_ordinary_model(corpus, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = train_tiny(corpus, tmp_path / "models", config=SMALL)

    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model.config.tie_word_embeddings is True
    assert model.config.vocab_size == len(tokenizer) == model.get_input_embeddings().num_embeddings
    settings = model.generation_config
    assert (settings.do_sample, settings.temperature, settings.top_k, settings.top_p) == (True, 1.0, 0, 1.0)
    assert settings.eos_token_id == tokenizer.eos_token_id != tokenizer.pad_token_id == settings.pad_token_id


def test_the_chat_template_writes_turns_and_exactly_one_end(corpus, tmp_path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(train_tiny(corpus, tmp_path / "models", config=SMALL))

    turns = [{"role": "user", "content": "What is rain?"}, {"role": "assistant", "content": "It depends."}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    asked = tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    ids = tokenizer.encode(text, add_special_tokens=True)

    assert text == "<|user|>What is rain?<|assistant|>It depends.<|eos|>"
    assert asked == "<|user|>What is rain?<|assistant|>"
    assert ids.count(tokenizer.eos_token_id) == 1
    assert ids[-1] == tokenizer.eos_token_id


def test_the_backbone_samples_from_it(corpus, tmp_path):
    backbone = Backbone.load(train_tiny(corpus, tmp_path / "models", config=SMALL), device="cpu")

    rows = sample(
        backbone,
        [(Message("user", "What is rain?"),)],
        adapter=None,
        num_completions=3,
        max_new_tokens=8,
        generator=torch.Generator().manual_seed(0),
    )

    assert backbone.template.encode_completion("It depends.").count(backbone.eos_id) == 1
    assert backbone.template.eos_id == backbone.tokenizer.convert_tokens_to_ids("<|eos|>")
    assert len(rows[0]) == 3


def test_byte_level_tokens_carry_any_text(corpus, tmp_path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(train_tiny(corpus, tmp_path / "models", config=SMALL))

    for text in ("Größe 雨 \U0001f327", " two  spaces ", "line\nbreak"):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(corpus, tmp_path):
    first = train_tiny(corpus, tmp_path / "a", seed=3, config=SMALL)
    torch.rand(5)  # what else was drawn does not matter
    again = train_tiny(corpus, tmp_path / "b", seed=3, config=SMALL)
    other = train_tiny(corpus, tmp_path / "a", seed=4, config=SMALL)

    assert first.name == again.name != other.name
    assert (first / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()
    assert (first / "tokenizer.json").read_bytes() == (again / "tokenizer.json").read_bytes()
    name = "model.layers.0.mlp.up_proj.weight"
    assert not torch.equal(
        load_file(first / "model.safetensors")[name],
        load_file(other / "model.safetensors")[name],
    )


def test_training_leaves_the_callers_random_numbers_alone(corpus, tmp_path):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)

    train_tiny(corpus, tmp_path / "models", config=SMALL)

    assert torch.equal(torch.rand(3), expected)


def test_it_learns_the_completions(corpus, tmp_path):
    losses = []

    train_tiny(
        corpus,
        tmp_path / "models",
        config=TinyConfig(vocabulary=300, width=32, inner_width=64, layers=2, heads=2, epochs=60, batch=3),
        on_step=lambda step, total, metrics: losses.append(metrics["loss"]),
    )

    assert len(losses) == 60
    assert losses[0] > 5.0  # near ln 300 = 5.7: a new model knows nothing
    # Three, two and two completions of equal share can't be told apart before they begin: (3 ln 3 + 4 ln 2) / 7 nats
    # for each completion of 5 to 20 tokens; everything else can be known.
    assert losses[-1] < 0.6


def test_progress_counts_every_step_of_every_epoch(corpus, tmp_path):
    seen = []

    train_tiny(
        corpus,
        tmp_path / "models",
        config=SMALL,
        on_step=lambda step, total, metrics: seen.append((step, total, sorted(metrics))),
    )

    # Three prompts have completions: two steps of up to two prompts in each of two epochs.
    assert seen == [(step, 4, ["loss", "lr"]) for step in (1, 2, 3, 4)]


def test_a_model_that_is_there_is_returned_untrained(corpus, tmp_path):
    folder = train_tiny(corpus, tmp_path / "models", config=SMALL)
    written = (folder / "model.safetensors").stat().st_mtime_ns
    steps = []

    again = train_tiny(corpus, tmp_path / "models", config=SMALL, on_step=lambda *step: steps.append(step))

    assert again == folder
    assert steps == []
    assert (folder / "model.safetensors").stat().st_mtime_ns == written


def test_another_corpus_or_setting_gets_another_folder(corpus, tmp_path):
    first = train_tiny(corpus, tmp_path / "models", config=SMALL)
    corpus.write_text(corpus.read_text().replace("bees", "wasps"))

    second = train_tiny(corpus, tmp_path / "models", config=SMALL)

    assert first != second
    assert first.is_dir()
    assert second.is_dir()


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "chat_template.jinja"])
def test_a_model_with_a_file_taken_away_is_trained_again(corpus, tmp_path, name):
    folder = train_tiny(corpus, tmp_path / "models", config=SMALL)
    content = (folder / name).read_bytes()
    (folder / name).unlink()

    again = train_tiny(corpus, tmp_path / "models", config=SMALL)

    assert again == folder
    assert (folder / name).read_bytes() == content


@pytest.mark.slow
def test_a_killed_training_leaves_nothing_that_is_believed_complete(corpus, tmp_path):
    program = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        import transformers
        from alignment.core.tiny import TinyConfig, train_tiny

        when = sys.argv[3]
        def die(*ignored, **named):
            os.kill(os.getpid(), signal.SIGKILL)
        if when == "writing":
            # Weights and configuration are written, the tokenizer is not.
            transformers.PreTrainedTokenizerFast.save_pretrained = die
        config = TinyConfig(
            vocabulary=300, width=16, inner_width=32, layers=1, heads=2, context=128, epochs=2, batch=2
        )
        train_tiny(Path(sys.argv[1]), Path(sys.argv[2]), config=config, on_step=die if when == "training" else None)
    """)
    models = tmp_path / "models"
    root = str(Path(__file__).parents[3])

    for when in ("training", "writing"):
        killed = subprocess.run([sys.executable, "-c", program, str(corpus), str(models), when], cwd=root, check=False)
        assert killed.returncode == -signal.SIGKILL
        assert list(models.glob("tiny-*")) == []

    folder = train_tiny(corpus, models, config=SMALL)

    assert [path.name for path in models.iterdir() if path.is_dir()] == [folder.name]
    assert Backbone.load(folder, device="cpu").context_length == 128


def test_a_second_process_waits_for_the_first_and_takes_its_model(corpus, tmp_path):
    elsewhere = train_tiny(corpus, tmp_path / "elsewhere", config=SMALL)
    models = tmp_path / "models"
    models.mkdir()
    steps, results = [], []
    with (models / f".{elsewhere.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = threading.Thread(
            target=lambda: results.append(
                train_tiny(corpus, models, config=SMALL, on_step=lambda *step: steps.append(step))
            )
        )
        waiting.start()
        waiting.join(timeout=0.5)
        assert waiting.is_alive()

        os.rename(elsewhere, models / elsewhere.name)

    waiting.join(timeout=30)
    assert results == [models / elsewhere.name]
    assert steps == []


def test_a_missing_corpus_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jsonl"):
        train_tiny(tmp_path / "nowhere.jsonl", tmp_path / "models", config=SMALL)


@pytest.mark.parametrize("line", ["not json", "[]", '{"prompt": "text", "completions": []}', '{"completions": []}'])
def test_a_broken_line_is_named_by_number_and_leaves_no_model(corpus, tmp_path, line):
    corpus.write_text(corpus.read_text() + line + "\n")

    with pytest.raises(ValueError, match="corpus line 5 "):
        train_tiny(corpus, tmp_path / "models", config=SMALL)

    assert list((tmp_path / "models").glob("tiny-*")) == []


def test_a_corpus_without_completions_is_refused(corpus, tmp_path):
    corpus.write_text(json.dumps(ROWS[-1]) + "\n")

    with pytest.raises(ValueError, match="no completion"):
        train_tiny(corpus, tmp_path / "models", config=SMALL)


def test_a_loss_that_is_not_finite_ends_the_training_by_step(corpus, tmp_path):
    config = TinyConfig(
        vocabulary=300, width=16, inner_width=32, layers=1, heads=2, epochs=20, batch=3, vector_lr=1e30, matrix_lr=1e30
    )

    with pytest.raises(FloatingPointError, match=r"step \d+ of 20"):
        train_tiny(corpus, tmp_path / "models", config=config)

    assert list((tmp_path / "models").glob("tiny-*")) == []


def test_the_default_model_has_the_promised_size():
    config = TinyConfig()

    embeddings = config.vocabulary * config.width
    block = 4 * config.width**2 + 3 * config.width * config.inner_width

    assert 1_000_000 <= embeddings + config.layers * block <= 5_000_000
    assert config.context == 512
