"""Attention over the slot cache: every row sees its own past alone, however the work is cut."""

import pytest
import torch
import torch.nn.functional as F

from model.network import attention


@pytest.mark.parametrize("at_once", [1, 64 * 6 * 8, 2**21])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_each_row_attends_to_what_it_has_written(at_once: int, kv_heads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "AT_ONCE", at_once)
    numbers = torch.Generator().manual_seed(2)
    rows, heads, size, longest = 5, 4, 8, 12
    cache = torch.randn(2, rows + 3, kv_heads, longest, size, generator=numbers)
    q = torch.randn(rows, heads, size, generator=numbers)
    new = torch.randn(rows, 2 * kv_heads, size, generator=numbers)
    before, positions = cache.clone(), torch.tensor([0, 3, 9, 9, 5])
    found = attention.attend(q, new, cache, attention.view(cache, positions, 10))
    for row, position in enumerate(positions.tolist()):
        before[:, row, :, position] = new[row].view(2, kv_heads, size)
        keys, values = before[:, row, :, : position + 1]
        expected = F.scaled_dot_product_attention(q[row].unsqueeze(1), keys, values, enable_gqa=True)
        torch.testing.assert_close(found[row].view(heads, size), expected.squeeze(1))
    assert torch.equal(cache, before)  # nothing else was written
