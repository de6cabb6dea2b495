"""How the next token is chosen: guidance, temperature, top-p, and noise that belongs to picture, position and token.

A token is drawn as argmax(logits + temperature x noise), with Gumbel noise: so it follows softmax(logits / temperature)
(the Gumbel-max trick). The noise is a pure function of the seed, the position and the token. So the same seed draws the
same picture alone, among others and after a restart; and a *guess* at a token can be checked before all tokens
ahead of it are certain, which lets one pass settle several (fixed-point decoding with coupled noise, Wiggers and
Hoogeboom, ICML '20).

Every position has a key of 64 bits from a counter-based generator (Philox 4x64, Salmon et al., SC '11), which NumPy
keeps the same for ever; on the device the key and a token are mixed to 32 bits, by integers, so alike on every device.
Whoever changes any of this counts `model.requests.STREAM` up.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

DRAWING, ANSWER = 0, 1  # which family of streams: a question and a drawing of one seed have nothing in common
TOP_K = 50  # DeepSeek's demo sets temperature and top-p, and leaves transformers' default of that time in force
BROKEN = -1  # in place of a token, where the model computed no numbers
COLDEST = 2.0**-100  # the lowest temperature that probabilities are computed at: only the best token has any then
SPREAD = -1640531535  # odd, near 2^32 divided by the golden ratio: neighbouring tokens begin far apart


def keys(seed: int, family: int, count: int) -> NDArray[np.int32]:
    """Make the first `count` keys of a stream, (count, 2). A longer stream begins with the same keys."""
    raw = np.random.Philox(key=np.array([seed, family], dtype=np.uint64)).random_raw(count)
    return np.stack((raw & 0xFFFFFFFF, raw >> 32), -1).astype(np.uint32).view(np.int32)


def gumbel(keys: Tensor, tokens: Tensor) -> Tensor:
    """Give standard Gumbel noise for every row and token: (n, m), float32.

    `keys`: (n, 2), int32; `tokens`: (m,), or (n, m) if rows have tokens of their own; int32 or int64.
    """
    v = (mixed(keys, tokens) & 0x7FFFFFFF).float()
    # uniform in (0, 1), both ends left out, and finest near 0, where the noise is largest
    return v.add_(0.5).mul_(-(1 - 2.0**-24) * 2.0**-31).log1p_().neg_().log_().neg_()


def mixed(keys: Tensor, tokens: Tensor) -> Tensor:
    """Mix keys and tokens, as above, into 32 bits: (n, m), int32. Products wrap around, as int32 does everywhere.

    The constants are those of Chris Wellons' `lowbias32`; half of the key comes in between its two rounds.
    """
    first, second = keys.unsqueeze(-1).unbind(-2)
    x = tokens.to(torch.int32) * SPREAD ^ first
    x ^= x >> 16
    x *= 0x7FEB352D
    x ^= second
    x ^= x >> 15
    x *= 0x846CA68B - 2**32
    x ^= x >> 16
    return x


def guide(features: Tensor, guidance: Tensor) -> Tensor:
    """Push what follows from the prompt away from what follows from no prompt: u + g (c - u).

    `features`: (n, 2, size), conditional then unconditional, logits or anything that becomes logits by a linear layer;
    `guidance`: (n,). Gives (n, size), of the same type; computed in float32.
    """
    conditional, unconditional = features.float().unbind(1)
    return torch.lerp(unconditional, conditional, guidance.unsqueeze(1)).to(features.dtype)


def narrow(logits: Tensor, top_k: Tensor) -> Tensor:
    """Leave the `top_k` (n,) best of each row's logits (n, m), all where that is 0, and make the others -inf."""
    size = logits.shape[1]
    worst = torch.where(top_k > 0, top_k, size).clamp(max=size) - 1
    least = logits.sort(-1, descending=True).values.gather(1, worst.unsqueeze(1))
    return logits.masked_fill(logits < least, float("-inf"))


def sample(logits: Tensor, temperature: Tensor, keys: Tensor, tokens: Tensor) -> Tensor:
    """Draw one token a row from softmax(logits / temperature); at temperature 0 the first of the best.

    `logits`: (n, m), float32; `temperature`: (n,); `keys`: (n, 2); `tokens`: (m,), what the columns stand for. Gives
    the columns, (n,), int64; BROKEN for a row whose logits are no numbers.
    """
    best, choice = torch.addcmul(logits, gumbel(keys, tokens), temperature.unsqueeze(1)).max(-1)
    return torch.where(best.isfinite(), choice, BROKEN)


def sample_nucleus(logits: Tensor, temperature: Tensor, top_p: Tensor, keys: Tensor) -> Tensor:
    """Draw one token a row from the smallest set of likely tokens that holds `top_p` of the probability.

    The order is transformers': temperature, top-k, top-p (Holtzman et al., ICLR 2020); the likeliest token always
    stays. `logits`: (n, vocabulary); `temperature` and `top_p`: (n,), float32; `keys`: (n, 2). Gives (n,), int64;
    BROKEN as above.
    """
    best, tokens = logits.float().topk(min(TOP_K, logits.shape[1]), -1)
    probabilities = torch.softmax(best / temperature.clamp(min=COLDEST).unsqueeze(1), -1)
    before = probabilities.cumsum(-1) - probabilities
    left_out = before >= top_p.unsqueeze(1)
    left_out[:, 0] = False
    choice = sample(best.masked_fill(left_out, float("-inf")), temperature, keys, tokens)
    token = tokens.gather(1, choice.clamp(min=0).unsqueeze(1)).squeeze(1)
    broken = (choice == BROKEN) | probabilities[:, 0].isnan()
    return torch.where(broken, BROKEN, token)
