"""Training-only heads that read what a hidden state ought to know.

The tokens of a drawing tell the language model only two or three times a picture what its words meant, at the cells
where a shape begins. So the same hidden states are asked directly, by linear layers that are thrown away afterwards:
the prompt's last position for the whole wish, every image token for the shape that begins next, and every token of a
picture that is looked at for the whole scene. With them, binding words to shapes takes minutes in place of hours.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from model.demo.codes import GRID, POSITIONS, corner
from model.demo.wishes import Wish, begins_first
from model.demo.world import COLOURS, KINDS, PLACES, SIZES, Scene

_COLOURS, _KINDS, _PLACES, _SIZES = list(COLOURS), list(KINDS), list(PLACES), list(SIZES)
_ABSENT = {"colour": len(_COLOURS) + 1, "kind": len(_KINDS), "size": len(_SIZES) + 1, "place": len(_PLACES) + 1}
_SHAPE = tuple(last + 1 for last in _ABSENT.values())
PLAN = (len(_COLOURS), *_SHAPE, *_SHAPE, 4)  # background, two shapes, relation
NEXT = _SHAPE[:3]
SCENE = (len(_COLOURS), *_SHAPE, *_SHAPE)


class Readout(nn.Linear):
    """Several classifications from one hidden state; `fields` are their numbers of classes."""

    def __init__(self, width: int, fields: tuple[int, ...]) -> None:
        super().__init__(width, sum(fields))
        self.fields = fields

    def loss(self, hidden: Tensor, labels: Tensor) -> Tensor:
        """The cross-entropies, summed, of hidden states (n, width) and labels (n, fields)."""
        parts = self(hidden).split(self.fields, dim=1)
        return torch.stack([cross_entropy(part, labels[:, i]) for i, part in enumerate(parts)]).sum()


def plan(wish: Wish) -> list[int]:
    """Labels of a wish in the order in which it is drawn. What is not said is a class of its own."""
    items = list(wish.items)
    if len(items) == 2 and begins_first(wish):
        items.reverse()
    labels = [_COLOURS.index(wish.background or "white")]
    for item in items:
        labels += [
            _COLOURS.index(item.colour) if item.colour else len(_COLOURS),
            _KINDS.index(item.kind),
            _SIZES.index(item.size) if item.size else len(_SIZES),
            _PLACES.index(item.place) if item.place else len(_PLACES),
        ]
    relation = {"left": 0, "right": 0, "above": 1, "below": 1, None: 2}[wish.relation]
    return labels + ([*_ABSENT.values(), 3] if len(items) == 1 else [relation])


def following(scene: Scene) -> np.ndarray:
    """For each of the 144 cells: colour, kind and size of the shape that begins there or next; int64 (144, 3)."""
    labels = np.tile([_ABSENT["colour"], _ABSENT["kind"], _ABSENT["size"]], (POSITIONS, 1))
    for shape in sorted(scene.shapes, key=corner, reverse=True):
        row, column = corner(shape)
        named = _COLOURS.index(shape.colour), _KINDS.index(shape.kind), _SIZES.index(shape.size_name)
        labels[: row * GRID + column + 1] = named
    return labels


def contents(scene: Scene) -> list[int]:
    """Labels of a scene of up to two shapes, top left first."""
    labels = [_COLOURS.index(scene.background)]
    for shape in sorted(scene.shapes, key=lambda one: (one.y, one.x)):
        labels += [_COLOURS.index(shape.colour), _KINDS.index(shape.kind)]
        labels += [_SIZES.index(shape.size_name), _PLACES.index(shape.place)]
    return labels + list(_ABSENT.values()) * (2 - len(scene.shapes))
