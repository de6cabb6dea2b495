"""The vision tower, first stage: what does each patch show?

From language alone a small tower learns nothing for a long time. Here every one of the 144 patches has to tell, on
the way up, which of its pixels belong to a shape, and which way the edges in it run: what kinds of shapes are told
apart by. At the top it tells the background, the number of shapes, where it lies in a shape's bounding box that shape's
kind, colour, size and centre, and, wherever it lies, the contents of the whole scene. The heads are thrown away.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss, smooth_l1_loss
from transformers import JanusForConditionalGeneration

from model.demo.network import PATCHES, SIDE
from model.demo.optimiser import optimisers
from model.demo.photos import photograph
from model.demo.questions import draw_scene
from model.demo.readout import SCENE, Readout, contents
from model.demo.wishes import draw_example
from model.demo.world import COLOURS, KINDS, Scene, render
from model.network.pixels import preprocess

NOTHING = len(KINDS)  # the kind of a patch outside every shape
IGNORED = -100
MASKS, EDGES, NAMES = 1, 2, 3  # layers after which these are read, so that later layers can build on them
FAINT = 0.05  # a variance that is noise
SNAPPED = 0.4  # the share of scenes as the model draws them, on its own grid
DIRECTIONS = 12  # of edges
FINE = 8  # a patch's mask has FINE x FINE cells


class VisionStage:
    """Dense labels for the patches of scenes of any arrangement."""

    name = "vision"

    def __init__(self, model: JanusForConditionalGeneration, batch: int = 16) -> None:
        self.tower, self.batch = model.model.vision_model, batch
        whiten(self.tower.embeddings.patch_embedding)
        width = self.tower.config.hidden_size
        self.sizes = (len(KINDS) + 1, len(COLOURS), len(COLOURS), 3, 5)  # kind, colour, background, count, geometry
        self.heads = nn.Linear(width, sum(self.sizes))
        self.mask, self.edges = nn.Linear(width, FINE * FINE), nn.Linear(width, DIRECTIONS)
        self.scene = Readout(width, SCENE)
        self.network: nn.Module = nn.ModuleList([self.tower, self.heads, self.mask, self.edges, self.scene])
        self.optimisers = optimisers(self.network, lr=1e-3, muon_lr=0.01)

    def losses(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Cross-entropies of the names, and the error of centre and size in shares of the side."""
        scenes = [
            draw_example(rng, pairs=0.6)[1] if rng.random() < SNAPPED else draw_scene(rng) for _ in range(self.batch)
        ]
        pixels = torch.stack([preprocess(photograph(rng, scene), SIDE) for scene in scenes])
        names, geometry = (torch.stack(parts).flatten(0, 1) for parts in zip(*map(label, scenes), strict=True))
        hidden = self.tower(pixels, output_hidden_states=True).hidden_states
        first, second, middle, top = (self.normed(hidden[depth]) for depth in (MASKS, EDGES, NAMES, -1))
        whole = torch.tensor([*map(contents, scenes)]).repeat_interleave(hidden[0].shape[1], dim=0)
        masks, edges = (torch.from_numpy(np.stack(parts)) for parts in zip(*map(outlines, scenes), strict=True))
        halfway, final = (self.named(one, names, geometry) for one in (middle, top))
        return {
            "mask": 4 * binary_cross_entropy_with_logits(self.mask(first).float(), masks),
            "edges": 20 * mse_loss(self.edges(second).float(), edges),
            "scene": 0.3 * self.scene.loss(top.flatten(0, 1).float(), whole),
            "halfway": 0.5 * torch.stack([*halfway.values()]).sum(),
            **final,
        }

    def normed(self, hidden: Tensor) -> Tensor:
        """Hidden states as the tower gives them out."""
        normed: Tensor = self.tower.post_layernorm(hidden)
        return normed

    def named(self, hidden: Tensor, names: Tensor, geometry: Tensor) -> dict[str, Tensor]:
        """The losses of the labels of `label`, all patches in a row, from hidden states (batch, 144, width)."""
        logits = self.heads(hidden).flatten(0, 1).float()
        kind, colour, background, count, where = logits.split(self.sizes, dim=1)
        inside = names[:, 0] != NOTHING
        return {
            "kind": cross_entropy(kind, names[:, 0]) + cross_entropy(kind[inside], names[inside, 0]),
            "colour": cross_entropy(colour, names[:, 1], ignore_index=IGNORED),
            "background": cross_entropy(background, names[:, 2]),
            "count": cross_entropy(count, names[:, 3]),
            "geometry": 20 * smooth_l1_loss(where[inside], geometry[inside], beta=0.05),
        }


