"""Open a transformers causal language model from a folder or a hub id: safetensors only, no code of others runs."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import nn

from alignment.core.running.processes import own_device

Dtype = Literal["float32", "bfloat16"]
DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.msgpack", "*.h5")
_HUB_FILES = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]


class ModelError(ValueError):
    """A model or adapter that can't be used; the message names the value and the remedy."""


@dataclass(frozen=True)
class LoadedModel:
    """A model in eval mode without dropout, its tokenizer, and the folder that both came from."""

    model: Any
    tokenizer: Any
    folder: Path
    digest: str


def load_model(path_or_id: str | Path, *, dtype: Dtype = "float32", attention: str | None = None) -> LoadedModel:
    """Load weights and tokenizer, and check that they are what a policy needs.

    Args:
        dtype: of the weights.
        attention: "sdpa" or "eager"; the model's own choice when None (sdpa where it can).

    Raises:
        ModelError: no such folder or hub id, no config, no safetensors, not a causal language model, weights missing,
            or a tokenizer whose ids go past the embeddings.
    """
    if dtype not in DTYPES:
        raise ModelError(f"dtype is {dtype!r}; give one of {', '.join(DTYPES)}")
    folder = _resolve(path_or_id)
    _check_files(folder)
    model, tokenizer = _open(path_or_id, folder=folder, dtype=DTYPES[dtype], attention=attention)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    model.eval()
    model.config.use_cache = False
    _check_vocabulary(path_or_id, model=model, tokenizer=tokenizer)
    _check_forward(path_or_id, model=model)
    return LoadedModel(model=model, tokenizer=tokenizer, folder=folder, digest=weights_digest(folder))


def choose_device(device: torch.device | str | None) -> torch.device:
    """The device named; CUDA when there is one, else the CPU, when None. Of several processes each has its own GPU.

    Raises:
        ModelError: there is no such device here.
    """
    try:
        found = own_device(device)
        if found.type == "cuda" and not torch.cuda.is_available():
            raise ModelError(f"device is {str(device)!r} and there is no CUDA here; give device='cpu'")
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        known = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        raise ModelError(
            f"device is {str(device)!r} and there is no such device here; give one of {', '.join(known)}"
        ) from error
    return found


def weights_digest(folder: Path) -> str:
    """SHA-256 over config.json and the safetensors files of a model folder, by name and content.

    Computed once for each state of the files (size and time of change) in a process.
    """
    files = [folder / "config.json", *sorted(folder.glob("*.safetensors"))]
    stats = tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    return _digest_of(stats)


@lru_cache(maxsize=64)
def _digest_of(stats: tuple[tuple[str, int, int], ...]) -> str:
    total = hashlib.sha256()
    for name, _, _ in stats:
        with open(name, "rb") as file:
            part = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{Path(name).name} {part}\n".encode())
    return total.hexdigest()


def _resolve(path_or_id: str | Path) -> Path:
    folder = Path(path_or_id).expanduser()
    if folder.is_dir():
        return folder
    name = str(path_or_id)
    if isinstance(path_or_id, Path) or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"there is no model folder {name!r}; check the path")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=_HUB_FILES))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"model {name!r} is neither a folder here nor a hub id that could be fetched; "
            f"download it into a folder and give its path ({type(error).__name__})"
        ) from error


def _open(path_or_id: str | Path, *, folder: Path, dtype: torch.dtype, attention: str | None) -> tuple[Any, Any]:
    """Model and tokenizer as transformers builds them."""
    import transformers

    library: Any = transformers
    if not sys.stderr.isatty():
        library.utils.logging.disable_progress_bar()
    try:
        config = library.AutoConfig.from_pretrained(folder, trust_remote_code=False)
        _switch_dropout_off(config)
        model, info = library.AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation=attention,
            output_loading_info=True,
        )
    except (ValueError, OSError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"{path_or_id} is not a causal language model that transformers can load without code of its own: {error}"
        ) from error
    if info["missing_keys"]:
        missing = ", ".join(sorted(info["missing_keys"])[:3])
        raise ModelError(f"{path_or_id} lacks weights of its model ({missing}, ...); give a complete causal LM")
    try:
        return model, library.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, OSError, KeyError) as error:
        raise ModelError(f"{path_or_id} has no usable tokenizer; save one beside the weights: {error}") from error


def _check_files(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json, so it is no model; give a folder of save_pretrained()")
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if pickles:
        raise ModelError(
            f"{folder / pickles[0]} is a pickle, which can run code when opened; convert it with "
            "model.save_pretrained(folder, safe_serialization=True) where you trust it"
        )
    raise ModelError(f"{folder} has no *.safetensors weights; give a folder of save_pretrained()")


def _switch_dropout_off(config: Any) -> None:
    """With dropout, old and new log-probabilities differ; attention reads its share from the config."""
    for part in (config, *(getattr(config, name, None) for name in ("text_config", "decoder"))):
        for name, value in list(vars(part).items()) if part is not None else ():
            if ("drop" in name or name.endswith("_pdrop")) and isinstance(value, float):
                setattr(part, name, 0.0)


def _check_vocabulary(path_or_id: str | Path, *, model: Any, tokenizer: Any) -> None:
    if not tokenizer("Is anybody there?", add_special_tokens=False)["input_ids"]:
        # Without its files transformers may build a tokenizer that knows nothing, and say nothing.
        raise ModelError(f"{path_or_id} has no usable tokenizer; save one beside the weights")
    rows = model.get_input_embeddings().weight.shape[0]
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest >= rows:
        raise ModelError(
            f"the tokenizer of {path_or_id} has ids up to {highest}, its embeddings only {rows} rows; "
            "use the tokenizer that the model was trained with"
        )


def first_id(value: int | list[int] | None) -> int | None:
    """The id, where a configuration may name several."""
    return value[0] if isinstance(value, list) else value


def token_logits(model: Any, states: torch.Tensor) -> torch.Tensor:
    """Logits of the next token, float32, (..., V), of last hidden states (..., d), as the model makes them."""
    logits: torch.Tensor = model.get_output_embeddings()(states).float()
    config = model.config.get_text_config()
    if getattr(config, "logit_scale", None) is not None:
        logits = logits * config.logit_scale  # Cohere
    if getattr(config, "logits_scaling", None) is not None:
        logits = logits / config.logits_scaling  # Granite
    cap = getattr(config, "final_logit_softcapping", None)
    return logits if cap is None else torch.tanh(logits / cap) * cap  # Gemma


def _check_forward(path_or_id: str | Path, *, model: Any) -> None:
    """Find encoders, which load as causal LMs all the same, and models with a token head that works another way."""
    ids = torch.tensor([[0, 1, 2], [0, 1, 3]]) % model.get_input_embeddings().weight.shape[0]
    with torch.no_grad():
        states = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        logits = model(input_ids=ids, use_cache=False).logits.float()
        ours = token_logits(model, states)
    if not torch.allclose(states[0, 1].float(), states[1, 1].float(), atol=1e-3):
        raise ModelError(f"{path_or_id} ({model.config.model_type}) looks ahead: it is an encoder, not a causal LM")
    if not torch.allclose(logits, ours, atol=1e-2, rtol=1e-2):
        raise ModelError(f"{path_or_id}: {model.config.model_type} makes its logits in a way that is not supported")
