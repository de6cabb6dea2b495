"""The very last stage, a short one: drawings that are asked for by a name alone, such as "a red circle".

That is what everybody types first, and there is little of it in a world where most prompts say more: less than there is
of the same words as what is to be avoided. So after stages with things to avoid a red circle may come out as a star.

What this stage teaches costs some of what the ones before taught: to avoid, and to judge a claim. Between the weights
that it began with and those that it ends with there are better ones than either (Wortsman et al., 2022, "Robust
fine-tuning of zero-shot models").
"""

import torch

from model.demo.optimiser import optimisers
from model.demo.train_language import Batch
from model.demo.train_pairs import PairsStage

NAMED = Batch(prompts=8, sketches=24, drawings=4, talks=5, pairs=3)
WAY = 0.4  # from the first weights to the last, where those are that are kept


class NamedStage(PairsStage):
    """Drawings above all, a third of them named and no more."""

    name = "named"
    named = 0.33
    bare = 0.5
    avoided = 0.03

    def __init__(self, before: PairsStage, batch: Batch = NAMED) -> None:
        super().__init__(before, batch)
        self.either = before.either
        self.network = before.network
        self.optimisers = optimisers(self.network, lr=6e-4, muon_lr=0.004)
        self._begun = [weight.detach().clone() for weight in self.network.parameters()]

    @torch.no_grad()
    def go_back(self) -> None:
        """Go back from the weights that the training ended with to those that are kept."""
        for weight, begun in zip(self.network.parameters(), self._begun, strict=True):
            weight.copy_(begun.lerp(weight, WAY))
