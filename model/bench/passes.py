"""How many passes a drawing takes by the width of its steps, that the pictures are the same, and what is chosen."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from model.bench.contenders import Ours
from model.engine.runs import DrawingRun
from model.engine.windows import SIZES, Windows
from model.requests import Drawing

PROMPTS = (
    "a red circle on a blue background",
    "a small yellow star above a large blue square",
    "a green triangle",
    "a large pink square on a white background",
    "a small black diamond in the top left corner",
    "a purple hexagon left of an orange circle",
    "a white star on black",
    "a blue square below a red triangle",
)


def passes(ours: Ours) -> dict[str, Any]:
    """Draw every prompt at every width, five pictures and one; give plain numbers, keyed by the width.

    `passes`: the mean of a drawing; `accepted`: tokens that a pass settled of every picture that it served; `seconds`:
    the median of a drawing's steps. `equal`: whether every width drew the same tokens, as it does in float32;
    `equal_share`: the share of pictures that are the same as at width 1.
    """
    found: dict[str, Any] = {"five": {}, "one": {}}
    same: list[bool] = []
    for name, count in (("five", 5), ("one", 1)):
        drawings = [Drawing(prompt=prompt, seed=i, count=count, upscale=False) for i, prompt in enumerate(PROMPTS)]
        expected = None
        for size in (*SIZES, "auto"):
            with width(ours, size):
                runs = [_draw(ours, drawing) for drawing in drawings]
            drawn = [tokens for run in runs for tokens in run.tokens]
            expected = expected or drawn
            same += [one == other for one, other in zip(drawn, expected, strict=True)]
            found[name][str(size)] = {
                "passes": statistics.mean(run.passes for run in runs),
                "accepted": sum(count * len(run.tokens[0]) for run in runs) / sum(run.served for run in runs),
                "seconds": statistics.median(run.seconds for run in runs),
            }
    return found | {"equal": all(same), "equal_share": statistics.mean(same)}


def chosen(ours: Ours) -> dict[str, Any]:
    """What the engine has measured so far, and the width it takes for so many pictures."""
    runner = ours.engine.step_runner
    seconds: dict[str, dict[str, float]] = {}
    for (pictures, size), each in sorted(runner.windows.seconds.items()):
        seconds.setdefault(str(pictures), {})[str(size)] = each
    best = {number: str(runner.windows.best(int(number))) for number in seconds}
    return {
        "window": best,
        "step_seconds": seconds,
        "compiled": runner.compiled,
        "attention": "fused" if runner.decoder.fused_attention else "products",
        "seconds_by_attention": runner.seconds_by_attention,
        "blocks": runner.decoder.blocks,
    }


@contextmanager
def width(ours: Ours, size: int | Literal["auto"]) -> Iterator[None]:
    """Have every step as wide as `size`, then as it was before."""
    runner = ours.engine.step_runner
    before = runner.windows
    runner.windows = before if size == "auto" else Windows(size)
    try:
        yield
    finally:
        runner.windows = before


class _Run:
    """One drawing without its pixels."""

    def __init__(self) -> None:
        self.passes = self.served = 0
        self.seconds = 0.0
        self.tokens: list[tuple[int, ...]] = []


def _draw(ours: Ours, drawing: Drawing) -> _Run:
    drawn, run = _Run(), ours.add(drawing)
    assert isinstance(run, DrawingRun)
    before = ours.engine.step_runner.steps
    while not run.drawn_up:
        served = _moving(run)
        began = time.perf_counter()
        ours.engine.step()
        drawn.seconds += time.perf_counter() - began
        drawn.served += max(served, _moving(run))  # those that left by this step, or began with it
    drawn.passes = ours.engine.step_runner.steps - before
    drawn.tokens = [picture.tokens for picture in run.drawn]
    ours.engine.reset()
    return drawn


def _moving(run: DrawingRun) -> int:
    return sum(seat.moving for seat, _ in run.drawing)
