"""One way to train every part: seeded, resumable, with a bar that tells the time left.

A stage's batch at step i depends on the seed and on i alone, so a run that was cut off goes on as if it had not been.
A batch consists of two shards. Two processes of one thread, each with a shard and their gradients averaged, are much
faster than one process with two threads; one process computes one shard after the other, and comes to the same.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, distributed, nn

from model.demo.optimiser import fast_dtype

SAVE_EVERY = 60.0  # seconds
WARMUP = 40  # steps
SHARDS = 2  # of a batch
DECAY = 0.6  # the last share of the steps, over which the learning rate falls to zero


class Stage(Protocol):
    """One part of the checkpoint and how it is trained."""

    name: str
    network: nn.Module
    optimisers: list[torch.optim.Optimizer]

    def losses(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Draw a shard and compute its losses, to be summed; `done` is the share of the training so far."""
        ...


def rate(step: int, steps: int) -> float:
    """The learning rate's factor: a short warm-up, a plateau, a linear fall."""
    return min(1.0, (step + 1) / WARMUP, (steps - step) / (DECAY * steps))


def train(
    stage: Stage, folder: Path, steps: int, seed: int = 0, *, quiet: bool = False, report: Callable[[str], None] = print
) -> None:
    """Train a stage up to `steps`, going on from `folder` if it was begun there.

    In a group of processes each computes its part of the shards, and ends with the process that began it.
    """
    file = folder / f"{stage.name}.pt"
    step, spent = resume(stage, file)
    mixed = fast_dtype() == torch.bfloat16
    base = [group["lr"] for optimiser in stage.optimisers for group in optimiser.param_groups]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    saved = began = time.monotonic()
    means: dict[str, float] = {}
    with Progress(*columns, TimeRemainingColumn(), disable=quiet or rank() > 0) as progress:
        task = progress.add_task(stage.name, total=steps, completed=step)
        while step < steps:
            parent = parent_process()
            if parent and not parent.is_alive():  # a group that nobody can stop would train, and save, for hours
                raise SystemExit("Whoever began this training is gone.")
            for name, value in train_step(stage, seed, step, steps, base, mixed=mixed).items():
                means[name] = value if name not in means else 0.98 * means[name] + 0.02 * value
            step += 1
            shown = " ".join(f"{name} {value:.4f}" for name, value in means.items())
            progress.update(task, completed=step, description=f"{stage.name}: {shown}")
            if time.monotonic() - saved > SAVE_EVERY or step == steps:
                saved = time.monotonic()
                if rank() == 0:
                    save(stage, file, step, spent + saved - began)
                    report(f"{stage.name} step {step}/{steps} after {spent + saved - began:.0f} s: {shown}")


def train_step(
    stage: Stage, seed: int, step: int, steps: int, base: list[float], *, mixed: bool = False
) -> dict[str, float]:
    """Make one step of all optimisers, with matrix products in bfloat16 where `mixed`; the losses as numbers."""
    groups = [group for optimiser in stage.optimisers for group in optimiser.param_groups]
    for group, lr in zip(groups, base, strict=True):
        group["lr"] = lr * rate(step, steps)
    means: dict[str, float] = {}
    for shard in range(rank(), SHARDS, processes()):
        torch.manual_seed((seed * 1_000_003 + step) * SHARDS + shard)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            losses = stage.losses(np.random.default_rng([seed, step, shard]), step / steps)
        total = torch.stack(list(losses.values())).sum() / SHARDS
        total.backward()  # type: ignore[no-untyped-call]
        if not math.isfinite(total.item()):
            raise FloatingPointError(f"{stage.name} diverged at step {step}: try a lower learning rate")
        for name, loss in losses.items():
            means[name] = means.get(name, 0.0) + loss.item() * processes() / SHARDS
    share_gradients(stage.network)
    nn.utils.clip_grad_norm_(stage.network.parameters(), 1.0)
    for optimiser in stage.optimisers:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    for group, lr in zip(groups, base, strict=True):
        group["lr"] = lr
    return means


# -- a group of processes ----------------------------------------------------------------------------------------------


@contextmanager
def group(folder: Path, number: int, size: int) -> Iterator[None]:
    """Be one of `size` processes, at most one a shard and with a thread each, that train together.

    They meet in `folder`.
    """
    torch.set_num_threads(1)
    meeting = folder / f"meeting-{os.getppid()}"
    distributed.init_process_group("gloo", init_method=f"file://{meeting.absolute()}", rank=number, world_size=size)
    try:
        yield
    finally:
        distributed.destroy_process_group()
        meeting.unlink(missing_ok=True)


def rank() -> int:
    """This process's number in its group; 0 where it is alone."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def processes() -> int:
    """How many there are in the group."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def share_gradients(network: nn.Module) -> None:
    """Add the gradients of all processes of the group up, in all of them."""
    if processes() == 1:
        return
    weights = [*network.parameters()]
    parts = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
    whole = nn.utils.parameters_to_vector(parts)
    distributed.all_reduce(whole)
    nn.utils.vector_to_parameters(whole, parts)
    for weight, part in zip(weights, parts, strict=True):
        weight.grad = part


def save(stage: Stage, file: Path, step: int, seconds: float) -> None:
    """Write everything that a stage needs to go on, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    torch.save(
        {
            "network": stage.network.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in stage.optimisers],
            "step": step,
            "seconds": seconds,
        },
        part,
    )
    os.replace(part, file)


def resume(stage: Stage, file: Path) -> tuple[int, float]:
    """Load what `save` wrote, if anything: steps done and seconds spent."""
    if not file.exists():
        return 0, 0.0
    state = torch.load(file, weights_only=True)
    stage.network.load_state_dict(state["network"])
    for optimiser, saved in zip(stage.optimisers, state["optimisers"], strict=True):
        rates = [group["lr"] for group in optimiser.param_groups]
        optimiser.load_state_dict(saved)
        for group, lr in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = lr
    return int(state["step"]), float(state["seconds"])
