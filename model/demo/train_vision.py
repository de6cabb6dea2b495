"""The vision tower, first stage: what does each patch show?

From language alone a small tower learns nothing for a long time. Here every one of the 144 patches has to name the
background, the number of shapes, where it lies in a shape's bounding box that shape's kind, colour, size and centre,
and, wherever it lies, the contents of the whole scene. The heads that answer are thrown away.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss
from transformers import JanusForConditionalGeneration

from model.demo.codes import GRID
from model.demo.network import SIDE
from model.demo.optimiser import optimisers
from model.demo.photos import photograph
from model.demo.questions import draw_scene
from model.demo.readout import SCENE, Readout, contents
from model.demo.world import COLOURS, KINDS, Scene
from model.pictures import preprocess

NOTHING = len(KINDS)  # the kind of a patch outside every shape
IGNORED = -100


class VisionStage:
    """Dense labels for the patches of scenes of any arrangement."""

    name = "vision"

    def __init__(self, model: JanusForConditionalGeneration, batch: int = 24) -> None:
        self.tower, self.batch = model.model.vision_model, batch
        width = self.tower.config.hidden_size
        self.sizes = (len(KINDS) + 1, len(COLOURS), len(COLOURS), 3, 5)  # kind, colour, background, count, geometry
        self.heads = nn.Linear(width, sum(self.sizes))
        self.scene = Readout(width, SCENE)
        self.network: nn.Module = nn.ModuleList([self.tower, self.heads, self.scene])
        self.optimisers = optimisers(self.network, lr=2e-3, muon_lr=0.01)

    def losses(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Cross-entropies of the names, and the error of centre and size in shares of the side."""
        scenes = [draw_scene(rng) for _ in range(self.batch)]
        pixels = torch.stack([preprocess(photograph(rng, scene), SIDE) for scene in scenes])
        names, geometry = (torch.stack(parts).flatten(0, 1) for parts in zip(*map(label, scenes), strict=True))
        hidden = self.tower(pixels).last_hidden_state
        kind, colour, background, count, where = self.heads(hidden).flatten(0, 1).split(self.sizes, dim=1)
        inside = names[:, 0] != NOTHING
        whole = torch.tensor([*map(contents, scenes)]).repeat_interleave(hidden.shape[1], dim=0)
        return {
            "scene": 0.3 * self.scene.loss(hidden.flatten(0, 1), whole),
            "kind": cross_entropy(kind, names[:, 0]) + cross_entropy(kind[inside], names[inside, 0]),
            "colour": cross_entropy(colour, names[:, 1], ignore_index=IGNORED),
            "background": cross_entropy(background, names[:, 2]),
            "count": cross_entropy(count, names[:, 3]),
            "geometry": 20 * smooth_l1_loss(where[inside], geometry[inside], beta=0.05),
        }


def label(scene: Scene) -> tuple[Tensor, Tensor]:
    """Each patch's kind, colour, background and count, int64 (144, 4); offset to the centre, centre, size (144, 5)."""
    names = np.full((GRID * GRID, 4), IGNORED)
    names[:, 0], names[:, 2], names[:, 3] = NOTHING, list(COLOURS).index(scene.background), len(scene.shapes)
    geometry = np.zeros((GRID * GRID, 5), np.float32)
    middles = (np.arange(GRID) + 0.5) / GRID
    y, x = (axis.ravel() for axis in np.meshgrid(middles, middles, indexing="ij"))
    for shape in scene.shapes:
        reach = (shape.size + 1 / GRID) / 2
        inside = (abs(x - shape.x) < reach) & (abs(y - shape.y) < reach)
        names[inside, :2] = KINDS.index(shape.kind), list(COLOURS).index(shape.colour)
        offset = np.stack((shape.x - x, shape.y - y), 1)
        geometry[inside] = np.concatenate((offset, np.tile((shape.x, shape.y, shape.size), (len(x), 1))), 1)[inside]
    return torch.from_numpy(names), torch.from_numpy(geometry)
