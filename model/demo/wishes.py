"""What a prompt asks for, and a scene that grants it."""

from dataclasses import dataclass

import numpy as np

from model.demo.codes import BLOCKS, GRID, corner, snapped
from model.demo.world import COLOURS, KINDS, PLACES, RELATIONS, Scene, Shape, choose, is_held_out, relation, stands


@dataclass(frozen=True, slots=True)
class Item:
    """One shape as it is asked for; None where the words leave it open."""

    kind: str
    colour: str | None = None
    size: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A prompt's meaning. With no background said it is white."""

    items: tuple[Item, ...]
    background: str | None = None
    relation: str | None = None  # one of RELATIONS, of the first item to the second


def draw_wish(rng: np.random.Generator, *, pairs: float, open_colours: float = 0.03) -> Wish:
    """Draw a random wish. `pairs` is the share with two shapes, `open_colours` the share of shapes without a colour."""
    background = choose(rng, list(COLOURS)) if rng.random() < 0.75 else None
    free = [colour for colour in COLOURS if colour != (background or "white")]

    def item(place: str | None) -> Item:
        colour = choose(rng, free) if rng.random() >= open_colours else None
        return Item(choose(rng, KINDS), colour, choose(rng, ("small", "large", None, None)), place)

    if rng.random() >= pairs:
        return Wish((item(choose(rng, list(PLACES)) if rng.random() < 0.5 else None),), background)
    said: str | None = None
    places: list[str | None] = [None, None]
    layout = rng.random()
    if layout < 0.56:
        said = choose(rng, RELATIONS)
    elif layout < 0.76:
        places = [str(place) for place in rng.choice(list(PLACES), 2, replace=False)]
        if layout < 0.62:
            places[int(rng.integers(2))] = None
    first, second = item(places[0]), item(places[1])
    while first.kind == second.kind and (first.colour == second.colour or None in (first.colour, second.colour)):
        second = item(places[1])
    return Wish((first, second), background, said)


def is_granted(wish: Wish, scene: Scene) -> bool:
    """Whether a scene shows what a wish says: background, kinds, colours, sizes, places and relation."""
    return (
        scene.background == (wish.background or "white")
        and len(scene.shapes) == len(wish.items)
        and all(is_item(item, shape) for item, shape in zip(wish.items, scene.shapes, strict=True))
        and (wish.relation is None or stands(scene.shapes[0], wish.relation, scene.shapes[1]))
    )


def is_item(item: Item, shape: Shape) -> bool:
    """Whether a shape is what an item asks for."""
    return shape.kind == item.kind and all(
        said is None or said == shown
        for said, shown in ((item.colour, shape.colour), (item.size, shape.size_name), (item.place, shape.place))
    )


def _apart(a: Shape, b: Shape) -> bool:
    (row, column), (other_row, other_column) = corner(a), corner(b)
    a_side, b_side = BLOCKS[a.size_name], BLOCKS[b.size_name]
    if row == other_row:
        return False  # codes can't say it
    beside = column + a_side <= other_column or other_column + b_side <= column
    return beside or row + a_side <= other_row or other_row + b_side <= row


def _is_told(wish: Wish, shape: Shape, other: Shape) -> bool:
    """Whether the relation that was said is the one that codes will tell: on a diagonal two may hold."""
    return wish.relation in (None, relation(shape, other))


def arrange(rng: np.random.Generator, wish: Wish, tries: int = 400) -> Scene | None:
    """Draw a scene that grants a wish, all such scenes about as likely; None if none was found."""
    background = wish.background or "white"
    free = [colour for colour in COLOURS if colour != background]
    colours = [item.colour or choose(rng, free) for item in wish.items]
    for _ in range(tries):
        shapes = []
        for item, colour in zip(wish.items, colours, strict=True):
            size = item.size or choose(rng, list(BLOCKS))
            row, column = map(int, rng.integers(1, GRID - BLOCKS[size] + 1, 2))
            shapes.append(snapped(item.kind, colour, size, row, column))
        scene = Scene(background, tuple(shapes))
        if is_granted(wish, scene) and (len(shapes) == 1 or (_apart(*shapes) and _is_told(wish, *shapes))):
            return scene
    return None


def draw_example(
    rng: np.random.Generator, *, pairs: float, held_out: bool = False, **more: float
) -> tuple[Wish, Scene]:
    """Draw a wish and a scene that grants it, from the training combinations or from the held-out ones."""
    while True:
        wish = draw_wish(rng, pairs=pairs, **more)
        scene = arrange(rng, wish)
        if scene is not None and is_held_out(scene) == held_out:
            return wish, scene
