"""Bytes and moments that the benchmark wants to know: memory, bandwidth, startup, single steps."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import nn

from model.bench.contenders import Ours, Plain
from model.network.cache import CacheShape
from model.weights.checkpoint import Janus

STARTUP = """
import json, sys, time
began = time.perf_counter()
from model.engine.engine import Engine
from model.network.upscaler import Lanczos
from model.requests import Drawing
from model.weights import checkpoint
imported = time.perf_counter()
engine = Engine(checkpoint.load(sys.argv[1], device=sys.argv[2], dtype=sys.argv[3], quantize=sys.argv[4]), Lanczos())
loaded = time.perf_counter()
engine.add(engine.prepare(Drawing(prompt="a red circle")))
while engine.step_runner.steps == 0:
    engine.step()
print(json.dumps({"import": imported - began, "load": loaded - imported, "token": time.perf_counter() - loaded}))
"""


PEAK = """
import sys
from pathlib import Path
from model.bench.contenders import Ours, Plain
from model.engine.engine import Engine
from model.network.upscaler import Lanczos
from model.weights import checkpoint
janus = checkpoint.load(sys.argv[2], device="cpu", dtype=sys.argv[3], quantize=sys.argv[5])
contender = Plain(janus) if sys.argv[1] == "plain" else Ours(Engine(janus, Lanczos()))
contender.draw(sys.argv[4], count=5, decode=False)  # whatever is loaded at first use, the cache too, is there then
found = []
for count in (1, 5):
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now on
    contender.draw(sys.argv[4], count=count, decode=False)
    status = Path("/proc/self/status").read_text()
    found.append(int(status.split("VmHWM:")[1].split()[0]) * 1024)
print((found[1] - found[0]) / 8)
"""


class StepTimes:
    """While it is entered, notes when the image head is called, once a step: `seconds` between one and the next."""

    def __init__(self, janus: Janus) -> None:
        self._head: nn.Module = janus.network.model.generation_head
        self._moments: list[float] = []

    def __enter__(self) -> "StepTimes":
        self._hook = self._head.register_forward_hook(lambda *_: self._moments.append(time.perf_counter()))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._hook.remove()

    @property
    def seconds(self) -> list[float]:
        """Seconds of every step but the first, which has the prompt in it."""
        return [later - sooner for sooner, later in zip(self._moments, self._moments[1:], strict=False)]


def startup(model: str, *, device: str, dtype: str, quantize: str) -> dict[str, float]:
    """Measure a fresh process: seconds to import, to load, and to the first tokens of a drawing."""
    found: dict[str, float] = _elsewhere(STARTUP, model, device, dtype, quantize)
    return found | {"total": sum(found.values())}


def peaks(model: str, *, dtype: str, quantize: str, prompt: str) -> dict[str, float]:
    """Measure bytes a row on Linux: how much higher a process peaks with ten rows than with two.

    The engine's cache is all there before: it is not in these figures.
    """
    return {name: _elsewhere(PEAK, name, model, dtype, prompt, quantize) for name in ("plain", "engine")}


def _elsewhere(program: str, *arguments: str) -> Any:
    """Run a program in a process of its own; give what it prints last, as JSON."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    return json.loads(done.stdout.splitlines()[-1])


def memory(janus: Janus, ours: Ours, prompt: str, *, both: bool) -> dict[str, dict[str, float]]:
    """Bytes a row in flight: what its cache takes; and on CUDA how much memory grows at most while ten rows draw.

    Without `both` only the engine draws: for models whose plain loop takes too long.
    """
    engine, rows = ours.engine, 10
    lane = engine.lanes["pictures"]
    slots = sum(layer.nbytes for layer in lane.cache.layers) / (lane.capacity * lane.width)
    shape = CacheShape.of(janus.network)
    length = len(janus.prompts.drawing(prompt)) + janus.image_tokens
    # once before, so that only what a drawing needs anew is counted
    found: dict[str, dict[str, float]] = {
        "plain": {"cache_bytes_per_row": float(shape.bytes_per_token * length)},
        "engine": {"cache_bytes_per_row": slots, "cache_bytes_per_token": float(shape.bytes_per_token)},
    }
    if janus.device.type == "cuda":
        for contender in (Plain(janus), ours) if both else (ours,):
            torch.cuda.reset_peak_memory_stats(janus.device)
            before = torch.cuda.memory_allocated(janus.device)
            contender.draw(prompt, decode=False)
            peak = torch.cuda.max_memory_allocated(janus.device) - before
            found[contender.name]["peak_bytes_per_row"] = peak / rows
    return found
