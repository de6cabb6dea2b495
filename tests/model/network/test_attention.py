"""Attention over the slot cache: every row sees its own past alone, however the work is cut."""

import pytest
import torch
import torch.nn.functional as F

from model.network import attention


@pytest.mark.parametrize("at_once", [1, 64 * 6 * 8, 2**21])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("fused", [False, True])
def test_each_query_attends_to_its_own_position_and_all_before(
    at_once: int, kv_heads: int, window: int, fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "AT_ONCE", at_once)
    numbers = torch.Generator().manual_seed(2)
    rows, heads, size, longest = 5, 4, 8, 12
    cache = torch.randn(2, rows + 3, kv_heads, longest, size, generator=numbers)
    q = torch.randn(rows, window, heads, size, generator=numbers)
    new = torch.randn(rows, window, 2 * kv_heads, size, generator=numbers)
    before, positions = cache.clone(), torch.tensor([0, 3, 7, 7, 5]).view(-1, 1) + torch.arange(window)
    view = attention.view(cache, positions, 10, group=heads // kv_heads, fused=fused)
    found = attention.attend(q, new, cache, view)
    for row, start in enumerate(positions[:, 0].tolist()):
        before[:, row, :, start : start + window] = new[row].view(window, 2, kv_heads, size).permute(1, 2, 0, 3)
    for row, query in ((row, query) for row in range(rows) for query in range(window)):
        keys, values = before[:, row, :, : positions[row, query] + 1]
        expected = F.scaled_dot_product_attention(q[row, query].unsqueeze(1), keys, values, enable_gqa=True)
        torch.testing.assert_close(found[row, query].view(heads, size), expected.squeeze(1))
    assert torch.equal(cache, before)  # nothing else was written
