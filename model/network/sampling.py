"""How the next token is chosen: guidance, temperature, top-p, and a random stream for every picture and answer.

A stream is a table of uniform numbers, made before the first step from a counter-based generator (Philox 4x64, Salmon
et al., SC '11) keyed by the seed; made on the host, because NumPy keeps that stream the same for ever and on every
device, and because a step then only has to look its numbers up. Step k of a row reads entry k, whatever else is in the
batch: so the same seed gives the same picture alone, among others, and after a restart. One number decides one token
by inversion: the first token whose cumulative probability exceeds it.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

DRAWING, ANSWER = 0, 1  # which family of streams: a question and a drawing of one seed have nothing in common
TOP_K = 50  # DeepSeek's demo sets temperature and top-p, and leaves transformers' default of that time in force
BROKEN = -1  # in place of a token, where the model computed no numbers
GREEDY = 2.0**100  # logits times this: only the best survive softmax, and a power of two merges no two of them


def uniforms(seed: int, family: int, count: int, *, temperature: float = 1.0) -> NDArray[np.float32]:
    """Make the first `count` numbers, 0 <= u < 1, of a stream. A longer stream begins with the same numbers.

    At temperature 0 all are 0: which of equally good tokens (common in bfloat16) is taken is not left to the seed.
    """
    if temperature == 0:
        return np.zeros(count, np.float32)
    # The raw stream is what NumPy promises to keep for ever; its float methods may change between versions.
    raw = np.random.Philox(key=np.array([seed, family], dtype=np.uint64)).random_raw(count)
    return ((raw >> 40) * 2.0**-24).astype(np.float32)


def sharpness(temperature: float) -> float:
    """What logits are multiplied with: the inverse temperature, or GREEDY at 0."""
    return min(1 / temperature, GREEDY) if temperature > 0 else GREEDY


def guide(features: Tensor, guidance: Tensor) -> Tensor:
    """Push what follows from the prompt away from what follows from no prompt: u + g (c - u).

    `features`: (n, 2, size), conditional then unconditional, logits or anything that becomes logits by a linear layer;
    `guidance`: (n,). Gives (n, size), of the same type; computed in float32.
    """
    conditional, unconditional = features.float().unbind(1)
    return torch.lerp(unconditional, conditional, guidance.unsqueeze(1)).to(features.dtype)


def sample(logits: Tensor, sharpness: Tensor, uniform: Tensor) -> Tensor:
    """Draw one token a row from softmax(logits x sharpness).

    `logits`: (n, tokens), float32; `sharpness` and `uniform`: (n,), float32. Gives (n,), int64; BROKEN for a row whose
    logits are no numbers.
    """
    cumulative = torch.softmax(logits * sharpness.unsqueeze(1), -1).cumsum(-1)
    whole = cumulative[:, -1:]
    choice = torch.searchsorted(cumulative, uniform.unsqueeze(1) * whole, right=True)
    return torch.where(whole.isnan(), BROKEN, choice).squeeze(1)


def sample_nucleus(logits: Tensor, sharpness: Tensor, top_p: Tensor, uniform: Tensor) -> Tensor:
    """Draw one token a row from the smallest set of likely tokens that holds `top_p` of the probability.

    The order is transformers': temperature, top-k, top-p (Holtzman et al., ICLR 2020); the likeliest token always
    stays. `logits`: (n, tokens); the others: (n,), float32. Gives (n,), int64; BROKEN as above.
    """
    best, tokens = logits.float().topk(min(TOP_K, logits.shape[1]), -1)
    probabilities = torch.softmax(best * sharpness.unsqueeze(1), -1)
    cumulative = probabilities.cumsum(-1)
    kept = cumulative - probabilities < top_p.unsqueeze(1)
    last = kept.sum(-1, keepdim=True).sub(1).clamp(min=0)
    whole = cumulative.gather(1, last)
    choice = torch.searchsorted(cumulative, uniform.unsqueeze(1) * whole, right=True).minimum(last)
    return torch.where(whole.isnan(), BROKEN, tokens.gather(1, choice)).squeeze(1)
