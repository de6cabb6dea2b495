"""The very last stage, a short one: drawings that are asked for by a name alone, such as "a red circle".

That is what everybody types first, and there is little of it in a world where most prompts say more: less than there is
of the same words as what is to be avoided. So after stages with things to avoid a red circle may come out as a star.
"""

from model.demo.optimiser import optimisers
from model.demo.train_language import Batch
from model.demo.train_pairs import PairsStage

NAMED = Batch(prompts=8, sketches=24, drawings=4, talks=5, pairs=3)


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
