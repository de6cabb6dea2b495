"""Loads a Janus-Pro checkpoint, in transformers' layout or DeepSeek's, ready to use.

The network is built without memory (meta device); the files are mapped, not read; then tensor after tensor goes
straight to its device and dtype (and stays where it is mapped if it has both already). So there are never two copies,
and no random weight is ever left in place: a tensor too few or too many is an error. Nothing in a file is executed:
safetensors hold no code, and `torch.load` runs with `weights_only=True`.
"""

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn
from transformers import GenerationConfig, JanusConfig, JanusForConditionalGeneration

from model.weights import deepseek
from model.weights.names import WEIGHTS, CheckpointError, hub_id, locate
from model.weights.prompts import Prompts

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

__all__ = ["CheckpointError", "Janus", "load", "locate"]


@dataclass(frozen=True)
class Janus:
    """A loaded model. Every size is in `network.config`; the properties name those that drawing and reading need."""

    name: str  # as it was asked for
    network: JanusForConditionalGeneration = field(repr=False)  # in eval mode, on `device`, in `dtype`, no gradients
    prompts: Prompts = field(repr=False)
    device: torch.device
    dtype: torch.dtype

    @property
    def grid(self) -> int:
        """Image tokens along one side of a drawing."""
        return int(self.network.config.vq_config.num_patches)

    @property
    def image_tokens(self) -> int:
        """Image tokens of a drawing."""
        return self.grid**2

    @property
    def image_size(self) -> int:
        """Pixels along the side of a picture as the vision tower reads it."""
        return int(self.network.config.vision_config.image_size)

    @property
    def context(self) -> int:
        """Positions that the language model has."""
        return int(self.network.config.text_config.max_position_embeddings)


def load(source: str | Path, *, device: str = "auto", dtype: str = "auto", weights: Path = WEIGHTS) -> Janus:
    """Load the weights called `source` ("demo", "1b", "7b", a hub id or a folder; see `names.locate`).

    `device`: "auto" (cuda, else mps, else cpu) or a torch device. `dtype`: "float32", "bfloat16", "float16" or
    "auto": bfloat16 on CUDA and float32 elsewhere, as DeepSeek's program does it. Raises CheckpointError.
    """
    target = choose_device(device)
    precision = choose_dtype(dtype, target)
    name = str(source)
    folder = locate(name, weights)
    try:
        return _load(name, folder, target, precision)
    except CheckpointError as error:
        advice = f"janus-bot download {name}" if hub_id(name) else "copy the checkpoint again"
        raise CheckpointError(f"{error} What may help: {advice}.") from error


def choose_device(device: str) -> torch.device:
    """Turn "auto" or a device's name into a device that is there. Raises CheckpointError."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (
        RuntimeError,
        AssertionError,
    ) as error:  # torch raises either for what it does not know or was not built for
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"Device {device} can't be used here ({reason}). Leave the device at auto.") from error
    return torch.device(device)


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Turn "auto" or a dtype's name into a dtype. Raises CheckpointError."""
    if dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if dtype not in DTYPES:
        raise CheckpointError(f"There is no dtype {dtype}. It is one of auto, {', '.join(DTYPES)}.")
    return DTYPES[dtype]


def _load(name: str, folder: Path, device: torch.device, dtype: torch.dtype) -> Janus:
    told = _json(folder / "config.json")
    kind = told.get("model_type")
    if kind not in ("janus", "multi_modality"):
        raise CheckpointError(f"{folder / 'config.json'} describes a {kind} model, not Janus-Pro.")
    tensors = _map(folder)
    try:
        config = deepseek.config(told, tensors) if kind == "multi_modality" else JanusConfig.from_dict(told)
    except KeyError as error:
        raise CheckpointError(f"{folder}: the weights lack {error}.") from error
    except Exception as error:  # transformers validates a configuration with exceptions of many kinds
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{folder / 'config.json'} is no Janus configuration ({reason}).") from error

    # transformers lets a drawing have the grid of a picture that is seen, whatever the file says
    patches = told.get("vq_config", {}).get("num_patches", config.vq_config.num_patches)
    config.vq_config.num_patches = patches
    context = config.text_config.max_position_embeddings
    seen = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    prompts = Prompts.from_folder(folder, image_tokens=patches**2, context=context, seen_tokens=seen)
    rows = config.text_config.vocab_size
    if prompts.vocabulary > rows:
        raise CheckpointError(f"{folder}: tokenizer.json has {prompts.vocabulary} tokens, but the network {rows}.")
    config.image_token_id = prompts.placeholder

    if kind == "multi_modality":
        tensors = {new: part for old in list(tensors) for new, part in deepseek.rename(old, tensors.pop(old))}
    tied = config.tie_word_embeddings and "lm_head.weight" not in tensors
    config.tie_word_embeddings = False  # transformers ties by default; Janus-Pro has a text head of its own
    with torch.device("meta"):
        network = JanusForConditionalGeneration(config)
    if tied:
        tensors["lm_head.weight"] = tensors["model.language_model.embed_tokens.weight"]
    _fill(network, tensors, folder, device, dtype)
    if tied:
        network.lm_head.weight = network.model.language_model.embed_tokens.weight
    network.generation_config = _generation(prompts)
    return Janus(name=name, network=network.eval(), prompts=prompts, device=device, dtype=dtype)


