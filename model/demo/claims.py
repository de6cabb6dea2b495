"""Claims about a picture: a prompt that a scene grants, or one that is wrong in one thing.

They are what the question "does this picture show ...?" is made of. A claim says the background unless it is white, as
a prompt does.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import permutations

import numpy as np

from model.demo.wishes import NEAREST, Item, Wish, shows, visible
from model.demo.world import COLOURS, KINDS, OPPOSITE, PLACES, RELATIONS, SIZES, Scene, Shape, choose, relation, stands

FAULTS = 11  # background, number of shapes, relation; of each of two shapes its colour, kind, size and place
SAID = {"colour": 0.95, "size": 0.45, "place": 0.35, "relation": 0.65, "white": 0.6}  # how often each is said


def claim(rng: np.random.Generator, scene: Scene, *, true: bool | None = None) -> tuple[Wish, bool]:
    """Draw a claim about a scene, and whether it is true; as likely as not, if `true` does not say.

    Nothing true can be claimed of a scene without shapes.
    """
    true = bool(scene.shapes) and (bool(rng.random() < 0.5) if true is None else true)
    while True:
        wish = observed(rng, scene)
        if not true:
            wish = choose(rng, _MISTAKES)(rng, wish, scene)
        if wish.items and shows(wish, scene) == true:
            return wish, true


def faults(wish: Wish, scene: Scene, *, whole: bool = True) -> list[bool]:
    """What is wrong with a claim, thing by thing: see FAULTS. Items are compared with shapes as they fit best.

    Unless it is about the `whole` scene, there may be more than is claimed, on any background if none is said.
    """
    items = visible(wish) if whole or wish.background else wish.items
    pairs = [_faults(replace(wish, items=items), order) for order in permutations(scene.shapes)]
    background = wish.background or ("white" if whole else scene.background)
    missing = len(items) - len(scene.shapes)
    return [background != scene.background, missing != 0 if whole else missing > 0, *min(pairs, key=sum)]


def _faults(wish: Wish, shapes: tuple[Shape, ...]) -> list[bool]:
    both = len(wish.items) == len(shapes) == 2
    found = [bool(both and wish.relation and not stands(shapes[0], wish.relation, shapes[1]))]
    for i in (0, 1):
        if i < min(len(wish.items), len(shapes)):
            item, shape = wish.items[i], shapes[i]
            said = (item.colour, item.kind, item.size, item.place)
            seen = (shape.colour, shape.kind, shape.size_name, shape.place)
            found += [word not in (None, trait) for word, trait in zip(said, seen, strict=True)]
        else:
            found += [False] * 4
    return found


def observed(rng: np.random.Generator, scene: Scene) -> Wish:
    """Say what a scene shows, as somebody who had asked for it."""
    shapes = [scene.shapes[i] for i in rng.permutation(len(scene.shapes))]
    items = tuple(_item(rng, shape, scene.background) for shape in shapes)
    stand = relation(shapes[0], shapes[1]) if len(shapes) == 2 else None
    silent = scene.background == "white" and rng.random() >= SAID["white"]
    if len(shapes) == 2 and items[0] == items[1]:
        stand, items = None, tuple(replace(item, place=None) for item in items)
    if not items:  # nothing to name: whatever is claimed is wrong
        items = (Item(choose(rng, KINDS), _other(rng, COLOURS, scene.background)),)
    return Wish(items, None if silent else scene.background, stand if rng.random() < SAID["relation"] else None)


def _item(rng: np.random.Generator, shape: Shape, background: str) -> Item:
    colour = shape.colour if rng.random() < SAID["colour"] else None
    if shape.colour == NEAREST[background] and rng.random() < 0.02:
        colour = background  # what was asked for could not be seen
    size = shape.size_name if rng.random() < SAID["size"] else None
    return Item(shape.kind, colour, size, shape.place if rng.random() < SAID["place"] else None)


def glimpsed(rng: np.random.Generator, scene: Scene) -> Wish:
    """Name one shape by its colour, its kind or both, and nothing else; a random one where there is none."""
    shapes = scene.shapes or (Shape(choose(rng, KINDS), choose(rng, tuple(COLOURS)), 0.5, 0.5, 0.3),)
    shape, way = choose(rng, shapes), rng.random()
    return Wish((Item(shape.kind if way < 0.8 else None, shape.colour if way > 0.4 else None),))


# -- one function a mistake -----------------------------------------


def _other(rng: np.random.Generator, names: Iterable[str], name: str | None) -> str:
    return choose(rng, [one for one in names if one != name])


def _changed(rng: np.random.Generator, wish: Wish, trait: str, names: tuple[str, ...]) -> Wish:
    at = int(rng.integers(len(wish.items)))
    item = wish.items[at]
    item = replace(item, **{trait: _other(rng, names, getattr(item, trait))})
    return replace(wish, items=(*wish.items[:at], item, *wish.items[at + 1 :]))


def _kind(rng: np.random.Generator, wish: Wish, scene: Scene) -> Wish:
    return _changed(rng, wish, "kind", KINDS)


def _colour(rng: np.random.Generator, wish: Wish, scene: Scene) -> Wish:
    return _changed(rng, wish, "colour", tuple(colour for colour in COLOURS if colour != scene.background))


def _size(rng: np.random.Generator, wish: Wish, scene: Scene) -> Wish:
    return _changed(rng, wish, "size", tuple(SIZES))


def _place(rng: np.random.Generator, wish: Wish, scene: Scene) -> Wish:
    return _changed(rng, wish, "place", tuple(PLACES))


def _background(rng: np.random.Generator, wish: Wish, scene: Scene) -> Wish:
    taken = {item.colour for item in wish.items} | {scene.background}
    return replace(wish, background=choose(rng, [colour for colour in COLOURS if colour not in taken]))


def _relation(rng: np.random.Generator, wish: Wish, scene: Scene) -> Wish:
    if len(scene.shapes) < 2 or wish.items[0] == wish.items[-1]:
        return _place(rng, wish, scene)
    stand = wish.relation or choose(rng, RELATIONS)
    return replace(wish, relation=OPPOSITE[stand] if rng.random() < 0.7 else _other(rng, RELATIONS, stand))


def _swapped(rng: np.random.Generator, wish: Wish, scene: Scene) -> Wish:
    """Give each of two shapes the other's colour."""
    if len(wish.items) < 2:
        return _colour(rng, wish, scene)
    first, second = wish.items
    return replace(wish, items=(replace(first, colour=second.colour), replace(second, colour=first.colour)))


def _counted(rng: np.random.Generator, wish: Wish, scene: Scene) -> Wish:
    """Leave a shape out, or name one that is not there."""
    if len(wish.items) == 2:
        return replace(wish, items=(choose(rng, wish.items),), relation=None)
    colour = choose(rng, [colour for colour in COLOURS if colour != scene.background])
    more = Item(choose(rng, KINDS), colour)
    items = (wish.items[0], more) if rng.random() < 0.5 else (more, wish.items[0])
    return replace(wish, items=items, relation=choose(rng, (None, *RELATIONS)))


_MISTAKES: tuple[Callable[[np.random.Generator, Wish, Scene], Wish], ...] = (
    _kind,
    _kind,
    _colour,
    _colour,
    _size,
    _place,
    _background,
    _relation,
    _relation,
    _swapped,
    _counted,
    _counted,
)
