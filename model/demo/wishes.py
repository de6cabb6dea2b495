"""What a prompt asks for, and a scene that grants it."""

import math
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from model.demo.codes import BLOCKS, GRID, has_room, layout, snapped
from model.demo.world import COLOURS, KINDS, PLACE_EDGES, PLACES, RELATIONS, Scene, Shape, choose, is_held_out, stands

_WAYS = ("kind", "colour", "medium", "ground")  # in which a wish for one shape may be less usual
NEAREST = {  # what a shape has instead of its background's colour
    name: min((other for other in COLOURS if other != name), key=lambda other: math.dist(COLOURS[other], COLOURS[name]))
    for name in COLOURS
}


@dataclass(frozen=True, slots=True)
class Item:
    """One shape as it is asked for; None where the words leave it open. Not both kind and colour do."""

    kind: str | None
    colour: str | None = None
    size: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A prompt's meaning. With no background said it is white."""

    items: tuple[Item, ...]
    background: str | None = None
    relation: str | None = None  # one of RELATIONS, of the first item to the second


def draw_wish(
    rng: np.random.Generator, *, pairs: float, open_colours: float = 0.03, wide: float = 0.2, named: float = 0.0
) -> Wish:
    """Draw a random wish.

    `pairs` is the share with two shapes, `open_colours` the share of shapes without a colour, and `wide` that of wishes
    for something less usual: see `widened`. Before all that, `named` is the share of wishes that only name one shape.
    """
    if named and rng.random() < named:
        kind, colour = choose(rng, KINDS), choose(rng, [one for one in COLOURS if one != "white"])
        way = rng.random()
        return Wish((Item(kind if way < 0.9 else None, colour if way > 0.3 else None),))
    background = choose(rng, list(COLOURS)) if rng.random() < 0.75 else None
    free = [colour for colour in COLOURS if colour != (background or "white")]

    def item(place: str | None) -> Item:
        colour = choose(rng, free) if rng.random() >= open_colours else None
        return Item(choose(rng, KINDS), colour, choose(rng, ("small", "large", None, None)), place)

    if rng.random() >= pairs:
        wish = Wish((item(choose(rng, list(PLACES)) if rng.random() < 0.5 else None),), background)
        return widened(rng, wish) if rng.random() < wide else wish
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
    wish = Wish((first, second), background, said)
    return widened(rng, wish) if rng.random() < wide else wish


def widened(rng: np.random.Generator, wish: Wish) -> Wish:
    """Make a wish less usual in one way: two of a kind, no kind, no colour, medium, or a shape of its background's."""
    at = int(rng.integers(len(wish.items)))
    item = wish.items[at]
    way = choose(rng, ("twins", "kind", "colour", "medium", "ground") if len(wish.items) == 2 else _WAYS)
    if way == "twins":
        one = replace(item, place=None)
        return Wish((one, one), wish.background)
    if way == "kind" and item.colour:
        item = replace(item, kind=None)
    elif way == "colour" and item.kind:
        item = replace(item, colour=None)
    elif way == "ground" and item.colour:
        item = replace(item, colour=wish.background or "white")
    else:
        item = replace(item, size="medium")
    return replace(wish, items=(*wish.items[:at], item, *wish.items[at + 1 :]))


def visible(wish: Wish) -> tuple[Item, ...]:
    """The items of a wish, each in a colour that its background lets be seen: its own, or the nearest to it."""
    background = wish.background or "white"
    return tuple(
        replace(item, colour=NEAREST[background]) if item.colour == background else item for item in wish.items
    )


def is_granted(wish: Wish, scene: Scene) -> bool:
    """Whether a scene shows what a wish says: background, kinds, colours, sizes, places and relation."""
    return (
        scene.background == (wish.background or "white")
        and len(scene.shapes) == len(wish.items)
        and all(is_item(item, shape) for item, shape in zip(visible(wish), scene.shapes, strict=True))
        and (wish.relation is None or stands(scene.shapes[0], wish.relation, scene.shapes[1]))
    )


def shows(wish: Wish, scene: Scene | None) -> bool:
    """Whether a scene that was read grants a wish, whichever shape came first."""
    if scene is None:
        return False
    return any(is_granted(wish, Scene(scene.background, order)) for order in permutations(scene.shapes))


