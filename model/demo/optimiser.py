"""Muon for the matrices inside the blocks, AdamW for everything else.

Muon (Keller Jordan, 2024) replaces the momentum of a weight matrix by its nearest orthogonal matrix, found by a few
Newton-Schulz steps. torch.optim.Muon computes them in bfloat16, which is slow on a CPU without bfloat16 arithmetic.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of the published quintic iteration


def orthogonalise(matrix: Tensor, steps: int = 5) -> Tensor:
    """About the nearest matrix with all singular values near 1; (m, n), float32."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised, for two-dimensional weights."""

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
                update = orthogonalise(weight.grad.lerp(moment, group["momentum"]))
                weight.add_(update, alpha=-group["lr"] * max(1.0, weight.shape[0] / weight.shape[1]) ** 0.5)


def optimisers(*modules: nn.Module, lr: float, muon_lr: float = 0.02) -> list[torch.optim.Optimizer]:
    """One Muon and one AdamW over all parameters of some modules."""
    named = [item for module in modules for item in module.named_parameters()]
    inner = [weight for name, weight in named if weight.ndim == 2 and ".layers." in name]
    chosen = {id(weight) for weight in inner}
    rest = [weight for _, weight in named if id(weight) not in chosen]
    adam = torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.98), weight_decay=0.0)
    return [adam, Muon(inner, lr=muon_lr)] if inner else [adam]
