"""Muon for the matrices inside the blocks, AdamW for everything else.

Muon (Keller Jordan, 2024) replaces the momentum of a weight matrix by its nearest orthogonal matrix, found by a few
Newton-Schulz steps. torch.optim.Muon computes them in bfloat16, which is slow on a CPU without bfloat16 arithmetic.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of the published quintic iteration


def orthogonalise(matrix: Tensor, steps: int = 5) -> Tensor:
    """About the nearest matrix with all singular values near 1; (m, n), float32."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if tall else matrix
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


def optimisers(*modules: nn.Module, lr: float, muon_lr: float = 0.01, inner: str = ".layers.") -> list[Optimizer]:
    """One Muon over the matrices and kernels whose names contain `inner`, and one AdamW over all else."""
    named = [item for module in modules for item in module.named_parameters()]
    chosen = {name for name, weight in named if weight.ndim in (2, 4) and inner in name}
    adam = AdamW([weight for name, weight in named if name not in chosen], lr=lr, betas=(0.9, 0.98), weight_decay=0.0)
    return [adam, Muon([weight for name, weight in named if name in chosen], lr=muon_lr)]