def _fill(
    network: JanusForConditionalGeneration,
    tensors: dict[str, Tensor],
    folder: Path,
    device: torch.device,
    dtype: torch.dtype,
) -> None:
    """Move `tensors` (emptied on the way) into a network on the meta device; compute what is in no file."""
    expected = dict(network.named_parameters())
    computed = dict(network.named_buffers())
    if missing := sorted(expected.keys() - tensors.keys()):
        raise CheckpointError(f"{folder}: the weights lack {_some(missing)}.")
    if foreign := sorted(tensors.keys() - expected.keys() - computed.keys()):
        raise CheckpointError(f"{folder}: the weights hold {_some(foreign)}, which Janus-Pro does not have.")
    for name, parameter in expected.items():
        tensor = tensors.pop(name)
        if tensor.shape != parameter.shape:
            sizes = f"{tuple(tensor.shape)} in the file and {tuple(parameter.shape)} by config.json"
            raise CheckpointError(f"{folder}: {name} is {sizes}.")
        owner, _, leaf = name.rpartition(".")
        moved = nn.Parameter(tensor.to(device=device, dtype=dtype), requires_grad=False)
        setattr(network.get_submodule(owner), leaf, moved)
    vision, language = network.model.vision_model.embeddings, network.model.language_model
    vision.position_ids = torch.arange(vision.num_positions, device=device).expand(1, -1)
    language.rotary_emb = type(language.rotary_emb)(config=language.config).to(device)


def _generation(prompts: Prompts) -> GenerationConfig:
    """Tell transformers' own `generate` the control tokens. Our engine does not use it; comparisons do."""
    told = GenerationConfig(
        bos_token_id=prompts.bos,
        eos_token_id=prompts.eos,
        pad_token_id=prompts.pad,
        generation_kwargs={"boi_token_id": prompts.begin_of_image},
    )
    told._from_model_config = False  # or transformers would derive it again from the network's configuration
    return told


def _map(folder: Path) -> dict[str, Tensor]:
    """Map all weights of a folder by their names in the files: one file, or shards with an index."""
    for whole in (folder / "model.safetensors", folder / "pytorch_model.bin"):
        index = folder / f"{whole.name}.index.json"
        if index.is_file():
            shards = _json(index).get("weight_map", {}).values()
            return {name: part for file in sorted(set(shards)) for name, part in _map_shard(folder / file).items()}
        if whole.is_file():
            return _map_shard(whole)
    raise CheckpointError(f"{folder} holds no weights: neither model.safetensors nor pytorch_model.bin.")


def _map_shard(file: Path) -> dict[str, Tensor]:
    tensors = read_tensors(file)
    if not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise CheckpointError(f"{file} holds something other than named tensors.")
    return tensors


def read_tensors(file: Path) -> dict[str, Any]:
    """Map a file's tensors by name, on the CPU: their bytes are read when they are used, and no code is run.

    Torch's own format may hold tensors at deeper levels. Raises CheckpointError.
    """
    if not file.is_file():
        raise CheckpointError(f"{file} is missing.")
    try:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as opened:
                return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (it is no dict)
        # Files of the time before torch 1.6 are no zip archives, and can't be mapped.
        content = torch.load(file, map_location="cpu", mmap=zipfile.is_zipfile(file), weights_only=True)
    except Exception as error:  # a broken or foreign file can raise anything
        raise CheckpointError(f"{file} is broken, or holds no weights ({type(error).__name__}).") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} holds a {type(content).__name__} in place of named tensors.")
    return content


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} is not readable JSON ({error}).") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} is no JSON object.")
    return content


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
