"""Loads a Janus-Pro checkpoint, in transformers' layout or DeepSeek's, ready to use.

The network is built without memory (meta device); the files are mapped, not read; then tensor after tensor goes
straight to its device and dtype (and stays where it is mapped if it has both already). So there are never two copies,
and no random weight is ever left in place: a tensor too few or too many is an error. Nothing in a file is executed:
safetensors hold no code, and `torch.load` runs with `weights_only=True`.

Whatever is wrong with a file is a CheckpointError: one line, which names the file and ends in one piece of advice.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, JanusConfig, JanusForConditionalGeneration

from model.errors import as_typed
from model.settings import Quantize
from model.weights import deepseek
from model.weights.files import map_folder, read_json, some
from model.weights.names import NAMES, WEIGHTS, CheckpointError, hub_id, known, locate
from model.weights.prompts import Prompts
from model.weights.quantized import SMALLER, quantizable, quantized, require

KINDS = ("janus", "multi_modality")  # transformers' layout, and DeepSeek's
# What turns codes into pixels stays in float32: that costs under 5 % of a drawing, and bfloat16 moves values by up to 4
# levels (the demo's codes) or 6 (random weights of the released size), 0.2 to 0.6 on average. cuDNN may still multiply
# in TF32, on cards that have it: one level at most, in 1 to 4 % of values.
PRECISE = ("model.vqmodel.quantize", "model.vqmodel.post_quant_conv", "model.vqmodel.decoder")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

__all__ = ["CheckpointError", "Janus", "load", "locate"]


@dataclass(frozen=True)
class Janus:
    """A loaded model. Every size is in `network.config`; the properties name those that drawing and reading need."""

    name: str  # as it was asked for
    network: JanusForConditionalGeneration = field(repr=False)  # in eval mode, on `device`, no gradients
    prompts: Prompts = field(repr=False)
    device: torch.device
    dtype: torch.dtype  # of all but the VQ decoder, which is float32, and what is quantized
    quantize: Quantize = "none"  # what the language model's linear layers are held in, if not in `dtype`

    @property
    def precision(self) -> str:
        """What it is held in, for people: "bfloat16", or "int4 and bfloat16"."""
        dtype = str(self.dtype).removeprefix("torch.")
        return dtype if self.quantize == "none" else f"{self.quantize} and {dtype}"

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


def load(
    source: str | Path,
    *,
    device: str = "auto",
    dtype: str = "auto",
    quantize: Quantize = "none",
    weights: Path = WEIGHTS,
) -> Janus:
    """Load the weights called `source` ("demo", "1b", "7b", a hub id or a folder; see `names.locate`).

    `device`: "auto" (cuda, else mps, else cpu) or a torch device. `dtype`: "float32", "bfloat16", "float16" or
    "auto": bfloat16 on CUDA, where the card computes in it, or else float16; float32 elsewhere. The VQ decoder is
    float32 always. `quantize`: what the linear layers of the language model, and its text head, are held in; each is
    quantized as it is loaded, so that there is never more than a piece of one in `dtype`. Raises CheckpointError.
    """
    target = choose_device(device)
    precision = choose_dtype(dtype, target)
    if quantize != "none":
        require(quantize, target, precision)
    name = str(source)
    folder = locate(name, weights)
    try:
        told = read_json(folder / "config.json")
        if (kind := told.get("model_type")) in KINDS:
            return _load(name, folder, told, target, precision, quantize)
    except torch.OutOfMemoryError as error:
        raise CheckpointError(f"{name} does not fit into the memory of {target}: {SMALLER}.") from error
    except CheckpointError as error:
        advice = as_typed(f"download {name}") if hub_id(name) else "copy the checkpoint again"
        raise CheckpointError(f"{error} What may help: {advice}.") from error
    about = f"{folder / 'config.json'} describes a {kind} model, not Janus-Pro."
    raise CheckpointError(f"{about} Name another folder, or one of {', '.join(NAMES)}.")


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
    if dtype == "auto" and device.type == "cuda":
        # Cards before compute capability 8.0 only imitate bfloat16, and the compiler refuses it. float16 is their own,
        # and eight times finer.
        with torch.cuda.device(device):
            return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if dtype == "auto":
        return torch.float32
    if dtype not in DTYPES:
        raise CheckpointError(f"There is no dtype {dtype}. It is one of auto, {', '.join(DTYPES)}.")
    return DTYPES[dtype]


def _load(
    name: str, folder: Path, told: dict[str, Any], device: torch.device, dtype: torch.dtype, quantize: Quantize
) -> Janus:
    tensors = map_folder(folder)
    try:
        network, tensors = _plan(told, tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {error}") from error
    except Exception as error:  # numbers that make no network: transformers and torch say so by exceptions of all kinds
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise CheckpointError(f"{folder}: config.json and the weights are no Janus-Pro ({reason}).") from error

    config = network.config
    context = config.text_config.max_position_embeddings
    tokens = config.vq_config.num_patches**2
    seen = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    prompts = Prompts.from_folder(folder, image_tokens=tokens, context=context, seen_tokens=seen, about=known(name))
    rows = config.text_config.vocab_size
    if prompts.vocabulary > rows:
        raise CheckpointError(f"{folder}: tokenizer.json has {prompts.vocabulary} tokens, but the network {rows}.")
    config.image_token_id = prompts.placeholder
    _fill(network, tensors, folder, device, dtype, quantize)
    network.generation_config = _generation(prompts)
    return Janus(name=name, network=network.eval(), prompts=prompts, device=device, dtype=dtype, quantize=quantize)


def _plan(told: dict[str, Any], tensors: dict[str, Tensor]) -> tuple[JanusForConditionalGeneration, dict[str, Tensor]]:
    """Make the network that config.json and the tensors describe, on the meta device; name the tensors as it does.

    Raises CheckpointError without the folder, or any other exception, where they make none.
    """
    if told["model_type"] == "multi_modality":
        config = deepseek.config(told, tensors)
        tensors = {new: part for old in list(tensors) for new, part in deepseek.rename(old, tensors.pop(old))}
    else:
        config = JanusConfig.from_dict(told)
        # transformers lets a drawing have the grid of a picture that is seen, whatever the file says
        patches = (told.get("vq_config") or {}).get("num_patches")
        config.vq_config.num_patches = config.vq_config.num_patches if patches is None else patches
    grid, context = config.vq_config.num_patches, config.text_config.max_position_embeddings
    if not all(isinstance(size, int) and size > 0 for size in (grid, context)):
        raise CheckpointError("config.json holds a size that is no number above 0.")
    # What transformers assumes where nothing is said is not enough: a head that is missing would go unnoticed.
    tied = told.get("tie_word_embeddings") is True and "lm_head.weight" not in tensors
    config.tie_word_embeddings = False
    with torch.device("meta"):
        network = JanusForConditionalGeneration(config)
    if tied:
        network.lm_head.weight = network.model.language_model.embed_tokens.weight
    return network, tensors


def _fill(
    network: JanusForConditionalGeneration,
    tensors: dict[str, Tensor],
    folder: Path,
    device: torch.device,
    dtype: torch.dtype,
    quantize: Quantize,
) -> None:
    """Move `tensors` (emptied on the way) into a network on the meta device; compute what is in no file."""
    vision, language = network.model.vision_model.embeddings, network.model.language_model
    tied = network.lm_head.weight is language.embed_tokens.weight
    expected = dict(network.named_parameters())  # what is tied has one name
    computed = dict(network.named_buffers())
    smaller = set(quantizable(network)) - ({"lm_head"} if tied else set())
    if missing := sorted(expected.keys() - tensors.keys()):
        raise CheckpointError(f"{folder}: the weights lack {some(missing)}.")
    if foreign := sorted(tensors.keys() - expected.keys() - computed.keys()):
        raise CheckpointError(f"{folder}: the weights hold {some(foreign)}, which Janus-Pro does not have.")
    for name, parameter in expected.items():
        tensor = tensors.pop(name)
        if tensor.shape != parameter.shape:
            sizes = f"{tuple(tensor.shape)} in the file and {tuple(parameter.shape)} by config.json"
            raise CheckpointError(f"{folder}: {name} is {sizes}.")
        owner, _, leaf = name.rpartition(".")
        wanted = quantize if owner in smaller else "none"
        if wanted != "none" and (layer := quantized(tensor, wanted, device=device, dtype=dtype)):
            network.set_submodule(owner, layer)
            continue
        kept = torch.float32 if name.startswith(PRECISE) else dtype
        moved = nn.Parameter(tensor.to(device=device, dtype=kept), requires_grad=False)
        setattr(network.get_submodule(owner), leaf, moved)
    if tied:
        network.lm_head.weight = language.embed_tokens.weight
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
