"""Numbers that are none: 16-bit types overflow where float32 does not, so what broke is computed once more in that."""

import logging
from collections.abc import Callable

import torch
from torch import Tensor, nn

log = logging.getLogger(__name__)


class NoNumbersError(ArithmeticError):
    """A network computed infinities, or what is no number at all."""


def check(values: Tensor, what: str) -> Tensor:
    """Give back `values`, of what is called `what`. Raises NoNumbersError if one of them is none."""
    if not values.isfinite().all():
        raise NoNumbersError(f"{what} computed what is no number")
    return values


def compute(module: nn.Module, act: Callable[[], Tensor], what: str) -> Tensor:
    """Do `act`, which runs `module`, and once more with the module in float32 if no numbers come of it.

    Its weights are put back to what they were, bit for bit. Raises NoNumbersError if that was in vain.
    """
    dtype = next(module.parameters()).dtype
    try:
        return check(act(), what)
    except NoNumbersError:
        if dtype is torch.float32:
            raise
    log.warning("%s computed no numbers in %s, and is tried in float32", what, dtype)
    try:
        module.float()
        return check(act(), what)
    finally:
        module.to(dtype)