def is_item(item: Item, shape: Shape) -> bool:
    """Whether a shape is what an item asks for."""
    said = (item.kind, item.colour, item.size, item.place)
    shown = (shape.kind, shape.colour, shape.size_name, shape.place)
    return all(word is None or word == trait for word, trait in zip(said, shown, strict=True))


def absent(rng: np.random.Generator, scene: Scene) -> Wish:
    """Draw something that a scene does not show, and that it might have shown: a thing to avoid."""
    colour = choose(rng, [one for one in COLOURS if one not in {scene.background, *(s.colour for s in scene.shapes)}])
    other = choose(rng, [kind for kind in KINDS if kind not in {shape.kind for shape in scene.shapes}])
    way = rng.random()
    if way < 0.5:
        kind = choose(rng, scene.shapes).kind if scene.shapes else other
        return Wish((Item(kind, colour),))
    return Wish((Item(None, colour) if way < 0.75 else Item(other, None),))


def composed(sides: list[int], places: list[tuple[int, int]]) -> list[tuple[int, int]] | None:
    """Rows and columns for the blocks of two shapes in two ninths (column, row) of the picture, if codes allow it.

    Each is as far from the other as its ninth allows; two in the same row of ninths are as level as codes allow, which
    have the left one begin a little lower. So where they stand follows from the words for their sizes and places, and
    no two numbers have to be weighed against each other.
    """
    (here, row), (there, other) = places
    columns = _away(sides[0], here, there), _away(sides[1], there, here)
    if row != other:
        return [(_away(sides[0], row, other), columns[0]), (_away(sides[1], other, row), columns[1])]
    left, right = (0, 1) if columns[0] < columns[1] else (1, 0)
    level = [
        (abs(low + sides[left] / 2 - high - sides[right] / 2), abs(low + sides[left] / 2 - row * GRID / 2), low, high)
        for low in _fitting(sides[left], row)
        for high in _fitting(sides[right], row)
        if low > high
    ]
    if not level:
        return None
    rows = dict(zip((left, right), min(level)[2:], strict=True))
    return [(rows[0], columns[0]), (rows[1], columns[1])]


def _fitting(side: int, third: int) -> list[int]:
    """Where a block may begin whose middle is to be in a third of the picture."""
    return [
        at for at in range(1, GRID - side + 1) if sum((at + side / 2) / GRID > edge for edge in PLACE_EDGES) == third
    ]


def _away(side: int, third: int, other: int) -> int:
    """Where a block begins in a third of the picture, away from another third."""
    fitting = _fitting(side, third)
    if third == other:
        return fitting[len(fitting) // 2]
    return fitting[-1] if third > other else fitting[0]


def arrange(rng: np.random.Generator, wish: Wish, tries: int = 2000) -> Scene | None:
    """Draw a scene that grants a wish, all such scenes about as likely; None if none was found."""
    background = wish.background or "white"
    free = [colour for colour in COLOURS if colour != background]
    items, open_colour, open_kind = visible(wish), choose(rng, free), choose(rng, KINDS)
    if wish.items[0] != wish.items[-1]:
        items = tuple(replace(item, kind=item.kind or choose(rng, KINDS)) for item in items)
        items = tuple(replace(item, colour=item.colour or choose(rng, free)) for item in items)
    else:  # two of a kind are alike in what was not said too
        items = tuple(replace(item, kind=item.kind or open_kind, colour=item.colour or open_colour) for item in items)
    for _ in range(tries):
        sizes = [item.size or choose(rng, list(BLOCKS)) for item in items]
        sides = [BLOCKS[size] for size in sizes]
        if len(items) == 1:
            corners = [(int(rng.integers(1, GRID - sides[0] + 1)), int(rng.integers(1, GRID - sides[0] + 1)))]
        else:
            found = composed(sides, [PLACES[item.place or choose(rng, list(PLACES))] for item in items])
            if found is None:
                continue
            corners = found
        scene = Scene(
            background,
            tuple(
                snapped(str(item.kind), str(item.colour), size, *corner)
                for item, size, corner in zip(items, sizes, corners, strict=True)
            ),
        )
        if is_granted(wish, scene) and has_room(scene.shapes) and wish.relation in (None, layout(scene.shapes)):
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
