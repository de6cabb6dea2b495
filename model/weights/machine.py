"""What this machine has and what a checkpoint needs, found out without loading the weights."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import JanusForConditionalGeneration

from model.settings import Quantize
from model.weights.cgroup import memory_limit
from model.weights.checkpoint import choose_device, choose_dtype, load
from model.weights.names import WEIGHTS
from model.weights.quantized import QuantizedLinear, require


@dataclass(frozen=True, slots=True)
class Machine:
    """The device that the weights would go to."""

    torch: str  # version
    device: str  # "cuda", "mps" or "cpu"
    dtype: str  # "bfloat16", ...
    name: str  # of the GPU; on a CPU, how many threads torch uses
    memory: int  # bytes that the device has, or a container may take; 0 where the system does not tell (Windows)
    free: int  # bytes of them that are free now
    built_for: str  # the GPUs that this torch is for: "CUDA 13.2", "ROCm 7.1"; "" for none


@dataclass(frozen=True, slots=True)
class Needs:
    """What a checkpoint asks of the machine."""

    parameters: int
    held_in: str  # "bfloat16", "int4 and bfloat16"
    weights: int  # bytes of memory, held so
    token: int  # bytes of KV cache that a row takes for each of its tokens
    context: int  # tokens of a row, at most
    step: int  # bytes of weights that one decode step of a drawing reads, however many rows it serves
    image_tokens: int  # decode steps of a drawing


def this_machine(device: str = "auto", dtype: str = "auto", quantize: Quantize = "none") -> Machine:
    """Look at the device. Raises CheckpointError if it is not there, or can't have the dtype or what is quantized."""
    target = choose_device(device)
    if quantize != "none":
        require(quantize, target, choose_dtype(dtype, target))
    if target.type == "cuda":
        free, memory = torch.cuda.mem_get_info(target)
        name = torch.cuda.get_device_name(target)
    else:
        memory, free = _own_memory()
        name = f"{torch.get_num_threads()} threads" if target.type == "cpu" else "Apple GPU"
    precision = str(choose_dtype(dtype, target)).removeprefix("torch.")
    return Machine(torch.__version__, target.type, precision, name, memory, free, _built_for())


def needs_of(name: str, dtype: str, quantize: Quantize = "none", weights: Path = WEIGHTS) -> Needs:
    """Look through the weights called `name` as loading does, every tensor's name and shape, but keep none of them.

    `dtype` and `quantize` are what they would be loaded in. Raises CheckpointError.
    """
    janus = load(name, device="meta", dtype=dtype, quantize=quantize, weights=weights)
    text, attention = janus.network.config.text_config, janus.network.model.language_model.layers[0].self_attn
    packed = [layer for layer in janus.network.modules() if isinstance(layer, QuantizedLinear)]
    spared = sum(layer.inputs * layer.outputs - sum(it.numel() for it in layer.parameters()) for layer in packed)
    return Needs(
        parameters=sum(parameter.numel() for parameter in janus.network.parameters()) + spared,
        held_in=janus.precision,
        weights=sum(parameter.nbytes for parameter in janus.network.parameters()),
        token=2 * text.num_hidden_layers * text.num_key_value_heads * attention.head_dim * janus.dtype.itemsize,
        context=janus.context,
        step=step_bytes(janus.network),
        image_tokens=janus.image_tokens,
    )


def step_bytes(network: JanusForConditionalGeneration) -> int:
    """Bytes of weights that one decode step of a drawing reads: the language model's layers and the image head."""
    parts = (network.model.language_model.layers, network.model.generation_head)
    return sum(parameter.nbytes for part in parts for parameter in part.parameters())


def read_speed(device: torch.device | None = None, size: int = 2**28) -> float:
    """Measure how fast a device (the CPU) reads its memory, in bytes a second: the best of eight sums over `size`."""
    numbers = torch.ones(size // 4, device=device)
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        numbers.sum().item()  # waits for the device
        seconds.append(time.perf_counter() - start)
    return size / min(seconds)


def _built_for() -> str:
    cuda, rocm = torch.version.cuda, torch.version.hip
    return f"CUDA {cuda}" if cuda else f"ROCm {rocm}" if rocm else ""


def _own_memory() -> tuple[int, int]:
    """Tell the bytes of memory that this process may take of the computer, and how many are free; 0 if unknown."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    free = min(memory, _available(Path("/proc/meminfo")) or memory)
    most, left = memory_limit() or (memory, free)
    return min(memory, most), min(free, left)


def _available(meminfo: Path) -> int:
    """Read from Linux how much memory programs could still take, in bytes; 0 where it does not tell."""
    if not meminfo.is_file():
        return 0
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
    return int(lines.get("MemAvailable", "0 kB").split()[0]) * 1024
