"""The last stage but one: what was weakest after the one before, and the rest so that none is forgotten.

"Which picture shows ...?" was answered by chance when all other questions were answered well: it takes two comparisons,
and its answer tells little of either. So where such an answer begins, what is asked for is read half-way up, and at the
end what each of the two pictures lacks, thing by thing. What stands beside a shape was weak for being asked seldom.
"""

import numpy as np
import torch
from torch import Tensor, nn

from model.demo.claims import FAULTS, faults
from model.demo.conversations import Exchange, compare, converse
from model.demo.optimiser import optimisers
from model.demo.readout import Readout, meaning
from model.demo.talks import Talk
from model.demo.train_eyes import EyesStage
from model.demo.train_language import TURNS, Batch
from model.demo.world import Scene

PAIRS = Batch(prompts=8, sketches=6, drawings=2, talks=8, pairs=5)
NEIGHBOURS = 0.5  # the share of conversations about one picture that ask what stands beside a shape
ONE_OF_TWO = 0.4  # the share of questions about one of two pictures alone
GLIMPSES = 0.4  # the share of the others that name a single shape, and no more


class PairsStage(EyesStage):
    """As many questions about two pictures as about one."""

    name = "pairs"
    bare = 0.4
    avoided = 0.1

    def __init__(self, before: EyesStage, batch: Batch = PAIRS) -> None:
        super().__init__(before, batch)
        self.faults = before.faults
        self.either = Readout(before.model.config.text_config.hidden_size, (2,) * (2 * FAULTS))
        self.network = nn.ModuleList([before.network, self.either])
        self.optimisers = optimisers(self.network, lr=1e-3, muon_lr=0.006)

    def about_one(self, rng: np.random.Generator, scene: Scene) -> list[Exchange]:
        """What is said about one picture."""
        return converse(rng, scene, TURNS, first="neighbour" if rng.random() < NEIGHBOURS else "")

    def about_two(self, rng: np.random.Generator, scenes: tuple[Scene, Scene]) -> list[Exchange]:
        """What is said about two."""
        return compare(rng, scenes, TURNS, one_of_two=ONE_OF_TWO, glimpses=GLIMPSES)

    def claim_losses(self, middle: Tensor, last: Tensor, talks: list[Talk]) -> dict[str, Tensor]:
        """What is claimed of one picture or asked for of two, and what is wrong with it."""
        two = ((row, talk) for row, talk in enumerate(talks) if len(talk.scenes) == 2)
        found = [(row, at, wish, talk.scenes) for row, talk in two for at, wish in talk.claims]
        losses = super().claim_losses(middle, last, talks)
        if not found:
            return losses
        rows, places, wishes, scenes = zip(*found, strict=True)
        here = list(rows), list(places)
        said = torch.tensor([meaning(wish) for wish in wishes])
        lacks = [
            [fault for one in pictures for fault in faults(wish, one, whole=False)]
            for wish, pictures in zip(wishes, scenes, strict=True)
        ]
        return losses | {
            "sought": 0.3 * self.wish.loss(middle[here].float(), said),
            "lacks": 2 * self.either.loss(last[here].float(), torch.tensor(lacks).long()),
        }