@torch.no_grad()
def whiten(embedding: nn.Conv2d, pictures: int = 200) -> None:
    """Let a patch embedding begin as the principal components of patches, all of the same variance.

    Patches of this world are flat: from random weights a tower sees their colour and next to nothing of their edges.
    """
    rng = np.random.default_rng(0)
    pixels = torch.stack([preprocess(photograph(rng, draw_scene(rng)), SIDE) for _ in range(pictures)])
    patches = nn.functional.unfold(pixels, embedding.kernel_size, stride=embedding.stride).transpose(1, 2).flatten(0, 1)
    mean = patches.mean(0)
    spread, directions = torch.linalg.eigh(torch.cov(patches.T))  # ascending
    weight = (directions / (spread.clamp_min(0) + FAINT).sqrt()).T.flip(0)[: embedding.out_channels]
    embedding.weight.copy_(weight.view_as(embedding.weight))
    assert embedding.bias is not None
    embedding.bias.copy_(-weight @ mean)


def outlines(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """How much shapes cover of each cell of each patch, (144, 64), 0 to 1; how much edge runs each way, (144, 12)."""
    black = Scene("black", tuple(replace(shape, colour="white") for shape in scene.shapes))
    low, high = COLOURS["black"][0], COLOURS["white"][0]
    cells = (np.asarray(render(black, PATCHES * FINE).convert("L"), np.float32) - low) / (high - low)
    down, right = np.gradient(cells)
    direction = np.floor((np.arctan2(down, right) / (2 * np.pi) + 0.5) * DIRECTIONS).astype(int) % DIRECTIONS
    steep = np.hypot(down, right)[..., None] * (direction[..., None] == np.arange(DIRECTIONS))
    covered, edges = (by_patch(array) for array in (cells[..., None], steep.astype(np.float32)))
    return covered.reshape(PATCHES * PATCHES, -1), edges.sum(1) / FINE


def by_patch(cells: np.ndarray) -> np.ndarray:
    """Cells of a picture (96, 96, n) as cells of its patches (144, 64, n)."""
    return cells.reshape(PATCHES, FINE, PATCHES, FINE, -1).swapaxes(1, 2).reshape(PATCHES * PATCHES, FINE * FINE, -1)


def label(scene: Scene) -> tuple[Tensor, Tensor]:
    """Each patch's kind, colour, background and count, int64 (144, 4); offset to the centre, centre, size (144, 5)."""
    names = np.full((PATCHES * PATCHES, 4), IGNORED)
    names[:, 0], names[:, 2], names[:, 3] = NOTHING, list(COLOURS).index(scene.background), len(scene.shapes)
    geometry = np.zeros((PATCHES * PATCHES, 5), np.float32)
    middles = (np.arange(PATCHES) + 0.5) / PATCHES
    y, x = (axis.ravel() for axis in np.meshgrid(middles, middles, indexing="ij"))
    for shape in scene.shapes:
        reach = (shape.size + 1 / PATCHES) / 2
        inside = (abs(x - shape.x) < reach) & (abs(y - shape.y) < reach)
        names[inside, :2] = KINDS.index(shape.kind), list(COLOURS).index(shape.colour)
        offset = np.stack((shape.x - x, shape.y - y), 1)
        geometry[inside] = np.concatenate((offset, np.tile((shape.x, shape.y, shape.size), (len(x), 1))), 1)[inside]
    return torch.from_numpy(names), torch.from_numpy(geometry)
