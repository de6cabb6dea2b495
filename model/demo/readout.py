"""Training-only heads that read what a hidden state ought to know: a picture's contents, a prompt's meaning.

An answer is a word or two, which tells a network little about what it should have seen. So every patch of the vision
tower, and inside the language model every token from the picture's first on, is also asked for the whole scene, by
linear layers that are thrown away afterwards; and the token before an answer, for all traits of the shape that the
question is about. Likewise the last token of a prompt is asked for the whole wish: from the drawings' tokens alone it
takes long until "left" has found the shape that it was said of.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from model.demo.wishes import Wish
from model.demo.world import COLOURS, KINDS, PLACES, RELATIONS, SIZES, Scene, Shape

_COLOURS, _KINDS, _PLACES, _SIZES = list(COLOURS), list(KINDS), list(PLACES), list(SIZES)
_ABSENT = {"colour": len(_COLOURS) + 1, "kind": len(_KINDS) + 1, "size": len(_SIZES) + 1, "place": len(_PLACES) + 1}
_SHAPE = tuple(last + 1 for last in _ABSENT.values())
SCENE = (len(_COLOURS), *_SHAPE, *_SHAPE)
WISH = (*SCENE, len(RELATIONS) + 1)
TRAITS = (len(_COLOURS), len(_KINDS), len(_SIZES), len(_PLACES))


class Readout(nn.Linear):
    """Several classifications from one hidden state; `fields` are their numbers of classes."""

    def __init__(self, width: int, fields: tuple[int, ...]) -> None:
        super().__init__(width, sum(fields))
        self.fields = fields

    def loss(self, hidden: Tensor, labels: Tensor) -> Tensor:
        """The cross-entropies, summed, of hidden states (n, width) and labels (n, fields)."""
        parts = self(hidden).split(self.fields, dim=1)
        return torch.stack([cross_entropy(part, labels[:, i]) for i, part in enumerate(parts)]).sum()


def traits(shape: Shape) -> list[int]:
    """Labels of one shape."""
    colour, kind = _COLOURS.index(shape.colour), _KINDS.index(shape.kind)
    return [colour, kind, _SIZES.index(shape.size_name), _PLACES.index(shape.place)]


def contents(scene: Scene) -> list[int]:
    """Labels of a scene of up to two shapes, top left first."""
    labels = [_COLOURS.index(scene.background)]
    for shape in sorted(scene.shapes, key=lambda one: (one.y, one.x)):
        labels += traits(shape)
    return labels + list(_ABSENT.values()) * (2 - len(scene.shapes))


def meaning(wish: Wish) -> list[int]:
    """Labels of a wish, its items as they are named; what is left open has a label of its own."""
    labels = [_COLOURS.index(wish.background or "white")]
    for item in wish.items:
        for said, names in ((item.colour, _COLOURS), (item.kind, _KINDS), (item.size, _SIZES), (item.place, _PLACES)):
            labels.append(names.index(said) if said else len(names))
    labels += list(_ABSENT.values()) * (2 - len(wish.items))
    return [*labels, RELATIONS.index(wish.relation) if wish.relation else len(RELATIONS)]
