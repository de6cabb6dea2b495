"""The stage after all is learned once: conversations above all, with some drawings so that none is forgotten.

Some of the drawings have something to avoid, which guidance leads away from in place of the blank. A network that never
saw that takes "no red circle" for "no circle", too. But the words to avoid are bare ones, and a network that meets bare
words mostly there draws anything but a red circle when it is asked for "a red circle". So later fewer drawings have
something to avoid, and many are asked for in bare words.

"Does this picture show ...?" is the hardest question of all, for everything that is said has to be compared, and its
answer is one bit. So where such an answer begins, what is claimed is read half-way up, as what a prompt asks for is,
and at the end what is wrong with it, thing by thing.
"""

import numpy as np
import torch
from torch import Tensor, nn

from model.demo.claims import FAULTS, faults
from model.demo.codes import planned
from model.demo.optimiser import optimisers
from model.demo.readout import Readout, meaning
from model.demo.talks import Talk
from model.demo.train_language import Batch, Example, LanguageStage
from model.demo.wishes import absent
from model.demo.wording import told

LATER = 0.52  # the share of the training after which bare words ask for something more often than they are avoided
EYES = Batch(prompts=8, sketches=6, drawings=2, talks=13, pairs=2)


class EyesStage(LanguageStage):
    """More conversations than drawings, and claims that are judged thing by thing."""

    name = "eyes"
    plain = 0.0
    open_colours = 0.15
    avoided = 0.25  # the share of drawings that have something to avoid

    def __init__(self, before: LanguageStage, batch: Batch = EYES) -> None:
        super().__init__(before.model, before.prompts, before.tokenizer, (batch, batch))
        self.scene, self.wish, self.traits = before.scene, before.wish, before.traits
        self.faults = Readout(before.model.config.text_config.hidden_size, (2,) * FAULTS)
        self.network = nn.ModuleList([before.network, self.faults])
        self.optimisers = optimisers(self.network, lr=1e-3, muon_lr=0.006)

    def losses(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """The losses of all parts."""
        if done >= LATER:
            self.bare, self.avoided = 0.4, 0.1
        return super().losses(rng, done)

    def against(self, rng: np.random.Generator, examples: list[Example]) -> tuple[list[list[int]], Tensor]:
        """Blanks, and for some examples a prompt for what they do not show. Nothing is asked of what follows that."""
        prompts, weights = super().against(rng, examples)
        for i, one in enumerate(examples):
            scene = planned(one.codes)
            if scene and rng.random() < self.avoided:
                prompts[i] = self.prompts.avoiding(told(rng, absent(rng, scene)))
                weights[i] = 0
        return prompts, weights

    def claim_losses(self, middle: Tensor, last: Tensor, talks: list[Talk]) -> dict[str, Tensor]:
        """What is claimed, and what is wrong with it."""
        alone = ((row, talk) for row, talk in enumerate(talks) if len(talk.scenes) == 1)
        found = [(row, at, wish, talk.scenes[0]) for row, talk in alone for at, wish in talk.claims]
        if not found:
            return {}
        rows, places, wishes, scenes = zip(*found, strict=True)
        said = torch.tensor([meaning(wish) for wish in wishes])
        wrong = torch.tensor([faults(wish, scene) for wish, scene in zip(wishes, scenes, strict=True)]).long()
        here = list(rows), list(places)
        return {
            "claims": 0.3 * self.wish.loss(middle[here].float(), said),
            "faults": 2 * self.faults.loss(last[here].float(), wrong),
        }
