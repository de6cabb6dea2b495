"""Muon for the matrices inside the blocks, AdamW for everything else.

Muon (Keller Jordan, 2024) replaces the momentum of a weight matrix by its nearest orthogonal matrix, found by a few
Newton-Schulz steps. torch.optim.Muon computes them in bfloat16, which is slow on a CPU without bfloat16 arithmetic.
"""

import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of the published quintic iteration


@cache
def fast_dtype() -> torch.dtype:
    """The type in which this CPU multiplies matrices faster, by trying: bfloat16 or float32."""

    def seconds(dtype: torch.dtype) -> float:
        a, b = torch.ones(1024, 192, dtype=dtype), torch.ones(192, 512, dtype=dtype)
        times = []
        for _ in range(20):
            began = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - began)
        return sorted(times)[len(times) // 2]

    return min((torch.float32, torch.bfloat16), key=seconds)


def orthogonalise(matrix: Tensor, steps: int = 5) -> Tensor:
    """About the nearest matrix with all singular values near 1; (m, n)."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = (matrix.T if tall else matrix).to(fast_dtype())
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Muon(Optimizer):
    """Nesterov momentum, orthogonalised; a convolution's kernel counts as the matrix (out, rest)."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float = 0.02, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every weight that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                moment = self.state[weight].setdefault("moment", torch.zeros_like(weight))
                moment.lerp_(weight.grad, 1 - group["momentum"])
                update = orthogonalise(weight.grad.lerp(moment, group["momentum"]).flatten(1))
                scale = max(1.0, update.shape[0] / update.shape[1]) ** 0.5
                weight.add_(update.view_as(weight), alpha=-group["lr"] * scale)


def optimisers(
    *modules: nn.Module, lr: float, muon_lr: float = 0.01, inner: str = ".layers.", patch_lr: float = 2e-4
) -> list[Optimizer]:
    """One Muon over the matrices and kernels whose names contain `inner`, and one AdamW over all else.

    A patch embedding sums over a thousand pixels that mostly agree, and Adam moves all its weights alike: `patch_lr` is
    small, or every step would shake what the first layer has learned about edges.
    """
    muon, patches, others = [], [], []
    for name, weight in (item for module in modules for item in module.named_parameters()):
        if weight.ndim in (2, 4) and inner in name:
            muon.append(weight)
        elif "patch_embedding" in name:
            patches.append(weight)
        else:
            others.append(weight)
    groups: list[dict[str, Any]] = [{"params": others}]
    if patches:
        groups.append({"params": patches, "lr": patch_lr})
    return [AdamW(groups, lr=lr, betas=(0.9, 0.98), weight_decay=0.0), Muon(muon, lr=muon_lr)]
