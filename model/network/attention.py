"""Attention over a slot cache: each row at its own position, with one query or a window of them."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

AT_ONCE = 2**21  # numbers in the keys of one product on a CPU


class View(NamedTuple):
    """What attention over one lane's rows needs, the same in every layer of a step."""

    slots: Tensor  # (rows, window, 2 x kv heads) int64: where new keys and values go, in a cache seen as (slots, size)
    length: int  # positions that are looked at
    fused: bool  # by torch's own kernel, or by plain products
    bias: Tensor  # 0 where a query may look, -inf where not: (rows, kv heads, queries, length), or as `_plain` has it


def view(cache: Tensor, positions: Tensor, length: int, *, group: int = 1, fused: bool) -> View:
    """Prepare for rows at `positions` (rows, window), each less than `length`, of a layer's `cache` (see KVCache).

    `group`: query heads that share a head of keys. `fused`: attend by torch's own kernel and not by plain products;
    which one is faster is the processor's affair.
    """
    kinds, rows, heads, longest, _ = cache.shape
    device = cache.device
    kind, head = torch.arange(kinds, device=device).view(-1, 1), torch.arange(heads, device=device)
    row = torch.arange(positions.shape[0], device=device).view(-1, 1, 1, 1)
    slots = ((kind * rows + row) * heads + head) * longest + positions.view(*positions.shape, 1, 1)
    ahead = torch.arange(length, device=device) > positions.unsqueeze(-1)  # (rows, window, length)
    ahead = ahead.repeat_interleave(group, 1) if group > 1 else ahead
    if not fused:
        ahead = ahead.transpose(1, 2)
    # fused kernels take a mask only where the positions of a query lie together
    bias = torch.zeros(ahead.shape, dtype=cache.dtype, device=device).masked_fill_(ahead, float("-inf"))
    bias = bias.unsqueeze(1).expand(-1, heads, -1, -1)
    return View(slots.flatten(2), length, fused, bias if fused else bias.flatten(0, 1))


def attend(q: Tensor, key_value: Tensor, cache: Tensor, view: View) -> Tensor:
    """Write new keys and values to their slots, and let each query attend to its own position and all before.

    `q`: (rows, window, heads, size); `key_value`: (rows, window, 2 x kv heads, size). Gives (rows, window, heads x
    size).
    """
    rows, window, heads, size = q.shape
    cache.view(-1, size).index_put_((view.slots,), key_value)
    keys, values = cache[:, :rows, :, : view.length].flatten(1, 2)  # (rows x kv heads, length, size), no copy
    group = rows * heads // keys.shape[0]
    if window > 1:  # (rows x kv heads, window x group, size)
        grouped = q.view(rows, window, -1, group, size).transpose(1, 2).reshape(keys.shape[0], -1, size)
    else:
        grouped = q.reshape(keys.shape[0], group, size)
    if not view.fused:
        found = _plain(grouped, keys, values, view.bias)
    else:
        grouped, keys, values = (part.unflatten(0, (rows, -1)) for part in (grouped, keys, values))
        found = F.scaled_dot_product_attention(grouped, keys, values, attn_mask=view.bias)
    if window > 1:
        found = found.reshape(rows, -1, window, group, size).transpose(1, 2)
    return found.reshape(rows, window, heads * size)


def _plain(q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """Attend by plain products: on many CPUs they beat the fused kernel for one query a row.

    `q`: (rows x kv heads, queries, size); `bias`: (rows x kv heads, length, queries).

    Keys x query is up to three times as fast as query x keys. In bfloat16 each product copies its keys or values first,
    so it gets no more of them than the caches hold: above 32 MiB it would take six times as long.
    """
    most = max(1, AT_ONCE // keys[0].numel())
    if len(keys) > most:
        parts = zip(*(torch.split(part, most) for part in (q, keys, values, bias)), strict=True)
        return torch.cat([_plain(*part) for part in parts])
    scale = q.shape[-1] ** -0.5
    if torch.compiler.is_compiling():  # to be fused with all around it
        scores = (torch.bmm(keys, q.transpose(1, 2)) * scale + bias).transpose(1, 2)
    else:
        scores = torch.baddbmm(bias, keys, q.transpose(1, 2), alpha=scale).transpose(1, 2)
    return torch.bmm(torch.softmax(scores, -1), values)
