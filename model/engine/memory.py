"""What fits: bytes a row are known before a request starts, and the KV cache is as large as the budget allows."""

import ctypes
import mmap
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import JanusForConditionalGeneration

from model.errors import PlainError
from model.network.cache import CacheShape, Lane
from model.settings import EngineSettings
from model.weights.checkpoint import Janus
from model.weights.machine import this_machine
from model.weights.quantized import SMALLER

FEWEST_PICTURES = 5  # the usual drawing: before fewer, answers give way
SHORTEST = 2048  # positions of a conversation about one picture: before fewer pictures are drawn, longer ones give way


@dataclass(frozen=True)
class Plan:
    """Seats and positions of both lanes."""

    pictures: int  # seats, two rows each
    picture_length: int
    answers: int  # seats, one row each
    answer_length: int

    def cache_bytes(self, token: int) -> int:
        """Bytes that the KV cache takes, `token` for each; one row more is the blank prompt that guidance needs."""
        pictures = (2 * self.pictures + min(1, self.pictures)) * self.picture_length
        return (pictures + self.answers * self.answer_length) * token


def lengths(settings: EngineSettings, *, image_tokens: int, context: int) -> tuple[int, int]:
    """Positions that a picture's row and an answer's have."""
    return min(context, settings.prompt_tokens + image_tokens), min(context, settings.conversation_tokens)


def give_back_pages(network: JanusForConditionalGeneration) -> None:
    """Give back, on Linux, the memory of files that a network's weights are mapped from: what is used is read again.

    Most of it has been copied when weights were laid out anew. A mapping that anybody has written to is left alone.
    """
    if sys.platform != "linux":
        return
    addresses = [weight.data_ptr() for weight in network.parameters() if weight.device.type == "cpu"]
    madvise = ctypes.CDLL(None).madvise
    for mapping in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text()):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \d+ +/", mapping)  # what has a path is a file
        if not head or not re.search(r"(?m)^Anonymous: +0 kB$", mapping):
            continue
        start, end = (int(bound, 16) for bound in head.groups())
        if any(start <= address < end for address in addresses):
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)


def blocks_fit(janus: Janus) -> bool:
    """Tell whether the device has room for a second copy of what a step reads: half of what is free."""
    free, network = free_bytes(janus.device), janus.network
    parts = (network.model.language_model.layers, network.model.generation_head, network.lm_head)
    return free is None or 2 * sum(tensor.nbytes for part in parts for tensor in part.parameters()) <= free


def plan(token: int, settings: EngineSettings, *, image_tokens: int, context: int, free: int | None) -> Plan:
    """Fit the lanes into the memory share of `free` bytes (None: unknown, everything fits).

    `token`: bytes that a row's cache takes for each (`CacheShape.bytes_per_token`). Where `settings` has no rows or no
    answers at all, that lane has no seats: nobody will ask for one. Raises PlainError if not even one of each fits.
    """
    budget = float("inf") if free is None else free * settings.memory_share
    picture_length, answer_length = lengths(settings, image_tokens=image_tokens, context=context)
    most = Plan(max(1, settings.rows // 2) if settings.rows else 0, picture_length, settings.answers, answer_length)
    fits = most
    while fits.cache_bytes(token) > budget:
        pictures, answers, answer_length = fits.pictures, fits.answers, fits.answer_length
        if pictures > FEWEST_PICTURES:
            pictures -= 1
        elif answers > 1:
            answers -= 1
        elif answer_length > SHORTEST:
            answer_length = max(SHORTEST, answer_length - 256)
        elif pictures > 1:
            pictures -= 1
        else:
            need = fits.cache_bytes(token) / 2**30
            raise PlainError(
                f"There is too little memory: one request of each kind at a time needs {need:.1f} GiB beside the "
                f"model, and {budget / 2**30:.1f} GiB may be used. Close other programs, or {SMALLER}."
            )
        fits = Plan(pictures, picture_length, answers, answer_length)
    return fits


def lanes(shape: CacheShape, settings: EngineSettings, *, image_tokens: int, context: int) -> tuple[Lane, Lane]:
    """Make the lane of pictures and that of answers, as large as fits. Raises PlainError likewise."""
    free = free_bytes(shape.device)
    fits = plan(shape.bytes_per_token, settings, image_tokens=image_tokens, context=context, free=free)
    pictures = Lane(shape, seats=fits.pictures, length=fits.picture_length, width=2)
    return pictures, Lane(shape, seats=fits.answers, length=fits.answer_length, width=1)


def free_bytes(device: torch.device) -> int | None:
    """Tell how much memory a device has left; None if it does not say."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    # a computer's own memory is also everybody else's: half of what programs could still take
    return this_machine("cpu").free // 2 or None
