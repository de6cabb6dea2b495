"""Which model runs, and how much its engine takes on: the sections [model] and [engine] of config.toml.

The bounds stand here once. Who reads settings checks them (pydantic does); who makes these in code is trusted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le

STRICTLY: Mapping[str, Any] = {"extra": "forbid"}  # for pydantic: a key that does not exist is a mistake

Quantize = Literal["none", "int8", "int4", "float8"]  # what most weights of the language model are held in

STUCK_SECONDS = 600.0  # more than any step, prompt or piece of pixels takes on machines that we know


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Which weights, and where they run."""

    __pydantic_config__: ClassVar = STRICTLY

    name: str = "demo"  # a catalogue's name, a hub id or a folder
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    quantize: Quantize = "none"
    upscaler: str = "auto"  # "auto", "demo", "realesrgan", "lanczos" or a file


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What may be set about the engine; the defaults suit a GPU of its own. The engine lowers what does not fit."""

    __pydantic_config__: ClassVar = STRICTLY

    rows: Annotated[int, Ge(2), Le(1024)] = 40  # picture rows in flight, two a picture
    answers: Annotated[int, Ge(1), Le(1024)] = 4  # answer rows in flight
    memory_share: Annotated[float, Gt(0), Le(1)] = 0.9  # of the memory free after loading, for the KV cache
    compile: Literal["auto"] | bool = "auto"  # compile the decode step; auto: on CUDA
    window: Literal["auto"] | Annotated[int, Ge(1), Le(64)] = "auto"  # positions of a picture that a step evaluates
    prompt_tokens: Annotated[int, Ge(16)] = 256  # the longest prompt of a drawing
    conversation_tokens: Annotated[int, Ge(64)] = (
        4096  # of one conversation: four pictures of 576 leave 1,700 for words
    )
    prefill_tokens: Annotated[int, Ge(1)] = 256  # what one step may spend on a prompt while others' rows wait
    preview_share: Annotated[float, Ge(0), Le(1)] = 0.03  # of the time, for pictures on their way
    stuck_seconds: Annotated[float, Ge(10)] = STUCK_SECONDS  # of silence, by which an engine is known to be stuck


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSettings:
    """How many run the model, and where."""

    __pydantic_config__: ClassVar = STRICTLY

    backend: Literal["thread", "ray"] = "thread"  # in this process, or replicas in processes of their own
    address: str = ""  # of a Ray cluster: empty starts one here, "auto" finds one that runs here, or host:port
    replicas: Literal["auto"] | Annotated[int, Ge(1), Le(1024)] = "auto"  # auto: one for each GPU, or one on a CPU
    gpus_per_replica: Annotated[float, Gt(0), Le(1)] = 1.0  # a half: two share a card
