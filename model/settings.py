"""How much the engine takes on."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What may be set about the engine; the defaults suit a GPU of its own. The engine lowers what does not fit."""

    rows: int = 40  # picture rows in flight, two a picture; 2 or more
    answers: int = 4  # answer rows in flight
    memory_share: float = 0.9  # of the memory that is free after loading, for the KV cache; 0 to 1
    compile: Literal["auto"] | bool = "auto"  # compile the decode step; auto: on CUDA
    prompt_tokens: int = 256  # the longest prompt of a drawing
    conversation_tokens: int = 4096  # of one conversation: four pictures of 576 leave 1,700 for words
    prefill_tokens: int = 256  # what one step may spend on a prompt while others' rows wait
    preview_share: float = 0.03  # of the time, for pictures on their way
