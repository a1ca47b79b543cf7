from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from transformers import AutoModelForCausalLM, BertConfig, BertLMHeadModel, GPT2Config, GPT2Model

from alignment.core.backbone import Backbone
from alignment.core.model.loading import ModelError, load_model, token_logits, weights_digest
from tests.tiny_models import build_tokenizer, save_model


@pytest.fixture
def copied_model(model_folder, tmp_path) -> Path:
    """A model folder of the test's own, to damage."""
    return Path(shutil.copytree(model_folder("gpt2"), tmp_path / "model"))


def test_a_pickle_is_refused_by_name_and_never_opened(copied_model, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    (copied_model / "model.safetensors").unlink()
    torch.save(Bomb(), copied_model / "pytorch_model.bin")

    with pytest.raises(ModelError, match=r"pytorch_model.bin is a pickle.*save_pretrained\(folder, safe_serialization"):
        load_model(copied_model)

    assert not (tmp_path / "ran").exists()


def test_code_in_a_model_folder_does_not_run(copied_model, tmp_path):
    marker = tmp_path / "ran"
    (copied_model / "modeling_own.py").write_text(f"open({str(marker)!r}, 'w')")
    config = json.loads((copied_model / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "modeling_own.Own", "AutoModelForCausalLM": "modeling_own.M"},
    }
    (copied_model / "config.json").write_text(json.dumps(config))

    with pytest.raises(ModelError, match="is not a causal language model that transformers can load without code"):
        load_model(copied_model)

    assert not marker.exists()


def test_a_folder_without_config_weights_or_tokenizer_is_refused(copied_model, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"empty has no config.json, so it is no model"):
        load_model(tmp_path / "empty")

    for file in copied_model.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ModelError, match="has no usable tokenizer; save one beside the weights"):
        load_model(copied_model)

    (copied_model / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no \*.safetensors weights"):
        load_model(copied_model)


def test_weights_cut_short_are_refused(copied_model):
    weights = copied_model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])

    with pytest.raises(ModelError, match="is not a causal language model that transformers can load"):
        load_model(copied_model)


@pytest.mark.parametrize("path", ["./nowhere", "/nowhere/at/all", "a/b/c"])
def test_a_folder_that_is_not_there_is_named(path):
    with pytest.raises(ModelError, match=f"there is no model folder '{path}'; check the path"):
        load_model(path)


@pytest.mark.parametrize("name", ["no-such-model-of-ours", "nobody/no-such-model", "spaces are no id"])
def test_a_hub_id_without_network_is_refused(name, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(ModelError, match=f"model '{name}' is neither a folder here nor a hub id"):
        load_model(name)


def test_an_encoder_is_refused_though_it_loads(tmp_path):
    config = BertConfig(
        vocab_size=320,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        is_decoder=False,
    )
    BertLMHeadModel(config).save_pretrained(tmp_path)
    build_tokenizer().save_pretrained(tmp_path)

    with pytest.raises(ModelError, match="looks ahead: it is an encoder, not a causal LM"):
        load_model(tmp_path)


def test_a_model_without_all_of_its_weights_is_refused(tmp_path):
    body = GPT2Model(GPT2Config(vocab_size=320, n_positions=32, n_embd=32, n_layer=2, n_head=2))
    del body.h[1]
    body.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"n_layer": 2}))
    build_tokenizer().save_pretrained(tmp_path)

    with pytest.raises(ModelError, match=r"lacks weights of its model \(transformer.h.1"):
        load_model(tmp_path)


def test_a_tokenizer_with_more_ids_than_the_embeddings_is_refused(tmp_path):
    folder = save_model(tmp_path / "model", vocabulary=100)

    with pytest.raises(ModelError, match=r"has ids up to \d+, its embeddings only 100 rows; use the tokenizer"):
        load_model(folder)


def test_a_tokenizer_without_eos_takes_the_models_and_without_both_is_refused(tmp_path):
    with_eos = save_model(tmp_path / "with", tokenizer=build_tokenizer(eos=None), eos_token_id=7)
    without = save_model(tmp_path / "without", tokenizer=build_tokenizer(eos=None), eos_token_id=None)

    assert Backbone.load(with_eos, device="cpu").eos_id == 7
    with pytest.raises(ModelError, match="has no EOS, so a completion can't end"):
        Backbone.load(without, device="cpu")


def test_an_unknown_dtype_is_refused(model_folder):
    with pytest.raises(ModelError, match="dtype is 'float16'; give one of float32, bfloat16"):
        load_model(model_folder("gpt2"), dtype=cast(Any, "float16"))


def test_no_dropout_is_left(model_folder):
    loaded = load_model(model_folder("gpt2"))

    assert GPT2Config().attn_pdrop == 0.1  # what the folder says
    assert not loaded.model.training
    assert {m.p for m in loaded.model.modules() if isinstance(m, torch.nn.Dropout)} == {0.0}
    assert (loaded.model.config.attn_pdrop, loaded.model.config.resid_pdrop) == (0.0, 0.0)


def test_the_digest_follows_content_and_not_the_place(copied_model, model_folder):
    original = weights_digest(model_folder("gpt2"))

    same = weights_digest(copied_model)
    config = copied_model / "config.json"
    config.write_text(config.read_text() + " ")

    assert same == original
    assert len(original) == 64
    assert weights_digest(copied_model) != original


@pytest.mark.parametrize(
    ("architecture", "extra"),
    [
        ("cohere", {"logit_scale": 0.25, "num_key_value_heads": 2}),
        ("granite", {"logits_scaling": 4.0, "num_key_value_heads": 2}),
        ("gemma2", {"final_logit_softcapping": 2.0, "num_key_value_heads": 2, "head_dim": 8}),
    ],
)
def test_logits_are_scaled_and_capped_as_the_model_does_it(tmp_path, architecture, extra):
    folder = save_model(tmp_path / "model", architecture=architecture, pad_token_id=0, **extra)
    loaded = load_model(folder)
    ids = torch.tensor([[5, 6, 7, 8]])

    with torch.no_grad():
        ours = token_logits(loaded.model, loaded.model.base_model(input_ids=ids).last_hidden_state)
        theirs = AutoModelForCausalLM.from_pretrained(folder)(ids).logits
        plain = loaded.model.get_output_embeddings()(loaded.model.base_model(input_ids=ids).last_hidden_state)

    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    assert (plain - theirs).abs().max() > 0.1
